"""DuckDB, kept in bounds: what memory it takes, what it may touch, and what it may be asked."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import duckdb
import pyarrow as pa

from flowverdict.lake.store import LakeError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_Answer = TypeVar("_Answer")
MEMORY: Final = "1GB"
"""What a query may take before it goes on in a temporary folder."""
_ROWS_A_BATCH: Final = 1 << 16
_BEHIND: Final = "\n\n"
_SOON_S: Final = 0.2


class Engine:
    """One database for one piece of work: all that it wrote is gone with it.

    A context manager: behind its block it is closed.

    Args:
        memory: what it may take before it goes on in a temporary folder.
        keeps_tables: tables are kept in that folder, packed, rather than in memory.
    """

    def __init__(self, memory: str = MEMORY, *, keeps_tables: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(
            prefix="flowverdict-", ignore_cleanup_errors=True
        )
        self.connection = duckdb.connect(
            str(Path(self._folder.name) / "tables") if keeps_tables else ":memory:",
            config={
                "memory_limit": memory,
                "temp_directory": self._folder.name,  # else it is `.tmp` where the user stands
                "python_enable_replacements": False,  # a table's name is no variable's
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "preserve_insertion_order": not keeps_tables,  # tables have no order
            },
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute("SET enable_progress_bar = false")  # it is drawn on standard output

    def __enter__(self) -> Self:
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    def seal(self, files: Iterable[str] = ()) -> None:
        """Shuts everything out but some files: no other one is read from here on, none written."""
        allowed = ", ".join(quoted(one) for one in files)
        for setting in (
            f"allowed_paths = [{allowed}]",
            "enable_external_access = false",
            "lock_configuration = true",
        ):
            self.connection.execute(f"SET {setting}")

    def answer(self, sql: str) -> pa.RecordBatchReader:
        """Returns the answer to one ``SELECT``, as it is computed; closes the engine behind it.

        Raises:
            LakeError: it is no query, more than one, or wrong; also while its rows are read.
        """
        try:
            asked = self._select(sql, None)
            rows = self._interruptible(lambda: asked.to_arrow_reader(_ROWS_A_BATCH))
        except duckdb.Error as problem:
            self.close()
            raise _told(problem) from None
        except BaseException:
            self.close()
            raise
        batches = self._batches(rows)
        next(batches)  # so that it closes the engine even if nobody reads a row
        return pa.RecordBatchReader.from_batches(rows.schema, batches)

    def table(self, sql: str, values: Mapping[str, Any], *, most: int | None = None) -> pa.Table:
        """Returns the whole answer to one ``SELECT``; the engine stays open.

        Args:
            sql: the query; ``$name`` stands for a value.
            values: those of the query, each of which it names.
            most: how many rows are enough; None for all.

        Raises:
            LakeError: it is no query, more than one, or wrong.
        """
        try:
            rows = self._select(sql, values)
            rows = rows if most is None else rows.limit(most)
            return self._interruptible(rows.to_arrow_table)
        except (duckdb.Error, pa.ArrowException, OSError) as problem:
            raise _told(problem) from None

    def make(self, sql: str) -> None:
        """Runs one statement of our own, such as ``CREATE TABLE``.

        Raises:
            LakeError: files of the lake cannot be read, or there is no room.
        """
        try:
            self._interruptible(lambda: self.connection.execute(sql))
        except (duckdb.Error, OSError) as problem:
            raise _told(problem) from None

    def close(self) -> None:
        """Lets everything go, and removes what was written meanwhile."""
        self.connection.close()
        self._folder.cleanup()

    def _interruptible(self, act: Callable[[], _Answer]) -> _Answer:
        """Returns what an act gives, on another thread: DuckDB itself hears no Ctrl-C meanwhile."""
        with ThreadPoolExecutor(1, "query") as thread:
            answer = thread.submit(act)
            try:
                while not wait([answer], _SOON_S).done:  # Windows interrupts no endless wait
                    pass
                return answer.result()
            except BaseException:
                if not answer.done():
                    self.connection.interrupt()
                raise

    def _select(self, sql: str, values: Mapping[str, Any] | None) -> duckdb.DuckDBPyRelation:
        statements = self.connection.extract_statements(sql)
        if [one.type for one in statements] != [duckdb.StatementType.SELECT]:
            # also for EXPLAIN, which can run what it explains
            raise LakeError("SQL: expected one SELECT and nothing else")
        return self.connection.sql(statements[0].query, params=values)

    def _batches(self, rows: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        try:
            yield pa.record_batch([], pa.schema([]))
            batches = iter(rows)
            while (batch := self._interruptible(lambda: next(batches, None))) is not None:
                yield batch
        except (duckdb.Error, pa.ArrowException, OSError) as problem:
            raise _told(problem) from None
        finally:
            rows.close()
            self.close()


def quoted(text: str) -> str:
    """Returns a text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def first_line(problem: Exception) -> str:
    """Returns what went wrong in one line: behind it come a drawing of the place, and advice."""
    return one_line(Exception(str(problem).partition(_BEHIND)[0]))


def _told(problem: Exception) -> LakeError:
    return LakeError(f"SQL: {first_line(problem)}")
