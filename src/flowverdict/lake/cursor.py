"""How far each blob was read into a table, as part of the table's own commits.

A commit of rows names one file of cursors: its number is the version of the commit's application
transaction. The file is written first and is never changed, so rows and cursors become true in one
moment, and what is killed in between leaves a file that nothing names. Two writers at once name two
files; Delta lets one of them win.

A file holds what changed, and in its metadata the numbers of the older files that it lies upon: a
run that sees one blob grow writes one line, not a line for each blob that ever was.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from flowverdict.flowlog import Place, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowverdict.lake.store import Store

_NONCE_BITS: Final = 24
_BELOW: Final = b"flowverdict.below"
_AN_HOUR: Final = 3600.0


class Cursor(NamedTuple):
    """How far one blob was read.

    Attributes:
        etag: the blob's when it was read; empty where it says nothing about the contents.
        mark: tells what stands in the blob before ``offset``.
        offset: bytes of unpacked text before the next whole record.
        number: of the record that stands there.
        depth: how many lists of records are open there.
        records: rows and rejects of the records before this one are in the table,
        tuples: and so many tuples of this one.
    """

    etag: str = ""
    mark: str = ""
    offset: int = 0
    number: int = 0
    depth: int = 0
    records: int = 0
    tuples: int = 0

    @property
    def place(self) -> Place:
        """Where reading goes on."""
        return Place(self.offset, self.number, self.depth)

    @property
    def progress(self) -> Progress:
        """What the table has."""
        return Progress(self.records, self.tuples)


UNREAD: Final = Cursor()

_SCHEMA: Final = pa.schema(
    [
        pa.field("blob", pa.string(), nullable=False),
        *(
            pa.field(name, pa.string() if isinstance(unread, str) else pa.int64(), nullable=False)
            for name, unread in UNREAD._asdict().items()
        ),
    ]
)


class Cursors:
    """The cursors of one table at one of its versions; newer layers hide older ones."""

    def __init__(self, store: Store, folder: str, version: int | None) -> None:
        """Reads the files that a version names.

        Raises:
            FileNotFoundError: one of them is gone: there is a newer version.
            LakeError: one of them cannot be read.
        """
        self._store = store
        self._folder = folder
        self.version = version or 0
        self._layers: list[tuple[int, dict[str, Cursor]]] = []
        if version is None:
            return
        newest, below = self._load(version)
        self._layers = [(one, self._load(one)[0]) for one in below]
        self._layers.append((version, newest))

    def __getitem__(self, blob: str) -> Cursor:
        for _, layer in reversed(self._layers):
            found = layer.get(blob)
            if found is not None:
                return found
        return UNREAD

    def _load(self, version: int) -> tuple[dict[str, Cursor], list[int]]:
        table = pq.read_table(pa.BufferReader(self._store.get(self._path(version))))
        rows = zip(*(table[name].to_pylist() for name in _SCHEMA.names), strict=True)
        cursors = {blob: Cursor(*cells) for blob, *cells in rows}
        return cursors, json.loads((table.schema.metadata or {}).get(_BELOW, b"[]"))

    def _path(self, version: int) -> str:
        return f"{self._folder}/{version:016x}.parquet"

    def write(self, changed: Mapping[str, Cursor]) -> int:
        """Writes a file of cursors that lies upon these; returns the version that names it.

        Older files not much larger than what changed are drawn into it, so there are never many.
        """
        layers, top = list(self._layers), dict(changed)
        while layers and len(layers[-1][1]) <= 2 * len(top):
            top = layers.pop()[1] | top
        below = json.dumps([version for version, _ in layers]).encode()
        columns = [list(one) for one in zip(*((b, *c) for b, c in top.items()), strict=True)]
        schema = _SCHEMA.with_metadata({_BELOW: below})
        sink = pa.BufferOutputStream()
        table = pa.Table.from_arrays([pa.array(one) for one in columns], schema=schema)
        pq.write_table(table, sink, compression="zstd")
        data = sink.getvalue()
        while True:
            version = ((self.version >> _NONCE_BITS) + 1) << _NONCE_BITS
            version |= secrets.randbits(_NONCE_BITS)
            try:
                self._store.put(self._path(version), data, new=True)
            except FileExistsError:
                continue
            return version

    def forget(self, now: float) -> None:
        """Deletes files that no version names any more, and that nobody can be about to name."""
        named = {self._path(version) for version, _ in self._layers}
        self._store.delete(
            [
                path
                for path, written in self._store.list(self._folder)
                if path not in named and now - written > _AN_HOUR
            ]
        )

    def items(self) -> Iterator[tuple[str, Cursor]]:
        """Yields each blob with its cursor."""
        seen: set[str] = set()
        for _, layer in reversed(self._layers):
            yield from ((blob, one) for blob, one in layer.items() if blob not in seen)
            seen |= layer.keys()
