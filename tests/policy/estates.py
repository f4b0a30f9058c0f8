"""Small random networks, the questions put to them, and the way both are asked and loaded.

Networks are sketches (see `tests/conformance/sketch.py`), made of few addresses, few prefixes and
few ports, so that rules, packets and tags meet often.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

from hypothesis import strategies as st

import flowverdict
from flowverdict.model import Estate
from flowverdict.policy import DEFAULTS, Options, Verdict
from tests.conformance.sketch import Form, expand, service_tags

Json = dict[str, Any]
Files = dict[str, Any]

TAGS = {"Storage": ["20.60.0.0/16"], "Sql": ["20.70.0.0/16"]}
ADDRESSES = {"nic1": "10.1.0.4", "nic2": "10.1.0.5", "nic3": "10.1.1.4"}
NEAR = ["10.1.0.5", "10.1.0.6", "10.1.0.9", "10.1.1.4", "10.2.0.4", "10.3.0.4"]
FAR = ["203.0.113.9", "203.0.113.200", "198.51.100.7", "20.60.0.5", "20.70.0.5"]
PLATFORM = ["168.63.129.16", "169.254.169.254"]
PORTS = ["0", "22", "53", "80", "85", "90", "91", "443", "65535"]

_PREFIXES = """* 10.1.0.0/16 10.1.0.0/24 10.1.0.4 10.1.0.5 10.2.0.0/16 203.0.113.0/24 203.0.113.9
    10.1.0.4,203.0.113.0/24 VirtualNetwork Internet AzureLoadBalancer Storage Sql""".split()
_RULE_PORTS = ["*", "*", "22", "53", "80-90", "22,443", "0", "65535", "90-65535"]
_PROTOCOLS = ["*", "*", "Tcp", "Tcp", "Udp", "Icmp", "Esp"]


@dataclass(frozen=True)
class Line:
    """One rule of a sketch, in parts."""

    way: str
    priority: int
    access: str
    protocol: str
    source: str
    source_ports: str
    target: str
    target_ports: str
    name: str

    def __str__(self) -> str:
        """The rule as a sketch has it."""
        return (
            f"{self.way} {self.priority} {self.access} {self.protocol} "
            f"{self.source}:{self.source_ports} -> {self.target}:{self.target_ports} "
            f"name={self.name}"
        )


class Words(TypedDict):
    """A packet's arguments of `flowverdict.verify`."""

    nic: str
    direction: str
    protocol: str
    local: str
    remote: str


@dataclass(frozen=True)
class Question:
    """One packet in the words of `flowverdict verify`."""

    nic: str
    direction: str
    protocol: str
    local: str
    remote: str

    @property
    def way(self) -> str:
        """`in` or `out`, as in a rule's line."""
        return "in" if self.direction == "Inbound" else "out"

    @property
    def words(self) -> Words:
        """The arguments of `flowverdict.verify`."""
        return {
            "nic": self.nic,
            "direction": self.direction,
            "protocol": self.protocol,
            "local": self.local,
            "remote": self.remote,
        }


def lines(
    ways: Sequence[str] = ("in", "out"),
    *,
    tags: Sequence[str] = (),
    asgs: bool = True,
    admin: bool = False,
) -> st.SearchStrategy[Line]:
    """Rules, all of one priority: whoever puts them together spreads them."""
    groups = ["asg(web)", "asg(db)"] if asgs and not admin else []
    side = st.sampled_from([*_PREFIXES, *groups, *tags, *tags])
    accesses = ["Allow", "Deny", "AlwaysAllow"] if admin else ["Allow", "Deny"]
    return st.builds(
        Line,
        way=st.sampled_from(ways),
        priority=st.just(100),
        access=st.sampled_from(accesses),
        protocol=st.sampled_from(_PROTOCOLS),
        source=side,
        source_ports=st.sampled_from(["*"] * 5 + ["1024-65535", "443"]),
        target=side,
        target_ports=st.sampled_from(_RULE_PORTS),
        name=st.just("rule"),
    )


