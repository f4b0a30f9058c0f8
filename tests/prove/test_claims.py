"""Files of invariants: what is read, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowverdict.model import Direction, InputError
from flowverdict.net import ALL_PORTS, ALL_PROTOCOLS, IntervalSet
from flowverdict.prove.claims import PACKS, described, read_claims, read_pack

GOOD = """
- name: no RDP from the internet
  expect: deny
  direction: inbound
  from: Internet
  to: any
  protocol: TCP
  ports: [3389]
- name: web talks to databases alone
  expect: only
  from: asg:web
  to: [asg:db, 10.1.9.0/24]
  protocol: [TCP, 17]
  ports: [1433, 8000-8010]
  source_ports: 1024-65535
"""


def read(tmp_path: Path, text: str) -> list[str]:
    """What is said of a file; nothing if it is good."""
    path = tmp_path / "claims.yaml"
    path.write_text(text, "utf-8")
    try:
        read_claims(path)
    except InputError as problem:
        return [str(one).removeprefix(f"{path}: ") for one in problem.diagnostics]
    return []


def test_the_fields_of_a_claim(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(GOOD, "utf-8-sig")
    first, second = read_claims(path)
    assert (first.name, first.expect, first.direction) == (
        "no RDP from the internet", "deny", Direction.INBOUND,
    )  # fmt: skip
    assert (first.sources, first.destinations) == (("Internet",), ("any",))
    assert first.ports == IntervalSet([(3389, 3389)])
    assert first.source_ports == ALL_PORTS
    assert (second.expect, second.direction) == ("only", None)
    assert second.protocols == IntervalSet([(6, 6), (17, 17)])
    assert second.ports == IntervalSet([(1433, 1433), (8000, 8010)])
    assert second.source_ports == IntervalSet([(1024, 65535)])
    assert described(first) == "TCP 3389 from Internet to any"


def test_what_is_left_out_is_any(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text("- {name: nothing, expect: deny}")
    [claim] = read_claims(path)
    assert (claim.sources, claim.destinations) == (("any",), ("any",))
    assert (claim.protocols, claim.ports) == (ALL_PROTOCOLS, ALL_PORTS)


WRONG = {
    "": "holds no list of claims: expected `- name: …` and so on",
    "name: x": "holds no list of claims: expected `- name: …` and so on",
    "- [": "line 1: no YAML: expected the node content, but found '<stream end>': expected a list",
    "- deny": "$[0]: `deny` is no claim: expected fields such as `name` and `expect`",
    "- {expect: deny}": "$[0].name: missing: expected a text",
    "- {name: a}": "$[0].expect: missing: expected `deny` or `allow` or `not-all`",
    "- {name: a, expect: block}": "$[0].expect: `block`: expected `deny` or `allow`",
    "- {name: a, expect: deny, port: 22}": "$[0]: unknown field `port`: expected `name`, `expect`",
    "- {name: a, expect: deny, ports: 70000}": "$[0].ports: `70000` is no port",
    "- {name: a, expect: deny, ports: []}": "$[0].ports: is empty",
    "- {name: a, expect: deny, protocol: TPC}": "$[0].protocol: `TPC`: expected TCP, UDP",
    "- {name: a, expect: deny, protocol: 300}": "$[0].protocol: `300`: expected TCP, UDP",
    "- {name: a, expect: deny, protocol: []}": "$[0].protocol: is empty",
    "- {name: a, expect: deny, protocol: ICMP, ports: 8}": "$[0].protocol: has no ports",
    "- {name: a, expect: deny, from: '!b'}": "$[0].from: `!b` takes out of nothing",
    '- {name: "a\\nb", expect: deny}': "$[0].name: `a\\nb`: expected one line",
    "- {name: a, expect: deny, direction: in}": "$[0].direction: `in`: expected `Inbound`",
    "- {name: a, expect: deny, from: []}": "$[0].from: is empty",
    "- {name: a, expect: deny, to: [1]}": "$[0].to: `1`: expected a name, a prefix or `any`",
    "- {name: a, expect: deny, via: b}": "$[0].via: stands with `only-via` alone",
    "- {name: a, expect: only-via}": "$[0].via: stands with `only-via` alone",
    "- {name: a, expect: not-all}": "$[0].direction: missing: expected `Inbound` or `Outbound`",
    "- {name: a, expect: deny}\n- {name: a, expect: allow}": "$[1].name: `a` stands here twice",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=range(len(WRONG)))
def test_what_is_wrong_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    [line] = read(tmp_path, text)
    assert line.startswith(said)
    assert "\n" not in line


def test_everything_that_is_wrong_comes_at_once(tmp_path: Path) -> None:
    found = read(tmp_path, "- {name: a, expect: x, ports: y}\n- {expect: deny}")
    assert [one.partition(":")[0] for one in found] == ["$[0].expect", "$[0].ports", "$[1].name"]


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_claims(tmp_path / "nowhere.yaml")


@pytest.mark.parametrize("name", PACKS)
def test_packs_can_be_read(name: str) -> None:
    values = {"database": ["asg:db"], "clients": ["asg:app", "10.0.0.4"]}
    claims = read_pack(name, values)
    assert claims
    if name == "database-tiers":
        assert (claims[0].destinations, claims[0].via) == (("asg:db",), ("asg:app", "10.0.0.4"))


def test_a_pack_says_what_it_needs() -> None:
    with pytest.raises(InputError, match="needs `database`: expected --set database=NAME"):
        read_pack("database-tiers", {})
