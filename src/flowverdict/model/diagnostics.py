"""What is wrong with an input, and where."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from flowverdict.model.value import value

if TYPE_CHECKING:
    from flowverdict.model.ids import ResourceId


class Severity(Enum):
    """How bad a finding is."""

    ERROR = "error"
    """The input, or a resource in it, cannot be what Azure holds: nothing is concluded from it."""
    WARNING = "warning"
    """The input can be judged, but something about it deserves a look."""


@value
class Position:
    """A place in an input file.

    Attributes:
        file: the path as the user gave it.
        path: where in the JSON document, such as ``$.value[3].properties``; empty for the file.
    """

    file: str
    path: str = ""

    def __str__(self) -> str:
        """Shows the place in the form of every message."""
        return f"{self.file}: {self.path}" if self.path else self.file


@value
class Diagnostic:
    """One message: where, what, what was expected, and a hint where there is a fix.

    Attributes:
        resource: the resource it is about, if it is about a single one.
    """

    severity: Severity
    code: str
    where: Position
    what: str
    expected: str = ""
    hint: str = ""
    resource: ResourceId | None = None

    def __str__(self) -> str:
        """Shows the message on one line."""
        parts = [f"{self.where}: {self.what}"]
        if self.expected:
            parts.append(f"expected {self.expected}")
        line = ": ".join(parts) + (f" ({self.hint})" if self.hint else "")
        return line if line.isprintable() else line.encode("unicode_escape").decode("ascii")


class InputError(Exception):
    """The input as a whole cannot be used; carries every reason found."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("\n".join(str(one) for one in diagnostics))
        self.diagnostics = diagnostics
