"""Detections as data: one YAML file each, read and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import yaml

from flowverdict.model import Diagnostic, InputError, Position, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Value = int | float | str | list[int | str]
LIBRARY: Final = Path(__file__).parent / "library"
SERVICES: Final = "services"
"""The setting that names service tags: their addresses are the table of this name."""
_NAMED: Final = re.compile(r"\$([a-z_]+)")
_ID: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TECHNIQUE: Final = re.compile(r"T[0-9]{4}(\.[0-9]{3})?")
_EXPECTED: Final = (
    "a detection: `id`, `title`, `finds`, `matters`, `wrong_when`, `techniques`, `query`"
)


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number, a word or a list that a query takes.

    Attributes:
        value: what it is.
        about: what it means.
        source: who published it; empty where there is nothing to publish.
    """

    value: Value
    about: str
    source: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    title: str
    finds: str
    matters: str
    wrong_when: str
    techniques: list[str]
    query: str
    settings: dict[str, Setting] = {}


@dataclass(frozen=True, slots=True)
class Detection:
    """Something to look for.

    Attributes:
        id: its name, such as ``port-scan``.
        title: what it is, in a few words.
        finds: what it finds.
        matters: why that matters.
        wrong_when: what looks like it and is none.
        techniques: ids of MITRE ATT&CK, the closest first.
        sql: one ``SELECT`` over the tables of ``attempts.TABLES``; ``$name`` is a setting.
        settings: the query's values by name.
    """

    id: str
    title: str
    finds: str
    matters: str
    wrong_when: str
    techniques: tuple[str, ...]
    sql: str
    settings: Mapping[str, Setting]

    @property
    def values(self) -> dict[str, Value]:
        """What the query takes."""
        return {name: one.value for name, one in self.settings.items() if name != SERVICES}

    @property
    def services(self) -> Sequence[str]:
        """The service tags whose addresses are left out."""
        named = self.settings.get(SERVICES)
        return [str(one) for one in named.value] if named and isinstance(named.value, list) else []

    def with_setting(self, name: str, text: str) -> Detection:
        """Returns it with another value of a setting, given as text.

        Raises:
            ValueError: there is no such setting, or the text is no value for it.
        """
        if name not in self.settings:
            raise ValueError(f"no setting `{name}`: expected {_words(self.settings)}")
        old = self.settings[name]
        kind = type(old.value) if not isinstance(old.value, list) else Value
        try:
            value = msgspec.convert(yaml.safe_load(text), kind)
        except (yaml.YAMLError, msgspec.ValidationError):
            raise ValueError(f"`{text}`: expected a value like `{_text(old.value)}`") from None
        if isinstance(old.value, list) != isinstance(value, list) or not _is_sensible(value):
            raise ValueError(f"`{text}`: expected a value like `{_text(old.value)}`")
        changed = Setting(value, old.about, "given by the user")
        return replace(self, settings={**self.settings, name: changed})


def packaged() -> list[Detection]:
    """Returns the detections that come with FlowVerdict, in the order of their ids."""
    return read_detections([LIBRARY])


def read_detections(paths: Iterable[Path]) -> list[Detection]:
    """Returns the detections of files and folders of YAML files, in the order of their ids.

    Raises:
        InputError: a file cannot be read, something in it is wrong, or two have one id; all of it.
    """
    found: dict[str, Detection] = {}
    problems: list[Diagnostic] = []
    for path in paths:
        files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not files:
            problems.append(_wrong(path, "holds no detection", "YAML files"))
        for file in files:
            try:
                one = _read(file)
            except InputError as problem:
                problems += problem.diagnostics
                continue
            if one.id in found:
                problems.append(
                    _wrong(file, f"a detection `{one.id}` is there already", "another id")
                )
            found[one.id] = one
    if problems:
        raise InputError(tuple(problems))
    return sorted(found.values(), key=lambda one: one.id)


def _read(file: Path) -> Detection:
    told = _decoded(file)
    for what, fits, expected in (
        (f"`id` is `{told.id}`", _ID.fullmatch(told.id), "words in small letters with hyphens"),
        ("`techniques` is empty", told.techniques, "ids of ATT&CK, such as T1110"),
        *((f"technique `{one}`", _TECHNIQUE.fullmatch(one), "an id of ATT&CK, such as T1110.001")
          for one in told.techniques),
    ):  # fmt: skip
        if not fits:
            raise InputError((_wrong(file, what, expected),))
    sql = told.query
    if sql.endswith(".sql"):
        try:
            sql = (file.parent / sql).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise InputError(
                (_wrong(file, f"`query`: no file `{sql}` beside it", "SQL"),)
            ) from None
    asked, given = set(_NAMED.findall(sql)), set(told.settings) - {SERVICES}
    for names, what, expected in (
        (asked - given, "the query asks for settings that are not there", "each under `settings`"),
        (given - asked, "the query does not ask for some settings", "`$name` in it for each"),
    ):
        if names:
            raise InputError((_wrong(file, f"{what}: {_words(names)}", expected),))
    texts = {
        name: " ".join(getattr(told, name).split())
        for name in ("title", "finds", "matters", "wrong_when")
    }
    return Detection(
        told.id, **texts, techniques=tuple(told.techniques), sql=sql, settings=told.settings
    )


def _decoded(file: Path) -> _File:
    try:
        return msgspec.convert(yaml.safe_load(file.read_text("utf-8-sig")), _File)
    except (OSError, UnicodeDecodeError) as problem:
        reason = problem.strerror if isinstance(problem, OSError) else "it is not UTF-8"
        what, expected = f"cannot be read: {reason}", "a YAML file"
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        at = f"line {mark.line + 1}: " if mark else ""
        what = " ".join(f"{at}no YAML: {getattr(problem, 'problem', None) or problem}".split())
        expected = _EXPECTED
    except msgspec.ValidationError as problem:
        what, expected = str(problem), _EXPECTED
    raise InputError((_wrong(file, what, expected),))


def _wrong(file: Path, what: str, expected: str) -> Diagnostic:
    return Diagnostic(Severity.ERROR, "detection", Position(str(file)), what, expected)


def _is_sensible(value: Value) -> bool:
    """Reports whether a number is one that can be counted up to: nothing here is below 0."""
    every = value if isinstance(value, list) else [value]
    return all(isinstance(one, str) or 0 <= one < 1 << 53 for one in every)


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in sorted(names))


def _text(value: Value) -> str:
    return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
