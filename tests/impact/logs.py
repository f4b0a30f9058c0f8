"""Lakes of a few records of VNet flow logs."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from flowverdict.lake import Lake, local_store, open_store
from tests.cli.runs import run
from tests.traffic.logs import vnet4


def vnet(mac: str, *tuples: str, rule: str = "UserRule_r", acl: str = "/n") -> dict[str, Any]:
    """A record of tuples that one rule decided."""
    return vnet4(*tuples, mac=mac, rule=rule, acl=acl, target="/v")


def lake_at(location: Path) -> Lake:
    return Lake(open_store(str(location), os.environ, local_store))


def ingested(folder: Path, records: list[dict[str, Any]], name: str = "lake") -> Path:
    """Where the lake is that `ingest` has made of records, in a folder that is made too."""
    folder.mkdir(exist_ok=True)
    source = folder / f"{name}.json"
    source.write_text(json.dumps({"records": records}))
    done = run("ingest", source, "--lake", folder / name)
    assert done.exit_code == 0, done.stderr
    return folder / name
