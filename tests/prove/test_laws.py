"""What is said of all packets is what `policy.evaluate` says of each: it is the specification."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.model import Direction, Estate, NetworkInterface, ResourceId
from flowverdict.net import Packet, has_ports, parse_address, parse_prefix
from flowverdict.policy import DEFAULTS, Network, Options, Standpoint, Verdict, evaluate_at
from flowverdict.prove.diagram import LimitError
from flowverdict.prove.prover import Judgement, Prover
from flowverdict.prove.region import ALL_PACKETS, NOTHING, packets
from tests.classify.asking import Seen
from tests.classify.test_laws import OPTIONS, estates
from tests.classify.test_laws import packets as some_packets
from tests.classify.test_many import more_random
from tests.net.profiles import times
from tests.prove.lists import behind, chequered, nested

Told = tuple[object, ...]


def with_port(one: Seen, chance: random.Random) -> Packet:
    """The packet, with a source port if it has ports."""
    packet = one.packet
    if not has_ports(packet.protocol) or packet.src_port is not None:
        return packet
    port = chance.choice([0, 53, 40000, chance.randrange(1 << 16)])
    return Packet(packet.protocol, packet.src, packet.dst, port, packet.dst_port)


def told(verdict: Verdict | Judgement | None) -> Told:
    assert verdict is not None
    rule = verdict.rule.id if verdict.rule else None
    return verdict.access, verdict.layer, rule


@times(5)
@given(estates(), st.randoms(use_true_random=False), st.sampled_from(OPTIONS))
def test_every_packet_is_judged_as_the_evaluator_does(
    estate: Estate, chance: random.Random, options: Options
) -> None:
    prover, network = Prover(estate, options), Network(estate, options)
    outcomes = {}
    for one in some_packets(estate, chance, 80):
        seen = more_random(one, chance)
        nic = estate.resources.nics[ResourceId(seen.nic)]
        key = nic.id, seen.direction
        if key not in outcomes:
            outcomes[key] = prover.outcome(nic, seen.direction, ALL_PACKETS)
        packet = with_port(seen, chance)
        verdict = evaluate_at(Standpoint(network, nic), seen.direction, packet)
        judgement = outcomes[key].of(packet)
        assert told(judgement) == told(verdict), (seen, packet)
        assert bool(judgement.missing) == (verdict.access == "Unknown")
        assert told(prover.judgement(nic, seen.direction, packet)) == told(verdict)


@given(estates(), st.randoms(use_true_random=False))
def test_accesses_divide_the_region_that_was_asked_about(
    estate: Estate, chance: random.Random
) -> None:
    prover = Prover(estate)
    nic = chance.choice(list(estate.resources.nics.values()))
    way = chance.choice(list(Direction))
    local = {"destinations" if way is Direction.INBOUND else "sources": nic.addresses}
    region = packets(**local)
    outcome = prover.outcome(nic, way, region)
    parts = [outcome.where(access) for access in ("Allow", "Deny", "Unknown")]
    assert parts[0] | parts[1] | parts[2] == region
    assert sum(one.size for one in parts) == region.size
    by_rule = NOTHING
    for judgement, some in outcome.judgements():
        assert some
        assert not by_rule & some
        by_rule |= some
        assert some <= parts[("Allow", "Deny", "Unknown").index(judgement.access)]
    assert by_rule == region
    found = prover.by_access(nic, way, region, "Allow", "Unknown")
    assert found.get("Allow", NOTHING) == parts[0]
    assert found.get("Unknown", NOTHING) == parts[2]
    assert "Deny" not in found
    assert prover.by_access(nic, way, region, "Deny").get("Deny", NOTHING) == parts[1]


@given(estates(), estates(), st.randoms(use_true_random=False))
def test_a_difference_has_the_packets_that_are_judged_otherwise(
    before: Estate, after: Estate, chance: random.Random
) -> None:
    nics = (
        chance.choice(list(before.resources.nics.values())),
        chance.choice(list(after.resources.nics.values())),
    )
    way = chance.choice(list(Direction))
    one, other = Prover(before), Prover(after)
    found = one.difference(nics[0], other, nics[1], way, ALL_PACKETS)
    outcomes = one.outcome(nics[0], way, ALL_PACKETS), other.outcome(nics[1], way, ALL_PACKETS)
    for seen in some_packets(before, chance, 60):
        packet = with_port(more_random(seen, chance), chance)
        was, now = (outcome.of(packet) for outcome in outcomes)
        assert was is not None
        assert now is not None
        change = found.of(packet)
        same = (was.access, was.missing) == (now.access, now.missing)
        assert (change is None) == same
        if change is not None:
            assert (told(change.before), told(change.after)) == (told(was), told(now))


@given(estates(), st.randoms(use_true_random=False))
def test_an_estate_differs_in_nothing_from_itself(estate: Estate, chance: random.Random) -> None:
    nic: NetworkInterface = chance.choice(list(estate.resources.nics.values()))
    way = chance.choice(list(Direction))
    prover, again = Prover(estate), Prover(estate)
    assert not prover.difference(nic, again, nic, way, ALL_PACKETS).changes()


@pytest.mark.parametrize("ends", ["203.0.113.8/31", "203.0.113.9/32"])
def test_what_is_missing_about_one_address_is_asked_once(ends: str) -> None:
    """Whether the tag holds the address or not, a packet from it to itself is allowed."""
    rules = ["in 100 Allow * Storage -> * name=from", "in 110 Deny * * -> Storage name=to"]
    estate, nic = behind([*rules, "in 120 Allow * * -> * name=rest"], tags={})
    place = Standpoint(Network(estate, DEFAULTS), nic)
    region = packets(sources=parse_prefix("203.0.113.8/30"), destinations=parse_prefix(ends))
    outcome = Prover(estate).outcome(nic, Direction.INBOUND, region)
    seen: set[str] = set()
    for src, dst in product(
        *(
            range(one.spans[0][0], one.spans[0][1] + 1)
            for one in (region.values("sources"), region.values("destinations"))
        )
    ):
        packet = Packet(6, src, dst, 50000, 22)
        wanted = evaluate_at(place, Direction.INBOUND, packet)
        assert told(outcome.of(packet)) == told(wanted), packet
        seen.add(wanted.access)
    assert seen == {"Allow", "Unknown"}


def test_the_evaluator_is_not_asked_again_for_every_address_of_a_large_set() -> None:
    """Packets from an address to itself are then told to be as unknown as their neighbours."""
    rules = ["in 100 Allow * Storage -> * name=from", "in 110 Deny * * -> Storage name=to"]
    estate, nic = behind([*rules, "in 120 Allow * * -> * name=rest"], tags={})
    outcome = Prover(estate).outcome(nic, Direction.INBOUND, ALL_PACKETS)
    packet = Packet(6, parse_address("203.0.113.9"), parse_address("203.0.113.9"), 50000, 22)
    judgement = outcome.of(packet)
    assert judgement is not None
    assert judgement.access == "Unknown"


def test_packets_for_the_platform_are_told_from_their_neighbours() -> None:
    """A rule that denies the platform by name counts wherever it stands, behind any other too."""
    rules = [
        "out 100 Allow * *:* -> *:* name=all",
        "out 200 Deny * 10.1.0.4:* -> AzurePlatformDNS:* name=dns",
        "out 210 Deny Tcp *:* -> AzurePlatformIMDS:* name=imds",
    ]
    estate, nic = behind(rules)
    place = Standpoint(Network(estate, DEFAULTS), nic)
    outcome = Prover(estate).outcome(nic, Direction.OUTBOUND, ALL_PACKETS)
    for source, target, protocol, port in product(
        ("10.1.0.4", "10.1.0.5"),
        ("168.63.129.16", "169.254.169.254", "23.102.135.246", "8.8.8.8"),
        (6, 17),
        (53, 67, 80, 443, 1688, 32526),
    ):
        packet = Packet(protocol, parse_address(source), parse_address(target), 50000, port)
        wanted = evaluate_at(place, Direction.OUTBOUND, packet)
        assert told(outcome.of(packet)) == told(wanted), packet


@pytest.mark.parametrize("make", [chequered, nested])
def test_what_takes_too_long_says_where_it_stopped(
    make: Callable[[int], tuple[Estate, NetworkInterface]],
) -> None:
    estate, nic = make(24)
    assert Prover(estate).outcome(nic, Direction.INBOUND, ALL_PACKETS).where("Allow")
    with pytest.raises(LimitError, match="more than 100 spans of fields"):
        Prover(estate, steps=100).outcome(nic, Direction.INBOUND, ALL_PACKETS)


@pytest.mark.parametrize("make", [chequered, nested])
def test_awkward_lists_are_judged_as_the_evaluator_does(
    make: Callable[[int], tuple[Estate, NetworkInterface]],
) -> None:
    estate, nic = make(24)
    chance = random.Random(1)
    outcome = Prover(estate).outcome(nic, Direction.INBOUND, ALL_PACKETS)
    place = Standpoint(Network(estate, DEFAULTS), nic)
    for _ in range(2_000):
        src = chance.choice([0xC0000200 + chance.randrange(256), chance.getrandbits(32)])
        ports = (
            chance.randrange(1 << 16),
            chance.choice([chance.randrange(990, 1110), chance.randrange(1 << 16)]),
        )
        packet = Packet(6, src, nic.addresses.spans[0][0], *ports)
        assert told(outcome.of(packet)) == told(evaluate_at(place, Direction.INBOUND, packet))
