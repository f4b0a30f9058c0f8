"""The tables of a lake.

Rows are appended exactly once because how far each blob was read becomes true in the very commit
that adds its rows (``cursor`` tells how). Whatever is killed, and whenever, either both are there
or neither. Delta lets only one of two commits win that name the same application and that did not
see each other; the other one looks again and adds what is left to add.
"""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction

from flowverdict.flowlog import QUARANTINE, SCHEMA, Progress
from flowverdict.lake.cursor import Cursor, Cursors
from flowverdict.lake.parquet import encoded
from flowverdict.lake.store import LakeError, Store, local_store, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import date

    from deltalake.transaction import RemoveAction

INGEST: Final = "flowverdict.ingest"
"""The application whose version names the cursors."""
REWRITE: Final = "flowverdict.rewrite"
"""The application of all that removes files: two of them at once must not both win."""
ATTEMPTS: Final = 50
"""How often to look again when others are faster."""
_ROWS_A_FILE: Final = 1 << 19
_DAY: Final = "day"


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


FLOWS: Final = _plain(SCHEMA).append(pa.field(_DAY, pa.date32()))
"""``day`` is that of the tuple's time, UTC."""
REJECTS: Final = _plain(QUARANTINE).append(pa.field(_DAY, pa.date32()))
"""``day`` is that on which it was quarantined: what cannot be read has no time of its own."""


