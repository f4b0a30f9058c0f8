"""Flow rows as traffic: sessions, denied attempts, Traffic Analytics' columns."""

from typing import Final

from flowverdict.traffic.analytics import ANALYTICS, analyse
from flowverdict.traffic.sessions import (
    DENIED_ATTEMPTS,
    SESSIONS,
    SESSIONS_ONCE,
    fold,
    once,
    stitch,
)
from flowverdict.traffic.view import View

VIEWS: Final = (SESSIONS, SESSIONS_ONCE, DENIED_ATTEMPTS, ANALYTICS)
"""What can be asked beside the tables of a lake; each is made of those before it."""

__all__ = [
    "ANALYTICS",
    "DENIED_ATTEMPTS",
    "SESSIONS",
    "SESSIONS_ONCE",
    "VIEWS",
    "View",
    "analyse",
    "fold",
    "once",
    "stitch",
]
