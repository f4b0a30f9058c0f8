"""What is said of a finding: a title, what decided, what would stop it, and what shows it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, cast

from flowverdict.detect.finding import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowverdict.detect.finding import Finding

_WRITTEN: Final = {
    "dns": "DNS",
    "icmp": "ICMP",
    "rdp": "RDP",
    "smb": "SMB",
    "sql": "SQL",
    "ssh": "SSH",
    "tcp": "TCP",
    "udp": "UDP",
    "winrm": "WinRM",
}
_LANGUAGES: Final = {"az": "az", "ARM": "arm", "Terraform": "terraform"}
_MOST: Final = 3


@dataclass(frozen=True, slots=True)
class Told:
    """A finding, and why its flows passed or not, as far as that is known.

    Attributes:
        decided_by: the rule: ``ruleName``, ``ruleId``, ``layer``, ``acl``, ``decision``, ``since``
            and ``differs``, each of which may be absent or None; None where no rule is known.
        cure: the change that stops it: ``what``, ``why``, ``az``, ``arm``, ``terraform``,
            ``effect`` (``broken``: how many other flows it breaks), ``alternatives`` and
            ``advice`` (lists of ``what`` and ``why``), likewise; without ``what`` there is none,
            and ``why`` says why.
    """

    finding: Finding
    decided_by: Mapping[str, Any] | None = None
    cure: Mapping[str, Any] | None = None

    @property
    def title(self) -> str:
        """What happened in a few words: ``RDP brute force from 198.51.100.7 at 10.0.0.4:3389``."""
        one = self.finding
        name = spelt(one.detection)
        parts = [name[0].upper() + name[1:]]
        if one.sources:
            parts.append(f"from {several(one.sources, 'addresses')}")
        if one.targets:
            parts.append(f"at {several(one.targets, 'addresses')}")
        if one.ports:
            parts.append(f"on {'port' if len(one.ports) == 1 else 'ports'} {ports_text(one.ports)}")
        return " ".join(parts)

    @property
    def reason(self) -> str:
        """Which rule decided, where and since when, and which one decided otherwise; or empty."""
        if not (said := _rule(self.decided_by or {})):
            return ""
        by = self.decided_by or {}
        since = _time(_text(by, "since"))
        others = (
            one for one in _dicts(by.get("others")) if one.get("decision") != by.get("decision")
        )
        other = _rule(next(others, dict[str, Any]()))
        return said + (f", since {since}" if since else "") + (f"; others {other}" if other else "")

    @property
    def doubt(self) -> str:
        """What the estate says otherwise than the log; empty where they agree or nobody knows."""
        return _text(self.decided_by or {}, "differs")

    @property
    def rule_id(self) -> str:
        """The resource id of the rule that decided; empty where that is not known."""
        return _text(self.decided_by or {}, "ruleId")

    @property
    def remedy(self) -> str:
        """What stops it, and what that does else; why nothing does; empty where nobody knows."""
        return _way(self.cure or {})

    @property
    def other_remedies(self) -> list[str]:
        """What else stops it, or helps, in a sentence each."""
        cure = self.cure or {}
        every = [*_dicts(cure.get("alternatives")), *_dicts(cure.get("advice"))]
        return [told for one in every if (told := _way(one))]

    def remedy_forms(self) -> Iterator[tuple[str, str]]:
        """Yields what stops it as text to copy, with the name of the language."""
        for name, key in _LANGUAGES.items():
            if value := (self.cure or {}).get(key):
                yield name, value if isinstance(value, str) else as_text(value)

    def evidence(self) -> Iterator[tuple[str, str]]:
        """Yields what was counted: its name and value as texts."""
        for name, value in self.finding.evidence.items():
            if value is not None:
                yield name.replace("_", " "), value_text(value)


def _rule(decision: Mapping[str, Any]) -> str:
    """Returns what a rule did, its name and where it stands; empty without a name."""
    if not (name := _text(decision, "ruleName")):
        return ""
    verb = {"A": "let in by", "D": "denied by"}.get(_text(decision, "decision")[:1].upper(), "by")
    places = _text(decision, "layer"), last_part(_text(decision, "acl"))
    at = ", ".join(one for one in places if one)
    return f"{verb} {name}{f' ({at})' if at else ''}"


def by_weight(findings: Iterable[Told]) -> list[Told]:
    """Returns findings with the most severe first, and of those the earliest."""
    return sorted(
        findings,
        key=lambda one: (
            -SEVERITIES.index(one.finding.severity),
            one.finding.first,
            one.finding.detection,
            one.finding.sources,
            one.finding.targets,
        ),
    )


def spelt(detection: str) -> str:
    """Returns the id of a detection as words: ``RDP brute force``."""
    return " ".join(_WRITTEN.get(word, word) for word in detection.split("-"))


def several(texts: Sequence[str], word: str) -> str:
    """Returns a few texts, or how many of what they are: ``12 addresses``."""
    return ", ".join(texts) if len(texts) <= _MOST else f"{len(texts):,} {word}"


def ports_text(ports: Sequence[int]) -> str:
    """Returns the first few ports of many, in order."""
    shown = ", ".join(map(str, ports[:_MOST]))
    return f"{shown} and {len(ports) - _MOST:,} more" if len(ports) > _MOST else shown


def printable(text: str) -> str:
    """Returns a text with what cannot be seen, or turns text around, written as its number."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "backslashreplace").decode()
        for one in text
    )


def minute(time: datetime) -> str:
    """Returns a time as people read it, in UTC: ``2026-08-13 20:31Z``."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M}Z"


def last_part(resource: str) -> str:
    """Returns the name at the end of a resource's id."""
    return resource.rstrip("/").rpartition("/")[2]


def as_text(value: Any) -> str:
    """Returns a value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def value_text(value: Any) -> str:
    """Returns a value of evidence as text."""
    match value:
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
        case datetime():
            return minute(value)
        case list() | tuple():
            texts = [value_text(one) for one in cast("Sequence[Any]", value)]
            more = f" and {len(texts) - _MOST:,} more" if len(texts) > _MOST else ""
            return ", ".join(texts[:_MOST]) + more
        case _:
            return printable(str(value))


def _way(cure: Mapping[str, Any]) -> str:
    parts = _text(cure, "what"), _text(cure, "why") or _effect(cure.get("effect"))
    return ": ".join(filter(None, parts))


def _effect(effect: Any) -> str:
    broken = cast("dict[str, Any]", effect).get("broken") if isinstance(effect, dict) else None
    if not isinstance(broken, int):
        return ""
    count = f"{broken:,}" if broken else "no"
    return f"breaks {count} other recorded flow{'s' if broken > 1 else ''}"


def _dicts(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [one for one in cast("list[Any]", value) if isinstance(one, dict)]


def _time(text: str) -> str:
    """Returns a time that JSON has as people read it; anything else as it is."""
    try:
        return minute(datetime.fromisoformat(text))
    except ValueError:
        return text


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    return minute(value) if isinstance(value, datetime) else printable(str(value))
