"""What can be asked beside the tables of a lake."""

from __future__ import annotations

from typing import Final

from flowverdict.traffic.sessions import DENIED_ATTEMPTS, SESSIONS, SESSIONS_ONCE
from flowverdict.traffic.tuples import TUPLES

VIEWS: Final = (SESSIONS, SESSIONS_ONCE, DENIED_ATTEMPTS, TUPLES)
"""Each is made of those before it."""
