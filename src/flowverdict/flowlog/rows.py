"""Rows on their way into one batch: the seam by which the plain and the compiled reader differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias

import pyarrow as pa

from flowverdict.flowlog.columns import SCHEMA

if TYPE_CHECKING:
    from flowverdict.flowlog.reader import Reading
    from flowverdict.flowlog.records import Record

BATCH_ROWS: Final = 1 << 17
"""A batch is done when it has so many rows, or at the end of a window of the text."""


class Rows(Protocol):
    """Takes records in the order in which they stand in the blob; gives batches of ``SCHEMA``."""

    @property
    def count(self) -> int:
        """How many rows the next batch has so far."""
        ...

    def look_at(self, text: bytes | bytearray) -> None:
        """Takes the window in which the next records stand; the last batch was taken."""
        ...

    def is_ascii(self, text: bytes | bytearray) -> bool:
        """Reports whether the window is ASCII, when its records were read."""
        ...

    def run(self, at: int, number: int) -> tuple[int, int]:
        """Reads whole records itself, until a batch is done or one of them is not plain to read.

        Args:
            at: where the first one begins in the window.
            number: the first one's number.

        Returns:
            How many it read, and behind the last of them.
        """
        ...

    def add(self, record: Record, number: int) -> None:
        """Takes a record that was read plainly."""
        ...

    def take(self) -> pa.RecordBatch:
        """Returns the rows so far as a batch."""
        ...


RowsOf: TypeAlias = Callable[["Reading"], Rows]


class PlainRows:
    """Rows of records that were read plainly, every one of them."""

    def __init__(self, reading: Reading) -> None:
        self._blob = reading.blob
        self._records: list[tuple[int, Record]] = []
        self.count = 0

    def look_at(self, text: bytes | bytearray) -> None:
        """Needs no text: it gets records."""

    def is_ascii(self, text: bytes | bytearray) -> bool:
        """Reports whether the window is ASCII."""
        return text.isascii()

    def run(self, at: int, number: int) -> tuple[int, int]:  # noqa: ARG002
        """Reads none itself."""
        return 0, at

    def add(self, record: Record, number: int) -> None:
        """Takes a record."""
        self._records.append((number, record))
        self.count += len(record.rows)

    def take(self) -> pa.RecordBatch:
        """Returns the rows so far as a batch."""
        columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
        for number, record in self._records:
            for row in record.rows:
                values, group = row.values, row.group
                cells = (
                    values.time_ms, values.src_ip, values.dst_ip, values.src_port, values.dst_port,
                    values.protocol, values.direction, values.decision, values.state,
                    values.encryption, values.packets_sent, values.bytes_sent,
                    values.packets_received, values.bytes_received, group.rule, group.rule_kind,
                    group.acl, group.mac, group.target, group.flow_log, values.schema.value,
                    self._blob, number, row.tuple_number,
                )  # fmt: skip
                for column, cell in zip(columns.values(), cells, strict=True):
                    column.append(cell)
        self._records, self.count = [], 0
        arrays = [array_of(columns[one.name], one.type) for one in SCHEMA]
        return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def array_of(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Returns values as an Arrow array; what is no UTF-8 in a text is replaced."""
    if pa.types.is_dictionary(kind):
        return array_of(values, kind.value_type).dictionary_encode()
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # half a surrogate pair, written as a JSON escape
        return pa.array([one and one.encode(errors="replace").decode() for one in values], kind)
