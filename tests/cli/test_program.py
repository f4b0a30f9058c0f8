"""How the process of the command line ends."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import atexit, sys
import flowverdict.cli.program as program
{load}
def main(prog_name):
    sys.stdout.write("x" * 300_000)
    sys.exit({code})
program.main = main
atexit.register(sys.stderr.write, "taken down")
program.run()
"""


@pytest.mark.parametrize("code", [0, 1, 3])
@pytest.mark.parametrize(("load", "told"), [("import duckdb", b""), ("", b"taken down")])
def test_everything_is_written_and_the_code_kept(load: str, told: bytes, code: int) -> None:
    """With a library that has threads of its own the interpreter is not taken down."""
    words = [sys.executable, "-c", CODE.format(load=load, code=code)]
    done = subprocess.run(words, check=False, capture_output=True)
    assert (len(done.stdout), done.stderr, done.returncode) == (300_000, told, code)
