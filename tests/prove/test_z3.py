"""Lists of rules against a solver that knows nothing of how regions are made."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import random
from typing import Any

import pytest
import z3

from flowverdict.model import Direction, Estate, NetworkInterface, Rule
from flowverdict.net import ALL_ADDRESSES, ALL_PORTS, ALL_PROTOCOLS, IntervalSet
from flowverdict.policy import DEFAULTS, Network, Standpoint
from flowverdict.prove.prover import Prover
from flowverdict.prove.region import Box, Region, packets
from tests.prove.lists import behind

TCP_AND_UDP = IntervalSet([(6, 6), (17, 17)])
BITS = {"protocols": 8, "sources": 130, "destinations": 130, "ports": 16, "source_ports": 16}
FIELDS: dict[str, Any] = {name: z3.BitVec(name, bits) for name, bits in BITS.items()}
WHOLE = {
    "protocols": ALL_PROTOCOLS,
    "sources": ALL_ADDRESSES,
    "destinations": ALL_ADDRESSES,
    "ports": ALL_PORTS,
    "source_ports": ALL_PORTS,
}


def holds(name: str, values: IntervalSet) -> Any:
    """The field has one of some values."""
    if values == WHOLE[name]:
        return True
    field = FIELDS[name]
    return z3.Or([z3.And(z3.UGE(field, low), z3.ULE(field, high)) for low, high in values])


def rule_matches(rule: Rule, place: Standpoint) -> Any:
    sides = [
        IntervalSet.union([one.prefixes, *(place.tag(tag).sure for tag in one.tags)])
        for one in (rule.source, rule.destination)
    ]
    fields = rule.protocols, *sides, rule.destination_ports, rule.source_ports
    return z3.And([holds(name, values) for name, values in zip(BITS, fields, strict=True)])


def allowed(estate: Estate, nic: NetworkInterface) -> Any:
    """The first rule that matches allows."""
    place = Standpoint(Network(estate, DEFAULTS), nic)
    nsg = place.layers[1].nsg
    assert nsg is not None
    found: Any = z3.BoolVal(val=False)
    for rule in sorted(nsg.towards(Direction.INBOUND), key=lambda one: -one.priority):
        found = z3.If(rule_matches(rule, place), rule.access.value == "Allow", found)
    return found


def inside(region: Region) -> Any:
    """The packet is in one of the region's boxes."""
    return z3.Or(
        [
            z3.And([holds(name, values) for name, values in zip(Box._fields, box, strict=True)])
            for box in region.boxes()
        ]
    )


def exists(*conditions: Any) -> bool:
    solver = z3.Solver()
    solver.add(*conditions)
    return solver.check() == z3.sat


def random_rules(chance: random.Random, count: int) -> list[str]:
    def address() -> str:
        kind = chance.random()
        if kind < 0.3:
            return "*"
        if kind < 0.4:
            return chance.choice(["Internet", "VirtualNetwork", "AzureLoadBalancer"])
        if kind < 0.6:
            return f"[2001:db8:{chance.randrange(4):x}::/{chance.choice([32, 46, 48])}]".replace(
                "2001:db8:0::/32", "2001:db8::/32"
            )
        length = chance.choice([1, 8, 16, 24, 30, 32])
        number = chance.getrandbits(32) & (0xFFFFFFFF << 32 - length)
        return ".".join(str(number >> at & 255) for at in (24, 16, 8, 0)) + f"/{length}"

    def ports() -> str:
        low = chance.randrange(60_000)
        return chance.choice(["", f":{low}", f":{low}-{low + chance.randrange(5_000)}", ":22,3389"])

    found: list[str] = []
    while len(found) < count:
        source, target = address(), chance.choice(["*", "*", "10.1.0.4", "10.1.0.0/24"])
        access, protocol = chance.choice(["Allow", "Deny"]), chance.choice(["Tcp", "Udp", "*"])
        number = 100 + len(found)
        if source.startswith("["):
            bits = int(source.rpartition("/")[2].rstrip("]"))
            if bits == 32 and not source.startswith("[2001:db8::/"):
                continue
            if bits == 46:
                source = "[2001:db8::/46]"
            target = "*"
        found.append(
            f"in {number} {access} {protocol} {source}{chance.choice(['', '', ':1024-65535'])} -> "
            f"{target}{ports()} name=r{number}"
        )
    return found


@pytest.mark.parametrize("seed", range(6))
def test_the_solver_finds_no_packet_that_is_judged_otherwise(seed: int) -> None:
    estate, nic = behind(random_rules(random.Random(seed), 30))
    assert not estate.errors
    region = packets(protocols=TCP_AND_UDP)
    outcome = Prover(estate).outcome(nic, Direction.INBOUND, region)
    passes, within = allowed(estate, nic), inside(region)
    assert not exists(within, passes, z3.Not(inside(outcome.where("Allow"))))
    assert not exists(z3.Not(passes), inside(outcome.where("Allow")))
    assert not exists(inside(outcome.where("Allow")), inside(outcome.where("Deny")))
    assert exists(within, passes) == bool(outcome.where("Allow"))


@pytest.mark.parametrize("seed", range(4))
def test_the_solver_finds_the_same_difference(seed: int) -> None:
    chance = random.Random(seed)
    rules = random_rules(chance, 25)
    other = [*rules]
    at = chance.randrange(25)
    other[at] = random_rules(chance, 25)[at]
    (before, nic), (after, again) = behind(rules), behind(other)
    region = packets(protocols=TCP_AND_UDP)
    found = Prover(before).difference(nic, Prover(after), again, Direction.INBOUND, region)
    differs = Region.of_boxes(*(box for _, some in found.changes() for box in some.boxes()))
    was, now = allowed(before, nic), allowed(after, again)
    assert not exists(inside(region), was != now, z3.Not(inside(differs)))
    assert not exists(inside(differs), was == now)
    assert exists(inside(region), was != now) == bool(differs)
