"""Paths of blobs: every spelling read, Azure's own written."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.flowlog.paths import CONTAINERS, BlobPath, blob_path, parse_path

VECTORS = json.loads((Path(__file__).parent / "vectors" / "paths.json").read_text())
NSG = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/web"
FLOW_LOG = (
    "/subscriptions/s/resourceGroups/NetworkWatcherRG/providers/Microsoft.Network"
    "/networkWatchers/NetworkWatcher_eastus/flowLogs/f"
)
HOUR = datetime(2026, 8, 3, 4, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_every_spelling_is_read(vector: dict[str, Any]) -> None:
    found = parse_path(vector["path"])
    if vector["expect"] is None:
        assert found is None
        return
    assert found is not None
    hour = found.hour.isoformat() if found.hour else None
    assert [found.family, found.name, hour, found.mac, found.gz] == vector["expect"]
    assert list(found.warnings) == vector.get("warn", [])


def test_the_path_of_an_nsg_log() -> None:
    assert blob_path("nsg", NSG, HOUR, "0022486DBA37") == (
        "insights-logs-networksecuritygroupflowevent/resourceId=/SUBSCRIPTIONS/S/RESOURCEGROUPS/RG"
        "/PROVIDERS/MICROSOFT.NETWORK/NETWORKSECURITYGROUPS/WEB"
        "/y=2026/m=08/d=03/h=04/m=00/macAddress=0022486DBA37/PT1H.json"
    )


def test_the_path_of_a_vnet_log() -> None:
    assert blob_path("vnet", FLOW_LOG, HOUR, "0022486DBA37") == (
        "insights-logs-flowlogflowevent/flowLogResourceID=/S_NETWORKWATCHERRG"
        "/NETWORKWATCHER_EASTUS_F/y=2026/m=08/d=03/h=04/m=00/macAddress=0022486DBA37/PT1H.json"
    )


def test_a_flow_log_with_half_an_id_gets_the_documented_path() -> None:
    assert blob_path("vnet", "/Subscriptions/s/flowLogs/f", HOUR, None) == (
        "insights-logs-flowlogflowevent/flowLogResourceID=/SUBSCRIPTIONS/S/FLOWLOGS/F"
        "/y=2026/m=08/d=03/h=04/m=00/PT1H.json"
    )


def test_hours_are_utc() -> None:
    there = HOUR.astimezone(timezone(timedelta(hours=9)))
    assert blob_path("nsg", NSG, there, None) == blob_path("nsg", NSG, HOUR, None)


def test_no_name_leads_out_of_the_container() -> None:
    path = blob_path("nsg", "/../../etc/..\\networkSecurityGroups/x", HOUR, "../..")
    assert ".." not in path.split("/")
    assert "\\" not in path
    assert path.count("PT1H.json") == 1


NAMES = st.text("abcXYZ019-_.()é ", min_size=1, max_size=12).filter(
    lambda name: name.strip(". ") == name and name.strip("_") != ""
)
HOURS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1)).map(  # noqa: DTZ001
    lambda time: time.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)
)
MACS = st.none() | st.text("0123456789ABCDEF", min_size=12, max_size=12)


@given(NAMES, HOURS, MACS)
def test_what_is_written_is_read(name: str, hour: datetime, mac: str | None) -> None:
    nsg = blob_path("nsg", NSG[: -len("web")] + name, hour, mac)
    assert parse_path(nsg) == BlobPath("nsg", name.upper(), hour, mac, gz=False)
    vnet = blob_path("vnet", FLOW_LOG[:-1] + name, hour, mac)
    assert parse_path(vnet) == BlobPath("vnet", name.upper(), hour, mac, gz=False)
    assert vnet.startswith(CONTAINERS["vnet"])


@given(st.text() | st.text("/\\=%_.ymdh0123456789PT1HjsonresourceIdflowLogRID"))
def test_no_text_is_too_odd(text: str) -> None:
    parse_path(text)
    parse_path(f"resourceId=/networkSecurityGroups/x/{text}/y=1/m=1/d=1/h=1/m=00/PT1H.json")
