"""Templates of an estate with their parameters: which files belong together, what they deploy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.assemble import is_read
from flowverdict.load.joined import PARENTS
from flowverdict.load.kinds import Found, Shape
from flowverdict.load.made import made_for
from flowverdict.load.node import Node
from flowverdict.load.report import Unreadable, error, warning
from flowverdict.load.template.evaluate import Evaluator
from flowverdict.load.template.expand import Level
from flowverdict.load.template.finish import completed, finished
from flowverdict.load.template.given import check_given, given_by
from flowverdict.load.template.partial import as_object
from flowverdict.load.template.place import Place, is_apart, kind_of_schema, place_of, replace_value
from flowverdict.load.template.raw import field_of
from flowverdict.load.template.scope import Scope
from flowverdict.model import Position, ResourceId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.load.document import Document
    from flowverdict.load.template.expand import Instance
    from flowverdict.load.template.given import Given
    from flowverdict.model import Diagnostic

Json = dict[str, Any]

_SUFFIX: Final = re.compile(r"(\.json)?(\.gz)?$", re.IGNORECASE)
_ANY_NUMBER: Final = frozenset(
    f"microsoft.{one}"
    for one in (
        "compute/virtualmachines",
        "network/applicationsecuritygroups",
        "network/networkinterfaces",
        "network/networksecuritygroups",
        "network/networksecuritygroups/securityrules",
        "network/publicipaddresses",
        "network/routetables",
        "network/routetables/routes",
    )
)
"""Types that count for those alone that refer to them, or that they are part of.

What says something of others has to be counted. Interfaces count for groups and claims as well,
where those that are not known are asked for.
"""


class Templates:
    """The templates among some files, with what gives them values."""

    def __init__(self) -> None:
        self._templates: list[Document] = []
        self._parameters: list[tuple[Document, bool]] = []
        self._deployments: list[Document] = []
        self.diagnostics: list[Diagnostic] = []
        self.fatal: list[Diagnostic] = []
        self._by_id: dict[ResourceId, Instance] = {}
        self.untold: list[str] = []
        """The templates with resources of which it is not known where they are deployed."""

    def take(self, document: Document, shape: str, *, named: bool) -> None:
        """Takes a document of a shape; ``named`` is one that the user named."""
        if shape == "template":
            self._templates.append(document)
        elif shape == "parameters":
            self._parameters.append((document, named))
        else:
            self._deployments.append(document)

    def resources(self) -> Iterator[Found | tuple[Found, Diagnostic] | Unreadable]:
        """Yields what the templates deploy, each with a reason if it is not known whether."""
        values = self._matched()
        if not self._templates:
            for one in self._deployments:
                what = "passed over: a deployment of no template in the estate"
                self.diagnostics.append(warning(Position(one.file), "passed-over", what))
        levels: list[Level] = []
        for one in self._templates:
            try:
                levels.append(_level(one, values.get(one.file), self._deployment_of(one)))
            except Unreadable as problem:
                yield problem
        for level in self._unlinked(levels):
            try:
                found = list(level.every())
                for one in found:
                    if is_apart(one.id.text) and level.where.file not in self.untold:
                        self.untold.append(level.where.file)
                    kind = one.kind.lower()
                    if one.is_counted or kind in _ANY_NUMBER or not is_read(kind):
                        yield from _found(one, self._other(one))
                    else:
                        yield Unreadable(_doubted(one))
                yield from _parentless(found)
                for inner in level.every_level():
                    self._told_of(inner)
            except Unreadable as problem:
                yield problem

    def _unlinked(self, levels: list[Level]) -> list[Level]:
        """Returns the templates that no other one deploys."""
        linked: set[str] = set()
        for level in levels:
            try:
                files = {one.where.file for one in level.every_level()} - {level.where.file}
            except Unreadable:
                continue  # told when its resources are asked for
            linked |= {str(Path(one).resolve()) for one in files}
        return [one for one in levels if str(Path(one.where.file).resolve()) not in linked]

    def _other(self, one: Instance) -> Instance | None:
        """Returns a resource before one that has its id, and is another; None where none does."""
        other = self._by_id.setdefault(one.id, one)
        return None if other.value == one.value else other

    def _told_of(self, level: Level) -> None:
        for one in level.instances:
            if one.is_deployment and one.inner is None and one.link:
                what = f"linked template `{one.link}` is not read: what it deploys is not here"
                self.diagnostics.append(warning(one.where, "linked", what, "a nested template"))

    def _matched(self) -> dict[str, Document]:
        """Returns the parameters file of each template by the template's file."""
        found: dict[str, Document] = {}
        for document, named in self._parameters:
            fits = _fitting(document.file, [one.file for one in self._templates])
            if len(fits) == 1 and fits[0] not in found:
                found[fits[0]] = document
                continue
            where = Position(document.file)
            if not fits and not named:
                what = "passed over: parameters of no template in the estate"
                self.diagnostics.append(warning(where, "passed-over", what))
            elif not fits:
                what = "parameters of a template that is not in the estate"
                self.fatal.append(error(where, "parameters", what, "the template beside them"))
            elif len(fits) == 1:
                other = Path(found[fits[0]].file).name
                what = f"`{Path(fits[0]).name}` has another parameters file, `{other}`"
                self.fatal.append(error(where, "parameters", what, "one of both"))
            else:
                names = " or ".join(f"`{Path(one).name}`" for one in fits[:3])
                what = f"parameters of which template, {names}"
                expected = f"a name such as `{_stem(fits[0])}.parameters.json`"
                self.fatal.append(error(where, "parameters", what, expected))
        return found

    def _deployment_of(self, template: Document) -> Document | None:
        """Returns the deployment that tells where a template goes: of its name, or the only one."""
        stem = _stem(template.file).lower()
        ids = [(one, ResourceId(str(field_of(one.value, "id")))) for one in self._deployments]
        named = [one for one, identity in ids if identity.last == stem]
        if len(named) == 1:
            return named[0]
        alone = len(self._templates) == 1 and len(self._deployments) == 1
        return self._deployments[0] if alone and not named else None


