"""What makes a finding the same one in another run."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Key = tuple[str, ...]


class Packets(Protocol):
    """The packets of a finding, where it has some: they can be written down and compared."""

    def written(self) -> list[dict[str, str]]:
        """Returns them exactly, as parts with texts."""
        ...

    def are_within(self, written: Sequence[Mapping[str, str]]) -> bool:
        """Reports whether they are all among some that were written down."""
        ...


@dataclass(frozen=True, slots=True)
class Finding:
    """What a run found.

    Attributes:
        kind: what ``name`` is the name of: ``claim``, ``check`` or ``detection``.
        name: the claim that fails, the check or the detection.
        about: what else tells it from others, such as ``nic`` and ``rule``; ids as they are
            written.
        packets: how far it goes; None where it is there or not.
        missing: what is needed to know, where that is the finding; empty otherwise.
    """

    kind: str
    name: str
    about: Mapping[str, str] = field(default_factory=dict[str, str])
    packets: Packets | None = None
    missing: str = ""

    @property
    def key(self) -> Key:
        """What it is compared by: not its text, its place or the packet that shows it."""
        return key_of(self.kind, self.name, self.about, self.missing)

    @property
    def fingerprint(self) -> str:
        """The key as 32 hexadecimal digits."""
        return fingerprint_of(self.key)


def key_of(kind: str, name: str, about: Mapping[str, str], missing: str = "") -> Key:
    """Returns what a finding is compared by: Azure's names are one whatever their case."""
    told = (f"{field}={about[field].lower()}" for field in sorted(about))
    return (kind, name, *told, *([f"missing={missing}"] if missing else []))


def fingerprint_of(key: Key) -> str:
    """Returns a key as 32 hexadecimal digits."""
    return sha256("\n".join(key).encode("utf-8", "backslashreplace")).hexdigest()[:32]
