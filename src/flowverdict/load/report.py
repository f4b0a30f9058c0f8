"""Collects diagnostics while files are read."""

from __future__ import annotations

from flowverdict.model import Diagnostic, Position, ResourceId, Severity


class Unreadable(Exception):
    """A value that cannot be what Azure holds; carries the message for the user."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(str(diagnostic))
        self.diagnostic = diagnostic


def error(where: Position, code: str, what: str, expected: str = "", hint: str = "") -> Diagnostic:
    """Returns an error."""
    return Diagnostic(Severity.ERROR, code, where, what, expected, hint)


def warning(
    where: Position,
    code: str,
    what: str,
    expected: str = "",
    *,
    resource: ResourceId | None = None,
) -> Diagnostic:
    """Returns a warning, about a resource if it is about a single one."""
    return Diagnostic(Severity.WARNING, code, where, what, expected, resource=resource)