def spread(rules: Iterable[Line], first: int = 100, step: int = 20) -> list[Line]:
    """Gives rules priorities and names of their own, in their order."""
    return [
        replace(rule, priority=first + step * at, name=f"rule{at}") for at, rule in enumerate(rules)
    ]


@st.composite
def networks(
    draw: st.DrawFn, *, tags: Sequence[str] = (), asgs: bool = True, at_most: int = 5
) -> Json:
    """Two or three virtual networks, three interfaces, two NSGs in any place or none."""
    nsgs = {
        name: [
            str(line)
            for line in spread(draw(st.lists(lines(tags=tags, asgs=asgs), max_size=at_most)))
        ]
        for name in ("a", "b")
    }
    attached = st.sampled_from([None, "a", "b"])
    routes: dict[str, Json] = {"routeTable": {"routeTable": "rt"}, "": {}}
    subnets: Json = {
        "s1": {"prefixes": ["10.1.0.0/24"], **_nsg(draw(attached))},
        "s2": {"prefixes": ["10.1.1.0/24"], **_nsg(draw(attached))},
    }
    subnets["s1"] |= routes[draw(st.sampled_from(["", "", "", "routeTable"]))]
    peering = draw(
        st.sampled_from(
            [{}, {}, {"allowVirtualNetworkAccess": False}, {"peeringState": "Initiated"}]
        )
    )
    return {
        "vnets": {
            "vnet1": {"space": ["10.1.0.0/16"], "subnets": subnets, "peerings": {"vnet2": peering}},
            "vnet2": {"space": ["10.2.0.0/16"], "subnets": {"s1": {"prefixes": ["10.2.0.0/24"]}}},
            "vnet3": {"space": ["10.3.0.0/16"], "subnets": {"s1": {"prefixes": ["10.3.0.0/24"]}}},
        },
        "nics": {
            "nic1": {
                "subnet": "vnet1/s1",
                "ip": [ADDRESSES["nic1"]],
                "asgs": ["web"],
                **_nsg(draw(attached)),
            },
            "nic2": {"subnet": "vnet1/s1", "ip": [ADDRESSES["nic2"], "10.1.0.6"], "asgs": ["db"]},
            "nic3": {"subnet": "vnet1/s2", "ip": [ADDRESSES["nic3"]], **_nsg(draw(attached))},
        },
        "nsgs": nsgs,
        "asgs": {"web": {}, "db": {}},
        "routeTables": {"rt": ["0.0.0.0/0 VirtualAppliance 10.1.9.4", "20.60.0.0/16 Internet"]},
        "serviceTags": dict(TAGS),
    }


def _nsg(name: str | None) -> Json:
    return {"nsg": name} if name else {}


@st.composite
def managed(draw: st.DrawFn, network: st.SearchStrategy[Json]) -> Json:
    """A network with a network manager that may or may not concern it."""
    found = draw(network)
    rules = [
        [
            str(one)
            for one in spread(draw(st.lists(lines(admin=True), min_size=1, max_size=3)), first, 20)
        ]
        for first in (10, 15)
    ]
    members = draw(st.sampled_from([["vnet1"], ["vnet1"], ["vnet2"], ["vnet1", "vnet2"]]))
    deployed = draw(st.sampled_from([["eastus"], ["eastus"], ["westus"]]))
    found["managementGroups"] = {
        "root": {"subscriptions": [], "children": {"child": {"subscriptions": ["main"]}}}
    }
    found["managers"] = {
        "M": {
            "scope": [draw(st.sampled_from(["mg:root", "mg:child", "sub:main", "sub:other"]))],
            "groups": {"G": {"members": members}, "All": {"members": ["vnet1", "vnet2", "vnet3"]}},
            "configurations": {
                "cfg": {
                    "collections": {
                        "c1": {"groups": ["G"], "rules": rules[0]},
                        "c2": {"groups": ["All"], "rules": rules[1]},
                    }
                }
            },
            "deployments": [{"regions": deployed, "configurations": ["cfg"]}],
        }
    }
    return found


