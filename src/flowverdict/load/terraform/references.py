"""Which resource a value comes from that is known after apply.

A plan does not keep expressions, only what each one refers to: ``azurerm_subnet.web[0].id`` with
its index where that is written out, ``azurerm_subnet.web`` and ``each.key`` where it is computed,
``local.ids`` without what the local value is made of. So a reference is followed only where the
plan leaves one answer, of the type that belongs there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.terraform.values import Json, as_list, as_object, as_objects, at
from flowverdict.load.unknown import Unknown
from flowverdict.model.value import value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from flowverdict.load.terraform.plan import Instance, Plan

_KEY: Final = r'\[(?:(?P<number>\d+)|"(?P<text>(?:[^"\\]|\\.)*)")\]'
_RESOURCE: Final = re.compile(
    rf"(?P<data>data\.)?(?P<type>[\w-]+)\.(?P<name>[\w-]+)(?:{_KEY})?(?:\.(?P<rest>.*))?\Z",
    re.DOTALL,
)
_CALL: Final = re.compile(rf"module\.(?P<name>[\w-]+)(?:{_KEY})?(?:\.(?P<rest>.*))?\Z", re.DOTALL)
_STEP: Final = re.compile(rf"(?:\A|\.)module\.(?P<name>[\w-]+)(?:{_KEY})?")
_SELECTORS: Final = ("each.key", "each.value", "count.index")
_HARMLESS: Final = ("path.", "terraform.", "self.", "each.", "count.")
_DEEPEST: Final = 20
_WHOLE: Final = frozenset({"", "id", "name"})
"""Attributes that stand for the resource; none is left where the index is computed."""


@value
class Origin:
    """Where a value comes from, as far as the plan tells.

    Attributes:
        found: the resources that it may come from.
        is_whole: whether it can come from no others.
        why: why it is not a single one; empty where it is.
        counted: whether ``count.index`` chose it: an expression may count otherwise.
    """

    found: tuple[Instance, ...] = ()
    is_whole: bool = False
    why: str = ""
    counted: bool = False

    @property
    def sure(self) -> Instance | None:
        """The resource, where there is a single one."""
        return self.found[0] if self.is_whole and len(self.found) == 1 else None


@value
class _Scope:
    """Where an expression stands: a module, and what repeats the block that it is part of."""

    module: str
    index: str | int | None = None
    repeated: Any = None


class References:
    """Follows references through the configuration of a plan."""

    def __init__(self, plan: Plan, instances: Iterable[Instance]) -> None:
        self._root = as_object(plan.configuration.get("root_module"))
        self._variables = plan.variables
        self._by_key: dict[tuple[str, tuple[str, str, str]], dict[Any, Instance]] = {}
        self._modules: dict[tuple[str, str], dict[Any, str]] = {}
        self._resources: dict[str, dict[tuple[str, str, str], Json]] = {}
        for one in instances:
            self._by_key.setdefault((one.module, one.key), {})[one.index] = one
            self._know_module(one.module)

    def _know_module(self, address: str) -> None:
        while address:
            parent, name, index = _split(address)
            self._modules.setdefault((parent, name), {})[index] = address
            address = parent

    def origin(
        self, of: Instance, path: tuple[str | int, ...], wanted: Callable[[Instance], bool]
    ) -> Origin:
        """Returns where the value at a path of a resource's attributes comes from."""
        if not self._configured(of):
            return Origin(why="the plan has no configuration of it")
        found, scope = self.expression(of, *path)
        if found is None:
            return Origin(why="the plan does not keep its expression")
        search = _Search(self, wanted)
        search.look(found, scope)
        if search.closed:
            return Origin(tuple(search.found), why=f"`{search.closed[0]}` cannot be followed")
        why = "it may come from several resources" if len(search.found) > 1 else ""
        if not search.found:
            why = "its expression names no resource of that type"
        return Origin(tuple(search.found), is_whole=True, why=why, counted=search.counted)

    def expression(self, of: Instance, *path: str | int) -> tuple[Any, _Scope]:
        """Returns the expression of an attribute, None where there is none, and its scope."""
        resource = self._configured(of)
        repeated = resource.get("for_each_expression") or resource.get("count_expression")
        found = _walk(resource.get("expressions"), path)
        return found, _Scope(of.module, of.index, repeated)

    def has(self, of: Instance) -> bool:
        """Reports whether the plan keeps the configuration of a resource."""
        return bool(self._configured(of))

    def is_configured(self, of: Instance, name: str) -> bool:
        """Reports whether the configuration of a resource sets an attribute."""
        return name in as_object(self._configured(of).get("expressions"))

    def provider_of(self, of: Instance) -> str:
        """Returns the key of the provider's configuration, such as ``azurerm.hub``."""
        key = str(self._configured(of).get("provider_config_key") or "")
        return key.rpartition(":")[2] or of.type.partition("_")[0]

    def _configured(self, of: Instance) -> Json:
        """Returns the configuration of a resource; an empty object where there is none."""
        if of.module not in self._resources:
            resources = as_objects(self.module(of.module).get("resources"))
            self._resources[of.module] = {
                (str(one.get("mode")), str(one.get("type")), str(one.get("name"))): one
                for one in resources
            }
        return self._resources[of.module].get(of.key, {})

    def module(self, address: str) -> Json:
        """Returns the configuration of a module."""
        found = self._root
        for step in _STEP.finditer(address):
            found = as_object(at(found, "module_calls", step["name"], "module"))
        return found

    def call(self, module: str) -> tuple[Json, _Scope]:
        """Returns the call of a module, and the scope that its arguments stand in."""
        parent, name, index = _split(module)
        call = as_object(at(self.module(parent), "module_calls", name))
        repeated = call.get("for_each_expression") or call.get("count_expression")
        return call, _Scope(parent, index, repeated)

    def instances(self, module: str, key: tuple[str, str, str]) -> dict[Any, Instance]:
        """Returns the instances of a resource in a module, by index."""
        return self._by_key.get((module, key), {})

    def children(self, module: str, name: str) -> dict[Any, str]:
        """Returns the addresses of a module's calls of a name, by index."""
        return self._modules.get((module, name), {})

    def root_value(self, expression: Any) -> Any:
        """Returns what an expression of the root module stands for, as ``value_of`` does."""
        return self.value_of(expression, _Scope(""))

    def value_of(self, expression: Any, scope: _Scope) -> Any:
        """Returns what an expression stands for if it is a constant or a variable; None if not."""
        for _ in range(_DEEPEST):
            fields = as_object(expression)
            if "constant_value" in fields:
                return fields["constant_value"]
            heads = list(_heads(_references_in(expression)))
            if len(heads) != 1 or not heads[0].startswith("var.") or heads[0].count(".") > 1:
                return None
            name = heads[0].removeprefix("var.")
            if not scope.module:
                return at(self._variables, name, "value")
            call, scope = self.call(scope.module)
            expression = at(call, "expressions", name)
        return None


