"""The tables of a lake.

Rows are appended exactly once because what was read of each blob is part of the very commit that
adds its rows: a Delta application transaction, whose id is the blob and whose version is how far
it was read. Whatever is killed, and whenever, either both are there or neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from flowverdict.flowlog import QUARANTINE, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

_TUPLE_BITS: Final = 24
_ATTEMPTS: Final = 20
_PROPERTIES: Final = WriterProperties(compression="ZSTD", compression_level=1)


class LakeError(Exception):
    """A lake that cannot be opened or written."""


@dataclass(frozen=True, slots=True, order=True)
class Progress:
    """How far a blob was read: whole records, and tuples of the record that was cut."""

    records: int = 0
    tuples: int = 0

    def as_version(self) -> int:
        """Returns it as the version of a Delta application transaction."""
        return self.records << _TUPLE_BITS | self.tuples

    @staticmethod
    def of_version(version: int | None) -> Progress:
        """Returns what a version says; nothing read where there is none."""
        return Progress(*divmod(version or 0, 1 << _TUPLE_BITS))


def _plain(schema: pa.Schema) -> pa.Schema:
    """Returns a schema as Delta stores it: words as text, and nothing that it cannot promise."""
    return pa.schema(
        [
            pa.field(
                one.name, one.type.value_type if pa.types.is_dictionary(one.type) else one.type
            )
            for one in schema
        ]
    )


FLOWS: Final = _plain(SCHEMA).append(pa.field("day", pa.date32()))
REJECTS: Final = _plain(QUARANTINE)


class Lake:
    """A folder of Delta tables: ``flows``, by day of the tuple's time, and ``quarantine``."""

    def __init__(self, root: str) -> None:
        self.root = root
        path = Path(root)
        if path.exists() and not path.is_dir():
            raise LakeError(f"{root}: is no folder: expected a lake, or a new name for one")
        self.flows = Table(str(path / "flows"), FLOWS, by_day=True)
        self.quarantine = Table(str(path / "quarantine"), REJECTS, by_day=False)


class Table:
    """One Delta table that takes rows of blobs, each row once."""

    def __init__(self, location: str, schema: pa.Schema, *, by_day: bool) -> None:
        self.location = location
        self.schema = schema
        self._by_day = by_day

    def open(self) -> DeltaTable | None:
        """Returns the table as it stands; None where there is none yet."""
        try:
            return DeltaTable(self.location)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as problem:
            raise LakeError(f"{self.location}: {_one_line(problem)}") from None

    def progress(self, blob: str, table: DeltaTable | None) -> Progress:
        """Returns how far a blob was read into the table."""
        return Progress.of_version(table.transaction_version(blob) if table else None)

    def append(self, rows: pa.Table, read: Mapping[str, Progress]) -> int:
        """Adds the rows of blobs that are not there yet; returns how many were added.

        Args:
            rows: with the columns ``blob``, ``record`` and ``tuple``.
            read: how far each blob is read with these rows.

        Raises:
            LakeError: the table cannot be written.
        """
        for _ in range(_ATTEMPTS):
            table = self.open() or self._create()
            known = {blob: self.progress(blob, table) for blob in read}
            ahead = {blob: one for blob, one in read.items() if one > known[blob]}
            if not ahead:
                return 0
            left = _not_before(rows, known)
            transactions = [Transaction(blob, one.as_version()) for blob, one in ahead.items()]
            try:
                write_deltalake(
                    table,
                    self._shaped(left),
                    mode="append",
                    writer_properties=_PROPERTIES,
                    commit_properties=CommitProperties(app_transactions=transactions),
                )
            except CommitFailedError:
                continue  # another run was faster: see what it left to do
            except (DeltaError, OSError) as problem:
                raise LakeError(f"{self.location}: {_one_line(problem)}") from None
            return left.num_rows
        raise LakeError(f"{self.location}: others write without end: expected a quiet moment")

    def _create(self) -> DeltaTable:
        """Returns a new table, empty: rows only ever go behind a version that was looked at."""
        try:
            return DeltaTable.create(
                self.location,
                self.schema,
                mode="ignore",
                partition_by=["day"] if self._by_day else None,
            )
        except (DeltaError, OSError) as problem:
            table = self.open()  # another run may have been faster
            if table is None:
                raise LakeError(f"{self.location}: {_one_line(problem)}") from None
            return table

    def _shaped(self, rows: pa.Table) -> pa.Table:
        if self._by_day:
            rows = rows.append_column("day", pc.cast(rows["time"], pa.date32()))
        return rows.select(self.schema.names).cast(self.schema)


def _not_before(rows: pa.Table, known: Mapping[str, Progress]) -> pa.Table:
    """Returns the rows behind what each blob was read up to."""
    started = {blob: one for blob, one in known.items() if one > Progress()}
    if not started or not rows.num_rows:
        return rows
    blobs = pc.cast(rows["blob"], pa.string())
    keep = pc.invert(pc.is_in(blobs, pa.array(list(started), pa.string())))
    for blob, one in started.items():
        later = pc.greater(rows["record"], one.records)
        same = pc.and_(
            pc.equal(rows["record"], one.records),
            pc.greater_equal(pc.fill_null(rows["tuple"], 1 << _TUPLE_BITS), one.tuples),
        )
        keep = pc.or_(keep, pc.and_(pc.equal(blobs, blob), pc.or_(later, same)))
    return rows.filter(keep)


def _one_line(problem: Exception) -> str:
    return " ".join(str(problem).split())