@st.composite
def questions(draw: st.DrawFn, *, remotes: Sequence[str] = (*NEAR, *FAR, *PLATFORM)) -> Question:
    """A packet between one of the interfaces and somebody."""
    nic = draw(st.sampled_from(["nic1", "nic1", "nic3"]))
    direction = draw(st.sampled_from(["Inbound", "Outbound"]))
    protocol = draw(st.sampled_from(["TCP", "TCP", "UDP", "ICMP", "ESP"]))
    far_end = draw(st.sampled_from([one for one in remotes if one != ADDRESSES[nic]]))
    local, remote = ADDRESSES[nic], far_end
    if protocol in ("TCP", "UDP"):
        source = draw(st.sampled_from(["*", "443", "1023", "1024", "40000"]))
        target = draw(st.sampled_from(PORTS))
        mine, theirs = (target, source) if direction == "Inbound" else (source, target)
        local, remote = f"{local}:{mine}", f"{remote}:{theirs}"
    return Question(nic, direction, protocol, local, remote)


def some(one: st.SearchStrategy[Question], most: int = 6) -> st.SearchStrategy[list[Question]]:
    """Several questions, so that an estate that was loaded is made use of."""
    return st.lists(one, min_size=most, max_size=most, unique=True)


def files_of(sketch: Mapping[str, Any], form: Form = "rest") -> Files:
    """The estate's files: names and contents."""
    return deepcopy(expand(sketch, form))


def load(files: Mapping[str, Any], tags: Json | None = None) -> Estate:
    """Writes files and loads them as an estate; text and bytes are written as they are."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "estate"
        for file, content in files.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            raw = content if isinstance(content, bytes) else json.dumps(content).encode()
            path.write_bytes(raw)
        tag_file = None
        if tags is not None:
            tag_file = Path(name) / "tags.json"
            tag_file.write_text(json.dumps(tags))
        return flowverdict.load_estate([folder], service_tags=tag_file)


def load_sketch(sketch: Mapping[str, Any], form: Form = "rest") -> Estate:
    """Loads a sketched network with its service tags."""
    return load(expand(sketch, form), service_tags(sketch, form))


def ask(estate: Estate, some: Iterable[Question], options: Options = DEFAULTS) -> list[Verdict]:
    """Judges packets, and holds every verdict to what all verdicts promise."""
    found = [flowverdict.verify(estate, **one.words, options=options) for one in some]
    for verdict in found:
        check(verdict)
    return found


def judge(
    sketch: Mapping[str, Any],
    some: Iterable[Question],
    form: Form = "rest",
    options: Options = DEFAULTS,
) -> list[Verdict]:
    """Judges packets in a sketched network."""
    return ask(load_sketch(sketch, form), some, options)


def check(verdict: Verdict) -> None:
    """What holds of every verdict."""
    told = verdict.as_json()
    assert verdict.access in ("Allow", "Deny", "Unknown")
    assert (verdict.access == "Unknown") == bool(verdict.missing), told
    if verdict.access == "Unknown":
        assert verdict.decided_by is None
    layers = [step.layer for step in verdict.trace if step.layer != "platform"]
    order = ["subnet", "nic"] if verdict.direction.value == "Inbound" else ["nic", "subnet"]
    assert layers == ["admin", *order], told
    if verdict.decided_by is not None:
        assert verdict.decided_by.layer in {step.layer for step in verdict.trace}
    json.dumps(told)


def answer(verdict: Verdict) -> tuple[object, ...]:
    """What two verdicts must share to be the same one, whatever the files looked like."""
    told = verdict.as_json()
    trace = tuple((step["layer"], step["access"], step["ruleName"]) for step in told["trace"])
    missing = frozenset(one.lower() for one in verdict.missing)
    return verdict.access, told["ruleName"], verdict.layer, trace, missing


def answers(verdicts: Iterable[Verdict]) -> list[tuple[object, ...]]:
    """Each verdict as `answer` has it."""
    return [answer(one) for one in verdicts]
