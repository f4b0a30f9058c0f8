"""Where a lake lies, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowverdict.lake import Lake, LakeError, ingest
from flowverdict.lake.store import one_line
from tests.cli.runs import run


@pytest.mark.parametrize("name", ["a%20b", "a%2Fb/lake"])
def test_a_folder_that_delta_reads_as_another_is_refused(tmp_path: Path, name: str) -> None:
    lake = tmp_path / name
    result = run("ingest", tmp_path, "--lake", lake)
    assert (result.exit_code, result.stdout) == (2, "")
    code = name[1:4]
    expected = f"{lake}: Delta reads `{code}` as another name: expected none of these\n"
    assert result.stderr == expected
    assert not list(tmp_path.iterdir())


def test_so_is_one_below_such_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a%20b").mkdir()
    monkeypatch.chdir(tmp_path / "a%20b")
    with pytest.raises(LakeError, match=r"\Alake: Delta reads `%20` as another name"):
        Lake("lake")


@pytest.mark.parametrize("name", ["100%", "a %b", "a#b", "a b", "\u00e9"])
def test_other_names_are_folders(tmp_path: Path, name: str) -> None:
    ingest([], Lake(str(tmp_path / name)))
    assert Lake(str(tmp_path / name)).flows.snapshot().delta is None


@pytest.mark.parametrize(
    "text",
    [
        "GET https://mine.blob.core.windows.net/c?sv=1&sig=SECRET%3D&se=2 failed",
        "url: '/c?sig=SECRET'",
        "AccountName=mine;AccountKey=SECRET==;EndpointSuffix=core.windows.net",
    ],
)
def test_what_exceptions_carry_along_is_not_told(text: str) -> None:
    said = one_line(Exception(text))
    assert "SECRET" not in said
    assert "=..." in said
