"""Threat lists as people have them, and what becomes of flows with what they name."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flowverdict.model import InputError
from flowverdict.net import parse_address
from flowverdict.traffic.analytics.schema import IP_DETAILS, NTA
from flowverdict.traffic.analytics.threat_files import read_threats
from flowverdict.traffic.analytics.threats import Threat
from tests.traffic.analysed import analysed, places
from tests.traffic.logs import rows
from tests.traffic.test_traffic_analytics import SKETCH, logged

DAY = date(2026, 8, 13)


def held(tmp_path: Path, text: str | bytes, address: str, day: date = DAY) -> Threat | None:
    """What a list holds against an address."""
    path = tmp_path / "list.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_threats([path]).at(parse_address(address), day)


PLAIN = "# a feed\r\n\r\n198.51.100.0/24\r\n203.0.113.7 # scanner\r\n2001:db8::/32 ; whole\r\n"


@pytest.mark.parametrize("text", [PLAIN, "\ufeff" + PLAIN, PLAIN.encode("utf-16")])
def test_one_address_or_prefix_a_line(tmp_path: Path, text: str | bytes) -> None:
    first = held(tmp_path, text, "198.51.100.200")
    assert first is not None
    assert (first.type, first.description) == ("WatchList", None)
    second, third = (held(tmp_path, text, one) for one in ("203.0.113.7", "2001:db8::9"))
    assert second is not None
    assert third is not None
    assert (second.description, third.description) == ("scanner", "whole")
    assert held(tmp_path, text, "203.0.113.8") is None


def test_csv_by_the_names_of_its_columns(tmp_path: Path) -> None:
    text = (
        "first_seen,dst_ip,dst_port,malware,url\n"
        '"2026-01-01",203.0.113.7,447,botnet,"http://x/a,b"\n2026-01-01,203.0.113.8,,Emotet,\n'
    )
    first, second = (held(tmp_path, text, one) for one in ("203.0.113.7", "203.0.113.8"))
    assert first is not None
    assert second is not None
    assert (first.type, first.port, first.url) == ("Botnet", 447, "http://x/a,b")
    assert (second.type, second.port, second.url) == ("WatchList", None, None)
    semicolons = "IP;Threat Type;Description\n203.0.113.7;crypto-mining;pool\n"
    third = held(tmp_path, semicolons, "203.0.113.7")
    assert third is not None
    assert (third.type, third.description) == ("CryptoMining", "pool")


def indicator(pattern: str, **more: Any) -> dict[str, Any]:
    """An indicator of STIX 2.1."""
    return {
        "type": "indicator", "spec_version": "2.1", "id": "indicator--1", "pattern": pattern,
        "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z", **more,
    }  # fmt: skip


def bundle(*objects: dict[str, Any]) -> str:
    return json.dumps({"type": "bundle", "id": "bundle--1", "objects": list(objects)})


@pytest.mark.parametrize(
    ("pattern", "hit"),
    [
        ("[ipv4-addr:value = '203.0.113.7']", True),
        ("[ipv4-addr:value = '203.0.113.9' OR ipv4-addr:value = '203.0.113.7']", True),
        ("[ipv4-addr:value='203.0.113.9'] OR [ipv4-addr:value='203.0.113.7']", True),
        ("[ipv4-addr:value IN ('203.0.113.9', '203.0.113.7')]", True),
        ("[ipv4-addr:value ISSUBSET '203.0.113.0/24']", True),
        ("[ipv4-addr:value = '203.0.113.0/24']", True),
        ("[ipv4-addr:value != '203.0.113.7']", False),
        ("[ipv4-addr:value = '203.0.113.7' AND ipv4-addr:value = '203.0.113.9']", False),
        ("[ipv4-addr:value = '203.0.113.7' AND network-traffic:dst_port = 443]", False),
        ("[ipv4-addr:value = '203.0.113.7'] FOLLOWEDBY [file:name = 'x']", False),
        ("[domain-name:value = 'x.example']", False),
    ],
)
def test_patterns_of_stix_that_say_that_an_address_is_bad(
    tmp_path: Path, pattern: str, *, hit: bool
) -> None:
    """A pattern that demands more is passed over: an address alone is not what it means."""
    found = held(tmp_path, bundle({"type": "identity", "id": "i"}, indicator(pattern)),
                 "203.0.113.7")  # fmt: skip
    assert (found is not None) == hit


def test_what_an_indicator_says(tmp_path: Path) -> None:
    six = "[ipv6-addr:value ISSUBSET '2001:db8::/32']"
    phase = {"kill_chain_name": "lockheed", "phase_name": "command-and-control"}
    text = bundle(
        indicator(six, name="n", description="d", kill_chain_phases=[phase]),
        indicator("[ipv4-addr:value = '203.0.113.1']", indicator_types=["anonymization"], name="n"),
        indicator("[ipv4-addr:value = '203.0.113.2']", labels=["Phishing"]),
        indicator("[ipv4-addr:value = '203.0.113.3']", indicator_types=["benign"]),
        indicator("[ipv4-addr:value = '203.0.113.4']", revoked=True),
    )
    told = {one: held(tmp_path, text, one) for one in
            ("2001:db8::1", *(f"203.0.113.{n}" for n in (1, 2, 3, 4)))}  # fmt: skip
    assert [(one.type, one.description) if one else None for one in told.values()] == [
        ("C2", "d"), ("Proxy", "n"), ("Phishing", None), None, None,
    ]  # fmt: skip


def test_an_indicator_counts_on_the_days_on_which_it_is_valid(tmp_path: Path) -> None:
    text = bundle(indicator("[ipv4-addr:value = '203.0.113.7']",
                            valid_from="2026-08-12T23:00:00-02:00",
                            valid_until="2026-08-15T00:00:00Z"))  # fmt: skip
    days = [day for day in range(11, 18)
            if held(tmp_path, text, "203.0.113.7", date(2026, 8, day)) is not None]  # fmt: skip
    assert days == [13, 14]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("203.0.113.7\nnonsense\n", "list.txt:2: `nonsense` is no IP address: expected one such"),
        ("203.0.113.7/24\n", "list.txt:1: `203.0.113.7/24` has host bits set: expected"),
        ("", "list.txt: holds no address: expected an address or prefix a line"),
        ("ip,port\n203.0.113.7,x\n", "list.txt:2: `x` is no port: expected a number from 0"),
        ('{"type": "bundle", "objects": 3}', "list.txt: Expected `array`, got `int`"),
        ('{"type": "report"}', "list.txt: Expected `str` matching regex '^bundle$'"),
        (bundle(indicator("[ipv4-addr:value = 'x']")), "list.txt: $.objects[0]: `x` is no IP"),
        (bundle(indicator("[ipv4-addr:value = '203.0.113.7']", valid_until="soon")),
         "list.txt: $.objects[0]: Invalid isoformat string: 'soon': expected as STIX 2.1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as problem:
        held(tmp_path, text, "203.0.113.7")
    (line,) = str(problem.value).splitlines()
    assert line.removeprefix(f"{tmp_path}/").startswith(said)


def test_a_flow_with_a_threat_is_malicious_and_keeps_its_address(tmp_path: Path) -> None:
    """Specification, 8.2 and 8.5: and what is Microsoft's is not, whatever a list says."""
    path = tmp_path / "feed.csv"
    path.write_text("ip,type,description\n8.8.8.8,C2,bad\n20.50.1.9,C2,bad\n10.0.0.9,C2,bad\n")
    known = places(tmp_path / "network", SKETCH, threats=read_threats([path]))
    log = [logged(f"0 O B 10.0.0.4:5000 {to}:443") for to in ("8.8.8.8", "20.50.1.9", "10.0.0.9")]
    found = analysed(rows(*log), known)
    assert [(row["FlowType"], row["DestIp"], row["Country"]) for row in found[NTA]] == [
        ("AzurePublic", None, None), ("IntraVNet", "10.0.0.9", None),
        ("MaliciousFlow", "8.8.8.8", "US"),
    ]  # fmt: skip
    azure, bad = found[IP_DETAILS]
    assert azure["ThreatType"] is None
    told = ("Ip", "FlowType", "Location", "ThreatType", "ThreatDescription")
    assert [bad[name] for name in told] == ["8.8.8.8", "MaliciousFlow", "US", "C2", "bad"]