class Lake:
    """Delta tables side by side: ``flows``, by day of the tuple's time, and ``quarantine``.

    Attributes:
        seen: told how many rows ``scan`` has read, batch by batch.
    """

    def __init__(self, store: Store | str) -> None:
        """Takes where it lies, or a folder's name.

        Raises:
            LakeError: there is something else of this name.
        """
        self.store = local_store(store) if isinstance(store, str) else store
        self.root = self.store.root
        self.flows = Table(self.store, "flows", FLOWS)
        self.quarantine = Table(self.store, "quarantine", REJECTS)
        self.seen: Callable[[int], None] = lambda _rows: None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table as it stood at one moment; ``delta`` is None where there is none yet."""

    delta: DeltaTable | None
    cursors: Cursors


class Table:
    """One Delta table that takes rows of blobs, each row once."""

    def __init__(self, store: Store, name: str, schema: pa.Schema) -> None:
        self.store = store
        self.name = name
        self.location = f"{store.uri}/{name}"
        self.schema = schema

    def open(self) -> DeltaTable | None:
        """Returns the table as it stands; None where there is none yet.

        Raises:
            LakeError: it cannot be opened.
        """
        try:
            return DeltaTable(self.location, storage_options=self.store.options())
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as problem:
            raise self.told(problem) from None

    def snapshot(self) -> Snapshot:
        """Returns the table and its cursors as they stand.

        Raises:
            LakeError: it cannot be opened.
        """
        for _ in range(ATTEMPTS):
            delta = self.open()
            try:
                return Snapshot(delta, self._cursors(delta))
            except FileNotFoundError:
                continue  # another run has drawn them together: look again
        raise LakeError(
            f"{self.store.root}: cursors of {self.name} are gone: expected the files of `ingest`"
        )

    def _cursors(self, delta: DeltaTable | None) -> Cursors:
        version = delta.transaction_version(INGEST) if delta else None
        return Cursors(self.store, f"cursors/{self.name}", version)

    def append(self, rows: pa.Table, read: Mapping[str, Cursor]) -> int:
        """Adds the rows of blobs that are not there yet; returns how many were added.

        Args:
            rows: with the columns ``blob``, ``record`` and ``tuple``.
            read: how far each blob is read with these rows.

        Raises:
            LakeError: the table cannot be written.
        """
        written: tuple[int, list[AddAction]] | None = None
        for _ in range(ATTEMPTS):
            now = self.snapshot()
            delta = now.delta or self.create()
            known = {blob: now.cursors[blob] for blob in read}
            changed = {
                blob: one
                for blob, one in read.items()
                if one.progress > known[blob].progress
                or (one.progress == known[blob].progress and one != known[blob])
            }
            if not changed:
                return 0
            left = _not_before(rows, {blob: one.progress for blob, one in known.items()})
            if written is None or written[0] != left.num_rows:
                written = left.num_rows, self.write(left)
            version = now.cursors.write(changed)
            if self.commit(delta, written[1], Transaction(INGEST, version)):
                return left.num_rows
        raise LakeError(f"{self.store.root}: others write without end: expected a quiet moment")

    def write(self, rows: pa.Table, day: date | None = None) -> list[AddAction]:
        """Writes rows into files, two at a time; they are no part of the table yet.

        Args:
            rows: the table's columns, but for ``day``.
            day: that of all rows, where it is known.
        """
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(self._write_file, self._portions(rows, day)))

    def commit(
        self, delta: DeltaTable, actions: Sequence[AddAction | RemoveAction], why: Transaction
    ) -> bool:
        """Adds and removes files in one commit; returns false if another was faster.

        Args:
            delta: the table at the version on which the commit rests.
            actions: the files.
            why: the application and its next version; of two commits of one application that do
                not know of each other, one fails.
        """
        try:
            delta.create_write_transaction(
                list(actions),
                "append",
                self.schema,
                partition_by=[_DAY],
                commit_properties=CommitProperties(app_transactions=[why]),
            )
        except CommitFailedError:
            return False
        except (DeltaError, OSError) as problem:
            raise self.told(problem) from None
        return True

    def _portions(self, rows: pa.Table, known: date | None) -> Iterator[tuple[date, pa.Table]]:
        """Yields rows by day, no more at a time than one file takes."""
        for day, part in [(known, rows)] if known else self._by_day(rows):
            files = -(-part.num_rows // _ROWS_A_FILE)
            for i in range(files):
                first = part.num_rows * i // files
                yield day, part.slice(first, part.num_rows * (i + 1) // files - first)

    def _by_day(self, rows: pa.Table) -> Iterator[tuple[date, pa.Table]]:
        if "time" not in rows.column_names:
            yield datetime.fromtimestamp(self.store.clock(), UTC).date(), rows
            return
        days = pc.cast(rows["time"], pa.date32())
        found = sorted(pc.unique(days).to_pylist())
        for day in found:
            yield day, rows if len(found) == 1 else rows.filter(pc.equal(days, day))

    def _write_file(self, portion: tuple[date, pa.Table]) -> AddAction:
        day, rows = portion
        path = f"{_DAY}={day}/part-{uuid.uuid4()}.zstd.parquet"
        data, statistics = encoded(rows)
        self.store.put(f"{self.name}/{path}", data, new=True)
        return AddAction(
            path=path,
            size=data.size,
            partition_values={_DAY: day.isoformat()},
            modification_time=int(self.store.clock() * 1000),
            data_change=True,
            stats=statistics,
        )

    def create(self) -> DeltaTable:
        """Returns a new table, empty: rows only ever go behind a version that was looked at.

        Raises:
            LakeError: it cannot be written.
        """
        try:
            return DeltaTable.create(
                self.location,
                self.schema,
                mode="ignore",
                partition_by=[_DAY],
                storage_options=self.store.options(),
            )
        except (DeltaError, OSError) as problem:
            table = self.open()  # another run may have been faster
            if table is None:
                raise self.told(problem) from None
            return table

    def told(self, problem: Exception) -> LakeError:
        """Returns what went wrong with the table, in one line."""
        return LakeError(f"{self.store.root}/{self.name}: {one_line(problem)}")


def next_rewrite(delta: DeltaTable) -> Transaction:
    """Returns what keeps two that remove files from both winning."""
    return Transaction(REWRITE, (delta.transaction_version(REWRITE) or 0) + 1)


def _not_before(rows: pa.Table, known: Mapping[str, Progress]) -> pa.Table:
    """Returns the rows behind what each blob was read up to."""
    if not rows.num_rows or not any(one > Progress() for one in known.values()):
        return rows
    blobs = rows["blob"].unify_dictionaries().combine_chunks()
    done = [known[blob] for blob in blobs.dictionary.to_pylist()]
    codes = blobs.indices.to_numpy()
    records = np.array([one.records for one in done])[codes]
    tuples = np.array([one.tuples for one in done])[codes]
    record = rows["record"].to_numpy()
    number = pc.fill_null(rows["tuple"], 0).to_numpy()
    keep = (record > records) | ((record == records) & (number >= tuples))
    return rows if keep.all() else rows.filter(pa.array(keep))
