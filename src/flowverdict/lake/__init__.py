"""Flow rows in Delta tables: appended exactly once, queried, kept for as long as wanted."""

from flowverdict.lake.account import Account, Address, open_store
from flowverdict.lake.compaction import Compacted, compact
from flowverdict.lake.containers import list_blobs
from flowverdict.lake.engine import Engine
from flowverdict.lake.ingest import Summary, ingest
from flowverdict.lake.query import ALWAYS, Period, answer, expose, open_engine, query, workspace
from flowverdict.lake.retention import Retained, retain
from flowverdict.lake.scan import scan
from flowverdict.lake.sources import Blob, SourceError, find_blobs
from flowverdict.lake.store import LakeError, Store, local_store, one_line
from flowverdict.lake.tables import ATTEMPTS, Lake, Table

__all__ = [
    "ALWAYS",
    "ATTEMPTS",
    "Account",
    "Address",
    "Blob",
    "Compacted",
    "Engine",
    "Lake",
    "LakeError",
    "Period",
    "Retained",
    "SourceError",
    "Store",
    "Summary",
    "Table",
    "answer",
    "compact",
    "expose",
    "find_blobs",
    "ingest",
    "list_blobs",
    "local_store",
    "one_line",
    "open_engine",
    "open_store",
    "query",
    "retain",
    "scan",
    "workspace",
]
