"""Every conformance vector's packet lies among those that meet with the vector's answer."""

from __future__ import annotations

import pytest

from flowverdict.model import InputError
from flowverdict.net import IntervalSet, Packet, has_ports
from flowverdict.policy import NoNsgError, RequestError, ask, evaluate_at
from flowverdict.prove.prover import Prover
from flowverdict.prove.region import packets
from tests.classify.test_vectors import Loaded, loaded, options_of
from tests.conformance.vectors import Case, cases

__all__ = ["loaded"]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.id)
def test_the_packet_is_where_the_vector_says(case: Case, loaded: Loaded) -> None:
    estate = loaded(case.network)
    if isinstance(estate, InputError):
        return
    options = options_of(case)
    words = (case.vm, case.nic, case.direction, case.protocol, case.local, case.remote)
    try:
        asked = ask(estate, *words, options)
        wanted = evaluate_at(asked.place, asked.direction, _with_port(asked.packet))
    except (RequestError, NoNsgError):
        return
    packet = _with_port(asked.packet)
    local = packet.dst if asked.direction.value == "Inbound" else packet.src
    name = "destinations" if asked.direction.value == "Inbound" else "sources"
    region = packets(**{name: _one(local)})
    found = Prover(estate, options).outcome(asked.place.nic, asked.direction, region).of(packet)
    assert found is not None
    assert (found.access, found.layer, found.rule) == (wanted.access, wanted.layer, wanted.rule)


def _with_port(packet: Packet) -> Packet:
    if not has_ports(packet.protocol) or packet.src_port is not None:
        return packet
    return Packet(packet.protocol, packet.src, packet.dst, 50000, packet.dst_port)


def _one(address: int) -> IntervalSet:
    return IntervalSet([(address, address)])
