"""A disk that is full: a clear error, nothing half done, and the next run ends the work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flowverdict.lake import Lake
from tests.lake.test_exactly_once import clean, fill, rows, run

RUN = "import sys; from flowverdict.cli import main; main(sys.argv[1:])"
SMALL_FILES = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000)); "
"""No file may be larger: the system refuses to write on, as it does on a full disk."""
IN_A_SMALL_DISK = """
disk=$1; shift
mount -t tmpfs -o size=24k none "$disk" || exit
"$@"; code=$?
mount -o remount,size=8m none "$disk" || exit
"$@" 2>&1
exit $code
"""

CAN_MOUNT = (
    sys.platform == "linux"
    and subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"],  # noqa: S607
        capture_output=True,
        check=False,
    ).returncode
    == 0
)


def refused(done: subprocess.CompletedProcess[str]) -> None:
    """It ended with one line that names the lake."""
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert "/lake" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_what_cannot_be_written_is_one_line_and_done_next_time(tmp_path: Path) -> None:
    source = fill(tmp_path / "logs", 3, minutes=40)
    words = ["ingest", str(source), "--lake", str(tmp_path / "lake")]
    done = subprocess.run(
        [sys.executable, "-c", SMALL_FILES + RUN, *words],
        capture_output=True,
        check=False,
        text=True,
    )
    refused(done)
    lake = Lake(str(tmp_path / "lake"))
    table = lake.flows.open()
    assert table is None or not table.file_uris()
    run(source, tmp_path / "lake")
    assert rows(tmp_path / "lake") == clean(source, tmp_path)


@pytest.mark.skipif(not CAN_MOUNT, reason="needs user namespaces, to mount a small disk")
def test_a_full_disk_is_one_line_and_with_more_room_the_work_is_done(tmp_path: Path) -> None:
    source = fill(tmp_path / "logs", 12, minutes=40)
    disk = tmp_path / "lake"
    disk.mkdir()
    inside = [sys.executable, "-c", RUN, "ingest", str(source), "--lake", str(disk / "lake")]
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", IN_A_SMALL_DISK]
    done = subprocess.run(
        [*command, "sh", str(disk), *inside], capture_output=True, check=False, text=True
    )
    refused(done)
    assert done.stdout.startswith("14,400 rows from 480 records of 12 blobs, ")
