"""ARM ids for resources that have none yet, and the resources that references lead to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.terraform.references import Origin, References
from flowverdict.load.terraform.types import GROUPS
from flowverdict.load.terraform.values import at
from flowverdict.load.unknown import Unknown
from flowverdict.model import ResourceId
from flowverdict.model.value import value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowverdict.load.terraform.plan import Instance, Plan

_PEERING: Final = "azurerm_virtual_network_peering"
_TELL_SUBSCRIPTION: Final = ("azurerm_client_config", "azurerm_subscription")


@value
class Named:
    """How the ARM id of a type of resources is made.

    Attributes:
        type: the ARM type, such as ``Microsoft.Network/virtualNetworks/subnets``.
        under: the attribute with the parent's name or id; empty for a resource of a group.
        scope: the attribute with the id of what the resource is an extension of.
    """

    type: str
    under: str = ""
    scope: str = ""


class World:
    """The resources of a plan at one moment, with their ids."""

    def __init__(
        self, plan: Plan, instances: tuple[Instance, ...], names: Mapping[str, Named]
    ) -> None:
        self.plan = plan
        self.instances = instances
        self.references = References(plan, instances)
        self.counted: list[tuple[Instance, str]] = []
        self._names = names
        self._ids: dict[str, str] = {}
        self._subscriptions: dict[str, str] = {}

    def named(self, of: Instance) -> Named | None:
        """Returns how ids of a resource's type are made; None for a type that is not read."""
        if of.type.startswith("azapi_"):
            kind = of.values.get("type")
            return Named(kind.partition("@")[0], "parent_id") if isinstance(kind, str) else None
        return self._names.get(of.type)

    def id_of(self, of: Instance) -> str:
        """Returns a resource's ARM id: its own, or one that is made of names.

        What is not known of it stands in braces.
        """
        own = of.values.get("id")
        if isinstance(own, str) and own.startswith("/"):
            return own
        if of.address not in self._ids:
            self._ids[of.address] = "/{" + _segment(of.address) + "}"  # should it lead to itself
            self._ids[of.address] = self._made(of)
        return self._ids[of.address]

    def _made(self, of: Instance) -> str:
        named = self.named(of)
        assert named is not None
        types = named.type.split("/")[1:]
        name = self.segment(of, "name")
        if named.type == GROUPS:
            return f"/subscriptions/{self.subscription(of)}/resourceGroups/{name}"
        if named.scope:
            return f"{self._extended(of, named.scope)}/providers/{named.type}/{name}"
        if not named.under:
            return f"{self._group(of)}/providers/{named.type}/{name}"
        parent = self._parent(of, named, types)
        if len(types) == 1:
            return f"{parent.rstrip('/')}/providers/{named.type}/{name}"
        return f"{parent}/{types[-1]}/{name}"

    def _extended(self, of: Instance, attribute: str) -> str:
        if of.values.get(attribute) in (None, ""):
            return f"/subscriptions/{self.subscription(of)}"
        found = self.target(of, (attribute,))
        return (
            found if isinstance(found, str) else "/{" + _segment(f"{of.address}.{attribute}") + "}"
        )

    def _parent(self, of: Instance, named: Named, types: list[str]) -> str:
        given = of.values.get(named.under)
        if isinstance(given, str):
            if given.startswith("/"):
                return given
            namespace = named.type.partition("/")[0]
            return f"{self._group(of)}/providers/{namespace}/{types[0]}/{given}"
        wanted = named.type.rpartition("/")[0].lower()
        origin = self.origin(of, (named.under,), wanted if len(types) > 1 else "")
        if origin.sure:
            return self.id_of(origin.sure)
        return "/{" + _segment(f"{of.address}.{named.under}") + "}"

    def _group(self, of: Instance) -> str:
        given = of.values.get("resource_group_name")
        if not isinstance(given, str):
            origin = self.origin(of, ("resource_group_name",), GROUPS.lower())
            if origin.sure:
                return self.id_of(origin.sure)
            given = "{" + _segment(f"{of.address}.resource_group_name") + "}"
        return f"/subscriptions/{self.subscription(of)}/resourceGroups/{given}"

    def segment(self, of: Instance, name: str) -> str:
        """Returns a name as a part of an id."""
        given = of.values.get(name)
        if isinstance(given, str) and given:
            return given.replace("/", "_")
        return "{" + _segment(f"{of.address}.{name}") + "}"

    def of_type(self, kind: str) -> list[Instance]:
        """Returns the managed resources of an ARM type."""
        return [
            one
            for one in self.instances
            if one.mode == "managed"
            and (named := self.named(one))
            and named.type.lower() == kind.lower()
        ]

    def origin(self, of: Instance, path: tuple[str | int, ...], wanted: str) -> Origin:
        """Returns where a value comes from; ``wanted`` is an ARM type in lower case, or empty."""

        def fits(one: Instance) -> bool:
            named = self.named(one)
            return named is not None and (not wanted or named.type.lower() == wanted)

        origin = self.references.origin(of, path, fits)
        if origin.counted and of.type == _PEERING:
            why = "`count.index` may be counted otherwise here"  # documented: `1 - count.index`
            return Origin(origin.found, why=why)
        if origin.sure and origin.counted:
            self.counted.append((of, ".".join(str(one) for one in path)))
        return origin

    def target(self, of: Instance, path: tuple[str | int, ...], wanted: str = "") -> str | Unknown:
        """Returns the id that an attribute holds, also where it is known after apply."""
        given: Any = of.values
        for step in path:
            given = _inside(given, step)
        if not isinstance(given, Unknown):
            return given if isinstance(given, str) else Unknown("it is missing")
        origin = self.origin(of, path, wanted)
        if origin.sure:
            return self.id_of(origin.sure)
        return Unknown(f"{given.what}, and {origin.why}")

    def subscription(self, of: Instance) -> str:
        """Returns the subscription that a resource is made in; in braces where it is not told."""
        key = self.references.provider_of(of)
        if key not in self._subscriptions:
            self._subscriptions[key] = self._told(key)
        return self._subscriptions[key]

    def _told(self, key: str) -> str:
        settings = at(self.plan.configuration, "provider_config", key, "expressions")
        expression = at(settings, "subscription_id")
        if found := self.references.root_value(expression):
            return str(found)
        mine = [one for one in self.instances if self.references.provider_of(one) == key]
        for kinds in (_TELL_SUBSCRIPTION, None):
            seen = {_subscription(one) for one in mine if kinds is None or one.type in kinds} - {""}
            if len(seen) == 1:
                return seen.pop()
        return "{subscription}" if "." not in key else "{subscription of " + _segment(key) + "}"


def _subscription(of: Instance) -> str:
    given = of.values.get("subscription_id")
    if of.type in _TELL_SUBSCRIPTION and isinstance(given, str):
        return given.lower()
    own = of.values.get("id")
    return ResourceId(own).subscription if isinstance(own, str) else ""


def _segment(text: str) -> str:
    return text.replace("/", "_").replace("{", "(").replace("}", ")")


def _inside(value: Any, step: str | int) -> Any:
    """Returns a field or an element; None where there is none, Unknown inside of Unknown."""
    return value if isinstance(value, Unknown) else at(value, step)
