"""A blob into Arrow batches, in plain Python: the specification of reading.

The compiled kernel gives the same batches; this reader serves where nothing is compiled yet, for
small blobs, and for records of odd forms.

A blob is read in windows of some megabytes: what is whole in a window is read, the rest waits for
the next one. So it does not matter how large a blob is, or in which pieces it comes.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from flowverdict.flowlog.columns import QUARANTINE, SCHEMA
from flowverdict.flowlog.packed import unpacked
from flowverdict.flowlog.place import NOTHING, START, Place, Progress
from flowverdict.flowlog.records import Record, read_record
from flowverdict.flowlog.scan import Scan

if TYPE_CHECKING:
    from flowverdict.flowlog.scan import Scanned

BATCH_ROWS: Final = 1 << 16
WINDOW: Final = 1 << 24
"""Bytes of text that are looked at together."""
PADDING: Final = 1 << 12
"""Bytes behind a text that may be looked at; all of them 0."""
_BOM: Final = b"\xef\xbb\xbf"
_LONGEST_CHARACTER: Final = 4
_ODD: Final = re.compile("[\udc80-\udcff]")
_SPARE: Final = threading.local()


@dataclass(slots=True)
class Reading:
    """What one blob gave so far.

    Attributes:
        status: ``ok``, ``empty`` or ``not_flow_log``.
        records: how many records, whole or cut.
        flow_records: how many of them are of a flow log.
        warnings: how often each code came up.
        rejected: what could not become a row: record, tuple, code and text of each.
        place: where reading can go on when the blob has grown.
        progress: of what rows and rejects were given.
        number: of the next record or damaged piece.
    """

    blob: str
    status: str = "ok"
    records: int = 0
    flow_records: int = 0
    rows: int = 0
    warnings: dict[str, int] = field(default_factory=dict[str, int])
    rejected: list[tuple[int, int | None, str, str]] = field(
        default_factory=list[tuple[int, "int | None", str, str]]
    )
    place: Place = START
    progress: Progress = NOTHING
    number: int = 0

    def warn(self, code: str, times: int = 1) -> None:
        """Counts a warning."""
        self.warnings[code] = self.warnings.get(code, 0) + times

    def quarantine(self, first: int = 0) -> pa.RecordBatch:
        """Returns what could not become a row, from one of them on."""
        columns = list(zip(*self.rejected[first:], strict=True)) or [(), (), (), ()]
        record, number, code, raw = columns
        values = [[self.blob] * len(record), record, number, code, raw]
        arrays = [
            _array(list(one), kind.type) for one, kind in zip(values, QUARANTINE, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=QUARANTINE)

    def count(self, record: Record, *, whole: bool) -> int:
        """Counts a record; returns its number."""
        number = self.number
        self.number += 1
        self.records += 1
        self.flow_records += record.is_flow_log
        for code, times in record.warnings.items():
            self.warn(code, times)
        self.rejected.extend(
            (number, one.tuple_number, one.code, one.raw) for one in record.rejects
        )
        self.progress = Progress(number + 1) if whole else Progress(number, record.tuples)
        return number

    def count_plain(self, records: int) -> None:
        """Counts records that are whole and in Azure's own form."""
        self.number += records
        self.records += records
        self.flow_records += records
        self.progress = Progress(self.number)

    def count_damage(self, text: str) -> None:
        """Counts a piece of text that is no record."""
        self.warn("truncated")
        self.rejected.append((self.number, None, "truncated", text))
        self.progress = Progress(self.number, 1)
        self.number += 1


