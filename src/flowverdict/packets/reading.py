"""The rows of a file as the packets that ``classify`` judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.net import (
    NetworkTextError,
    has_ports,
    is_ipv6,
    parse_address,
)
from flowverdict.packets import words
from flowverdict.policy import RequestError, read_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Numbers = np.ndarray[Any, np.dtype[Any]]
_EXPECTED: Final = ": expected "
_PORTS: Final = {"src_port": pa.int32(), "dst_port": pa.int32()}
_MOST_KNOWN: Final = 1 << 18
"""So many different words are remembered of a column."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A row that is no packet: its number in the batch, the column, and what is wrong."""

    row: int
    column: str
    what: str
    expected: str


@dataclass(slots=True)
class Read:
    """A batch's packets.

    Attributes:
        columns: what the classifier wants, except for ``nic``.
        wrong: the rows that are no packets, the first thing that is wrong with each.
    """

    columns: dict[str, pa.Array]
    wrong: dict[int, Wrong] = field(default_factory=dict[int, Wrong])


class Reader:
    """Reads batches of one file."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._columns = columns
        self._known: dict[str, dict[Any, Any]] = {}

    def read(self, batch: pa.RecordBatch) -> Read:
        """Returns the packets of a batch; what is none is told, and null somewhere."""
        wrong: dict[int, Wrong] = {}
        ways = self._column(batch, "direction", words.direction, pa.string(), wrong)
        numbers = self._column(batch, "protocol", words.protocol, pa.int16(), wrong)
        if "local" in self._columns:
            ends = self._ends(batch, ways, wrong)
        else:
            ends = {
                name: self._column(batch, name, words.port, kind, wrong)
                for name, kind in _PORTS.items()
            }
            for name in ("src_ip", "dst_ip"):
                ends[name] = _trimmed(batch[self._columns[name]])
        found = Read({"direction": ways, "protocol": numbers, **ends}, wrong)
        self._check(found)
        return found

    def name(self, meaning: str) -> str:
        """Returns what the file calls a column."""
        return self._columns.get(meaning, meaning)

    def _column(
        self, batch: pa.RecordBatch, meaning: str, of: Callable[[Any], Any], kind: pa.DataType,
        wrong: dict[int, Wrong],
    ) -> pa.Array:  # fmt: skip
        """Returns what each word of a column stands for; null where it stands for nothing."""
        name = self._columns.get(meaning)
        if name is None:
            return pa.nulls(len(batch), kind)
        known = self._known.setdefault(meaning, {})
        if len(known) > _MOST_KNOWN:
            known.clear()
        different, codes = _encoded(batch[name])
        values: list[Any] = []
        for at, word in enumerate(different):
            if word not in known:
                try:
                    known[word] = of(word)
                except NetworkTextError as problem:
                    _tell(wrong, np.flatnonzero(codes == at), name, str(problem))
                    values.append(None)
                    continue
            values.append(known[word])
        return pa.array(values, kind).take(pa.array(codes))

    def _ends(
        self, batch: pa.RecordBatch, ways: pa.Array, wrong: dict[int, Wrong]
    ) -> dict[str, pa.Array]:
        """Returns source and destination from columns like ``10.0.0.4:443``."""
        inbound = pc.equal(ways, "I")
        sides: dict[str, tuple[pa.Array, pa.Array]] = {}
        for meaning in ("local", "remote"):
            name = self._columns[meaning]
            different, codes = _encoded(batch[name])
            pairs: list[tuple[str | None, int | None]] = []
            for at, word in enumerate(different):
                try:
                    pairs.append(_endpoint(meaning, word))
                except RequestError as problem:
                    _tell(wrong, np.flatnonzero(codes == at), name, problem.problem)
                    pairs.append((None, None))
            index = pa.array(codes)
            ips = pa.array([one[0] for one in pairs], pa.string()).take(index)
            sides[meaning] = ips, pa.array([one[1] for one in pairs], pa.int32()).take(index)
        (local, local_port), (remote, remote_port) = sides["local"], sides["remote"]
        return {
            "src_ip": pc.if_else(inbound, remote, local),
            "dst_ip": pc.if_else(inbound, local, remote),
            "src_port": pc.if_else(inbound, remote_port, local_port),
            "dst_port": pc.if_else(inbound, local_port, remote_port),
        }

    def _check(self, found: Read) -> None:
        """Sees to ICMP's two numbers and to ports that lack; addresses are the classifier's."""
        numbers = found.columns["protocol"]
        values = numbers.fill_null(0).to_numpy(zero_copy_only=False)
        if (icmp := values == words.ICMP[0]).any():
            six = pc.match_substring(found.columns["src_ip"], ":").fill_null(False)  # noqa: FBT003
            both = pc.and_(pa.array(icmp), six)
            found.columns["protocol"] = pc.if_else(
                both, pa.scalar(words.ICMP[1], pa.int16()), numbers
            )
        empty = found.columns["dst_port"].is_null().to_numpy(zero_copy_only=False)
        if empty.any():
            ported = np.isin(values, [one for one in range(256) if has_ports(one)])
            column = self._columns.get("dst_port") or "local or remote"
            _tell(found.wrong, np.flatnonzero(ported & empty), column,
                  "is empty or `*`: expected a port: TCP and UDP have one")  # fmt: skip

    def check_addresses(self, found: Read) -> None:
        """Tells every row whose addresses are none, or of two families."""
        src, dst = (found.columns[name].to_pylist() for name in ("src_ip", "dst_ip"))
        names = [self._columns.get(name, name) for name in ("src_ip", "dst_ip")]
        for row, pair in enumerate(zip(src, dst, strict=True)):
            if row in found.wrong:
                continue
            points: list[int] = []
            for name, text in zip(names, pair, strict=True):
                try:
                    points.append(parse_address(text or ""))
                except NetworkTextError as problem:
                    told = str(problem) if text else "is empty: expected an IP address"
                    _tell(found.wrong, [row], name, told)
            if len(points) == 2 and is_ipv6(points[0]) != is_ipv6(points[1]):
                expected = f"expected an address of the family that `{names[0]}` has"
                _tell(found.wrong, [row], names[1], f"`{pair[1]}`: {expected}")


def _endpoint(meaning: str, word: Any) -> tuple[str, int | None]:
    text = "" if word is None else str(word).strip()
    read_endpoint(meaning, text)
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        return host, words.port(port[1:])
    host, colon, port = text.partition(":")
    return (host, words.port(port)) if colon and ":" not in port else (text, None)


def _tell(wrong: dict[int, Wrong], rows: Any, column: str, told: str) -> None:
    what, _, expected = told.partition(_EXPECTED)
    for row in rows:
        wrong.setdefault(int(row), Wrong(int(row), column, what, expected))


def _trimmed(texts: pa.Array) -> pa.Array:
    """Returns texts without spaces around; a column that is none as what it shows."""
    if pa.types.is_dictionary(texts.type):
        texts = texts.dictionary_decode()
    if texts.type != pa.string():
        texts = texts.cast(pa.string())
    return pc.utf8_trim_whitespace(texts)


def _encoded(values: pa.Array) -> tuple[list[Any], Numbers]:
    """Returns the different values of a column, and which of them each row has."""
    if pa.types.is_null(values.type):
        return [None], np.zeros(len(values), np.int32)
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    different = [*values.dictionary.to_pylist(), None]
    codes = values.indices.fill_null(len(different) - 1)
    return different, codes.to_numpy()
