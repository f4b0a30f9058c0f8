"""Rows in, the same rows with their verdicts out."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.classify import SCHEMA, Classifier, PacketError
from flowverdict.packets.columns import VERDICT, read_columns
from flowverdict.packets.files import opened
from flowverdict.packets.pieces import ROWS, Piece, Reject, refuse
from flowverdict.packets.places import Places
from flowverdict.packets.reading import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from flowverdict.model import Estate
    from flowverdict.packets.reading import Read
    from flowverdict.policy import Options

_NAMING: Final = ("nic", "vm", "mac", "target", "acl")


@dataclass(slots=True)
class Judged:
    """What came out so far.

    Attributes:
        accesses: how many rows got each verdict.
        missing: how many rows lack each fact, of those that are ``Unknown``.
        rejected: how many rows are no packets.
    """

    accesses: Counter[str] = field(default_factory=Counter[str])
    missing: Counter[str] = field(default_factory=Counter[str])
    rejected: int = 0

    @property
    def rows(self) -> int:
        """How many rows were judged."""
        return self.accesses.total()


class Judge:
    """Judges the rows of one file or table; ``count`` tells what came out.

    Args:
        estate: the network.
        options: how open questions are answered.
        file: what the rows stand in, for messages.
        reject: takes the rows that are no packets; None refuses the first.
    """

    def __init__(
        self, estate: Estate, options: Options, file: str,
        reject: Callable[[Reject], None] | None = None,
    ) -> None:  # fmt: skip
        self.count = Judged()
        self._file = file
        self._reject = reject
        self._places = Places(estate)
        self._classifier = Classifier(estate, options)

    def judge(self, schema: pa.Schema, pieces: Iterable[Piece]) -> Iterator[pa.RecordBatch]:
        """Yields the rows with their verdicts, in their order.

        Args:
            schema: their columns.
            pieces: the rows.

        Raises:
            InputError: a row is no packet, and ``reject`` is None.
        """
        columns = read_columns(self._file, schema.names)
        for name in columns.values():
            if pa.types.is_nested(schema.field(name).type):
                raise refuse(self._file, f"is a column of {schema.field(name).type}",
                             "texts or numbers", column=name)  # fmt: skip
        reader = Reader(columns)
        for piece in pieces:
            for one in piece.rejects:
                self._refuse(one)
            if len(piece.rows):
                yield self._piece(piece, reader, columns)

    def _piece(self, piece: Piece, reader: Reader, columns: Any) -> pa.RecordBatch:
        read = reader.read(piece.rows)
        packets, reasons = self._packets(piece.rows, columns, read)
        rows, verdicts = piece.rows, None
        if not read.wrong:
            try:
                verdicts = self._classifier.judge(packets)
            except PacketError:
                reader.check_addresses(read)
        if verdicts is None:
            reader.check_addresses(read)
            keep = np.ones(len(rows), np.bool_)
            for at, wrong in sorted(read.wrong.items()):
                keep[at] = False
                raw = rows.slice(at, 1).to_pylist()[0]
                self._refuse(Reject(piece.lines[at], wrong.column, wrong.what, wrong.expected, raw))
            kept = pa.array(keep)
            rows, packets, reasons = (one.filter(kept) for one in (rows, packets, reasons))
            verdicts = self._classifier.judge(packets)
        return self._joined(rows, verdicts, reasons)

    def _packets(
        self, rows: pa.RecordBatch, columns: Any, read: Read
    ) -> tuple[pa.RecordBatch, pa.Array]:
        """Returns what the classifier takes, and what of the interface is missing."""
        naming = {name: _text(rows[columns[name]]) for name in _NAMING if name in columns}
        nics, reasons = self._places.find(naming | read.columns)
        return pa.RecordBatch.from_pydict({"nic": nics, **read.columns}), reasons

    def _joined(
        self, rows: pa.RecordBatch, verdicts: pa.RecordBatch, reasons: pa.Array
    ) -> pa.RecordBatch:
        missing = verdicts["missing"]
        if reasons.null_count < len(reasons):
            text = missing.cast(pa.string())
            missing = pc.coalesce(reasons, text).dictionary_encode()
        found = [*(verdicts[name] for name in VERDICT[:-1]), missing]
        self._tally(found[0], missing)
        schema = joined_schema(rows.schema)
        return pa.RecordBatch.from_arrays([*rows.columns, *found], schema=schema)

    def _tally(self, access: pa.Array, missing: pa.Array) -> None:
        for column, into in ((access, self.count.accesses), (missing, self.count.missing)):
            for one in column.value_counts().to_pylist():
                if one["values"] is not None:
                    into[one["values"]] += one["counts"]

    def _refuse(self, one: Reject) -> None:
        self.count.rejected += 1
        if self._reject is None:
            raise refuse(self._file, one.what, one.expected, line=one.line, column=one.column)
        self._reject(one)


def joined_schema(schema: pa.Schema) -> pa.Schema:
    """Returns the columns of rows with those of their verdicts behind."""
    return pa.schema([*schema, *(SCHEMA.field(name) for name in VERDICT)])


def _text(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string())


def judge_packets(
    estate: Estate,
    packets: Any,
    options: Options,
) -> Any:
    """Returns the rows of a file or a table with their verdicts, as ``flowverdict.judge`` has it.

    Raises:
        InputError: a row is no packet, or a column is missing.
    """
    if isinstance(packets, (str, Path)):
        with opened(str(packets), sys.stdin.buffer) as (pieces, _):
            return _all(estate, options, str(packets), pieces)
    batches = [packets] if isinstance(packets, pa.RecordBatch) else packets
    if isinstance(batches, pa.Table):
        batches = batches.to_batches(ROWS)
    empty = pa.RecordBatch.from_pylist([], schema=packets.schema)
    return _all(estate, options, "packets", chain([Piece(empty, [])], numbered(batches)))


def numbered(batches: Iterable[pa.RecordBatch]) -> Iterator[Piece]:
    """Yields rows that stand in no file, by their numbers from 1."""
    number = 1
    for batch in batches:
        yield Piece(batch, range(number, number + len(batch)))
        number += len(batch)


def _all(estate: Estate, options: Options, name: str, pieces: Iterator[Piece]) -> pa.Table:
    first = next(pieces)
    judge = Judge(estate, options, name)
    schema = first.rows.schema
    found = list(judge.judge(schema, chain([first], pieces)))
    return pa.Table.from_batches(found, joined_schema(schema))
