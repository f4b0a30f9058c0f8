"""Flow rows drawn together in memory that has a bound."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.flowlog import SCHEMA
from flowverdict.impact import grouping
from flowverdict.impact.grouping import (
    ADDRESSES,
    BACK,
    DENIED,
    DST_PORT,
    DST_TEXT,
    FRONT,
    GROUPS,
    MAC_BITS,
    OUTBOUND,
    PLATFORM,
    PROTOCOL,
    REST,
    SRC_PORT,
    SRC_TEXT,
    TEXTS,
    WORDS,
)
from flowverdict.lake import LakeError

if TYPE_CHECKING:
    from collections.abc import Callable

K = TypeVar("K")
Numbers = np.ndarray[Any, np.dtype[Any]]

COLUMNS: Final = (
    "time", "src_ip", "dst_ip", "src_port", "dst_port", "protocol", "direction", "decision",
    "bytes_sent", "bytes_received", "rule", "rule_kind", "mac", "target", "acl", "schema",
)  # fmt: skip
"""What is read of a row."""
_SAID: Final = ("acl", "rule", "rule_kind")
_EACH: Final = 20
"""Bits for the number of a word among others."""
EVERY_PAIR: Final = np.zeros(1, np.uint64)
_ROOM: Final = 1 << 16
TIME: Final = SCHEMA.field("time").type


class Part(NamedTuple):
    """The rows whose two addresses have a hash that divided by ``of`` leaves ``number``.

    Both directions of whatever two addresses say to each other are in one part.
    """

    of: int = 1
    number: int = 0

    def halves(self) -> tuple[Part, Part]:
        """Returns two parts that this one consists of."""
        return Part(2 * self.of, self.number), Part(2 * self.of, self.number + self.of)

    def has(self, pairs: Numbers) -> Numbers:
        """Reports which hashes of two addresses are in the part."""
        return pairs & np.uint64(self.of - 1) == self.number


class Words:
    """Words of one column, numbered as they are met."""

    def __init__(self, name: str, most: int) -> None:
        self._name = name
        self._most = most
        self._numbers: dict[str | None, int] = {}
        self._last: pa.Array | None = None
        self._of_last = np.zeros(0, np.uint64)

    def number(self, batch: pa.RecordBatch) -> Numbers:
        """Returns the number of each row's word.

        Raises:
            LakeError: there are too many.
        """
        column = _words(batch[self._name])
        words = column.dictionary
        if self._last is None or not words.equals(self._last):  # batches of a file share words
            numbers = _numbered(self._numbers, [*words.to_pylist(), None], self._name, self._most)
            self._last, self._of_last = words, numbers
        return self._of_last[column.indices.fill_null(len(words)).to_numpy()]

    def columns(self, numbers: Numbers) -> dict[str, pa.Array]:
        """Returns words by their numbers."""
        return {self._name: pa.array([*self._numbers], pa.string()).take(pa.array(numbers))}


class Packed:
    """Numbers of several columns in one word, a field of bits for each, the last one lowest."""

    def __init__(self, *fields: tuple[Words | Combinations, int]) -> None:
        self._fields = fields

    def number(self, batch: pa.RecordBatch, front: Numbers) -> Numbers:
        """Returns a word for each row, with another number in front of it."""
        for words, bits in self._fields:
            front = front << np.uint64(bits) | words.number(batch)
        return front

    def columns(self, packed: Numbers) -> tuple[dict[str, pa.Array], Numbers]:
        """Returns the columns by such words, and what stood in front."""
        found: dict[str, pa.Array] = {}
        for words, bits in reversed(self._fields):
            found |= words.columns(packed & np.uint64((1 << bits) - 1))
            packed = packed >> np.uint64(bits)
        return found, packed


class Combinations:
    """Words of several columns, each combination with one number."""

    def __init__(self, names: tuple[str, ...], most: int) -> None:
        self._name = ", ".join(names)
        self._most = most
        self._packed = Packed(*((Words(name, 1 << _EACH), _EACH) for name in names))
        self._numbers: dict[int, int] = {}

    def number(self, batch: pa.RecordBatch) -> Numbers:
        """Returns the number of what each row has.

        Raises:
            LakeError: there are too many.
        """
        codes = self._packed.number(batch, np.zeros(len(batch), np.uint64))
        met = pa.array(codes).dictionary_encode()
        numbers = _numbered(self._numbers, met.dictionary.to_pylist(), self._name, self._most)
        return numbers[met.indices.to_numpy()]

    def columns(self, numbers: Numbers) -> dict[str, pa.Array]:
        """Returns the columns by such numbers."""
        codes = np.array([*self._numbers], np.uint64)[numbers.astype(np.int64)]
        return self._packed.columns(codes)[0]


def _numbered(known: dict[K, int], keys: list[K], name: str, most: int) -> Numbers:
    """Returns the numbers of keys, new ones for those that had not come."""
    numbers = [known.setdefault(one, len(known)) for one in keys]
    if len(known) > most:
        raise LakeError(f"{name}: {len(known):,} different ones: expected at most {most:,}")
    return np.array(numbers, np.uint64)


class Places:
    """Where rows were logged, in one word: interface, resource, access list, kind of log.

    With ``ruled`` the access list's rule is part of it.
    """

    def __init__(self, *, ruled: bool = False) -> None:
        self._packed = Packed(
            (Words("target", 1 << 20), 20),
            (Combinations(_SAID, 1 << 19) if ruled else Words("acl", 1 << 19), 19),
            (Words("mac", 1 << MAC_BITS), MAC_BITS),
        )

    def number(self, batch: pa.RecordBatch) -> Numbers:
        """Returns the place of each row."""
        return self._packed.number(batch, _flags(batch["schema"], lambda word: word != "vnet4"))

    def columns(self, places: Numbers) -> dict[str, pa.Array]:
        """Returns what each place is made of, and ``nsg``: whether an NSG flow log has it."""
        found, is_nsg = self._packed.columns(places)
        return {**found, "nsg": pa.array(is_nsg != 0)}


class Rows(NamedTuple):
    """A batch as ``grouping.add`` takes it."""

    src_text: Numbers
    src_ends: Numbers
    dst_text: Numbers
    dst_ends: Numbers
    rest: Numbers
    place: Numbers
    size: Numbers
    time: Numbers


def read_rows(batch: pa.RecordBatch, places: Places, *, source_ports: bool) -> Rows:
    """Reads a batch; without source ports all are the same."""
    rest = _port(batch["dst_port"]) << np.uint64(DST_PORT)
    if source_ports:
        rest |= _port(batch["src_port"]) << np.uint64(SRC_PORT)
    rest |= batch["protocol"].to_numpy().astype(np.uint64) << np.uint64(PROTOCOL)
    rest |= _flags(batch["direction"], lambda word: word == "O") << np.uint64(OUTBOUND)
    rest |= _flags(batch["rule_kind"], _is_platform) << np.uint64(PLATFORM)
    rest |= _flags(batch["decision"], lambda word: word == "D") << np.uint64(DENIED)
    size = pc.add(batch["bytes_sent"].fill_null(0), batch["bytes_received"].fill_null(0))
    return Rows(
        *_text(batch["src_ip"]),
        *_text(batch["dst_ip"]),
        rest,
        places.number(batch),
        size.to_numpy(),
        batch["time"].cast(TIME).cast(pa.int64()).to_numpy(),
    )


class Groups:
    """Rows of one part by addresses, service, direction, place, and what was decided."""

    def __init__(self) -> None:
        self._counts = np.zeros(grouping.COUNTS, np.int64)
        self._lines = np.zeros((0, WORDS), np.uint64)
        self._table = np.zeros(0, np.int32)
        self._pool = np.zeros(0, np.uint8)
        self._ends = np.zeros(1, np.int64)
        self._hashes = np.zeros(0, np.uint64)
        self._slots = np.zeros(0, np.int32)

    @property
    def lines(self) -> Numbers:
        """The groups: see ``grouping``."""
        return self._lines[: self._counts[GROUPS]]

    @property
    def size(self) -> int:
        """How much there is of what takes most memory: groups or texts."""
        return int(max(self._counts[GROUPS], self._counts[TEXTS]))

    def add(self, rows: Rows, part: Part, pairs: Numbers = EVERY_PAIR) -> None:
        """Takes the rows that are in a part, and of the wanted pairs of addresses."""
        self._make_room(len(rows.place), len(rows.src_text) + len(rows.dst_text))
        grouping.add(
            *rows, np.uint64(part.of - 1), np.uint64(part.number), pairs,
            self._pool, self._ends, self._hashes, self._slots,
            self._lines, self._table, self._counts,
        )  # fmt: skip

    def pairs(self) -> Numbers:
        """Returns the hash of each group's two addresses."""
        lines = self.lines
        found = np.empty(len(lines), np.uint64)
        grouping.hash_pairs(lines, self._hashes, found)
        return found

    def keep(self, chosen: Numbers) -> None:
        """Drops the groups that are not chosen, and the texts that none of the others has."""
        self._lines = lines = self.lines[chosen]
        ends = [lines[:, ADDRESSES] >> FRONT, lines[:, ADDRESSES] & BACK]
        marks = [lines[:, REST] & bit != 0 for bit in (SRC_TEXT, DST_TEXT)]
        used = np.unique(np.concatenate([end[mark] for end, mark in zip(ends, marks, strict=True)]))
        texts = self._texts().take(pa.array(used))
        src, dst = (
            np.where(mark, np.searchsorted(used, end).astype(np.uint64), end)
            for end, mark in zip(ends, marks, strict=True)
        )
        lines[:, ADDRESSES] = src << FRONT | dst
        self._hashes = self._hashes[used]
        self._ends = np.frombuffer(texts.buffers()[1], np.int64)[: len(used) + 1].copy()
        self._pool = np.frombuffer(texts.buffers()[2] or b"", np.uint8).copy()
        self._table = self._slots = np.zeros(0, np.int32)
        self._counts[:] = len(used), self._ends[-1], len(lines)
        self._make_room(0, 0)

    def _texts(self) -> pa.LargeStringArray:
        count = int(self._counts[TEXTS])
        ends, pool = pa.py_buffer(self._ends[: count + 1]), pa.py_buffer(self._pool)
        return pa.LargeStringArray.from_buffers(count, ends, pool)

    def addresses(self, numbers: Numbers, is_text: Numbers) -> pa.Array:
        """Returns addresses as texts."""
        text, ends = np.empty(15 * len(numbers), np.uint8), np.zeros(len(numbers) + 1, np.int32)
        size = grouping.write_ipv4(np.ascontiguousarray(numbers), text, ends)
        found = _strings(ends, text[:size])
        if not is_text.any():
            return found
        chosen = self._texts().take(pa.array(numbers, mask=~is_text)).cast(pa.string())
        return pc.coalesce(chosen, found)

    def _make_room(self, rows: int, text: int) -> None:
        texts, size, groups = self._counts.tolist()
        if groups + rows > len(self._lines) or not len(self._table):
            room = groups + rows + max(_ROOM, groups // 2)
            self._lines, self._table = _longer(self._lines, room), _empty(room)
            grouping.enter(self._lines, self._table, groups)
        if texts + 2 * rows > len(self._hashes) or not len(self._slots):
            room = texts + 2 * rows + max(_ROOM, texts // 2)
            self._hashes = _longer(self._hashes, room)
            self._ends = _longer(self._ends, room + 1)
            self._slots = _empty(room)
            grouping.enter_texts(self._hashes, self._slots, texts)
        if size + text > len(self._pool):
            self._pool = _longer(self._pool, size + text + max(_ROOM, size // 2))


def _words(column: pa.Array) -> pa.DictionaryArray:
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def _flags(column: pa.Array, holds: Callable[[str], bool]) -> Numbers:
    """Returns 1 for each word for which something holds, else 0."""
    words = _words(column)
    known = [word is not None and holds(word) for word in words.dictionary.to_pylist()]
    return np.array([*known, False], np.uint64)[words.indices.fill_null(len(known)).to_numpy()]


def _is_platform(kind: str) -> bool:
    return kind in ("platform", "encryption")


def _port(column: pa.Array) -> Numbers:
    return (column.fill_null(-1).to_numpy() + 1).astype(np.uint64)


def _text(column: pa.Array) -> tuple[Numbers, Numbers]:
    """Returns the bytes of a column of texts, and where each text begins, and the next."""
    _, ends, data = column.buffers()
    places = np.frombuffer(ends, np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data or b"", np.uint8), places


def _strings(ends: Numbers, text: Numbers) -> pa.Array:
    return pa.StringArray.from_buffers(len(ends) - 1, pa.py_buffer(ends), pa.py_buffer(text))


def _longer(array: Numbers, room: int) -> Numbers:
    longer = np.empty((room, *array.shape[1:]), array.dtype)
    longer[: len(array)] = array
    return longer


def _empty(room: int) -> Numbers:
    """Returns a table for so many entries, at most half of which will be taken."""
    return np.full(1 << (2 * room - 1).bit_length(), -1, np.int32)


def as_set(words: Numbers) -> Numbers:
    """Returns a set of words as ``grouping.add`` looks them up."""
    table = np.zeros(2 << (2 * len(words)).bit_length(), np.uint64)
    grouping.enter_words(words, table)
    return table