def _stem(file: str) -> str:
    return _SUFFIX.sub("", Path(file).name)


def _fitting(file: str, templates: list[str]) -> list[str]:
    """Returns the templates that a parameters file may be of, by name, folder, or as the only."""
    stem = _stem(file).lower()
    beside = [one for one in templates if Path(one).parent == Path(file).parent]
    for some in (beside, templates):
        named = [one for one in some if stem.startswith(_stem(one).lower() + ".")]
        if named:
            longest = max(len(_stem(one)) for one in named)
            return [one for one in named if len(_stem(one)) == longest]
    return beside if len(beside) == 1 else templates


def _level(template: Document, parameters: Document | None, deployment: Document | None) -> Level:
    """Returns a template with its values, and where it is deployed.

    Raises:
        Unreadable: the parameters are not the template's.
    """
    of = as_object(template.value) or {}
    kind = kind_of_schema(field_of(of, "$schema"))
    place = Place(kind)
    given: Given = {}
    told = Position(template.file)
    if deployment is not None:
        place = replace_value(_place_of(deployment) or place, kind=kind)
        told = Position(deployment.file, "$.properties.parameters")
        given |= given_by(field_of(deployment.value, "properties", "parameters"), told)
    if parameters is not None:
        told = Position(parameters.file, "$.parameters")
        given |= given_by(field_of(parameters.value, "parameters"), told)
    scope = Scope(of, _stem(template.file), place, given)
    check_given(scope, told)
    return Level(of, Evaluator(scope), place, Position(template.file, "$"))


def _place_of(deployment: Document) -> Place | None:
    identity = str(field_of(deployment.value, "id"))
    end = identity.lower().find("/providers/microsoft.resources/deployments/")
    return place_of(identity[: max(end, 0)])


def _found(
    instance: Instance, other: Instance | None
) -> Iterator[Found | tuple[Found, Diagnostic]]:
    """Yields a resource as an export has it, and what Azure makes for it.

    Args:
        instance: the resource.
        other: another one of the same id.
    """
    where = instance.where
    kind = instance.kind.lower()
    doubt = None
    if instance.doubt:
        doubt = _doubted(instance)
    elif other is not None:
        doubt = _twice(instance, other)
    value = completed(kind, finished(instance.value))
    node = Node(value, where.file, None, where.path)
    for made in (Found(node, Shape.RESOURCE, kind, instance.id, planned=True),
                 *made_for(node, kind, instance.id)):  # fmt: skip
        yield made if doubt is None else (made, doubt)


def _doubted(one: Instance) -> Diagnostic:
    what = f"it is not known {one.doubt}"
    return error(one.where, "unknown-value", what, "a parameters file that tells")


def _parentless(instances: list[Instance]) -> Iterator[tuple[Found, Diagnostic]]:
    """Yields what a rule, peering or route may be part of that does not tell of which it is."""
    ids = {one.id for one in instances}
    for part in instances:
        parent = part.id.parent
        if part.kind.lower() not in PARENTS or "{" not in parent.name or parent in ids:
            continue
        what = f"it is not known whose `{part.id.name}` is ({part.nameless})"
        doubt = error(part.where, "unknown-value", what, "a parameters file that tells")
        for one in instances:
            if one.id.type == parent.type:
                node = Node({}, one.where.file, None, one.where.path)
                yield Found(node, Shape.RESOURCE, parent.type, one.id, planned=True), doubt


def _twice(one: Instance, other: Instance) -> Diagnostic:
    place = f"{other.where}" if other.where != one.where else "another turn of its loop"
    if why := one.nameless:
        what = f"`{one.id.name}` cannot be told from the one at {place} ({why})"
        return error(one.where, "unknown-value", what, "names that are known")
    what = f"`{one.id.name}` stands at {place} too, with different contents"
    return error(one.where, "duplicate", what, "each resource once, or the same twice")
