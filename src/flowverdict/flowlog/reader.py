"""A blob into Arrow batches, as its bytes come: a window of its text after the other.

The plain reader is the specification of reading. The compiled kernel gives the same batches, by
the same code: the two differ in their `Rows`.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from flowverdict.flowlog.columns import QUARANTINE
from flowverdict.flowlog.pieces import Window, unpacked
from flowverdict.flowlog.place import START, Place, Progress
from flowverdict.flowlog.records import is_flow_log, read_record
from flowverdict.flowlog.rows import BATCH_ROWS, PlainRows, array_of
from flowverdict.flowlog.scan import Damage, Ending, Run, Scan, Scanned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.flowlog.rows import Rows, RowsOf

WINDOW: Final = 1 << 24
"""How much of a text is looked at once, in bytes; a record that is longer makes it grow."""
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Reading:
    """What one blob gave.

    Attributes:
        status: ``ok``, ``empty`` or ``not_flow_log``; of a blob that is read on, always ``ok``.
        records: how many records were read, whole or not.
        whole_records: how many of them stand in the blob to their end.
        flow_records: how many of them are of a flow log.
        rows: how many rows were given.
        warnings: how often each code came up.
        rejected: what could not become a row: record, tuple, code and text of each. A damaged piece
            of text has a number as if it were a record, and no tuple.
        place: behind the last whole record of which all rows were given, or behind the damaged
            piece that followed it, if another record follows that.
        progress: what was given, in rows and in ``rejected``.
    """

    blob: str
    status: str = "ok"
    records: int = 0
    whole_records: int = 0
    flow_records: int = 0
    rows: int = 0
    warnings: dict[str, int] = field(default_factory=dict[str, int])
    rejected: list[tuple[int, int | None, str, str]] = field(
        default_factory=list[tuple[int, "int | None", str, str]]
    )
    place: Place = field(default_factory=Place)
    progress: Progress = field(default_factory=Progress)

    def warn(self, code: str, times: int = 1) -> None:
        """Counts a warning."""
        self.warnings[code] = self.warnings.get(code, 0) + times

    def quarantine(self, first: int = 0) -> pa.RecordBatch:
        """Returns what could not become a row, from one of them on."""
        columns = list(zip(*self.rejected[first:], strict=True)) or [(), (), (), ()]
        record, number, code, raw = columns
        values = [[self.blob] * len(record), record, number, code, raw]
        arrays = [
            array_of(list(one), kind.type) for one, kind in zip(values, QUARANTINE, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=QUARANTINE)


def read_blob(data: bytes, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a blob as batches of ``SCHEMA``; the rest is noted in ``reading``.

    Args:
        data: the blob's bytes, gzip or not, cut short or not.
        reading: takes counts, warnings and rejects; complete when the last batch is out.
    """
    return read_pieces((data,), reading)


