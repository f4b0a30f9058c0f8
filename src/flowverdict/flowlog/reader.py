"""A whole blob into Arrow batches, in plain Python: the specification of reading.

The compiled kernel gives the same batches; this reader serves where nothing is compiled yet, for
small blobs, and for records of odd forms.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from flowverdict.flowlog.columns import QUARANTINE, SCHEMA
from flowverdict.flowlog.records import read_record
from flowverdict.flowlog.scan import Scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.flowlog.records import Record

_BATCH_ROWS: Final = 1 << 16
_GZIP: Final = b"\x1f\x8b"
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Reading:
    """What one blob gave.

    Attributes:
        status: ``ok``, ``empty`` or ``not_flow_log``.
        records: how many records, whole or cut.
        whole_records: how many of them stand in the blob to their end.
        warnings: how often each code came up.
        cut_tuples: how many tuples of the last record were there, if the blob is cut inside it.
        rejected: what could not become a row: record, tuple, code and text of each.
    """

    blob: str
    status: str = "ok"
    records: int = 0
    whole_records: int = 0
    flow_records: int = 0
    rows: int = 0
    cut_tuples: int | None = None
    warnings: dict[str, int] = field(default_factory=dict[str, int])
    rejected: list[tuple[int, int | None, str, str]] = field(
        default_factory=list[tuple[int, "int | None", str, str]]
    )

    def warn(self, code: str, times: int = 1) -> None:
        """Counts a warning."""
        self.warnings[code] = self.warnings.get(code, 0) + times

    def quarantine(self) -> pa.RecordBatch:
        """Returns what could not become a row."""
        columns = list(zip(*self.rejected, strict=True)) or [(), (), (), ()]
        record, number, code, raw = columns
        values = [[self.blob] * len(record), record, number, code, raw]
        arrays = [
            _array(list(one), kind.type) for one, kind in zip(values, QUARANTINE, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=QUARANTINE)


def read_blob(data: bytes, reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yields the rows of a blob as batches of ``SCHEMA``; the rest is noted in ``reading``.

    Args:
        data: the blob's bytes, gzip or not, cut short or not.
        reading: takes counts, warnings and rejects; complete when the last batch is out.
    """
    text = decode(data, reading)
    scan = Scan(text)
    pending: list[tuple[int, Record]] = []
    rows = 0
    for found in scan:
        record = read_record(found.value)
        number = reading.records
        reading.records += 1
        reading.whole_records += found.whole
        reading.cut_tuples = None if found.whole else record.tuples
        reading.flow_records += record.is_flow_log
        for code, times in record.warnings.items():
            reading.warn(code, times)
        reading.rejected.extend(
            (number, one.tuple_number, one.code, one.raw) for one in record.rejects
        )
        pending.append((number, record))
        rows += len(record.rows)
        if rows >= _BATCH_ROWS:
            yield _batch(pending, reading.blob)
            reading.rows += rows
            pending, rows = [], 0
    if rows:
        yield _batch(pending, reading.blob)
        reading.rows += rows
    _finish(scan, reading)


def _finish(scan: Scan, reading: Reading) -> None:
    for start, end in scan.broken:
        reading.warn("truncated")
        reading.rejected.append((reading.records, None, "truncated", scan.text[start:end]))
    if scan.truncated:
        reading.warn("truncated")
    else:
        reading.cut_tuples = None
    if scan.nested:
        reading.warn("nested_records", scan.nested)
    if reading.records and not reading.flow_records:
        reading.status = "not_flow_log"
    elif not reading.records and not scan.broken and not scan.text.strip("\x00 \t\r\n"):
        reading.status = "empty"
    elif not reading.records and scan.broken:
        reading.status = "not_flow_log"


def decode(data: bytes, reading: Reading) -> str:
    """Returns a blob's text: unpacked, without a byte-order mark, odd bytes replaced."""
    if data.startswith(_GZIP):
        data = _unpack(data, reading)
    if data.startswith(_BOM):
        reading.warn("bom")
        data = data[len(_BOM) :]
    try:
        return data.decode()
    except UnicodeDecodeError:
        reading.warn("schema_mismatch")
        return data.decode(errors="replace")


def _unpack(data: bytes, reading: Reading) -> bytes:
    """Unpacks gzip, one member after another; of a cut or damaged one as much as there is."""
    try:
        return gzip.decompress(data)
    except (EOFError, OSError, zlib.error):
        reading.warn("truncated")
    parts: list[bytes] = []
    while data.startswith(_GZIP):
        unpacker = zlib.decompressobj(wbits=31)
        try:
            for at in range(0, len(data), 1 << 16):
                parts.append(unpacker.decompress(data[at : at + (1 << 16)]))
                if unpacker.eof:
                    data = unpacker.unused_data + data[at + (1 << 16) :]
                    break
            else:
                break
        except zlib.error:
            break
    return b"".join(parts)


def _batch(pending: list[tuple[int, Record]], blob: str) -> pa.RecordBatch:
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
