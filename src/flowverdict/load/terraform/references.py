"""Whom an attribute refers to whose value is known after apply: the configuration says it.

A plan gives ids of what is not made yet as unknown. Its ``configuration`` names, for each
expression, the objects that it mentions; through variables and outputs of modules these are
followed to resources of the plan.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

from flowverdict.load.terraform.instances import Instance, Json, part, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

_INDEX: Final = re.compile(r"\[(?:\"((?:[^\"\\]|\\.)*)\"|(\d+))\]")
_DEPTH: Final = 20
"""Modules and locals that one reference may lead through."""


class References:
    """Finds the instances that expressions refer to."""

    def __init__(self, configuration: Any, instances: list[Instance]) -> None:
        self._root = part(configuration, "root_module")
        self._by_name: dict[tuple[str, str], list[Instance]] = {}
        for one in instances:
            self._by_name.setdefault((one.module, one.plain), []).append(one)

    def of(self, instance: Instance, *path: str | int) -> list[Instance] | None:
        """Returns the instances whose ids an attribute holds; None where that is not told.

        Args:
            instance: whose attribute it is.
            path: names and positions from its attributes down, such as ``"ip_configuration", 0``.
        """
        module = self._module(instance.module)
        own = next(
            (
                one
                for one in parts(module, "resources")
                if one.get("type") == instance.type and one.get("name") == instance.name
            ),
            None,
        )
        expression: Any = own.get("expressions") if own else None
        for step in path:
            expression = _below(expression, step)
        names = _references(expression)
        if not names:
            return None
        found: dict[str, Instance] = {}
        for name in names:
            some = self._named(name, instance.module, instance.index, _DEPTH)
            if some is None:
                return None
            found.update({one.address: one for one in some})
        return list(found.values())

    def _module(self, address: str) -> Json:
        found = self._root
        for name in _module_names(address):
            found = part(found, "module_calls", name, "module")
        return found

    def _named(
        self, name: str, module: str, index: int | str | None, depth: int
    ) -> list[Instance] | None:
        """Returns what a reference means inside a module; None where it cannot be followed."""
        head, _, rest = name.partition(".")
        if not depth or head in ("count", "each", "path", "terraform", "self", "local"):
            return None if head in ("local", "self") or not depth else []
        if head == "var":
            return self._variable(_first(rest), module, depth)
        if head == "module":
            return self._output(rest, module, index, depth)
        parts = name.split(".")
        plain = ".".join(parts[:3] if head == "data" else parts[:2])
        key = _INDEX.search(plain)
        some = self._by_name.get((module, _INDEX.sub("", plain)))
        if some is None:
            return None
        return _chosen(some, _key(key) if key else index)

    def _variable(self, name: str, module: str, depth: int) -> list[Instance] | None:
        """Follows a module's variable to what its caller gives for it."""
        *_, last = _module_names(module) or [""]
        if not last:
            return None
        caller = _parent(module)
        call = part(self._module(caller), "module_calls", last)
        names = _references(part(call, "expressions", name))
        if not names:
            return None
        key = _INDEX.search(module.rpartition("module.")[2])
        return self._all(names, caller, _key(key) if key else None, depth)

    def _output(
        self, rest: str, module: str, index: int | str | None, depth: int
    ) -> list[Instance] | None:
        """Follows an output of a child module to what it is made of."""
        call, _, output = rest.partition(".")
        if not output:
            return []  # the module as a whole is mentioned beside its output
        name = _INDEX.sub("", call)
        below = part(self._module(module), "module_calls", name)
        names = _references(part(below, "module", "outputs", _first(output), "expression"))
        if not names:
            return None
        inner = f"{module}.module.{call}" if module else f"module.{call}"
        if call == name and below.get("for_each_expression") and index is not None:
            inner += f'["{index}"]' if isinstance(index, str) else f"[{index}]"
        return self._all(names, inner, None, depth)

    def _all(
        self, names: list[str], module: str, index: int | str | None, depth: int
    ) -> list[Instance] | None:
        found: list[Instance] = []
        for name in names:
            some = self._named(name, module, index, depth - 1)
            if some is None:
                return None
            found += some
        return found


def _chosen(some: list[Instance], index: int | str | None) -> list[Instance] | None:
    """Returns the instance of an index, or the only one; None where it may be one of several."""
    if len(some) == 1:
        return some
    found = [one for one in some if one.index == index]
    return found or None


def _key(found: re.Match[str]) -> int | str:
    return found[1] if found[1] is not None else int(found[2])


def _first(text: str) -> str:
    return re.split(r"[.\[]", text, maxsplit=1)[0]


def _below(expression: Any, step: str | int) -> Any:
    if isinstance(expression, list):
        some = cast("list[Any]", expression)
        at = step if isinstance(step, int) else 0
        return some[at] if at < len(some) else None
    return cast("Json", expression).get(str(step)) if isinstance(expression, dict) else None


def _references(expression: Any) -> list[str]:
    """Returns the references of an expression; of each the most exact spelling."""
    if not isinstance(expression, dict):
        return []
    names = [str(one) for one in cast("Json", expression).get("references") or ()]
    return [
        one
        for one in names
        if not any(other != one and other.startswith((f"{one}.", f"{one}[")) for other in names)
    ]


def _module_names(address: str) -> list[str]:
    """Returns the names of the modules in an address, without their keys."""
    return [_INDEX.sub("", one) for one in _steps(address)]


def _steps(address: str) -> Iterator[str]:
    for step in re.findall(r"module\.([^.\[]+(?:\[(?:\"(?:[^\"\\]|\\.)*\"|\d+)\])?)", address):
        yield str(step)


def _parent(address: str) -> str:
    return ".".join(f"module.{one}" for one in list(_steps(address))[:-1])