def read_pieces(
    pieces: Iterable[bytes],
    reading: Reading,
    *,
    at: Place = START,
    rows_of: RowsOf = PlainRows,
    window: int = WINDOW,
) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a blob as batches of ``SCHEMA`` while its bytes come in.

    After each batch, and at the end, ``reading.place`` and ``reading.progress`` say how far the
    batches and ``reading.rejected`` are. Reading on from the place gives the rest, and once more
    what progress says was given behind it. A batch may have no rows if much was rejected.

    Args:
        pieces: the blob's bytes from ``at.offset`` on, in pieces of any size; gzip or not if from
            the beginning, else unpacked.
        reading: a new one; takes counts, warnings and rejects.
        at: where an earlier reading stopped.
        rows_of: the plain reader's rows or the compiled one's.
        window: how many bytes are looked at once.
    """
    if at.offset:
        text = Window(pieces)
    else:
        text = Window(unpacked(pieces, lambda: reading.warn("truncated")))
    course = _Course(reading, at, rows_of(reading), text)
    text.fill(max(window, len(_BOM)))
    if not at.offset:
        course.take_off_mark()
    while True:
        for _ in course.look():
            if course.rows.count >= BATCH_ROWS:
                yield course.give()
        if course.is_no_flow_log():
            reading.status = "not_flow_log"
            reading.rejected.clear()
            return
        if course.has_news():
            yield course.give()
        if text.is_last:
            break
        course.go_on()
        text.fill(max(window, 2 * len(text.text)))
    course.finish()


class _Course:
    """The course of one reading.

    Attributes:
        rows: what the next batch has so far.
    """

    def __init__(self, reading: Reading, at: Place, rows: Rows, window: Window) -> None:
        self.rows = rows
        self._scan = Scan(window.text, depth=at.depth)
        self._reading = reading
        self._window = window
        self._begin = at
        self._offset = at.offset  # of the window in the text
        self._number = at.number  # of the next record or damaged piece
        self._place, self._progress = at, Progress(at.number)
        self._rejected = 0
        self._is_utf8 = True
        reading.place, reading.progress = self._place, self._progress

    def take_off_mark(self) -> None:
        """Takes off a byte-order mark."""
        if self._window.text.startswith(_BOM):
            self._reading.warn("bom")
            self._window.drop(len(_BOM))
            self._offset += len(_BOM)

    def look(self) -> Iterator[None]:
        """Looks at the window; takes what is in it, one by one."""
        text, is_last = self._window.text, self._window.is_last
        self.rows.look_at(text)
        self._scan.text, self._scan.is_last = text, is_last
        self._rejected = len(self._reading.rejected)
        for found in self._scan.read(lambda at: self.rows.run(at, self._number)):
            self._take(found)
            yield
        if self._is_utf8 and not self.rows.is_ascii(text):
            try:
                codecs.utf_8_decode(text, "strict", is_last)
            except UnicodeDecodeError:
                self._is_utf8 = False
                self._reading.warn("schema_mismatch")

    def go_on(self) -> None:
        """Leaves what was read behind; what comes next is added to the rest."""
        self._window.drop(self._scan.at)
        self._offset += self._scan.at
        self._scan.at = 0

    def _take(self, found: Scanned | Damage | Run) -> None:
        """Notes what was found, and counts it."""
        reading, number = self._reading, self._number
        if isinstance(found, Run):
            self._number += found.records
            self._progress = Progress(self._number)
            reading.records += found.records
            reading.whole_records += found.records
            reading.flow_records += found.records
            is_between = True
        elif isinstance(found, Damage):
            self._number += 1
            self._progress = Progress(self._number) if found.is_followed else Progress(number, 1)
            reading.warn("truncated")
            reading.rejected.append((number, None, "truncated", found.text))
            is_between = found.is_followed
        else:
            self._number += 1
            tuples = self._take_record(found, number)
            is_cut = found.ending is Ending.CUT
            self._progress = Progress(number, tuples) if is_cut else Progress(self._number)
            is_between = found.ending is Ending.WHOLE
        if is_between:
            self._place = Place(self._offset + self._scan.at, self._number, self._scan.depth)

    def _take_record(self, found: Scanned, number: int) -> int:
        """Takes a record that is to be read plainly; returns how many tuples it has."""
        reading, record = self._reading, read_record(found.value)
        reading.records += 1
        reading.whole_records += found.ending is Ending.WHOLE
        reading.flow_records += record.is_flow_log
        for code, times in record.warnings.items():
            reading.warn(code, times)
        reading.rejected.extend(
            (number, one.tuple_number, one.code, one.raw) for one in record.rejects
        )
        self.rows.add(record, number)
        return record.tuples

    def has_news(self) -> bool:
        """Reports whether there is something to give at the end of a window."""
        is_known = self._begin.number > 0 or self._reading.flow_records > 0
        has_rejects = len(self._reading.rejected) > self._rejected
        return self.rows.count > 0 or (is_known and has_rejects and not self._window.is_last)

    def give(self) -> pa.RecordBatch:
        """Returns the rows so far; from now on they are given."""
        batch = self.rows.take()
        reading = self._reading
        reading.rows += batch.num_rows
        reading.place, reading.progress = self._place, self._progress
        return batch

    def is_no_flow_log(self) -> bool:
        """Reports whether enough was seen to give up: nothing of a flow log in all of it."""
        is_enough = self._offset + len(self._window.text) >= WINDOW and not self._window.is_last
        is_unknown = not self._begin.number and not self._reading.flow_records
        return is_enough and is_unknown and not is_flow_log(self._scan.unread)

    def finish(self) -> None:
        """Notes what is known when all was read."""
        reading, scan = self._reading, self._scan
        reading.place, reading.progress = self._place, self._progress
        if scan.truncated:
            reading.warn("truncated")
        if scan.nested:
            reading.warn("nested_records", scan.nested)
        if self._begin.number:
            return
        if scan.is_blank:
            reading.status = "empty"
        elif self._number and not reading.flow_records:
            reading.status = "not_flow_log"
