"""Files into an estate: az and Resource Graph exports, with diagnostics that carry positions."""

from flowverdict.load.estate import is_plan, load_estate
from flowverdict.load.position import line_and_column

__all__ = ["is_plan", "line_and_column", "load_estate"]
