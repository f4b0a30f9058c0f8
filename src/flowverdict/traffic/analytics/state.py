"""What the rows of Traffic Analytics in a lake were made of: the files, and what they held.

As with the cursors of ``ingest``, a commit of rows names one file by the version of its application
transaction, and that file is written first: rows and state become true in one moment.
"""

from __future__ import annotations

import json
import secrets
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowverdict.lake import Store

APPLICATION: Final = "flowverdict.analytics"
"""The application whose version names the state."""
_FOLDER: Final = "cursors/analytics"
_NONCE_BITS: Final = 24
_AN_HOUR: Final = 3600.0

Held = dict[int, tuple[int, int]]
"""Of each interval, by its number since 1970: how many rows there are, and their digest."""


class Day(NamedTuple):
    """What the rows of a day were made of.

    Attributes:
        settings: tells how they were made, and with what knowledge of addresses.
        files: those of ``flows``, as Delta names them.
        held: what these held.
    """

    settings: str
    files: tuple[str, ...]
    held: Held


class State(NamedTuple):
    """What all rows were made of; ``version`` is 0 where there are none yet."""

    version: int
    days: Mapping[date, Day]


NOTHING: Final = State(0, {})


def read_state(store: Store, version: int | None) -> State:
    """Returns the state that a version names.

    Raises:
        FileNotFoundError: it is gone: there is a newer version.
        LakeError: it cannot be read.
    """
    if version is None:
        return NOTHING
    found = json.loads(bytes(store.get(_path(version))))
    days = {
        date.fromisoformat(day): Day(
            one["settings"],
            tuple(one["files"]),
            {int(slot): (rows, digest) for slot, (rows, digest) in one["held"].items()},
        )
        for day, one in found.items()
    }
    return State(version, days)


def write_state(store: Store, before: State, days: Mapping[date, Day]) -> int:
    """Writes a state; returns the version that names it, which nothing does yet.

    Raises:
        LakeError: it cannot be written.
    """
    text = json.dumps({day.isoformat(): one._asdict() for day, one in sorted(days.items())})
    while True:
        version = ((before.version >> _NONCE_BITS) + 1) << _NONCE_BITS
        version |= secrets.randbits(_NONCE_BITS)
        try:
            store.put(_path(version), pa.py_buffer(text.encode()), new=True)
        except FileExistsError:
            continue
        return version


def forget_states(store: Store, version: int) -> None:
    """Deletes states that no version names any more, and that nobody can be about to name."""
    now = store.clock()
    store.delete(
        [
            path
            for path, written in store.list(_FOLDER)
            if path != _path(version) and now - written > _AN_HOUR
        ]
    )


def _path(version: int) -> str:
    return f"{_FOLDER}/{version:016x}.json"
