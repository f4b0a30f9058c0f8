"""The program: the command line, and how its process ends."""

from __future__ import annotations

import os
import sys
from typing import Final

from flowverdict.cli.main import main

_THREADED: Final = ("deltalake", "duckdb", "obstore")
"""Compiled libraries whose threads go on while the interpreter is taken down."""


def run() -> None:
    """Runs the command line with the words of the process, and ends the process.

    Where a library with threads of its own was loaded, the process ends without taking the
    interpreter down: a thread that still runs meanwhile has been seen to end it with a signal,
    after everything was done and written.
    """
    code: object = 0
    try:
        main(prog_name="flowverdict")
    except SystemExit as end:
        code = end.code
    if isinstance(code, int) and not sys.modules.keys().isdisjoint(_THREADED):
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
        os._exit(code)
    sys.exit(code)
