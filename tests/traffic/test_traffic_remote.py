"""Traffic Analytics' rows in a lake that lies in a storage account: a real Azurite."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.azurite.server import ACCOUNT, Azurite
from tests.cli.runs import run
from tests.cli.test_traffic import LINES
from tests.traffic.test_traffic_analytics import logged


@pytest.fixture
def remote(azurite: Azurite, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a lake in an account."""
    for name, value in azurite.environment(None).items():
        monkeypatch.setenv(name, value)
    with closing(azurite.new_container()) as container:
        yield f"az://{ACCOUNT}/{container.container_name}/lake"


def told(*words: str | Path) -> Any:
    """What a command answers as JSON."""
    result = run(*words, "--output", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_a_lake_in_an_account_keeps_rows_as_one_on_a_disk_does(remote: str, tmp_path: Path) -> None:
    local = tmp_path / "lake"
    for number, lines in enumerate((LINES[:2], LINES[2:], ("10 " + LINES[0][2:],))):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({"records": [logged(line) for line in lines]}))
        for lake in (local, remote):
            assert run("ingest", path, "--lake", lake).exit_code == 0
        done = [told("traffic", "--lake", lake, "--update") for lake in (local, remote)]
        assert done[0] == done[1] != {"days": 0, "intervals": 0, "rows": 0}
    assert told("traffic", "--lake", remote, "--update")["days"] == 0
    for name in ("NTANetAnalytics", "NTAIpDetails"):
        kept = [told("traffic", "--lake", lake, "--table", name) for lake in (local, remote)]
        made = told("traffic", "--lake", remote, "--interval", "60m", "--table", name)
        assert kept == [made, made]
    sql = ("--sql", "SELECT count(*) AS n FROM flows_analytics")
    assert told("flows", "--lake", remote, *sql) == [{"n": len(LINES) + 1}]
