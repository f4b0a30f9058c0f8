"""Every case is complete, and the right answer is what FlowVerdict says, in three ways."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping

import pytest

from conformance.cases import Case, CaseError, read_cases
from conformance.scanners.flowverdict import claim_of
from flowverdict.model import Direction, Estate, NetworkInterface, Severity
from flowverdict.net import (
    Packet,
    Protocol,
    has_ports,
    is_ipv6,
    parse_ports,
    parse_prefix,
)
from flowverdict.policy import evaluate, read_packet
from flowverdict.prove.checker import Checker
from tests.conformance_suite.verdicts import VERDICTS

_PUBLIC = ("203.0.113.7", "8.8.8.8", "20.40.1.2", "1.2.3.4", "198.51.100.200", "2001:db8::7")
_PORTS = (1, 22, 3389, 50000)


def test_there_are_enough_cases_of_every_answer() -> None:
    counts = Counter(case.answer for case in read_cases())
    total = counts.total()
    assert total >= 60
    assert counts["exposed"] >= 0.4 * total
    assert counts["closed"] >= 0.4 * total
    assert counts["unknown"] >= 5


def test_every_case_says_why_in_two_sentences_and_where_it_is_written() -> None:
    wrong = [
        case.id
        for case in read_cases()
        if len(re.findall(r"[A-Za-z0-9)`][.](?: |$)", case.why)) != 2
        or "https://learn.microsoft.com/" not in case.source
        or not re.fullmatch(r"[a-z0-9-]+", case.id)
    ]
    assert not wrong


def test_the_data_of_a_case_are_clean_unless_something_is_missing(
    estates: Mapping[str, Estate],
) -> None:
    told = [
        f"{case.id}: {one}"
        for case in read_cases()
        for one in estates[case.id].diagnostics
        if one.severity is Severity.ERROR or "omit" not in case.network
    ]
    assert not told


def test_prove_gives_the_answer_of_every_case(estates: Mapping[str, Estate]) -> None:
    wrong: list[str] = []
    for case in read_cases():
        found = Checker(estates[case.id]).check(claim_of(case.question))
        if found.verdict != VERDICTS[case.answer]:
            wrong.append(f"{case.id}: {found.verdict}, {found.failures}, {found.missing}")
    assert not wrong


def test_every_witness_gets_through_and_is_what_is_asked_about(
    estates: Mapping[str, Estate],
) -> None:
    wrong: list[str] = []
    for case in read_cases():
        if case.witness is None:
            continue
        packet = _witness(case)
        nic = _at(estates[case.id], _local(packet, case))
        verdict = evaluate(estates[case.id], nic, _direction(case), packet)
        if verdict.access != "Allow":
            wrong.append(f"{case.id}: {packet} gets {verdict.access}")
        claim = claim_of(case.question)
        if packet.dst_port is not None and packet.dst_port not in claim.ports:
            wrong.append(f"{case.id}: {packet} is not asked about")
        if case.question.remote != "Internet":
            remote = packet.src if _direction(case) is Direction.INBOUND else packet.dst
            if remote not in parse_prefix(case.question.remote):
                wrong.append(f"{case.id}: {packet} is not from {case.question.remote}")
    assert not wrong


def test_no_sampled_packet_gets_through_where_it_is_closed(estates: Mapping[str, Estate]) -> None:
    wrong: list[str] = []
    tried = 0
    for case in read_cases():
        if case.answer != "closed":
            continue
        for nic, packet in _samples(case, estates[case.id]):
            tried += 1
            if evaluate(estates[case.id], nic, _direction(case), packet).access != "Deny":
                wrong.append(f"{case.id}: {packet}")
    assert not wrong
    assert tried > 1000


def test_the_samples_find_what_is_exposed(estates: Mapping[str, Estate]) -> None:
    """Samples that never get through anywhere would show nothing above."""
    exposed = [case for case in read_cases() if case.answer == "exposed"]
    found = [
        case.id
        for case in exposed
        if any(
            evaluate(estates[case.id], nic, _direction(case), packet).access == "Allow"
            for nic, packet in _samples(case, estates[case.id])
        )
    ]
    assert len(found) >= 0.9 * len(exposed)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[case]]\nid = "a"', "01.toml: case `a`: missing `answer`"),
        ('[[case]]\nid = "a"\nanswr = "closed"', "01.toml: case `a`: missing `answer`"),
        ("[[case]", "01.toml: "),
    ],
)
def test_a_case_that_cannot_be_read_says_where(tmp_path, text: str, told: str) -> None:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "01.toml").write_text(text)
    for name in ("networks", "sources"):
        (tmp_path / f"{name}.toml").write_text("")
    with pytest.raises(CaseError, match=re.escape(told)):
        read_cases(tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("closed", "perhaps"), "answer `perhaps`: expected exposed or closed or unknown"),
        (("in tcp 22 from Internet", "in tcp 22"), "question `in tcp 22`: expected `in PROTOCOL"),
        (("in tcp 22 from", "in tcp 22 to"), "expected `in PROTOCOL"),
        (('"closed"', '"closed"\nwitness = "w"'), "a witness stands with `exposed`"),
        (('"closed"', '"exposed"\nwitness = "w"'), "witness `w`: expected `tcp IP:PORT"),
        (("HOW", "HUW"), "source `HUW`: expected one of HOW"),
        (('"vm"', '"vn"'), "no network is called `vn`"),
        (("why", "whi"), "missing `why`"),
        (("answer", "hint = 1\nanswer"), "`hint`: expected one of answer, id"),
    ],
)
def test_a_wrong_word_in_a_case_says_what_was_expected(tmp_path, change, told: str) -> None:
    text = (
        '[[case]]\nid = "a"\nnetwork = "vm"\nquestion = "in tcp 22 from Internet"\n'
        'answer = "closed"\nwhy = "A. B."\nsource = "HOW"\n'
    )
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "01.toml").write_text(text.replace(*change))
    (tmp_path / "networks.toml").write_text("[vm]\nvnets = {}\n")
    (tmp_path / "sources.toml").write_text('[HOW]\ntitle = "T"\nurl = "https://a"\n')
    with pytest.raises(CaseError, match=re.escape(told)):
        read_cases(tmp_path)


def _direction(case: Case) -> Direction:
    return Direction(case.question.direction)


def _witness(case: Case) -> Packet:
    assert case.witness is not None
    ends = case.witness.source, case.witness.destination
    local, remote = ends[::-1] if _direction(case) is Direction.INBOUND else ends
    return read_packet(_direction(case), case.witness.protocol, local, remote)


def _local(packet: Packet, case: Case) -> int:
    return packet.dst if _direction(case) is Direction.INBOUND else packet.src


def _at(estate: Estate, address: int) -> NetworkInterface:
    [nic] = [one for one in estate.resources.nics.values() if address in one.addresses]
    return nic


def _samples(case: Case, estate: Estate) -> Iterator[tuple[NetworkInterface, Packet]]:
    """Yields packets of the question at every address there is."""
    remotes = [parse_prefix(one).spans[0][0] for one in _PUBLIC]
    if case.question.remote != "Internet":
        low, high = parse_prefix(case.question.remote).spans[0]
        remotes = [low, low + (high - low) // 2, high]
    number = int(Protocol[case.question.protocol])
    asked = parse_ports(case.question.ports) if case.question.ports else ()
    ports = sorted({one for span in asked for one in span}) or list(_PORTS)
    for nic in estate.resources.nics.values():
        local = [address for low, high in nic.addresses for address in (low, high)]
        for mine, remote in itertools.product(sorted(set(local)), remotes):
            if is_ipv6(mine) != is_ipv6(remote) or mine == remote:
                continue
            ends = (remote, mine) if _direction(case) is Direction.INBOUND else (mine, remote)
            if not has_ports(number):
                yield nic, Packet(number, *ends)
                continue
            for source_port, port in itertools.product(_PORTS, ports):
                yield nic, Packet(number, *ends, source_port, port)
