"""Rows back into blobs, laid out as Azure lays them out: path, head, blocks, tail.

Writing and then reading is the identity on rows as the reader gives them. In detail:

* Every column comes back, null and zero kept apart, except the three that say where a row was
  read: ``blob``, ``record`` and ``tuple`` are those of the new blobs.
* No row is lost, and none is added: identical rows are written as often as they come.
* Rows of one minute, interface, resource, rule and direction stay in the order in which they
  came, whatever their times: an end before a begin at the same millisecond stays there. Minutes
  are put in order, and inside a minute rows that a log writes together are brought together.
* Written again, what was read gives the same blobs, byte for byte.
* NSG logs know seconds only: from a time between two of them the rest is cut off.

What no flow log could say is refused (``Unwritable``), never bent. What rows do not have is made
from what they have, always in the same way: a record's ``time`` and the ids of logs. Source:
flow-log specification, sections 2 to 4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from flowverdict.flowlog.columns import SCHEMA
from flowverdict.flowlog.forms import (
    Envelope,
    Flows,
    Unwritable,
    record_text,
    rule_text,
    tuple_text,
)
from flowverdict.flowlog.paths import blob_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HEAD: Final = b'{"records":['
"""The first block of every blob."""
TAIL: Final = b"]}"
"""The last one."""

_MINUTE_MS: Final = 60_000
_LAG: Final = timedelta(minutes=1, milliseconds=3050)
"""From the start of a minute to its record: real tuples are 3 to 63 seconds old when written."""
_MOST_TEXT: Final = 31 << 10
"""Azure splits what a minute has into records of about 32 KiB, envelope included."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob to be stored.

    Attributes:
        path: where Azure would have put it, from the container on.
        blocks: the head, a block for each record, the tail: as they are staged and committed.
    """

    path: str
    blocks: tuple[bytes, ...]

    @property
    def data(self) -> bytes:
        """The whole content."""
        return b"".join(self.blocks)


@dataclass(slots=True)
class _Layout:
    """Where each tuple goes: path, minute, record, acl, rule."""

    paths: dict[str, dict[int, dict[Envelope, Flows]]] = field(
        default_factory=dict[str, "dict[int, dict[Envelope, Flows]]"]
    )

    def tuples(
        self,
        minute: int,
        direction: str,
        rule: str | None,
        rule_kind: str,
        acl: str | None,
        mac: str | None,
        target: str | None,
        flow_log: str | None,
        schema: str,
    ) -> list[str]:
        """Returns the list to which a tuple belongs."""
        if "" in (acl, mac, target, flow_log):
            raise Unwritable("an empty text is null in a row")
        name = rule_text(rule, rule_kind, acl)
        is_nsg = schema != "vnet4" and flow_log is None and acl == target
        envelope = Envelope(schema if is_nsg else "vnet4", mac, target, flow_log)
        owner = (target if is_nsg else flow_log or target) or "UNKNOWN"
        path = blob_path("nsg" if is_nsg else "vnet", owner, _written(minute), mac)
        records = self.paths.setdefault(path, {}).setdefault(minute, {})
        flows = records.setdefault(envelope, {})
        return flows.setdefault((acl, direction), {}).setdefault(name, [])


def write_blobs(batches: Iterable[pa.RecordBatch]) -> Iterator[Blob]:
    """Yields the blobs of some rows, in the order of their paths.

    A blob is one log, one interface and one hour. The hour is that of its records, which are
    written a little after the minute that they tell of: the last minute of an hour stands in
    the next hour's blob.

    Tuples stand in records of their own form. One whose row has an ``acl`` that is not its
    ``target``, or a ``flow_log``, was met in a VNet record whatever its form, and goes there.

    Args:
        batches: rows, by ``SCHEMA``. Their text is held until the last of them has come, since
            no blob is complete before; to write more than memory holds, come with a day at a time.

    Raises:
        Unwritable: a row is none that a reader gives, such as a user rule without a name.
    """
    layout = _Layout()
    lists: dict[tuple[Any, ...], list[str]] = {}
    for batch in batches:
        cells = {name: _cells(batch, name) for name in SCHEMA.names[:-3]}
        about = zip(
            (time // _MINUTE_MS for time in cells["time"]),
            *(cells[name] for name in ("direction", "rule", "rule_kind", "acl", "mac")),
            *(cells[name] for name in ("target", "flow_log", "schema")),
            strict=True,
        )
        tuples = zip(*(cells[name] for name in (*SCHEMA.names[:14], "schema")), strict=True)
        for key, text in zip(about, map(tuple_text, tuples), strict=True):
            found = lists.get(key)
            if found is None:
                found = lists[key] = layout.tuples(*key)
            found.append(text)
    for path in sorted(layout.paths):
        yield Blob(path, tuple(_blocks(layout.paths[path])))


def _cells(batch: pa.RecordBatch, name: str) -> list[Any]:
    """Returns a column's values; times as milliseconds."""
    column = batch.column(name)
    if pa.types.is_dictionary(column.type):
        words = column.dictionary.to_pylist()
        return [None if at is None else words[at] for at in column.indices.to_pylist()]
    if pa.types.is_timestamp(column.type):
        column = column.cast(SCHEMA.field(name).type).cast(pa.int64())
    return column.to_pylist()


def _written(minute: int) -> datetime:
    """Returns when the record of a minute is written."""
    return _EPOCH + timedelta(minutes=minute) + _LAG


def _blocks(minutes: dict[int, dict[Envelope, Flows]]) -> Iterator[bytes]:
    """Yields the blocks of a blob, as many data blocks as there are records."""
    yield HEAD
    comma = ""
    for minute in sorted(minutes):
        for envelope, flows in minutes[minute].items():
            for part in _parts(flows):
                yield f"{comma}{record_text(_written(minute), envelope, part)}".encode()
                comma = ","
    yield TAIL


def _parts(flows: Flows) -> Iterator[Flows]:
    """Yields tuples in portions of the size of a record."""
    part: Flows = {}
    size = 0
    for place, rules in flows.items():
        for rule, tuples in rules.items():
            for text in tuples:
                size += len(text) + 3
                if size > _MOST_TEXT and part:
                    yield part
                    part, size = {}, len(text) + 3
                part.setdefault(place, {}).setdefault(rule, []).append(text)
    yield part