class _Search:
    """One search for the resources of a kind that an expression may come from."""

    def __init__(self, references: References, wanted: Callable[[Instance], bool]) -> None:
        self._references = references
        self._wanted = wanted
        self.found: list[Instance] = []
        self.closed: list[str] = []
        self.counted = False
        self._depth = 0

    def look(self, expression: Any, scope: _Scope) -> None:
        heads = list(_heads(_references_in(expression)))
        self._depth += 1
        if self._depth > _DEEPEST:
            self.closed.append(heads[0] if heads else "a module")
        else:
            for head in heads:
                self._follow(head, heads, scope)
        self._depth -= 1

    def _follow(self, head: str, heads: list[str], scope: _Scope) -> None:
        if head.startswith("local."):
            self.closed.append(head)
        elif head.startswith("var."):
            self._variable(head.split(".")[1], scope)
        elif head.startswith("module."):
            self._module(head, heads, scope)
        elif head == "each.value" or head.startswith("each.value."):
            self._each(head, heads, scope)
        elif not head.startswith(_HARMLESS) and (named := _RESOURCE.match(head)):
            self._resource(head, named, heads, scope)

    def _variable(self, name: str, scope: _Scope) -> None:
        if not scope.module:
            return  # its value is known, and this one is not
        call, outer = self._references.call(scope.module)
        if expression := at(call, "expressions", name):
            self.look(expression, outer)

    def _module(self, head: str, heads: list[str], scope: _Scope) -> None:
        named = _CALL.match(head)
        assert named is not None
        calls = self._references.children(scope.module, named["name"])
        output = (named["rest"] or "").partition(".")[0].partition("[")[0]
        chosen = self._choose(calls, named, heads, scope)
        if not chosen:
            self.closed.append(head)
        for module in chosen:
            outputs = as_object(self._references.module(module).get("outputs"))
            for name in [output] if output in outputs else outputs:
                self.look(at(outputs, name, "expression"), _Scope(module))

    def _each(self, head: str, heads: list[str], scope: _Scope) -> None:
        """Follows what ``for_each`` goes over, if it goes over resources: keys are theirs."""
        if any(not one.startswith(_HARMLESS) for one in heads) or scope.repeated is None:
            return
        inner = _Search(self._references, self._wanted)
        inner.look(scope.repeated, _Scope(scope.module))
        same = [one for one in inner.found if one.index == scope.index]
        if same and not inner.closed and head.partition("each.value")[2].strip(".") in _WHOLE:
            self._add(same)
        else:
            self.closed.append(head)

    def _resource(self, head: str, named: re.Match[str], heads: list[str], scope: _Scope) -> None:
        mode = "data" if named["data"] else "managed"
        instances = self._references.instances(scope.module, (mode, named["type"], named["name"]))
        chosen = self._choose(instances, named, heads, scope)
        if not chosen:
            self.closed.append(head)
            return
        rest = (named["rest"] or "").removeprefix("*.")
        for one in chosen:
            if self._wanted(one) and rest in _WHOLE:
                self._add([one])
            elif rest:
                self._attribute(head, one, rest)

    def _attribute(self, head: str, of: Instance, rest: str) -> None:
        """Follows an attribute of another resource, which may pass on what it was given."""
        name = re.split(r"[.\[]", rest, maxsplit=1)[0]
        if isinstance(of.values.get(name), Unknown):
            expression, scope = self._references.expression(of, name)
            if expression is None:
                self.closed.append(head)
            else:
                self.look(expression, scope)

    def _add(self, instances: Iterable[Instance]) -> None:
        self.found += [one for one in instances if one not in self.found]

    def _choose(
        self, of: dict[Any, Any], named: re.Match[str], heads: list[str], scope: _Scope
    ) -> list[Any]:
        """Returns those of the repeated resources or modules that a reference may mean."""
        if named["number"] is not None or named["text"] is not None:
            key = int(named["number"]) if named["number"] else _plain(named["text"])
            return [of[key]] if key in of else []
        if None in of or len(of) < 2:
            return list(of.values())
        selectors = {one for one in heads if one.startswith(_SELECTORS)}
        if len(selectors) == 1:
            key = self._selected(selectors.pop(), scope)
            if key in of:
                return [of[key]]
        return list(of.values())

    def _selected(self, selector: str, scope: _Scope) -> Any:
        """Returns the key that ``each.key``, ``count.index`` or ``each.value.x`` stands for."""
        if selector == "each.key":
            return scope.index
        if selector == "count.index":
            self.counted = True
            return scope.index
        values = self._references.value_of(scope.repeated, _Scope(scope.module))
        if isinstance(values, list):
            return scope.index  # a set: `each.value` is `each.key`
        found: Any = values
        for step in (scope.index, *selector.split(".")[2:]):
            found = as_object(found).get(str(step))
        return found if isinstance(found, (str, int)) else None