class Window:
    """A part of a blob's text that is looked at in one piece.

    Attributes:
        memory: holds its bytes from 0 on, and at least ``PADDING`` more, which are 0.
        size: how many bytes it has.
        start: where they begin in the blob.
        scan: goes through its records.
    """

    def __init__(
        self, memory: bytearray, size: int, start: int, *, is_last: bool, depth: int
    ) -> None:
        """Takes the text in a part of the memory."""
        self.memory = memory
        self.size = size
        self.start = start
        self.is_last = is_last
        self.depth = depth
        self.scan: Scan
        self.is_utf8 = True
        self._char = self._byte = 0
        self._text: str | None = None

    def decoded(self, reading: Reading) -> str:
        """Returns the text; each byte that is no UTF-8 is replaced, and warned of once."""
        if self._text is None:
            self._text = self._decoded(reading)
        return self._text

    def _decoded(self, reading: Reading) -> str:
        data = memoryview(self.memory)[: self.size]
        try:
            return str(data, "utf-8")
        except UnicodeDecodeError as problem:
            if not self.is_last and self.size - problem.start < _LONGEST_CHARACTER:
                self.size = problem.start  # its other bytes are still to come
                return str(data[: self.size], "utf-8")
        reading.warn("schema_mismatch")
        self.is_utf8 = False
        return _ODD.sub("\ufffd", str(data, "utf-8", "surrogateescape"))

    def offset(self, char: int) -> int:
        """Returns where in the blob a character stands; asked for in ascending order."""
        if len(self.scan.chars) == self.size:
            return self.start + char
        if self.is_utf8:
            part = self.scan.text[self._char : char]
        else:
            rest = memoryview(self.memory)[self._byte : self.size]
            part = str(rest, "utf-8", "surrogateescape")[: char - self._char]
        self._byte += len(part.encode(errors="surrogateescape"))
        self._char = char
        return self.start + self._byte

    def note(self, reading: Reading, found: Scanned) -> None:
        """Notes that reading can go on behind a whole record, the last one so far."""
        reading.place = Place(self.offset(found.end), reading.number, self.scan.depth)


RowsOf = Callable[[Window, Reading], Iterator[pa.RecordBatch]]
"""Yields the rows of a window; what differs between readers."""


