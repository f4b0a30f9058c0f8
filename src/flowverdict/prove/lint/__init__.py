"""What of an estate's rules does nothing, hides something, or breaks Azure's limits."""

from flowverdict.prove.lint.checks import CHECKS, Check, Level
from flowverdict.prove.lint.findings import Finding
from flowverdict.prove.lint.run import Lint, lint

__all__ = ["CHECKS", "Check", "Finding", "Level", "Lint", "lint"]
