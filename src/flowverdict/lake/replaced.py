"""A blob whose beginning is not what it was: what of it does the lake lack?

It may be the same log in other clothes (indented, packed, fetched anew), a shorter copy, or
another log under an old name. The rows that the lake has of it tell: records are compared by what
they hold. So nothing is lost that is new, and nothing comes twice that is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.flowlog import SCHEMA

if TYPE_CHECKING:
    from flowverdict.flowlog import Progress

_COMPARED: Final = [name for name in SCHEMA.names if name not in ("blob", "record", "tuple")]
_CELLS: Final = ", ".join("epoch_ms(time)" if name == "time" else name for name in _COMPARED)
_RECORDS: Final = f"""
SELECT record, md5(string_agg(CAST(row({_CELLS}) AS VARCHAR), chr(10) ORDER BY tuple)) AS digest,
    row_number() OVER (PARTITION BY digest ORDER BY record) AS nth
FROM {{rows}} WHERE record < $records OR record = $records AND tuple < $tuples
GROUP BY record
"""  # noqa: S608 names of our own
_ALL: Final = {"records": 2**31 - 1, "tuples": 0}


@dataclass(frozen=True, slots=True)
class Compared:
    """What comparing gave.

    Attributes:
        goes_on: all that the lake has stands in the blob where it stood: it has only grown.
        fresh: the numbers of records that the lake lacks.
        gone: how many of the lake's records are no longer in the blob.
    """

    goes_on: bool
    fresh: frozenset[int]
    gone: int


def compare(found: pa.Table, had: pa.Table, known: Progress) -> Compared:
    """Compares the rows of a blob, numbered from its beginning, with those that the lake has.

    Args:
        found: the blob's rows, by ``SCHEMA``.
        had: the lake's rows of the same blob.
        known: how far the lake's rows go, if the blob is the one that they came from.
    """
    upto = {"records": known.records, "tuples": known.tuples}
    with duckdb.connect() as connection:
        connection.register("found", _plain(found))
        connection.register("had", _plain(had))
        here, there = _RECORDS.format(rows="found"), _RECORDS.format(rows="had")
        changed = connection.execute(
            f"SELECT count(*) FROM ({there}) had LEFT JOIN ({here}) found USING (record, digest) "  # noqa: S608
            "WHERE found.record IS NULL",
            upto,
        ).fetchone()
        beyond = pc.max(had["record"]).as_py() if had.num_rows else -1
        if changed == (0,) and beyond <= known.records:
            return Compared(goes_on=True, fresh=frozenset(), gone=0)
        fresh = connection.execute(
            f"SELECT record FROM ({here}) ANTI JOIN ({there}) USING (digest, nth)",  # noqa: S608
            _ALL,
        ).fetchall()
        (gone,) = connection.execute(
            f"SELECT count(*) FROM (({there}) ANTI JOIN ({here}) USING (digest, nth))",  # noqa: S608
            _ALL,
        ).fetchone() or (0,)
    return Compared(goes_on=False, fresh=frozenset(one for (one,) in fresh), gone=gone)


def _plain(rows: pa.Table) -> pa.Table:
    """Returns rows with words as text, and the columns that are compared."""
    columns = {
        name: pc.cast(rows[name], pa.string())
        if pa.types.is_dictionary(rows.schema.field(name).type)
        else rows[name]
        for name in [*_COMPARED, "record", "tuple"]
    }
    return pa.table(columns)
