"""Azure's limits that more than one part goes by (policy specification, 1.7 and 8.7)."""

from __future__ import annotations

from typing import Final

LISTED: Final = 4_000
"""Addresses or ranges on one side of a rule."""
ASGS_OF_SIDE: Final = 10
"""Application security groups on one side of a rule."""
ADMIN_RULES: Final = 100
"""Security admin rules of one network manager."""
ADMIN_PREFIXES: Final = 20_000
"""Prefixes of all of them."""
