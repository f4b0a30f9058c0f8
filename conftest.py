"""Runs the documentation: every `python` and `console` block of the README and of docs/.

A `console` block is a transcript: lines that begin with `$ ` are typed (a trailing backslash goes
on in the next line), the others must come out, word for word; `...` stands for anything. The blocks
of one page share a folder, made fresh for it, in which its Python runs as well. A block inside
`<!-- invisible-code-block: console ... -->` is run and not shown. `sh` blocks are not run.

The pages of docs/semantics also have `network`, `change`, `verdicts` and `diagnostics` blocks:
`tests/docs/networks.py` tells what they hold.

To make the demo takes long: pages that are not about it copy one that was made once, from `$DEMO`,
with its story in `story.txt` and its logs ingested into `lake`.
"""

import doctest
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser, SkipParser

from tests.docs import networks

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
ENVIRONMENT = {
    "COLUMNS": "100",
    "LC_ALL": "C.UTF-8",
    "NO_COLOR": "1",
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    "PYTHONUTF8": "1",
}


def steps(transcript: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a transcript with the output that is to come."""
    for part in re.split(r"^\$ ", transcript, flags=re.MULTILINE)[1:]:
        command, *expected = re.split(r"(?<!\\)\n", part, maxsplit=1)
        yield command, "".join(expected)


def made_demo(factory: pytest.TempPathFactory) -> Path:
    """The demo in a folder that all workers of a run share: the first that comes makes it."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, done = shared / "demo", shared / "demo.done"
    try:
        folder.mkdir()
    except FileExistsError:
        for _ in range(3000):
            if done.exists():
                return folder
            time.sleep(0.1)
        raise
    make = "flowverdict demo > story.txt && flowverdict ingest flowverdict-demo/logs --lake lake"
    subprocess.run(
        ["bash", "-c", make],  # noqa: S607 # likewise
        check=True,
        cwd=folder,
        env={**os.environ, **ENVIRONMENT},
        stdout=subprocess.DEVNULL,
    )
    done.touch()
    return folder


def run_transcript(example: Example) -> str | None:
    """Run the commands of a `console` block; `$?` holds the exit code of the one before."""
    status = 0
    environment = {**os.environ, **ENVIRONMENT}
    if "$DEMO" in example.parsed:
        environment["DEMO"] = str(made_demo(example.namespace["tmp_path_factory"]))
    for command, expected in steps(example.parsed):
        done = subprocess.run(
            ["bash", "-c", f"(exit {status})\n{command}"],  # noqa: S607 # the reader's own shell
            check=False,
            encoding="utf-8",
            env=environment,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        status = done.returncode
        want, got = _lines(expected), _lines(done.stdout)
        if not doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS):
            return f"$ {command}\nexpected:\n{want}\ngot (exit code {status}):\n{got}"
    return None


def _lines(text: str) -> str:
    """The text without blanks at the ends of lines, nor empty lines around it."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") + "\n"


def take_network(example: Example) -> None:
    """Keep the network of a page, for the blocks below it."""
    sketch = networks.read_network(example.parsed)
    example.namespace["_base"] = example.namespace["_network"] = sketch


def take_change(example: Example) -> None:
    """Lay a change over the page's last whole network."""
    change = networks.read_network(example.parsed)
    example.namespace["_network"] = networks.laid_over(example.namespace["_base"], change)


def check_verdicts(example: Example) -> str | None:
    """Send packets through the network above."""
    lines = networks.read_verdicts(example.parsed)
    with tempfile.TemporaryDirectory(prefix="flowverdict-docs-") as folder:
        found = networks.differences(example.namespace["_network"], lines, Path(folder))
        return "\n".join(found) or None


def check_diagnostics(example: Example) -> str | None:
    """Hold what reading the network above says against the page."""
    with tempfile.TemporaryDirectory(prefix="flowverdict-docs-") as folder:
        got = networks.said_on_reading(example.namespace["_network"], Path(folder))
    if networks.same_messages(example.parsed, got):
        return None
    return "\n".join(["reading says:", *got])


def enter_folder(namespace: dict[str, Any]) -> None:
    """Give a page a folder of its own to work in."""
    namespace["_home"] = Path.cwd()
    namespace["_folder"] = tempfile.TemporaryDirectory(prefix="flowverdict-docs-")
    os.chdir(namespace["_folder"].name)


def leave_folder(namespace: dict[str, Any]) -> None:
    """Go back, and remove the page's folder."""
    os.chdir(namespace["_home"])
    namespace["_folder"].cleanup()


pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=OPTIONS),
        CodeBlockParser("console", run_transcript),
        CodeBlockParser("network", take_network),
        CodeBlockParser("change", take_change),
        CodeBlockParser("verdicts", check_verdicts),
        CodeBlockParser("diagnostics", check_diagnostics),
        SkipParser(),
    ],
    fixtures=["tmp_path_factory"],
    patterns=["README.md", "docs/**/*.md", "docs/*.md"],
    setup=enter_folder,
    teardown=leave_folder,
).pytest()
