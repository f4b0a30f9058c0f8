"""Files into an estate: az and Resource Graph exports, with diagnostics that carry positions."""

from flowverdict.load.estate import load_estate
from flowverdict.load.position import line_and_column

__all__ = ["line_and_column", "load_estate"]
