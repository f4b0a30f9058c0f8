"""A view: one definition, a name in a lake and a function over batches."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import pyarrow as pa

from flowverdict.lake import Engine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowverdict.flowlog import Column


@dataclass(frozen=True, slots=True)
class View:
    """Rows made of other rows.

    Attributes:
        name: what it is called in SQL.
        of: the table or view that it is made of, which its query names once.
        sql: the query.
        columns: what it gives, in order.
        about: what a row is, for the reference.
    """

    name: str
    of: str
    sql: str
    columns: tuple[Column, ...]
    about: str

    @property
    def schema(self) -> pa.Schema:
        """The columns as an Arrow schema."""
        return pa.schema(
            [pa.field(one.name, one.type, nullable=one.nullable) for one in self.columns]
        )

    def over(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yields the view's rows of some rows; none where there are none.

        Runs anywhere: it needs no lake, keeps to bounded memory, and holds nothing behind the last
        row. Rows that belong together must come in one call: a partition of a larger engine has
        all rows of a key or none.

        Raises:
            LakeError: the rows are not those of ``of``.
        """
        rows = iter(batches)
        first = next(rows, None)
        if first is None:
            return
        engine = Engine()
        reader = pa.RecordBatchReader.from_batches(first.schema, chain([first], rows))
        engine.connection.register(self.of, reader)
        engine.seal()
        schema = self.schema
        for batch in engine.answer(self.sql):
            yield batch.cast(schema)
