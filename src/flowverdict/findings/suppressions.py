"""Suppressions: findings that somebody answers for, each with a reason and an end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

import yaml

from flowverdict.findings.baseline import KINDS
from flowverdict.model import Diagnostic, InputError, Position, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from flowverdict.findings.finding import Finding

_SELECTORS: Final = {
    "claim": ("nic", "rule", "missing"),
    "check": ("resource",),
    "detection": ("sources", "targets"),
}
"""What may tell the findings of one name apart, by kind."""
_NEVER: Final = "never"
_KINDS: Final = ", ".join(f"`{one}`" for one in KINDS)
_LIST: Final = f"a list of suppressions, each with one of {_KINDS}, and `reason` and `until`"


@dataclass(frozen=True, slots=True)
class Suppression:
    """A statement that findings are known and stay for a while.

    Attributes:
        kind: ``claim`` or ``check``.
        patterns: of the name, under ``kind``, and of what else is told; ``*`` and ``?`` stand for
            any text and any character. An id is matched as a whole or by its last part.
        reason: why.
        until: the last day on which it is in force; None for no end.
        where: the file and the line.
    """

    kind: str
    patterns: Mapping[str, str]
    reason: str
    until: date | None
    where: str

    def matches(self, finding: Finding) -> bool:
        """Reports whether it is about a finding, in force or not.

        What cannot be known is suppressed by its ``missing`` alone, and nothing else is.
        """
        if self.kind != finding.kind or ("missing" in self.patterns) != bool(finding.missing):
            return False
        told = {**finding.about, self.kind: finding.name, "missing": finding.missing}
        return all(_fits(one, told.get(name)) for name, one in self.patterns.items())

    def is_in_force(self, today: date) -> bool:
        """Reports whether it counts on a day."""
        return self.until is None or today <= self.until

    @property
    def end(self) -> str:
        """The last day as text, or ``never``."""
        return self.until.isoformat() if self.until else _NEVER

    def __str__(self) -> str:
        """Shows what it is about."""
        return ", ".join(f"{name} `{one}`" for name, one in self.patterns.items())


def _fits(pattern: str, text: str | None) -> bool:
    if text is None:
        return False
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    form = re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
    return any(form.fullmatch(one) for one in (text, text.rstrip("/").rpartition("/")[2]))


def read_suppressions(path: Path) -> list[Suppression]:
    """Returns the suppressions that a YAML file holds.

    Raises:
        InputError: the file cannot be read, or something in it is wrong; all of it at once.
    """
    try:
        root = yaml.SafeLoader(path.read_text("utf-8-sig")).get_single_node()
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise _refused(str(path), f"cannot be read: {reason}", "a YAML file") from None
    except (yaml.YAMLError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        at = f"{path}:{mark.line + 1}" if mark else str(path)
        what = f"no YAML: {getattr(problem, 'problem', None) or problem}"
        raise _refused(at, " ".join(what.split()), _LIST) from None
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise _refused(str(path), "is no list", _LIST)
    problems: list[Diagnostic] = []
    found: list[Suppression] = []
    for node in root.value:
        reading = _Reading(str(path), node)
        found += reading.suppressions()
        problems += reading.problems
    if problems:
        raise InputError(tuple(problems))
    return found


@dataclass(slots=True)
class _Reading:
    """Reads one entry, and collects what is wrong with it."""

    file: str
    node: yaml.Node
    problems: list[Diagnostic] = field(default_factory=list[Diagnostic])

    def suppressions(self) -> Iterator[Suppression]:
        """Yields the entry, if nothing is wrong with it."""
        texts = self._texts()
        if texts is None:
            return
        kinds = [one for one in KINDS if one in texts]
        if len(kinds) != 1:
            told = " and ".join(f"`{one}`" for one in kinds) or "nothing to suppress"
            self._wrong(self.node, told, f"one of {_KINDS}")
            return
        allowed = (*kinds, *_SELECTORS[kinds[0]])
        for name, (key, _) in texts.items():
            if name not in (*allowed, "reason", "until"):
                words = ", ".join(f"`{one}`" for one in (*allowed, "reason", "until"))
                self._wrong(key, f"unknown field `{name}`", words)
        patterns = {name: texts[name][1].value for name in allowed if name in texts}
        if "missing" in patterns and len(patterns) > 2:
            self._wrong(self.node, "`missing` beside `nic` or `rule`", "`missing` alone")
        if "reason" not in texts:
            self._wrong(self.node, "missing `reason`", "why these findings may stay")
        until = self._until(texts)
        if not self.problems:
            reason = " ".join(texts["reason"][1].value.split())
            if not reason.isprintable():
                reason = reason.encode("unicode_escape").decode("ascii")
            yield Suppression(kinds[0], patterns, reason, until, self._at(self.node))

    def _texts(self) -> dict[str, tuple[yaml.Node, yaml.ScalarNode]] | None:
        """Returns the fields with their nodes, which are texts and not empty."""
        if not isinstance(self.node, yaml.MappingNode):
            self._wrong(self.node, "is no suppression", "`claim: …`, `reason: …`, `until: …`")
            return None
        texts: dict[str, tuple[yaml.Node, yaml.ScalarNode]] = {}
        for key, value in self.node.value:
            name = str(key.value)
            if not isinstance(value, yaml.ScalarNode) or not value.value.strip():
                self._wrong(key, f"`{name}` is empty or no text", "one text")
            elif name in texts:
                self._wrong(key, f"`{name}` stands here twice", "each field once")
            else:
                texts[name] = key, value
        return None if self.problems else texts

    def _until(self, texts: Mapping[str, tuple[yaml.Node, yaml.ScalarNode]]) -> date | None:
        expected = "the last day as YYYY-MM-DD, or `never`"
        if "until" not in texts:
            self._wrong(self.node, "missing `until`", expected)
            return None
        node = texts["until"][1]
        text = node.value.strip()
        if text.lower() == _NEVER:
            return None
        try:
            if len(text) == len("YYYY-MM-DD"):
                return date.fromisoformat(text)
        except ValueError:
            pass
        self._wrong(node, f"`{text}` is no day", expected)
        return None

    def _at(self, node: yaml.Node) -> str:
        return f"{self.file}:{node.start_mark.line + 1}"

    def _wrong(self, node: yaml.Node, what: str, expected: str) -> None:
        self.problems.append(_diagnostic(self._at(node), what, expected))


def _diagnostic(where: str, what: str, expected: str) -> Diagnostic:
    return Diagnostic(Severity.ERROR, "suppression", Position(where), what, expected)


def _refused(where: str, what: str, expected: str) -> InputError:
    return InputError((_diagnostic(where, what, expected),))
