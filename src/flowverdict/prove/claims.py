"""Claims about all packets, and how they are read from a file of invariants."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from flowverdict.model import Diagnostic, Direction, InputError, Position, Severity
from flowverdict.net import (
    ALL_PORTS,
    ALL_PROTOCOLS,
    PORTED,
    IntervalSet,
    NetworkTextError,
    Protocol,
    format_ports,
    parse_ports,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

EXPECTATIONS: Final = ("deny", "allow", "not-all", "only", "only-via")
PACKS: Final = ("management-ports", "high-risk-ports", "no-any-any", "database-tiers")
_FIELDS: Final = (
    "name",
    "expect",
    "direction",
    "from",
    "to",
    "via",
    "protocol",
    "ports",
    "source_ports",
)
_ANY: Final = ("any", "*")


@dataclass(frozen=True, slots=True)
class Claim:
    """What is to hold of all packets that it is about.

    Attributes:
        expect: ``deny``: none of them may pass; ``allow``: all have to; ``not-all``: some may not.
            ``only``: nothing else may pass. ``only-via``: nobody else but ``via`` may send them.
        direction: where it is judged; None for end to end.
        sources: who sends, as words of ``selectors``.
        destinations: who receives.
        via: who alone may send, with ``only-via``.
        where: where the claim stands.
    """

    name: str
    expect: str
    direction: Direction | None = None
    sources: tuple[str, ...] = ("any",)
    destinations: tuple[str, ...] = ("any",)
    via: tuple[str, ...] = ()
    protocols: IntervalSet = ALL_PROTOCOLS
    ports: IntervalSet = ALL_PORTS
    source_ports: IntervalSet = ALL_PORTS
    where: Position | None = field(default=None, compare=False)


def read_pack(name: str, values: Mapping[str, Sequence[str]]) -> list[Claim]:
    """Returns the claims of a pack that comes with the package.

    Args:
        name: one of ``PACKS``.
        values: the words that take the place of ``$name`` in it.

    Raises:
        InputError: a value is missing, or nothing in the pack takes it.
    """
    path = Path(__file__).parent / "packs" / f"{name}.yaml"
    return [_filled(claim, name, values) for claim in read_claims(path)]


def _filled(claim: Claim, pack: str, values: Mapping[str, Sequence[str]]) -> Claim:
    def words(some: tuple[str, ...]) -> tuple[str, ...]:
        found: list[str] = []
        for one in some:
            if not one.startswith("$"):
                found.append(one)
            elif one[1:] in values:
                found += values[one[1:]]
            else:
                where = Position(f"pack {pack}", claim.name)
                raise _refused(where, f"needs `{one[1:]}`", f"--set {one[1:]}=NAME")
        return tuple(found)

    sides = words(claim.sources), words(claim.destinations), words(claim.via)
    where = Position(f"pack {pack}")
    return replace(claim, sources=sides[0], destinations=sides[1], via=sides[2], where=where)


def read_claims(path: Path) -> list[Claim]:
    """Returns the claims of a file of invariants.

    Raises:
        InputError: it cannot be read, or something in it is wrong; all of it at once.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        raise _refused(Position(str(path)), f"cannot be read: {reason}", "a YAML file") from None
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        at = f"line {mark.line + 1}: " if mark else ""
        what = f"{at}no YAML: {getattr(problem, 'problem', None) or problem}"
        raise _refused(Position(str(path)), " ".join(what.split()), "a list of claims") from None
    if not isinstance(found, list) or not found:
        raise _refused(Position(str(path)), "holds no list of claims", "`- name: …` and so on")
    entries = cast("list[Any]", found)
    problems: list[Diagnostic] = []
    claims: list[Claim] = []
    names: set[str] = set()
    for number, entry in enumerate(entries):
        where = Position(str(path), f"$[{number}]")
        reading = _Reading(entry, where)
        claim = reading.claim()
        if claim is not None and claim.name in names:
            reading.wrong("name", f"`{claim.name}` stands here twice", "a name for each claim")
        if claim is not None:
            names.add(claim.name)
            claims.append(claim)
        problems += reading.problems
    if problems:
        raise InputError(tuple(problems))
    return claims


