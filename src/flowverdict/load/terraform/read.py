"""Terraform's resources as Azure's: ids, references, and what resources of their own attach."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from flowverdict.load.kinds import Found, Shape
from flowverdict.load.node import Node
from flowverdict.load.report import Unreadable, error, warning
from flowverdict.load.terraform.instances import Instance, Json, before, deleted, part, planned
from flowverdict.load.terraform.references import References
from flowverdict.load.terraform.types import TYPES, reference
from flowverdict.load.unknown import Unknown
from flowverdict.model import Position, ResourceId

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import Diagnostic

_OTHER_FORM: Final = (AttributeError, KeyError, TypeError, ValueError)
"""What comes of a document that has something else where an object, a list or a text belongs."""
_SUBSCRIPTION: Final = re.compile(r"/subscriptions/([^/\"]+)/", re.IGNORECASE)
_NO_SUBSCRIPTION: Final = "subscription-of-the-plan"
"""Stands in ids where a plan tells no subscription: nothing of it exists yet."""
_NOT_FOLLOWED: Final = {
    "azurerm_linux_virtual_machine_scale_set": "its instances and their interfaces",
    "azurerm_windows_virtual_machine_scale_set": "its instances and their interfaces",
    "azurerm_orchestrated_virtual_machine_scale_set": "its instances and their interfaces",
    "azurerm_network_watcher_flow_log": "the flow log",
    "azapi_update_resource": "what it changes",
}
"""Types that matter and are not read, and what of them does not count."""

_ATTACHED: Final = {
    "azurerm_subnet_network_security_group_association": (
        "subnet_id", "network_security_group_id", "networkSecurityGroup",
    ),
    "azurerm_subnet_route_table_association": ("subnet_id", "route_table_id", "routeTable"),
    "azurerm_network_interface_security_group_association": (
        "network_interface_id", "network_security_group_id", "networkSecurityGroup",
    ),
    "azurerm_network_interface_application_security_group_association": (
        "network_interface_id", "application_security_group_id", "applicationSecurityGroups",
    ),
}  # fmt: skip
"""Resources that attach one to another: whom, what, and the property that says so in Azure."""


def resources(document: Node, *, prior: bool = False) -> Iterator[Found | Unreadable | Diagnostic]:
    """Yields the Azure resources of a plan or state, and what of it cannot be read.

    Args:
        document: what ``terraform show -json`` prints.
        prior: of a plan, what was there before it instead of what is planned.
    """
    try:
        instances = before(document) if prior else planned(document)
        yield from _Reading(document, instances, prior=prior).found()
    except _OTHER_FORM:
        what = "this is not the form of `terraform show -json`"
        yield document.fail("terraform", what, "its output for a plan or a state")


def removed(document: Node) -> Iterator[ResourceId]:
    """Yields the resources that a plan takes away."""
    try:
        some = list(deleted(document))
        reading = _Reading(document, some, prior=True)
        yield from [ResourceId(reading.id_of(one)) for one in some]
    except _OTHER_FORM:
        return  # which reading the resources has said


_PARTS: Final = {
    "securityRules": "azurerm_network_security_rule",
    "routes": "azurerm_route",
    "virtualNetworkPeerings": "azurerm_virtual_network_peering",
}
"""Lists of parts, and the resources of their own that the parts may be."""


def _others(listed: Any, apart: list[Json]) -> list[Json]:
    """Returns the parts in a list that are no resources of their own."""
    names = {str(one["name"]).lower() for one in apart}
    some = cast("list[Json]", listed) if isinstance(listed, list) else []
    return [one for one in some if str(one["name"]).lower() not in names]


def _connect(bodies: dict[str, tuple[Instance, Json]]) -> None:
    """Says of peerings that have their opposite that they are connected: no attribute does."""
    leads: dict[tuple[str, str], Json] = {}
    for key, (one, body) in bodies.items():
        if one.type == "azurerm_virtual_network_peering":
            to = part(body, "properties", "remoteVirtualNetwork").get("id")
            if isinstance(to, str):
                own = key.rpartition("/")[0].rpartition("/")[0]
                leads[own, to.lower()] = body["properties"]
    for (own, to), properties in leads.items():
        if (to, own) in leads:
            properties["peeringState"] = "Connected"


class _Reading:
    """Reads the instances of one document."""

    def __init__(self, document: Node, instances: list[Instance], *, prior: bool) -> None:
        self._file = document.file
        self._instances = instances
        configuration = None if prior else document.value.get("configuration")
        self._references = References(configuration, instances)
        self._ids: dict[str, str] = {}
        told = Counter(_SUBSCRIPTION.findall(msgspec.json.encode(document.value).decode()))
        self._subscription = told.most_common(1)[0][0] if told else _NO_SUBSCRIPTION

    def found(self) -> Iterator[Found | Unreadable | Diagnostic]:
        """Yields what is read, whole resources before what stands alone."""
        bodies: dict[str, tuple[Instance, Json]] = {}
        later: list[Instance] = []
        for one in self._instances:
            if one.type not in TYPES and one.type != "azapi_resource":
                later.append(one)
                continue
            try:
                body = self._body(one) if one.type in TYPES else self._azapi(one)
            except _OTHER_FORM:
                where = Position(self._file, one.address)
                what = f"an attribute has not the form that `{one.type}` has"
                yield Unreadable(error(where, "terraform", what, "the provider's attributes"))
            else:
                bodies[body["id"].lower()] = one, body
        for one in later:
            yield from self._other(one, bodies)
        self._tidy(bodies)
        _connect(bodies)
        for one, body in bodies.values():
            node = Node(body, self._file, step=one.address)
            resource = ResourceId(body["id"])
            yield Found(node, Shape.RESOURCE, resource.type, resource, planned=True)

    def _body(self, one: Instance) -> Json:
        kind = TYPES[one.type]
        body: Json = {
            "id": self.id_of(one),
            "name": ResourceId(self.id_of(one)).name,
            "type": kind.of,
            "properties": kind.body(one.values, partial(self._refer, one)),
        }
        if one.is_data and one.type == "azurerm_virtual_network":
            body["properties"] = {"addressSpace": body["properties"]["addressSpace"]}
        for name in ("location", "tags"):
            if one.values.get(name) is not None:
                body[name] = one.values[name]
        return body

    def _azapi(self, one: Instance) -> Json:
        inner = one.values.get("body")
        if isinstance(inner, str):
            inner = msgspec.json.decode(inner or "{}")
        body: Json = (
            {"properties": inner}
            if isinstance(inner, Unknown)
            else dict(cast("Json", inner) if isinstance(inner, dict) else {})
        )
        for name in ("location", "tags"):
            if one.values.get(name) is not None:
                body[name] = one.values[name]
        kind = str(one.values.get("type", "")).partition("@")[0]
        identity = self.id_of(one)
        return {**body, "id": identity, "name": ResourceId(identity).name, "type": kind}

    def _other(
        self, one: Instance, bodies: dict[str, tuple[Instance, Json]]
    ) -> Iterator[Found | Unreadable | Diagnostic]:
        where = Position(self._file, one.address)
        if one.type in _ATTACHED:
            yield from self._attach(one, where, bodies)
        elif one.type == "azurerm_network_manager_deployment":
            ids = one.values.get("configuration_ids")
            if isinstance(ids, Unknown):
                ids = self._refer(one, "configuration_ids", several=True)
            commit = {
                "targetLocations": [one.values.get("location")],
                "configurationIds": ids,
                "commitType": one.values.get("scope_access"),
            }
            yield Found(Node(commit, self._file, step=one.address), Shape.COMMIT)
        elif one.type in _NOT_FOLLOWED and not one.is_data:
            what = f"`{one.type}` is not read: {_NOT_FOLLOWED[one.type]} do not count"
            yield warning(where, "not-followed", what)

    def _attach(
        self, one: Instance, where: Position, bodies: dict[str, tuple[Instance, Json]]
    ) -> Iterator[Unreadable | Diagnostic]:
        to, what, name = _ATTACHED[one.type]
        target, attached = self._refer(one, to), self._refer(one, what)
        if isinstance(target, Unknown) or target is None:
            told = f"whom it attaches `{what}` to is not known"
            yield Unreadable(error(where, "attached", told, "a reference to a resource"))
            return
        held = bodies.get(target.lower())
        if held is None:
            told = f"attaches to `{target}`, which is not in the plan: it does not count"
            yield warning(where, "attached", told, "the resource itself, or its data source")
            return
        properties = held[1]["properties"]
        if name != "applicationSecurityGroups":
            properties[name] = reference(attached)
            return
        for one_of in properties.get("ipConfigurations") or ():
            one_of["properties"].setdefault(name, []).append(reference(attached))

    def _tidy(self, bodies: dict[str, tuple[Instance, Json]]) -> None:
        """Leaves out of whole resources what stands in resources of its own.

        What an NSG or route table holds besides, or a network's subnets, are known after apply only
        because the provider reads them back; in a state they stand twice.
        """
        apart: dict[str, list[tuple[str, Json]]] = {}
        for key, (one, body) in bodies.items():
            parent = key.rpartition("/")[0].rpartition("/")[0]
            apart.setdefault(parent, []).append((one.type, body))
        for key, (_, body) in bodies.items():
            own = part(body, "properties")
            types = {kind for kind, _ in apart.get(key, ())}
            if "azurerm_subnet" in types:
                own.pop("subnets", None)
            for name, kind in _PARTS.items():
                if kind in types:
                    own[name] = _others(own.get(name), [b for k, b in apart[key] if k == kind])
        for key in [key for key, (one, _) in bodies.items() if one.type == "azurerm_route"]:
            _, route = bodies.pop(key)
            parent = bodies.get(key.rpartition("/")[0].rpartition("/")[0])
            if parent is not None:
                parent[1]["properties"]["routes"].append(
                    {"name": route["name"], "properties": route["properties"]}
                )

    # -- ids and references

    def id_of(self, one: Instance) -> str:
        """Returns the id of a resource, made of names where it is not known yet."""
        if one.address not in self._ids:
            self._ids[one.address] = ""  # a circle of parents ends here
            self._ids[one.address] = self._make_id(one)
        return self._ids[one.address]

    def _make_id(self, one: Instance) -> str:
        told = one.values.get("id")
        if isinstance(told, str) and told.startswith("/"):
            return told
        name = one.values.get("name")
        if not isinstance(name, str):
            name = one.address.replace("/", "|")
        if one.type == "azapi_resource":
            return self._azapi_id(one, name)
        kind = TYPES.get(one.type)
        if kind is None:
            return f"{self._group(one)}/providers/{one.type}/{name}"
        last = kind.of.rpartition("/")[2]
        if kind.above:
            parent = one.values.get(kind.parent)
            above = parent if isinstance(parent, str) else f"{one.address} {kind.parent}"
            return f"{self._group(one)}/providers/{kind.above}/{above}/{last}/{name}"
        if kind.parent:
            parent = self._refer(one, kind.parent)
            above = parent if isinstance(parent, str) else f"/unknown/{one.address}"
            return f"{above}/{last}/{name}"
        return f"{self._group(one)}/providers/{kind.of}/{name}"

    def _azapi_id(self, one: Instance, name: str) -> str:
        kind = str(one.values.get("type", "")).partition("@")[0]
        parent = self._refer(one, "parent_id")
        above = parent if isinstance(parent, str) else self._group(one)
        if "/providers/" in above.lower() and kind.count("/") > 1:
            return f"{above}/{kind.rpartition('/')[2]}/{name}"
        return f"{above}/providers/{kind}/{name}"

    def _group(self, one: Instance) -> str:
        name = one.values.get("resource_group_name")
        if not isinstance(name, str):
            name = "known-after-apply"
        return f"/subscriptions/{self._subscription}/resourceGroups/{name}"

    def _refer(self, one: Instance, *path: str | int, several: bool = False) -> Any:
        """Returns the id that an attribute holds, or with ``several`` a list of them."""
        value: Any = one.values
        for step in path:
            if isinstance(value, Unknown):
                break
            if isinstance(step, int):
                some = cast("list[Any]", value) if isinstance(value, list) else []
                value = some[step] if step < len(some) else None
            else:
                value = cast("Json", value).get(step) if isinstance(value, dict) else None
        if not isinstance(value, Unknown):
            return value
        found = self._references.of(one, *path)
        ids = [self._identity(target) for target in found or ()]
        spelt = ".".join(map(str, path))
        unknown = Unknown(f"`{one.address}`: `{spelt}` is known after apply")
        if several:
            return ids or [unknown]
        return ids[0] if len(ids) == 1 else unknown

    def _identity(self, one: Instance) -> str:
        if one.type == "azurerm_resource_group":
            name = one.values.get("name")
            return f"/subscriptions/{self._subscription}/resourceGroups/{name}"
        return self.id_of(one)
