"""Flow rows in Delta tables: appended exactly once, queried, kept for as long as wanted."""

from flowverdict.lake.ingest import Summary, ingest
from flowverdict.lake.query import query
from flowverdict.lake.retention import Retained, retain
from flowverdict.lake.sources import Blob, SourceError, find_blobs
from flowverdict.lake.tables import Lake, LakeError

__all__ = [
    "Blob",
    "Lake",
    "LakeError",
    "Retained",
    "SourceError",
    "Summary",
    "find_blobs",
    "ingest",
    "query",
    "retain",
]