class _Reading:
    """Reads one claim, and collects what is wrong with it."""

    def __init__(self, entry: Any, where: Position) -> None:
        self._entry = entry
        self._where = where
        self.problems: list[Diagnostic] = []

    def wrong(self, name: str, what: str, expected: str) -> None:
        """Notes a problem with a field."""
        where = Position(self._where.file, f"{self._where.path}.{name}") if name else self._where
        self.problems.append(_diagnostic(where, what, expected))

    def claim(self) -> Claim | None:
        """Returns the claim; None where too much is wrong with it."""
        if not isinstance(self._entry, dict):
            self.wrong("", f"`{self._entry}` is no claim", "fields such as `name` and `expect`")
            return None
        entry = cast("dict[Any, Any]", self._entry)
        for name in entry:
            if name not in _FIELDS:
                self.wrong("", f"unknown field `{name}`", ", ".join(f"`{one}`" for one in _FIELDS))
        name = entry.get("name")
        if not isinstance(name, str) or not name.strip():
            self.wrong("name", f"`{name}`" if name is not None else "missing", "a text")
        elif not name.isprintable():
            told = name.encode("unicode_escape").decode("ascii")
            self.wrong("name", f"`{told}`", "one line without control characters")
        expect = entry.get("expect")
        if expect not in EXPECTATIONS:
            told = f"`{expect}`" if expect is not None else "missing"
            self.wrong("expect", told, " or ".join(f"`{one}`" for one in EXPECTATIONS))
        via = tuple(self._words("via", ()))
        protocols, ports = self._protocols(), self._ports("ports")
        source_ports = self._ports("source_ports")
        if (
            {ports, source_ports} != {ALL_PORTS}
            and protocols
            and not any(one in protocols for one in PORTED)
        ):
            self.wrong("protocol", "has no ports", "TCP or UDP with ports")
        if (expect == "only-via") != bool(via):
            self.wrong("via", "stands with `only-via` alone", "who alone may send")
        if expect == "not-all" and entry.get("direction") is None:
            self.wrong("direction", "missing", "`Inbound` or `Outbound` with `not-all`")
        claim = Claim(
            name=str(name),
            expect=str(expect),
            direction=self._direction(),
            sources=tuple(self._words("from", ("any",))),
            destinations=tuple(self._words("to", ("any",))),
            via=via,
            protocols=protocols,
            ports=ports,
            source_ports=source_ports,
            where=self._where,
        )
        return None if self.problems else claim

    def _direction(self) -> Direction | None:
        given = self._entry.get("direction")
        if given is None:
            return None
        for one in Direction:
            if isinstance(given, str) and given.lower() == one.value.lower():
                return one
        self.wrong("direction", f"`{given}`", "`Inbound`, `Outbound`, or left out for end to end")
        return None

    def _words(self, name: str, default: tuple[str, ...]) -> Iterator[str]:
        if name not in self._entry:
            yield from default
            return
        given = self._entry[name]
        words = _listed(given)
        if not words:
            self.wrong(name, "is empty", "a name, a prefix or `any`")
        for one in words:
            if isinstance(one, str) and one.strip():
                yield one.strip()
            else:
                self.wrong(name, f"`{one}`", "a name, a prefix or `any`, or a list of them")
        if words and all(isinstance(one, str) and one.strip().startswith("!") for one in words):
            self.wrong(name, f"`{words[0]}` takes out of nothing", '`[any, "!…"]`')

    def _protocols(self) -> IntervalSet:
        given = self._entry.get("protocol", "any")
        found: list[tuple[int, int]] = []
        for one in _listed(given):
            number = _protocol(one)
            if number is None:
                self.wrong("protocol", f"`{one}`", "TCP, UDP, ICMP, ESP, AH, a number or `any`")
            else:
                found += number
        if not _listed(given):
            self.wrong("protocol", "is empty", "TCP, UDP, ICMP, ESP, AH, a number or `any`")
        return IntervalSet(found)

    def _ports(self, name: str) -> IntervalSet:
        given = self._entry.get(name)
        if given is None:
            return ALL_PORTS
        texts = [str(one) for one in _listed(given)]
        try:
            found = parse_ports("*" if one.lower() in _ANY else one for one in texts)
        except NetworkTextError as problem:
            self.wrong(name, str(problem).partition(": expected")[0], "ports such as 22 or 80-90")
            return ALL_PORTS
        if not found:
            self.wrong(name, "is empty", "ports such as 22 or 80-90")
        return found


def _listed(given: Any) -> list[Any]:
    return cast("list[Any]", given) if isinstance(given, list) else [given]


def _protocol(given: Any) -> list[tuple[int, int]] | None:
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= 255:
        return [(given, given)]
    if not isinstance(given, str):
        return None
    if given.lower() in _ANY:
        return list(ALL_PROTOCOLS)
    number = Protocol.__members__.get(given.upper())
    return None if number is None else [(int(number), int(number))]


def _diagnostic(where: Position, what: str, expected: str) -> Diagnostic:
    return Diagnostic(Severity.ERROR, "invariant", where, what, expected)


def _refused(where: Position, what: str, expected: str) -> InputError:
    return InputError((_diagnostic(where, what, expected),))


def described(claim: Claim) -> str:
    """Returns a claim in one line, such as ``TCP 3389 from Internet to any``."""
    names = "any protocol"
    if claim.protocols != ALL_PROTOCOLS:
        numbers = [number for low, high in claim.protocols for number in range(low, high + 1)]
        known = {int(one): one.name for one in Protocol}
        names = ", ".join(known.get(one, str(one)) for one in numbers)
    ports = "" if claim.ports == ALL_PORTS else " " + ", ".join(format_ports(claim.ports))
    return f"{names}{ports} from {', '.join(claim.sources)} to {', '.join(claim.destinations)}"
