"""Nobody waits for a compiler to read a little, and nobody twice.

The mechanics run on two small modules that numba compiles in a second; the kernel takes longer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOW = "from numba import njit\n@njit(cache=True)\ndef number(): return {number}\n"
HIGH = (
    "from numba import njit\nimport low\n"
    "@njit('int64()', cache=True)\ndef answer(): return low.number()\n"
)
COMPILE = """
import sys
from flowverdict.flowlog.choice import Compiled

lines = []
tiny = Compiled(("low", "high"))
kept = tiny.folder()
was_kept = tiny.is_kept_in(kept)
if not was_kept:
    tiny.compile(kept, lines.append)
import high
fresh = not high.answer.stats.cache_hits
print(high.answer(), "kept" if was_kept else "not kept", "compiled" if fresh else "loaded")
print(*lines, sep="\\n")
"""
READ = """
import sys, time
begin = time.process_time()
from flowverdict.flowlog import Reading, read_pieces
from flowverdict.flowlog.choice import reader_for

def say(line): print("said", line)

rows_of = reader_for({size}, say)
data = sys.stdin.buffer.read()
first = next(read_pieces([data], Reading("blob"), rows_of=rows_of))
print(rows_of.__name__, first.num_rows > 0, time.process_time() - begin)
"""


def run(code: str, folder: Path, environment: dict[str, str], data: bytes = b"") -> list[str]:
    """The lines that a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, input=data,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder), **environment},
    )  # fmt: skip
    assert not done.returncode, done.stderr.decode()
    return done.stdout.decode().splitlines()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A folder with two modules."""
    (tmp_path / "low.py").write_text(LOW.format(number=42))
    (tmp_path / "high.py").write_text(HIGH)
    return tmp_path


def compiled(tiny: Path, cache: Path, **environment: str) -> list[str]:
    path = os.pathsep.join([str(tiny), *sys.path])
    return run(COMPILE, cache, {"PYTHONPATH": path, **environment})


ONCE = "compiling the reader, once for this machine (half a minute)"


def test_what_is_compiled_is_kept_until_a_file_changes(tiny: Path) -> None:
    cache = tiny / "cache"
    assert compiled(tiny, cache) == ["42 not kept compiled", ONCE]
    assert compiled(tiny, cache) == ["42 kept loaded", ""]
    # Numba itself would go on with the old number, which is compiled into the other module.
    (tiny / "low.py").write_text(LOW.format(number=43))
    assert compiled(tiny, cache) == ["43 not kept compiled", ONCE]
    (tiny / "low.py").write_text(LOW.format(number=42))
    assert compiled(tiny, cache) == ["42 not kept compiled", ONCE]


def test_another_processor_has_its_own(tiny: Path) -> None:
    cache = tiny / "cache"
    other = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    assert compiled(tiny, cache) == ["42 not kept compiled", ONCE]
    assert compiled(tiny, cache, **other) == ["42 not kept compiled", ONCE]
    assert compiled(tiny, cache) == ["42 kept loaded", ""]
    for index in cache.rglob("high.*.nbi"):
        index.unlink()
    assert compiled(tiny, cache, **other) == ["42 not kept compiled", ONCE]


def test_a_cache_that_cannot_be_written_is_said_and_does_without(tiny: Path) -> None:
    cache = tiny / "a file"
    cache.write_text("")  # NUMBA_CACHE_DIR in it cannot be made
    (tiny / "__pycache__").write_text("")
    home = {"HOME": str(cache), "XDG_CACHE_HOME": str(cache), "LOCALAPPDATA": str(cache)}
    first, line = compiled(tiny, cache / "in it", **home)
    assert first == "42 not kept compiled"
    assert line == (
        "compiling the reader for this run alone (half a minute): it can be kept nowhere "
        "(set NUMBA_CACHE_DIR to a folder that can be written)"
    )


def sample(times: int) -> bytes:
    """A blob with tuples that Azure could have written."""
    one = b'"1786653112710,40.87.164.0,10.0.5.4,23456,25800,6,I,E,NX,1,128,1,54"'
    head = b'{"records":[{"category":"FlowLogFlowEvent","flowLogVersion":4,"flowRecords":{"flows":['
    group = b'{"aclID":"a","flowGroups":[{"rule":"UserRule_x","flowTuples":['
    return head + group + b",".join([one] * times) + b"]}]}]}}]}"


@pytest.mark.parametrize("size", [1_000_000, 8_000_000])
def test_little_is_read_plainly_where_nothing_is_compiled(tmp_path: Path, size: int) -> None:
    """One blob of a megabyte, on a machine that never compiled: rows within two seconds."""
    data = sample(14_000)
    assert len(data) > 950_000
    (line,) = run(READ.format(size=size), tmp_path / "cache", {}, data)
    name, has_rows, seconds = line.split()
    assert (name, has_rows) == ("PlainRows", "True")
    assert float(seconds) < 2 or size > 1_000_000


def test_without_numba_the_plain_reader_is_there(tmp_path: Path) -> None:
    (tmp_path / "numba.py").write_text("raise ImportError('no numba here')")
    path = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    read = READ.replace("{size}", "None")
    said, line = run(read, tmp_path / "cache", path, sample(3))
    assert said == "said reading by the plain reader, about 100 times slower: no numba here"
    assert line.startswith("PlainRows True")
    (line,) = run(READ.format(size=5_000_000), tmp_path, path, sample(3))
    assert line.startswith("PlainRows True")
