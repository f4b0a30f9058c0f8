"""The compiled reader's buffers, and their way into Arrow without a copy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.flowlog import kernel_fields as kf
from flowverdict.flowlog import kernel_tuples as kt
from flowverdict.flowlog import kernel_walk as kw
from flowverdict.flowlog import kernel_words
from flowverdict.flowlog.columns import SCHEMA
from flowverdict.flowlog.kernel_address import LONGEST_ADDRESS
from flowverdict.flowlog.memory import SLABS, room
from flowverdict.flowlog.records import _mac, rule_of  # pyright: ignore[reportPrivateUsage]
from flowverdict.flowlog.tuples import Rejected, Schema, Values, read_tuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowverdict.flowlog.reader import Reading

_ROWS: Final = 160 * 1024
_FEW: Final = 64
_SHORTEST_TUPLE: Final = 38
"""Bytes of a tuple in its list, which no real one is below; if it is, the buffers grow."""
_NARROW: Final = ("src_port", "dst_port", "direction", "decision", "state", "encryption")
_WIDE: Final = ("time", "packets_sent", "bytes_sent", "packets_received", "bytes_received")
_NAMED: Final = 7
"""How many columns have a word for a whole group of rows."""
_WORDS: Final = {
    "direction": list(kf.DIRECTIONS),
    "decision": list(kf.DECISIONS),
    "state": list(kf.STATES),
    "encryption": list(kf.ENCRYPTION),
    "schema": list(kf.SCHEMAS),
}
_BITS: Final = {"encryption": kf.ENCRYPTED, "state": kf.STATED}
_WORD: Final = pa.dictionary(pa.int32(), pa.string())
_ZEROS: Final = np.zeros(_ROWS, np.int32)
_TYPES: Final = {field.name: field.type for field in SCHEMA}
_DICTIONARIES: Final = {name: pa.array(words, pa.string()) for name, words in _WORDS.items()}


@dataclass(frozen=True, slots=True)
class _Words:
    """A word for each group of rows, and the words; None is no word.

    Attributes:
        codes: the place in `words` of each one's.
    """

    codes: np.ndarray[Any, Any]
    words: Sequence[str | None]

    def of(self, holders: np.ndarray[Any, Any]) -> _Words:
        """Returns the words of what holds each group."""
        return _Words(self.codes[holders], self.words)

    def where(self, mask: np.ndarray[Any, Any], other: _Words) -> _Words:
        """Returns these words where the mask is set, and another's elsewhere."""
        codes = np.where(mask, self.codes, other.codes + len(self.words))
        return _Words(codes, [*self.words, *other.words])

    def spread(
        self, groups: np.ndarray[Any, Any], rows: np.ndarray[Any, Any]
    ) -> pa.DictionaryArray:
        """Returns the word of each row; the dictionary has each used word once.

        Args:
            groups: the rows of each group.
            rows: room for a code of each row.
        """
        if len(self.words) == 1 and self.words[0] is not None:
            return _words(_zeros(len(rows)), _dictionary(None, self.words[0]))
        numbers: dict[str | None, int] = {None: -1}
        used = np.bincount(self.codes, minlength=len(self.words)).tolist()
        new = [
            numbers.setdefault(word, len(numbers) - 1) if times else -1
            for word, times in zip(self.words, used, strict=True)
        ]
        codes = np.array(new, np.int32)[self.codes]
        there = None
        if codes.any():
            kernel_words.spread(groups, codes, rows)
            if (codes < 0).any():
                there = np.packbits(rows >= 0, bitorder="little")
                np.maximum(rows, 0, out=rows)
        else:
            rows = _zeros(len(rows))
        return _words(rows, _dictionary(*numbers), there)


