"""The baseline: findings that were there before, in a file that reads well in a diff."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from flowverdict.findings.finding import Finding, Key, fingerprint_of, key_of
from flowverdict.model import Diagnostic, InputError, Position, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KINDS: Final = ("claim", "check", "detection")
_FORMAT: Final = 1
_EXPECTED: Final = "a file that `--write-baseline` wrote"


@dataclass(frozen=True, slots=True)
class Entry:
    """A finding as a baseline has it; the attributes are those of ``Finding``.

    Attributes:
        packets: as ``Packets.written`` returns them; None where the finding has none.
    """

    kind: str
    name: str
    about: Mapping[str, str]
    packets: tuple[Mapping[str, str], ...] | None = None

    @classmethod
    def of(cls, finding: Finding) -> Entry:
        """Returns a finding as a baseline has it."""
        packets = None if finding.packets is None else (*finding.packets.written(),)
        return cls(finding.kind, finding.name, finding.about, packets)

    @property
    def key(self) -> Key:
        """What it is compared by."""
        return key_of(self.kind, self.name, self.about)

    @property
    def fingerprint(self) -> str:
        """The key as 32 hexadecimal digits."""
        return fingerprint_of(self.key)

    def holds(self, finding: Finding) -> bool:
        """Reports whether a finding of this key goes no further than this one did."""
        if finding.packets is None or self.packets is None:
            return finding.packets is None and self.packets is None
        return finding.packets.are_within(self.packets)


@dataclass(frozen=True, slots=True)
class Baseline:
    """The findings that were there before, each key once."""

    entries: tuple[Entry, ...] = ()
    file: str = ""
    _by_key: dict[Key, Entry] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_key", {one.key: one for one in self.entries})

    def of(self, finding: Finding) -> Entry | None:
        """Returns the entry of a finding, however far it goes now."""
        return self._by_key.get(finding.key)


def read_baseline(path: Path) -> Baseline:
    """Returns the baseline that a file holds.

    Raises:
        InputError: the file cannot be read, or is no baseline.
    """
    try:
        content: Any = json.loads(path.read_text("utf-8-sig"))
    except OSError as problem:
        raise _refused(path, "", f"cannot be read: {problem.strerror}") from None
    except (ValueError, RecursionError):
        raise _refused(path, "", "is no JSON") from None
    if not isinstance(content, dict) or "findings" not in content:
        raise _refused(path, "", "holds no baseline")
    fields = cast("dict[str, Any]", content)
    if fields.get("format") != _FORMAT:
        raise _refused(path, "$.format", f"`{fields.get('format')}` is not read by this version")
    if not isinstance(fields["findings"], list):
        raise _refused(path, "$.findings", "is no list")
    entries: dict[Key, Entry] = {}
    for number, raw in enumerate(cast("list[Any]", fields["findings"])):
        where = f"$.findings[{number}]"
        entry = _entry(raw)
        if entry is None:
            raise _refused(path, where, "is no finding")
        if entries.setdefault(entry.key, entry) is not entry:
            raise _refused(path, where, f"stands here twice: `{entry.name}`")
    return Baseline(tuple(entries.values()), str(path))


def _entry(raw: Any) -> Entry | None:
    if not isinstance(raw, dict):
        return None
    fields = dict(cast("dict[str, Any]", raw))
    kinds = [one for one in KINDS if one in fields]
    packets = fields.pop("packets", None)
    if len(kinds) != 1 or not all(isinstance(one, str) for one in fields.values()):
        return None
    if packets is not None and not _are_parts(packets):
        return None
    name = fields.pop(kinds[0])
    return Entry(kinds[0], name, fields, None if packets is None else tuple(packets))


def _are_parts(packets: Any) -> bool:
    return isinstance(packets, list) and all(
        isinstance(part, dict)
        and all(isinstance(one, str) for one in cast("dict[str, Any]", part).values())
        for part in cast("list[Any]", packets)
    )


def write_baseline(path: Path, entries: Iterable[Entry], kind: str, version: str) -> None:
    """Writes a baseline. What the file held of other kinds stays in it.

    Args:
        path: the file; one that is there already has to be a baseline.
        entries: those of this kind.
        kind: one of ``KINDS``.
        version: of the program.

    Raises:
        InputError: the file is there and is no baseline, or cannot be written.
    """
    kept = read_baseline(path).entries if path.exists() and path.stat().st_size else ()
    others = (one for one in kept if one.kind != kind)
    content = {
        "flowverdict": version,
        "format": _FORMAT,
        "findings": [_written(one) for one in sorted((*others, *entries), key=lambda one: one.key)],
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    try:
        path.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as problem:
        what = f"cannot be written: {problem.strerror}"
        raise _refused(path, "", what, "a file in a folder that is there") from None


def _written(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {entry.kind: entry.name, **entry.about}
    if entry.packets is not None:
        told["packets"] = list(entry.packets)
    return told


def _refused(path: Path, where: str, what: str, expected: str = _EXPECTED) -> InputError:
    place = Position(str(path), where)
    return InputError((Diagnostic(Severity.ERROR, "baseline", place, what, expected),))
