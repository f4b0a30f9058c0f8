"""What a scanner is asked, and what its checks have to say."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conformance.cases import Case, Question

EXPOSED: Final = "exposed"
CLOSED: Final = "closed"
UNKNOWN: Final = "unknown"
NO_CHECK: Final = "no check"
NO_ANSWER: Final = "no answer"

Json = dict[str, Any]
Checks = dict[tuple[str, str, str], tuple[str, ...]]
"""Ids of checks by direction, protocol and port of what they are about, from or to the internet."""


class ScannerError(Exception):
    """A scanner that did not do its work; the message says what it said."""


class Scanner(Protocol):
    """A scanner.

    Attributes:
        name: what it is called.
        forms: the forms that it reads: folders of `conformance.write`.
    """

    name: str
    forms: tuple[str, ...]

    def version(self) -> str | None:
        """Returns the version that is installed; None if there is none."""
        ...

    def ask(self, cases: Sequence[Case], folder: Path, form: str) -> Mapping[str, str]:
        """Returns the answer for each case, by its id.

        Args:
            cases: what is asked.
            folder: where `conformance.write` has written them.
            form: one of `forms`.

        Raises:
            ScannerError: it did not run to its end.
        """
        ...


@dataclass(frozen=True, slots=True)
class Said:
    """What checks said of the files of a case: ids of those that failed and that passed."""

    failed: frozenset[str] = frozenset()
    passed: frozenset[str] = frozenset()

    def of(self, checks: Sequence[str] | None, *, tells_passes: bool = True) -> str:
        """Returns the answer that follows.

        Args:
            checks: the ids that are about the question; None if there is no such check.
            tells_passes: whether a check that neither failed nor passed has said nothing.
        """
        if checks is None:
            return NO_CHECK
        if self.failed.intersection(checks):
            return EXPOSED
        return CLOSED if self.passed.intersection(checks) or not tells_passes else NO_ANSWER


def checks_for(question: Question, checks: Checks) -> tuple[str, ...] | None:
    """Returns the ids of the checks that are about a question; None if one of its ports has none.

    Checks are about the internet; no question about another remote end has one. A check for the
    port `*` is about every port.
    """
    if question.remote != "Internet":
        return None
    found: list[str] = []
    for port in question.ports or ("*",):
        key = question.direction, question.protocol, port
        some = checks.get(key) or checks.get((*key[:2], "*"))
        if some is None:
            return None
        found += some
    return tuple(found)


def run(command: Sequence[str], *, good: Sequence[int] = (0,)) -> str:
    """Runs a scanner and returns what it printed.

    Raises:
        ScannerError: it ended with another exit code than those that are good.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in good:
        last = (done.stderr.strip() or done.stdout.strip() or "nothing was printed").splitlines()
        raise ScannerError(f"`{command[0]}` ended with exit code {done.returncode}: {last[-1]}")
    return done.stdout


def installed(program: str) -> str | None:
    """Returns the path of a program; None if it is not installed."""
    return shutil.which(program)
