"""What the expressions of one template can see: parameters, variables, functions, its place."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from flowverdict.load.template.evaluate import Evaluator
from flowverdict.load.template.partial import (
    Opened,
    as_list,
    as_object,
    called,
    find_key,
    unknown,
)
from flowverdict.load.template.raw import field_of
from flowverdict.load.template.syntax import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowverdict.load.template.place import Place

Json = dict[str, Any]

_ENVIRONMENT: Final[Json] = {
    "name": "AzureCloud",
    "resourceManager": "https://management.azure.com/",
    "portal": "https://portal.azure.com",
    "suffixes": {
        "storage": "core.windows.net",
        "keyvaultDns": ".vault.azure.net",
        "sqlServerHostname": ".database.windows.net",
    },
    "authentication": {"loginEndpoint": "https://login.microsoftonline.com/"},
}
"""Of Azure's public cloud, as far as templates for networks ask."""

_WORKING: Final = object()
"""Stands for a value that is being evaluated."""


class Scope:
    """What the expressions of one template can see.

    Attributes:
        label: the template's name, which tells its parameters from others'.
        place: where it is deployed.
        told: what the functions without arguments tell.
    """

    def __init__(
        self,
        template: Json,
        label: str,
        place: Place,
        given: Mapping[str, Callable[[], Any]],
    ) -> None:
        """Takes a template.

        Args:
            template: the template.
            label: its name.
            place: where it is deployed.
            given: values of parameters, by name in lower case.
        """
        self.label = label
        self.place = place
        self._declared = _section(template, "parameters")
        self._variables = _section(template, "variables")
        self._functions = as_list(template.get("functions")) or []
        self._given = given
        self._known: dict[tuple[str, str], Any] = {}
        self.resources: Resources | None = None
        deployment = Opened("deployment", "{deployment}", {"name": label})
        self.told: dict[str, Any] = {
            **place.functions(),
            "deployment": deployment,
            "environment": Opened("environment", "{environment}", _ENVIRONMENT),
        }

    def undeclared(self) -> str | None:
        """Returns a parameter that has a value and is none of the template's."""
        declared = {name.lower() for name in self._declared}
        return next((name for name in self._given if name not in declared), None)

    def parameter(self, name: str) -> Any:
        """Returns a parameter's value, or a mark where it has none.

        Raises:
            ExpressionError: the template has no such parameter.
        """
        key = find_key(self._declared, name)
        if key is None:
            raise ExpressionError(f"`{name}` is no parameter of the template", "one it declares")
        return self._once("parameter", key, lambda: self._parameter(key))

    def _parameter(self, key: str) -> Any:
        if key.lower() in self._given:
            return self._given[key.lower()]()
        declared = as_object(self._declared[key]) or {}
        default = find_key(declared, "defaultValue")
        if default is not None:
            return Evaluator(self).value(declared[default])
        if declared.get("nullable") is True:
            return None
        return unknown(f"parameter `{key}` has no value", f"{self.label}.{key}")

    def variable(self, name: str) -> Any:
        """Returns a variable's value.

        Raises:
            ExpressionError: the template has no such variable.
        """
        key = find_key(self._variables, name)
        if key is not None and key.lower() != "copy":
            return self._once("variable", key, lambda: Evaluator(self).value(self._variables[key]))
        loops = self._variables.get("copy")
        for one in as_list(loops) or []:
            loop = as_object(one) or {}
            if str(loop.get("name", "")).lower() == name.lower():
                return self._once("variable", name.lower(), partial(Evaluator(self).copied, loop))
        raise ExpressionError(f"`{name}` is no variable of the template", "one it declares")

    def _once(self, kind: str, name: str, make: Callable[[], Any]) -> Any:
        key = (kind, name)
        if key not in self._known:
            self._known[key] = _WORKING
            try:
                self._known[key] = make()
            except BaseException:
                del self._known[key]
                raise
        if self._known[key] is _WORKING:
            raise ExpressionError(f"{kind} `{name}` is made out of itself")
        return self._known[key]

    def own_function(self, name: str, values: list[Any]) -> Any:
        """Returns what a function of the template's own gives; it sees its arguments alone."""
        namespace, _, function = name.partition(".")
        for one in self._functions:
            members = as_object(field_of(one, "members")) or {}
            key = find_key(members, function)
            if key and str(field_of(one, "namespace")).lower() == namespace:
                return self._run(members[key], values)
        return unknown(f"function `{name}` is not evaluated", called(name, values))

    def _run(self, function: Any, values: list[Any]) -> Any:
        parameters = as_list(field_of(function, "parameters")) or []
        names = [str(field_of(one, "name")) for one in parameters]
        given: dict[str, Callable[[], Any]] = {
            name.lower(): partial(_same, value) for name, value in zip(names, values, strict=False)
        }
        declared: Json = {name: {} for name in names}
        inner = Scope({"parameters": declared}, self.label, self.place, given)
        return Evaluator(inner).value(field_of(function, "output", "value"))

    def reference(self, to: Any, *, whole: bool) -> Any:
        """Returns what is known of a resource's state; a mark where that is nothing."""
        found = self.resources.state(to, whole=whole) if self.resources else None
        if found is None:
            return unknown("function `reference` is not evaluated", called("reference", [to]))
        return found

    def information(self, symbol: Any) -> Any:
        """Returns the id, name and type of a resource by its symbolic name."""
        found = self.resources.information(symbol) if self.resources else None
        if found is None:
            what = "function `resourceInfo` is not evaluated"
            return unknown(what, called("resourceInfo", [symbol]))
        return found


class Resources(Protocol):
    """The resources that a template can refer to."""

    def state(self, to: Any, *, whole: bool) -> Any:
        """Returns what is known of a resource's state; None where that is nothing."""
        ...

    def information(self, symbol: Any) -> Any:
        """Returns the id, name and type of a resource; None where there is none."""
        ...


def _same(value: Any) -> Any:
    return value


def _section(template: Json, name: str) -> Json:
    return as_object(field_of(template, name)) or {}