def _references_in(expression: Any) -> list[str]:
    """Returns what an expression, or all expressions of a block, refer to."""
    fields = as_object(expression)
    if isinstance(fields.get("references"), list):
        return [str(one) for one in as_list(fields["references"])]
    inner = [*as_list(expression), *fields.values()]
    return [ref for one in inner if isinstance(one, (dict, list)) for ref in _references_in(one)]


def _heads(references: Iterable[str]) -> Iterator[str]:
    """Yields each reference without the shorter ones that Terraform lists behind it."""
    last = ""
    for one in references:
        if not (last.startswith(one) and last[len(one) : len(one) + 1] in (".", "[")):
            yield one
        last = one


def _walk(expressions: Any, path: tuple[str | int, ...]) -> Any:
    """Returns the expression at a path, or the one of an attribute that it is inside of."""
    found = expressions
    for step in path:
        fields = as_object(found)
        if {"references", "constant_value"} & fields.keys():
            return found
        if isinstance(step, int) and fields:
            continue  # a block that stands at most once is no list
        found = at(found, step)
        if found is None:
            return None
    return found


def _split(module: str) -> tuple[str, str, str | int | None]:
    """Returns a module's parent, its name and its index."""
    *_, last = _STEP.finditer(module)
    text, number = last["text"], last["number"]
    index = int(number) if number is not None else _plain(text) if text is not None else None
    return module[: last.start()], last["name"], index


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
