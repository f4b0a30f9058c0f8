"""The resources that a template deploys: loops unrolled, children beside their parents."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.document import read_document
from flowverdict.load.report import Unreadable, error
from flowverdict.load.template.evaluate import Evaluator
from flowverdict.load.template.given import check_given, given_by
from flowverdict.load.template.partial import (
    Partial,
    as_list,
    as_object,
    called,
    shown,
    unknown,
)
from flowverdict.load.template.place import Place, place_of
from flowverdict.load.template.raw import below, evaluated, field_of
from flowverdict.load.template.scope import Scope
from flowverdict.load.template.state import state_of
from flowverdict.load.template.syntax import ExpressionError
from flowverdict.model import Position, ResourceId

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

_DEPLOYMENT: Final = "microsoft.resources/deployments"
_NOT_OF_THE_RESOURCE: Final = frozenset(
    {"copy", "condition", "dependson", "resources", "apiversion", "comments", "existing", "scope"}
)
"""Fields by which a template says how it deploys a resource."""
_DEEPEST: Final = 20
"""Deployments within one another."""


@dataclass(eq=False)
class Instance:
    """One resource that a template deploys, or may deploy.

    Attributes:
        kind: its type as the template writes it.
        id: its ARM id; what is not known of it stands in braces.
        raw: the resource as the template has it.
        where: its place in the template.
        evaluator: for its expressions.
        level: the template that it is in.
        doubt: what is not known of whether or how often it is deployed; empty where it is.
        is_counted: whether it is known how many there are; otherwise it stands for all of them.
    """

    kind: str
    id: ResourceId
    raw: Json
    where: Position
    evaluator: Evaluator
    level: Level
    doubt: str = ""
    is_counted: bool = True

    @property
    def is_deployment(self) -> bool:
        """Reports whether it is a deployment, nested or linked."""
        return self.kind.lower() == _DEPLOYMENT

    @property
    def is_existing(self) -> bool:
        """Reports whether the template only refers to it."""
        return field_of(self.raw, "existing") is True

    @cached_property
    def value(self) -> Json:
        """The resource, with its expressions evaluated.

        Raises:
            Unreadable: Azure would refuse one.
        """
        found: Json = {}
        for name, raw in self.raw.items():
            if name.lower() not in _NOT_OF_THE_RESOURCE:
                found[name] = evaluated(self.evaluator, raw, self.where, name)
        return {**found, "id": self.id.text, "name": self.id.name}

    @property
    def nameless(self) -> str:
        """Why its name is not known; empty where it is."""
        name = evaluated(self.evaluator, field_of(self.raw, "name"), self.where, "name")
        return name.what if isinstance(name, Partial) else ""

    @cached_property
    def inner(self) -> Level | None:
        """The template of a deployment; None where the files do not hold it."""
        if not self.is_deployment:
            return None
        template = as_object(field_of(self.raw, "properties", "template"))
        if template is not None:
            where = below(self.where, ".properties.template")
            return self.level.nested(self, template, where, is_linked=False)
        relative = field_of(self.raw, "properties", "templateLink", "relativePath")
        name = evaluated(self.evaluator, relative, self.where)
        path = Path(self.where.file).parent / str(name or "").replace("\\", "/")
        if not name or not path.is_file():
            return None
        linked = read_document(path)
        where = Position(linked.file, "$")
        return self.level.nested(self, as_object(linked.value) or {}, where, is_linked=True)

    @property
    def link(self) -> str:
        """What a deployment says of a template that stands elsewhere; empty for a nested one."""
        link = field_of(self.raw, "properties", "templateLink")
        told = (field_of(link, name) for name in ("uri", "relativePath", "id"))
        return next((str(one) for one in told if one), "")


class Level:
    """One template with what it deploys."""

    def __init__(
        self,
        template: Json,
        evaluator: Evaluator,
        place: Place,
        where: Position,
        *,
        within: Instance | None = None,
    ) -> None:
        """Takes a template.

        Args:
            template: the template.
            evaluator: for its expressions; of a nested template it may be the outer one's.
            place: where it is deployed.
            where: where it stands.
            within: the deployment that it is of; None for one that is deployed by itself.
        """
        self.template = template
        self.place = place
        self.where = where
        self._evaluator = evaluator
        self._within = within
        self.depth: int = within.level.depth + 1 if within else 0
        self._working = False
        self._by_symbol: dict[str, Instance] = {}
        if evaluator.scope.resources is None:
            evaluator.scope.resources = self

    @cached_property
    def instances(self) -> list[Instance]:
        """The resources of this template, deployments among them, in its order.

        Raises:
            Unreadable: Azure would refuse a name, a type, a loop or a condition.
        """
        where = below(self.where, ".resources")
        return list(self._all(field_of(self.template, "resources"), where, None))

    def every(self) -> Iterator[Instance]:
        """Yields the resources of this template and of all in it, deployments left out."""
        for one in self.instances:
            if one.inner is not None:
                yield from one.inner.every()
            elif not one.is_existing:
                yield one

    def every_level(self) -> Iterator[Level]:
        """Yields this template and all in it."""
        yield self
        for one in self.instances:
            if one.inner is not None:
                yield from one.inner.every_level()

    # from what is written to resources

    def _all(self, resources: Any, where: Position, parent: Instance | None) -> Iterator[Instance]:
        """Yields what a list of resources, or an object of them by symbolic name, stands for."""
        named = as_object(resources)
        if named is None and as_list(resources) is None:
            raise self._wrong(where, "no list of resources", "a list, or an object of them")
        steps = [(f".{name}", name, one) for name, one in (named or {}).items()]
        steps += [(f"[{at}]", "", one) for at, one in enumerate(as_list(resources) or [])]
        for step, symbol, one in steps:
            raw = as_object(one)
            if raw is None:
                raise self._wrong(below(where, step), "no resource", "an object with a `type`")
            yield from self._turns(raw, below(where, step), symbol, parent)

    def _wrong(self, where: Position, what: str, expected: str) -> Unreadable:
        return Unreadable(error(where, "template", what, expected))

    def _turns(
        self, raw: Json, where: Position, symbol: str, parent: Instance | None
    ) -> Iterator[Instance]:
        """Yields a resource as often as its loop turns, once where that is not known.

        Its children come with it.
        """
        around = parent.evaluator if parent else self._evaluator
        loop = as_object(field_of(raw, "copy"))
        if loop is None:
            yield from self._one(raw, where, symbol, parent, around)
            return
        try:
            count = around.count(loop)
        except ExpressionError as problem:
            at = below(where, ".copy")
            raise Unreadable(error(at, "expression", str(problem), problem.expected)) from None
        name = str(loop.get("name", ""))
        if isinstance(count, Partial):
            any_turn = around.at_turn(name, _any_turn(count, name), is_resource=True)
            what = f"how many of `{field_of(raw, 'type')}` there are ({count.what})"
            yield from self._one(raw, where, "", parent, any_turn, uncounted=what)
            return
        for turn in range(count):
            at_turn = around.at_turn(name, turn, is_resource=True)
            named = f"{symbol}[{turn}]" if symbol else ""
            yield from self._one(raw, where, named, parent, at_turn)

    def _one(
        self,
        raw: Json,
        where: Position,
        symbol: str,
        parent: Instance | None,
        evaluator: Evaluator,
        *,
        uncounted: str = "",
    ) -> Iterator[Instance]:
        holds = self._condition(raw, where, evaluator)
        if holds is False:
            return
        kind, names = self._named(raw, where, parent, evaluator)
        identity = self._id(raw, where, evaluator, kind, names)
        around = parent or self._within
        doubt = uncounted or (around.doubt if around else "")
        if isinstance(holds, Partial) and not doubt:
            doubt = f"whether `{identity.name}` is deployed ({holds.what})"
        is_counted = not uncounted and (around is None or around.is_counted)
        found = Instance(kind, identity, raw, where, evaluator, self, doubt, is_counted)
        if symbol:
            self._by_symbol[symbol.lower()] = found
        yield found
        children = field_of(raw, "resources")
        if children is not None and not found.is_deployment:
            yield from self._all(children, below(where, ".resources"), found)

    def _condition(self, raw: Json, where: Position, evaluator: Evaluator) -> bool | Partial:
        """Returns whether a resource is deployed, or a mark."""
        condition = field_of(raw, "condition")
        if condition is None:
            return True
        holds = evaluated(evaluator, condition, where, "condition")
        if isinstance(holds, Partial):
            return holds
        word = str(holds).lower()
        if word not in ("true", "false"):
            raise self._wrong(below(where, ".condition"), f"`{shown(holds)}`", "true or false")
        return word == "true"

    def _named(
        self, raw: Json, where: Position, parent: Instance | None, evaluator: Evaluator
    ) -> tuple[str, list[str]]:
        """Returns a resource's whole type, and a name for each part of it."""
        kind = evaluated(evaluator, field_of(raw, "type"), where, "type")
        name = evaluated(evaluator, field_of(raw, "name"), where, "name")
        if isinstance(kind, str) and "@" in kind:  # Bicep's symbolic form of imported types
            kind = kind.partition("@")[0]
        if not isinstance(kind, str) or not ("/" in kind or (parent and kind)):
            told = shown(kind) or "nothing"
            raise self._wrong(below(where, ".type"), f"`{told}`", "`Microsoft.Network/…`")
        if not isinstance(name, (str, Partial)):
            told = shown(name) or "nothing"
            raise self._wrong(below(where, ".name"), f"`{told}`", "a text")
        names = shown(name).split("/")
        if parent is not None and "/" not in kind:
            kind = f"{parent.kind}/{kind}"
        wanted = kind.count("/")
        if parent is not None and len(names) < wanted:
            names = [*_names(parent), *names]
        if len(names) == wanted:
            return kind, names
        if isinstance(name, Partial):
            return kind, ["|".join(names)] * wanted
        what = f"`{name}` has {len(names)} parts"
        raise self._wrong(below(where, ".name"), what, f"{wanted}, as `{kind}` has")

    def _id(
        self, raw: Json, where: Position, evaluator: Evaluator, kind: str, names: list[str]
    ) -> ResourceId:
        """Returns a resource's id; of an extension it begins with that of what it extends."""
        scope = field_of(raw, "scope")
        place: Place | None = self.place
        prefix = ""
        if scope is not None:
            prefix = shown(evaluated(evaluator, scope, where, "scope")).rstrip("/")
            place = place_of(prefix)
        elif field_of(raw, "existing") is True or kind.lower() == _DEPLOYMENT:
            of = (field_of(raw, name) for name in ("subscriptionId", "resourceGroup"))
            place = self.place.inside(*(evaluated(evaluator, one, where) for one in of))
        if place is not None:
            return ResourceId(shown(place.resource(kind, names)))
        return ResourceId(prefix + shown(Place("tenant").resource(kind, names)))

    def nested(
        self, deployment: Instance, template: Json, where: Position, *, is_linked: bool
    ) -> Level:
        """Returns the template of a nested or linked deployment, which stands at a place.

        Raises:
            Unreadable: Azure would refuse it.
        """
        raw, evaluator = deployment.raw, deployment.evaluator
        if self.depth >= _DEEPEST:
            raise self._wrong(deployment.where, "deployments are nested too deeply", "fewer")
        named = (field_of(raw, name) for name in ("subscriptionId", "resourceGroup"))
        place = self.place.inside(*(evaluated(evaluator, one, deployment.where) for one in named))
        scope_id = evaluated(evaluator, field_of(raw, "scope"), deployment.where, "scope")
        if scope_id is not None:
            place = place_of(shown(scope_id)) or place
        how = field_of(raw, "properties", "expressionEvaluationOptions", "scope")
        how = evaluated(evaluator, how, deployment.where)
        if str(how).lower() != "inner" and not is_linked:
            return Level(template, evaluator, place, where, within=deployment)
        told = below(deployment.where, ".properties.parameters")
        given = given_by(field_of(raw, "properties", "parameters"), told, evaluator)
        label = f"{evaluator.scope.label}.{deployment.id.name}"
        scope = Scope(template, label, place, given)
        check_given(scope, told)
        return Level(template, Evaluator(scope), place, where, within=deployment)

    # what expressions ask of resources

    def _find(self, to: Any) -> Instance | None:
        """Returns the resource that is meant by a symbolic name, a name or an id."""
        if self._working or not isinstance(to, (str, Partial)):
            return None
        self._working = True  # a name may not hang on a state: Azure refuses that
        try:
            instances = self.instances
        finally:
            self._working = False
        text = shown(to).lower()
        if text in self._by_symbol:
            return self._by_symbol[text]
        named = [one for one in instances if text in (one.id.key, "/".join(_names(one)).lower())]
        return named[0] if len(named) == 1 else None

    def state(self, to: Any, *, whole: bool) -> Any:
        """Returns what is known of a resource's state; None where that is nothing."""
        found = self._find(to)
        return None if found is None else state_of(found, whole=whole)

    def information(self, symbol: Any) -> Any:
        """Returns the id, name and type of a resource; None where there is none."""
        found = self._find(symbol)
        if found is None:
            return None
        told = {"id": found.id.text, "name": "/".join(_names(found)), "type": found.kind}
        what = f"name of `{found.id.name}`"
        return {key: Partial(what, one) if "{" in one else one for key, one in told.items()}

    def outputs(self) -> Json:
        """Returns the template's outputs, each with its ``value``.

        Raises:
            Unreadable: Azure would refuse one.
        """
        found: Json = {}
        for name, raw in (as_object(field_of(self.template, "outputs")) or {}).items():
            where = below(self.where, f".outputs.{name}")
            loop = as_object(field_of(raw, "copy"))
            if loop is None:
                value = evaluated(self._evaluator, field_of(raw, "value"), where, "value")
            else:
                value = evaluated(self._evaluator, {"copy": [{**loop, "name": "value"}]}, where)
                value = value["value"]
            found[name] = {"value": value}
        return found


def _any_turn(count: Partial, loop: str) -> Partial:
    """Returns what stands for the turn of a loop of which it is not known how often it turns."""
    return unknown(count.what, called("copyIndex", [loop] if loop else []))


def _names(instance: Instance) -> list[str]:
    """Returns the names in a resource's id, one for each part of its type."""
    return instance.id.text.split("/")[-2 * instance.kind.count("/") + 1 :: 2]
