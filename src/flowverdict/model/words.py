"""Counts and times as texts: the same words in every answer."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


def counted(count: int, word: str) -> str:
    """Returns a number of things, such as ``1 flow`` or ``2,967 flows``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def moment(time: datetime) -> str:
    """Returns a time in UTC as JSON answers have it: ``2026-08-13T20:31:07.250Z``."""
    text = time.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
