"""Traffic Analytics' rows as a table of the lake, brought up to date interval by interval.

What a day's rows are made of is kept beside them (``state``). A day is looked at when the files of
``flows`` that it lies in are others than they were; then the intervals are made anew whose rows
have changed, and no others. So what comes late, is deleted or read again ends in the same rows as
if all were made from scratch, and merging files changes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa
from deltalake import Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from flowverdict.lake import ALWAYS, ATTEMPTS, Engine, LakeError, expose
from flowverdict.lake.engine import MEMORY, first_line
from flowverdict.traffic.analytics.asking import (
    analytics_table,
    files_by_day,
    files_of_day,
    touches,
)
from flowverdict.traffic.analytics.making import Making
from flowverdict.traffic.analytics.state import (
    APPLICATION,
    NOTHING,
    Day,
    Held,
    State,
    forget_states,
    read_state,
    write_state,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from deltalake import DeltaTable

    from flowverdict.lake import Lake, Period, Table
    from flowverdict.traffic.analytics.places import Places

_MADE_LIKE: Final = 1
"""Another number makes all rows anew: raised when the same flow rows give other ones."""
_ROWS_A_FILE: Final = 1 << 19
_KEPT_HOURS: Final = 24
"""A query that runs may still read files that were replaced."""
_MODULUS: Final = 1 << 64


@dataclass(slots=True)
class Updated:
    """What bringing the table up to date took.

    Attributes:
        days: how many days were looked at, since their files or the settings were others.
        intervals: how many intervals were made anew, those that are gone included.
        rows: how many rows these have now, of all of Azure's tables.
    """

    days: int = 0
    intervals: int = 0
    rows: int = 0


def update(
    lake: Lake,
    places: Places,
    *,
    minutes: int = 60,
    period: Period = ALWAYS,
    memory: str = MEMORY,
    seen: Callable[[int, int], None] = lambda _done, _all: None,
) -> Updated:
    """Brings a lake's table of Traffic Analytics' rows up to date.

    Each day becomes true in one commit; of two runs at once one does the work of a day.

    Args:
        lake: which one.
        places: what is known of addresses; rows that were made with other knowledge are made anew.
        minutes: how long an interval is, 10 or 60; likewise.
        period: only days that it touches.
        memory: what is taken before a temporary folder is used.
        seen: told how many days are done, and how many there are.

    Raises:
        LakeError: there is nothing in the lake yet, or it cannot be read or written. What was
            committed before stays.
    """
    if lake.flows.open() is None:
        raise LakeError(
            f"{lake.root}: holds no flows yet: expected a lake that `ingest` has filled"
        )
    updating = _Updating(lake, places, minutes, memory)
    files = files_by_day(lake.flows, period)
    known = [day for day in updating.state()[1].days if touches(period, day)]
    days = sorted({*files, *known})
    for done, day in enumerate(days):
        seen(done, len(days))
        updating.bring(day, tuple(files.get(day, ())))
    updating.tidy()
    return updating.done


def days_behind(lake: Lake, period: Period = ALWAYS) -> list[date]:
    """Returns the days whose flow rows are others than when the table was brought up to date.

    Raises:
        LakeError: the lake cannot be read.
    """
    files = files_by_day(lake.flows, period)
    known = read(lake)[1].days
    touched = {day for day in known if touches(period, day)}
    return sorted(
        day
        for day in {*files, *touched}
        if day not in known or known[day].files != tuple(files.get(day, ()))
    )


def read(lake: Lake) -> tuple[DeltaTable | None, State]:
    """Returns the table and what its rows were made of; nothing where there is none yet.

    Raises:
        LakeError: the lake cannot be read.
    """
    for _ in range(ATTEMPTS):
        delta = analytics_table(lake).open()
        if delta is None:
            return None, NOTHING
        try:
            return delta, read_state(lake.store, delta.transaction_version(APPLICATION))
        except FileNotFoundError:
            continue  # another run was faster: look again
    raise LakeError(
        f"{lake.root}: the state of `analytics` is gone: expected the files of `traffic`"
    )


class _Updating:
    """One run."""

    def __init__(self, lake: Lake, places: Places, minutes: int, memory: str) -> None:
        self.done = Updated()
        self._lake = lake
        self._places = places
        self._minutes = minutes
        self._memory = memory
        self._table: Table = analytics_table(lake)
        told = f"{_MADE_LIKE} {minutes} {places.label}"
        self._settings = hashlib.sha256(told.encode()).hexdigest()

    def state(self) -> tuple[DeltaTable | None, State]:
        """Returns the table as it stands."""
        return read(self._lake)

    def bring(self, day: date, files: tuple[str, ...]) -> None:
        """Brings one day up to date, of which these are the files, or were a moment ago."""
        looked_at = False
        for _ in range(ATTEMPTS):
            delta, state = self.state()
            known = state.days.get(day, Day(self._settings, (), {}))
            if (known.files, known.settings) == (files, self._settings):
                return
            # behind the state, so that what is committed upon it is no older than what it tells of
            files = files_of_day(self._lake.flows, day)
            self.done.days += not looked_at
            looked_at = True
            if self._commit(delta or self._table.create(), state, day, known, files):
                return
        raise LakeError(f"{self._lake.root}: others write without end: expected a quiet moment")

    def _commit(
        self, delta: DeltaTable, state: State, day: date, known: Day, files: tuple[str, ...]
    ) -> bool:
        """Makes the rows of a day that have to be made anew; reports whether they are there now."""
        held, changed = {}, set(known.held)
        actions: list[AddAction | RemoveAction] = []
        rows = 0
        if files:
            with self._engine(day, files, known) as engine:
                held, changed = self._changed(engine, files, known)
                if changed:
                    rows, added = self._make(engine, day, changed, held)
                    actions += added
        if changed:
            actions += self._replaced(delta, day)
        days = {**state.days, day: Day(self._settings, files, held)}
        if not files:
            del days[day]
        version = write_state(self._lake.store, state, days)
        if not self._table.commit(delta, actions, Transaction(APPLICATION, version)):
            return False
        self.done.intervals += len(changed)
        self.done.rows += rows
        return True

    def _engine(self, day: date, files: tuple[str, ...], known: Day) -> _Exposed:
        """Returns an engine with the day's rows, those in files that are new, and those kept."""
        condition = f"day = DATE '{day}'"
        engine = Engine(self._memory)
        try:
            flows = self._lake.flows
            expose(engine, flows, condition, paths=files)
            fresh = sorted({*files} - {*known.files})
            expose(engine, flows, condition, name="fresh", paths=fresh)
            expose(engine, self._table, condition, name="kept")
        except BaseException:
            engine.close()
            raise
        return _Exposed(engine)

    def _changed(self, engine: Engine, files: tuple[str, ...], known: Day) -> tuple[Held, set[int]]:
        """Returns what the files hold, and the intervals in which that is not what it was."""
        if known.settings != self._settings:
            held = self._held(engine, "flows")
            return held, set(held)
        if {*known.files} <= {*files} and not self._lake.store.is_remote:
            more = self._held(engine, "fresh")
            return _sum(known.held, more), set(more)
        held = self._held(engine, "flows")
        both = set(known.held) | set(held)
        return held, {slot for slot in both if known.held.get(slot) != held.get(slot)}

    def _held(self, engine: Engine, name: str) -> Held:
        """Returns what rows hold: sums of digests, so that parts may be added up."""
        width = self._minutes * 60_000
        sql = (
            f"SELECT epoch_ms(time) // {width}, count(*), sum(hash(blob, record, tuple)::HUGEINT) "  # noqa: S608 names of our own
            f"FROM {name} GROUP BY ALL"
        )
        try:
            found = engine.connection.execute(sql).fetchall()
        except duckdb.Error as problem:
            raise LakeError(first_line(problem)) from None
        return {slot: (rows, int(digest) % _MODULUS) for slot, rows, digest in found}

    def _make(
        self, engine: Engine, day: date, changed: set[int], held: Held
    ) -> tuple[int, list[AddAction]]:
        """Makes the rows of intervals anew and writes them beside those that stay."""
        making = Making(engine, self._places, self._minutes)
        width = making.milliseconds
        if left := changed & held.keys():
            everything = left == held.keys()
            making.add(day, "true" if everything else _is_in("epoch_ms(time)", width, left))
        kept, stays = "", 0
        if set(held) - changed:
            gone = _is_in("epoch_ms(FlowIntervalStartTime)", width, changed)
            kept = f"SELECT * EXCLUDE (day) FROM kept WHERE NOT {gone}"  # noqa: S608 numbers of our own
            stays = engine.connection.execute(f"SELECT count(*) FROM ({kept})").fetchall()[0][0]  # noqa: S608 likewise
        making.finish(kept)
        added: list[AddAction] = []
        rows = -stays
        for portion in _portions(making.take()):
            rows += len(portion)
            added += self._table.write(portion, day)
        return rows, added

    def _replaced(self, delta: DeltaTable, day: date) -> Iterable[RemoveAction]:
        """Yields what removes the files that the day has in the table."""
        when = int(self._lake.store.clock() * 1000)
        for one in pa.table(delta.get_add_actions()).to_pylist():
            if one["partition"]["day"] == day:
                yield RemoveAction(
                    one["path"],
                    data_change=True,
                    deletion_timestamp=when,
                    size=one["size_bytes"],
                    partition_values={"day": day.isoformat()},
                )

    def tidy(self) -> None:
        """Deletes what nothing names any more: files after a day, states after an hour."""
        delta, state = self.state()
        if delta is None or not self.done.days:
            return
        try:
            delta.vacuum(_KEPT_HOURS, dry_run=False, enforce_retention_duration=False, full=True)
        except (DeltaError, OSError) as problem:
            raise self._table.told(problem) from None
        forget_states(self._lake.store, state.version)


@dataclass(frozen=True, slots=True)
class _Exposed:
    """Closes an engine behind its use."""

    engine: Engine

    def __enter__(self) -> Engine:
        return self.engine

    def __exit__(self, *_: object) -> None:
        self.engine.close()


def _is_in(time: str, width: int, slots: set[int]) -> str:
    return f"{time} // {width} IN ({', '.join(map(str, sorted(slots)))})"


def _sum(one: Held, other: Held) -> Held:
    found = dict(one)
    for slot, (rows, digest) in other.items():
        before, digested = found.get(slot, (0, 0))
        found[slot] = (before + rows, (digested + digest) % _MODULUS)
    return found


def _portions(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.Table]:
    """Yields batches together, as many rows as one file takes."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(map(len, waiting)) >= _ROWS_A_FILE:
            yield pa.Table.from_batches(waiting)
            waiting = []
    if any(map(len, waiting)):
        yield pa.Table.from_batches(waiting)