class Buffers:
    """Rows on their way from the kernel into one batch.

    Attributes:
        rows: how many there are, those that were rejected not counted.
    """

    def __init__(self, reading: Reading) -> None:
        self._text = self._end = np.zeros(0, np.uint8)
        self._split = self._size = 0
        self._reading = reading
        self._index = np.zeros(kt.INDEX_SIZE, np.int32)
        self._places = np.zeros((2, kt.ROOM + 14), np.int64)
        self._odd = np.zeros((1 << 12, 4), np.int64)
        self._groups = np.zeros((1 << 14, 5), np.int64)
        self._flows = np.zeros((1 << 14, 3), np.int64)
        self._records = np.zeros((1 << 10, kw.READ_AS + 1), np.int64)
        self._rows = _FEW
        self._cap = 0
        self._forget()

    def _forget(self) -> None:
        self._done = np.zeros(2 * kw.COUNTS, np.int64)
        self._strange: dict[int, Values] = {}
        self._dropped: list[int] = []
        self._seen_odd = 0

    def _make_room(self, rows: int) -> None:
        self._cap = rows
        sizes = (
            (5 * rows, np.int64), (8 * rows, np.int32), (rows, np.int16), (rows, np.uint8),
            (2 * (rows + 1), np.int32), (rows * LONGEST_ADDRESS + 64, np.uint8),
            (rows * LONGEST_ADDRESS + 64, np.uint8), (_NAMED * rows, np.int32),
        )  # fmt: skip
        slab = SLABS.slab(sum(room(length, kind) for length, kind in sizes))
        (
            self._wide, self._narrow, self._protocols, self._present, self._offsets,
            self._sources, self._responders, self._named,
        ) = (slab.cut(length, kind) for length, kind in sizes)  # fmt: skip
        self._offsets[0] = self._offsets[rows + 1] = 0

    @property
    def rows(self) -> int:
        """How many rows there are, those that were rejected not counted."""
        return int(self._done[kw.ROW]) - len(self._dropped)

    @property
    def odd(self) -> int:
        """How many tuples were for the plain parser."""
        return int(self._done[kw.N_ODD])

    def look_at(
        self, text: np.ndarray[Any, Any], end: np.ndarray[Any, Any], split: int, size: int
    ) -> None:
        """Takes a window of the text; forgets what was not taken.

        Args:
            text: the window.
            end: what of it is behind `split`, with room behind it.
            split: where a record begins, or 0.
            size: how long the window is.
        """
        self._text, self._end, self._split, self._size = text, end, split, size
        self._places[:] = 0
        self._rows = min(_ROWS, size // _SHORTEST_TUPLE + _FEW)
        self._forget()

    def read(self, at: int, limit: int, number: int) -> tuple[int, int]:
        """Reads records from a place on, until there are enough rows or one is not plain.

        Args:
            at: where the first one begins.
            limit: how many rows are enough.
            number: the first one's number.

        Returns:
            How many it read, and behind the last of them.
        """
        if self._rows > self._cap:
            self._make_room(self._rows)
        before = self._done.copy()
        base = number - int(before[kw.N_RECORDS])
        is_end = at >= self._split
        text, size = self._parts()[is_end]
        place, offset = self._places[int(is_end)], self._split if is_end else 0
        place[1] = 0
        at -= offset
        while True:
            status, at = kw.read_records(
                text, at, size, limit + len(self._dropped), base, self._cap,
                self._wide, self._narrow, self._protocols, self._present, self._offsets,
                self._sources, self._responders, self._odd, self._index, place, self._done,
                self._groups, self._flows, self._records,
            )  # fmt: skip
            if status != kt.FULL:
                break
            self._grow()
        if offset:
            self._move(before, offset)
        self._read_odd()
        return int(self._done[kw.N_RECORDS] - before[kw.N_RECORDS]), at + offset

    def _parts(self) -> tuple[tuple[np.ndarray[Any, Any], int], tuple[np.ndarray[Any, Any], int]]:
        """Returns what of the window is read where it is, and what as a copy; with their sizes."""
        return (self._text, self._split), (self._end, self._size - self._split)

    def is_ascii(self) -> bool:
        """Reports whether the window is ASCII; most of it was looked at when it was read."""
        return not self._places[:, kt.NO_ASCII].any() and all(
            kernel_words.is_ascii(text[place[kt.CHECKED] : size])
            for place, (text, size) in zip(self._places, self._parts(), strict=True)
        )

    def _move(self, before: np.ndarray[Any, Any], offset: int) -> None:
        """Adds an offset to the places of what was read since."""
        for table, counter, columns in (
            (self._odd, kw.N_ODD, (1, 2)), (self._groups, kw.N_GROUPS, (0,)),
            (self._flows, kw.N_FLOWS, (0,)), (self._records, kw.N_RECORDS, (0, 2, 4)),
        ):  # fmt: skip
            table[before[counter] : self._done[counter], columns] += offset

    def _grow(self) -> None:
        old, rows = self._cap, int(self._done[kw.ROW])
        kept = self.__dict__.copy()
        self._make_room(old * 2)
        for name, columns in (("_wide", 5), ("_narrow", 8), ("_protocols", 1), ("_present", 1)):
            target = getattr(self, name).reshape(columns, -1)
            target[:, :rows] = kept[name].reshape(columns, -1)[:, :rows]
        self._offsets.reshape(2, -1)[:, : rows + 1] = kept["_offsets"].reshape(2, -1)[:, : rows + 1]
        for name in ("_sources", "_responders"):
            getattr(self, name)[: len(kept[name])] = kept[name]
        for name in ("_odd", "_groups", "_flows", "_records"):
            value = kept[name]
            setattr(self, name, np.concatenate([value, np.zeros_like(value)]))

    def _read_odd(self) -> None:
        """Reads by the plain parser what the kernel only noted."""
        last = int(self._done[kw.N_ODD])
        for row, start, end, form in self._odd[self._seen_odd : last].tolist():
            raw = self._text[start:end].tobytes().decode(errors="replace")
            try:
                values, warnings = read_tuple(raw, Schema(kf.SCHEMAS[form]))
            except Rejected as problem:
                place = (self._cell(kf.RECORD, row), self._cell(kf.TUPLE, row))
                self._reading.rejected.append((*place, problem.code, raw))
                self._reading.warn(problem.code)
                self._dropped.append(row)
                continue
            for code in warnings:
                self._reading.warn(code)
            self._strange[row] = values
        self._seen_odd = last

    def _cell(self, column: int, row: int) -> int:
        return int(self._narrow[column * self._cap + row])

    def take(self) -> pa.RecordBatch:
        """Returns the rows as a batch, and begins the next one."""
        for code, times in zip(kf.WARNINGS, self._done[5:8].tolist(), strict=True):
            if times:
                self._reading.warn(code, times)
        count = int(self._done[kw.ROW])
        columns = self._tuple_columns(count) | self._group_columns(count)
        if self._strange:
            self._write_strange(columns, count)
        batch = pa.RecordBatch.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)
        if self._dropped:
            keep = np.ones(count, bool)
            keep[self._dropped] = False
            batch = batch.filter(pa.array(keep))
        self._forget()
        self._cap = 0
        return batch

    def _tuple_columns(self, count: int) -> dict[str, pa.Array]:
        cap, present = self._cap, self._present[:count]
        common = int(np.bitwise_and.reduce(present)) if count else 0
        columns: dict[str, pa.Array] = {}
        for i, name in enumerate(_WIDE):
            there = None
            if i and not common & (1 << (i - 1)):
                there = _there(present, 1 << (i - 1))
            columns[name] = _array(name, self._wide[i * cap : i * cap + count], there)
        for i, name in enumerate(_NARROW):
            codes = self._narrow[i * cap : i * cap + count]
            if name in _DICTIONARIES:
                there = None
                if (bit := _BITS.get(name, 0)) & ~common:
                    there = _there(present, bit)
                columns[name] = _words(codes, _DICTIONARIES[name], there)
            else:
                columns[name] = _array(name, codes)
        for i, name in ((kf.RECORD, "record"), (kf.TUPLE, "tuple")):
            columns[name] = _array(name, self._narrow[i * cap : i * cap + count])
        columns["protocol"] = _array("protocol", self._protocols[:count])
        for i, name, data in ((0, "src_ip", self._sources), (1, "dst_ip", self._responders)):
            offsets = self._offsets[i * (cap + 1) : i * (cap + 1) + count + 1]
            parts = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
            columns[name] = pa.Array.from_buffers(pa.string(), count, parts)
        return columns

    def _group_columns(self, count: int) -> dict[str, pa.Array]:
        done = self._done
        groups = self._groups[: done[kw.N_GROUPS]]
        flows = self._flows[: done[kw.N_FLOWS]]
        records = self._records[: done[kw.N_RECORDS]]
        flow = groups[:, 2]
        record = flows[flow, 2]
        forms = records[record, kw.READ_AS]
        inner, outer = self._intern(groups, 0), self._intern(flows, 0).of(flow)
        mac, target, flow_log = (self._intern(records, at).of(record) for at in (0, 2, 4))
        rule, acl = inner, outer
        if (is_nsg := forms != kf.VNET4).any():
            rule, acl = outer.where(is_nsg, inner), target.where(is_nsg, outer)
            mac = inner.where(is_nsg & (groups[:, 1] > 0), mac)
        pairs = rule.codes.astype(np.int64) * len(acl.words) + acl.codes
        encoded = pa.array(pairs).dictionary_encode()
        which = encoded.indices.to_numpy()
        named = [
            rule_of(rule.words[pair // len(acl.words)], acl.words[pair % len(acl.words)])
            for pair in encoded.dictionary.to_pylist()
        ]
        per_group = {
            "rule": _Words(which, [name for name, _ in named]),
            "rule_kind": _Words(which, [kind for _, kind in named]),
            "acl": acl,
            "mac": _Words(mac.codes, [_mac(one) for one in mac.words]),
            "target": target,
            "flow_log": flow_log,
            "schema": _Words(forms, list(kf.SCHEMAS)),
        }
        columns: dict[str, pa.Array] = {
            name: one.spread(groups, self._named[i * self._cap : i * self._cap + count])
            for i, (name, one) in enumerate(per_group.items())
        }
        columns["blob"] = _words(_zeros(count), _dictionary(None, self._reading.blob))
        return columns

    def _intern(self, table: np.ndarray[Any, Any], at: int) -> _Words:
        """Returns the texts of a table, none for an empty one."""
        starts = np.ascontiguousarray(table[:, at])
        lengths = np.ascontiguousarray(table[:, at + 1])
        codes = np.empty(len(starts), np.int32)
        firsts = np.empty(len(starts), np.int64)
        known = kernel_words.intern(self._text, starts, lengths, codes, firsts)
        words: list[str | None] = []
        for first in firsts[:known].tolist():
            piece = self._text[starts[first] : starts[first] + lengths[first]]
            words.append(piece.tobytes().decode(errors="replace") or None)
        return _Words(codes, words)

    def _write_strange(self, columns: dict[str, pa.Array], count: int) -> None:
        """Puts the tuples into place that the plain parser read."""
        rows = sorted(self._strange)
        mask = np.zeros(count, bool)
        mask[rows] = True
        for name in (
            "time", "src_ip", "dst_ip", "src_port", "dst_port", "protocol", "direction",
            "decision", "state", "encryption", "packets_sent", "bytes_sent", "packets_received",
            "bytes_received", "schema",
        ):  # fmt: skip
            attribute = "time_ms" if name == "time" else name
            found = [getattr(self._strange[row], attribute) for row in rows]
            if name == "schema":
                found = [one.value for one in found]
            kind = _TYPES[name]
            if not pa.types.is_dictionary(kind):
                new = pa.array(found, kind)
                columns[name] = _replace(columns[name], mask, new)
                continue
            words = columns[name].dictionary.to_pylist()
            words += sorted({one for one in found if one is not None} - set(words))
            numbers = [None if one is None else words.index(one) for one in found]
            codes = _replace(columns[name].indices, mask, pa.array(numbers, pa.int32()))
            columns[name] = pa.DictionaryArray.from_arrays(codes, pa.array(words, pa.string()))


def _zeros(count: int) -> np.ndarray[Any, Any]:
    """Returns zeros that nobody may change: most batches share them."""
    return _ZEROS[:count] if count <= len(_ZEROS) else np.zeros(count, np.int32)


def _replace(values: pa.Array, mask: np.ndarray[Any, Any], new: pa.Array) -> pa.Array:
    return pc.call_function("replace_with_mask", [values, pa.array(mask), new])


def _there(present: np.ndarray[Any, Any], bit: int) -> np.ndarray[Any, Any]:
    packed = np.empty((len(present) + 7) // 8, np.uint8)
    kernel_words.pack(present, bit, packed)
    return packed


def _array(
    name: str, values: np.ndarray[Any, Any], there: np.ndarray[Any, Any] | None = None
) -> pa.Array:
    valid = None if there is None else pa.py_buffer(there)
    parts = [valid, pa.py_buffer(values)]
    return pa.Array.from_buffers(_TYPES[name], len(values), parts)


@lru_cache(maxsize=256)
def _dictionary(_: None, *words: str) -> pa.Array:
    """Returns words behind None as an array, which batches share; it is never empty."""
    return pa.array(words or [""], pa.string())


def _words(
    codes: np.ndarray[Any, Any], words: pa.Array, there: np.ndarray[Any, Any] | None = None
) -> pa.DictionaryArray:
    parts = [None if there is None else pa.py_buffer(there), pa.py_buffer(codes)]
    return pa.DictionaryArray.from_buffers(_WORD, len(codes), parts, words)