def plain_rows(window: Window, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a window."""
    pending: list[tuple[int, Record]] = []
    rows = 0
    text = window.decoded(reading)
    window.scan = Scan(text, is_last=window.is_last, depth=window.depth)
    for found in window.scan:
        if found.damaged:
            reading.count_damage(text[found.start : found.end])
            continue
        record = read_record(found.value)
        pending.append((reading.count(record, whole=found.whole), record))
        rows += len(record.rows)
        if found.whole:
            window.note(reading, found)
        if rows >= BATCH_ROWS:
            reading.rows += rows
            yield batch_of(pending, reading.blob)
            pending, rows = [], 0
    if rows:
        reading.rows += rows
        yield batch_of(pending, reading.blob)


def read_pieces(
    pieces: Iterable[bytes],
    reading: Reading,
    *,
    at: Place = START,
    rows_of: RowsOf = plain_rows,
    window: int = WINDOW,
) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a blob as batches of ``SCHEMA``; the rest is noted in ``reading``.

    With each batch that comes out, ``reading.place`` and ``reading.progress`` say how far it goes.
    To read from there, when the blob has grown, gives what is left, and what was whole of a record
    that was cut again: ``progress`` tells the one from the other.

    Args:
        pieces: the blob's bytes in pieces of any size, from ``at.offset`` on; gzip or not if that
            is 0, and unpacked otherwise; cut short or not.
        reading: takes counts, warnings and rejects; complete when the last batch is out.
        at: where the pieces begin.
        rows_of: the reader.
        window: bytes that are looked at together, if no record is longer.
    """
    reading.place, reading.number = at, at.number
    reading.progress = Progress(at.number)
    source = iter(pieces)
    if not at.offset:
        source = unpacked(source, lambda: reading.warn("truncated"))
    with _buffer() as buffer:
        yield from _windows(buffer, source, reading, at, rows_of, window)


def _windows(
    buffer: _Buffer,
    source: Iterator[bytes],
    reading: Reading,
    at: Place,
    rows_of: RowsOf,
    size: int,
) -> Iterator[pa.RecordBatch]:
    """Yields the rows of one window after the other."""
    start, depth, wanted = at.offset, at.depth, size
    is_blank = True
    while True:
        is_last = buffer.fill(source, wanted)
        if not start and buffer.memory.startswith(_BOM):
            reading.warn("bom")
            buffer.drop(len(_BOM))
            start = len(_BOM)
        view = Window(buffer.memory, buffer.size, start, is_last=is_last, depth=depth)
        yield from rows_of(view, reading)
        scan = view.scan
        if scan.nested:
            reading.warn("nested_records", scan.nested)
        if is_blank:
            is_blank = reading.number == at.number and not scan.text.strip("\x00 \t\r\n")
        if is_last or (not reading.records and _is_something_else(reading, at)):
            break
        depth = scan.depth
        done = view.offset(scan.stopped) - start
        buffer.drop(done)
        start += done
        wanted = size if done else 2 * max(buffer.size, size)
    if scan.truncated:
        reading.warn("truncated")
    if is_blank and not at.offset:
        reading.status = "empty"
    elif _is_something_else(reading, at):
        reading.status = "not_flow_log"


class _Buffer:
    """Bytes that wait to be looked at."""

    def __init__(self) -> None:
        self.memory = bytearray(PADDING)
        self.size = 0

    def fill(self, source: Iterator[bytes], wanted: int) -> bool:
        """Takes in pieces until there are bytes enough; reports whether there are no more."""
        is_last = False
        while self.size < wanted:
            piece = next(source, None)
            if piece is None:
                is_last = True
                break
            end = self.size + len(piece)
            if end + PADDING > len(self.memory):
                larger = bytearray(max(end + PADDING, min(2 * len(self.memory), wanted)))
                larger[: self.size] = memoryview(self.memory)[: self.size]
                self.memory = larger
            self.memory[self.size : end] = piece
            self.size = end
        self.memory[self.size : self.size + PADDING] = bytes(PADDING)
        return is_last

    def drop(self, count: int) -> None:
        """Forgets bytes from the beginning; what is left moves there."""
        left = self.size - count
        self.memory[:left] = self.memory[count : self.size]
        self.size = left
        self.memory[left : left + PADDING] = bytes(PADDING)


@contextmanager
def _buffer() -> Generator[_Buffer]:
    """Gives a thread's buffer: new memory for each blob would cost more than reading it."""
    mine = getattr(_SPARE, "buffer", None) or _Buffer()
    _SPARE.buffer = None
    try:
        yield mine
    finally:
        mine.size = 0
        if len(mine.memory) <= 2 * WINDOW:
            _SPARE.buffer = mine


def _is_something_else(reading: Reading, at: Place) -> bool:
    """Reports whether what was seen is no flow log."""
    return reading.number > at.number and not reading.flow_records and not at.number


def read_blob(data: bytes, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a blob as batches of ``SCHEMA``; the rest is noted in ``reading``.

    Args:
        data: the blob's bytes, gzip or not, cut short or not.
        reading: takes counts, warnings and rejects; complete when the last batch is out.
    """
    return read_pieces((data,), reading)


def batch_of(pending: list[tuple[int, Record]], blob: str) -> pa.RecordBatch:
    """Returns the rows of some records as one batch."""
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    for number, record in pending:
        for row in record.rows:
            values, group = row.values, row.group
            cells = (
                values.time_ms, values.src_ip, values.dst_ip, values.src_port, values.dst_port,
                values.protocol, values.direction, values.decision, values.state,
                values.encryption, values.packets_sent, values.bytes_sent,
                values.packets_received, values.bytes_received, group.rule, group.rule_kind,
                group.acl, group.mac, group.target, group.flow_log, values.schema.value, blob,
                number, row.tuple_number,
            )  # fmt: skip
            for column, cell in zip(columns.values(), cells, strict=True):
                column.append(cell)
    arrays = [_array(columns[one.name], one.type) for one in SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return _array(values, kind.value_type).dictionary_encode().cast(kind)
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:  # half a surrogate pair, written as a JSON escape
        return pa.array([one and one.encode(errors="replace").decode() for one in values], kind)
