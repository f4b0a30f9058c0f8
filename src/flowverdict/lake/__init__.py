"""Flow rows in Delta tables: appended exactly once, queried, kept for as long as wanted."""

from flowverdict.lake.compaction import Compacted, compact
from flowverdict.lake.ingest import Summary, ingest
from flowverdict.lake.query import query
from flowverdict.lake.retention import Retained, retain
from flowverdict.lake.sources import Blob, SourceError, find_blobs
from flowverdict.lake.store import LakeError, Store
from flowverdict.lake.tables import Lake

__all__ = [
    "Blob",
    "Compacted",
    "Lake",
    "LakeError",
    "Retained",
    "SourceError",
    "Store",
    "Summary",
    "compact",
    "find_blobs",
    "ingest",
    "query",
    "retain",
]
