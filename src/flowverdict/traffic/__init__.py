"""Flow rows as traffic: sessions, denied attempts, Traffic Analytics' columns, coverage."""

from flowverdict.traffic.coverage import (
    HOURS,
    Gap,
    Hour,
    Interface,
    Log,
    Tally,
    hours,
    interfaces,
    moment,
)
from flowverdict.traffic.inventory import Inventory, Silent, Unlogged, take_stock
from flowverdict.traffic.migration import (
    BYTES_NSG,
    BYTES_VNET,
    CLOSED_SINCE,
    RETIRES,
    Migration,
    NsgLog,
    Target,
    plan,
)
from flowverdict.traffic.sessions import (
    DENIED_ATTEMPTS,
    SESSIONS,
    SESSIONS_ONCE,
    fold,
    once,
    stitch,
)
from flowverdict.traffic.tuples import TUPLES, analyse
from flowverdict.traffic.view import View
from flowverdict.traffic.views import VIEWS

__all__ = [
    "BYTES_NSG",
    "BYTES_VNET",
    "CLOSED_SINCE",
    "DENIED_ATTEMPTS",
    "HOURS",
    "RETIRES",
    "SESSIONS",
    "SESSIONS_ONCE",
    "TUPLES",
    "VIEWS",
    "Gap",
    "Hour",
    "Interface",
    "Inventory",
    "Log",
    "Migration",
    "NsgLog",
    "Silent",
    "Tally",
    "Target",
    "Unlogged",
    "View",
    "analyse",
    "fold",
    "hours",
    "interfaces",
    "moment",
    "once",
    "plan",
    "stitch",
    "take_stock",
]
