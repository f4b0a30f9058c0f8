"""Many random packets against many random estates: each packet is put to the evaluator as well.

In `make test` a few; `make nightly` does what `FLOWVERDICT_MANY` says, 100 estates and a million
packets each if it says nothing. Numbers of estates are seeds: one that fails fails again, alone:
`FLOWVERDICT_MANY=100x1000000 .venv/bin/python -m pytest tests/classify/test_many.py -k "[17]"`.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import Phase, given, seed, settings

from flowverdict.classify import compile_estate
from flowverdict.model import Estate
from flowverdict.net import Packet, has_ports
from flowverdict.policy import Network, Standpoint, evaluate_at
from tests.classify.asking import Seen, answer_of, judged
from tests.classify.test_laws import OPTIONS, estates, packets

ESTATES, PACKETS = map(int, os.environ.get("FLOWVERDICT_MANY", "4x3000").split("x"))
AT_ONCE = 50_000
_DRAWN = 5


def random_estate(number: int) -> Estate:
    """The estate of a number: the first ones that are drawn are the simplest, so not those."""
    drawn: list[Estate] = []

    @seed(number)
    @settings(max_examples=_DRAWN, phases=[Phase.generate], database=None, deadline=None)
    @given(estates())
    def draw(estate: Estate) -> None:
        drawn.append(estate)

    draw()
    return drawn[-1]


def more_random(one: Seen, chance: random.Random) -> Seen:
    """The packet, or another of its family with numbers from everywhere."""
    if chance.random() < 0.3:
        return one
    packet, six = one.packet, 1 << 32
    src, dst = (
        point if chance.random() < 0.6 else _any_address(chance, is_six=point >= six)
        for point in (packet.src, packet.dst)
    )
    protocol = packet.protocol if chance.random() < 0.9 else chance.randrange(256)
    src_port = dst_port = None
    if has_ports(protocol):
        known = chance.random() < 0.5 and has_ports(packet.protocol)
        src_port = packet.src_port if known else chance.randrange(1 << 16)
        dst_port = packet.dst_port if known else chance.randrange(1 << 16)
    return Seen(one.nic, one.direction, Packet(protocol, src, dst, src_port, dst_port))


def _any_address(chance: random.Random, *, is_six: bool) -> int:
    if is_six:
        return (1 << 32) + chance.getrandbits(128)
    return chance.choice((chance.getrandbits(32), 10 << 24 | chance.getrandbits(18)))


@pytest.mark.parametrize("number", range(ESTATES))
def test_every_packet_gets_the_verdict_of_the_evaluator(number: int) -> None:
    estate = random_estate(number)
    chance = random.Random(number)
    options = OPTIONS[number % len(OPTIONS)]
    classifier = compile_estate(estate, options)
    network = Network(estate, options)
    places = {str(one.id): Standpoint(network, one) for one in estate.resources.nics.values()}
    done = 0
    while done < PACKETS:
        count = min(AT_ONCE, PACKETS - done)
        some = [more_random(one, chance) for one in packets(estate, chance, count)]
        for one, got in zip(some, judged(classifier, some), strict=True):
            wanted = answer_of(evaluate_at(places[one.nic], one.direction, one.packet))
            assert got == wanted, one
        done += count
