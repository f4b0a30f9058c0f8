"""Where a template is deployed: resource group, subscription, management group or tenant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.template.partial import Partial, shown, unknown
from flowverdict.model.value import value

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHY: Final = "the template does not tell where it is deployed"
SUBSCRIPTION: Final = unknown(_WHY, "subscription")
GROUP: Final = unknown(_WHY, "resource-group")
_LOCATION: Final = unknown(_WHY, "location")
_TENANT: Final = unknown(_WHY, "tenant")
_MANAGEMENT_GROUP: Final = unknown(_WHY, "management-group")


@value
class Place:
    """A scope of deployments.

    Attributes:
        kind: ``group``, ``subscription``, ``management-group`` or ``tenant``.
        subscription: its id, or what stands for it.
        group: the resource group's name, or what stands for it.
        management_group: likewise.
    """

    kind: str = "group"
    subscription: Any = SUBSCRIPTION
    group: Any = GROUP
    management_group: Any = _MANAGEMENT_GROUP

    @property
    def prefix(self) -> Any:
        """What the ids of resources deployed here begin with."""
        match self.kind:
            case "tenant":
                return ""
            case "management-group":
                root = "/providers/Microsoft.Management/managementGroups"
                return joined([root, self.management_group])
            case "subscription":
                return joined(["/subscriptions", self.subscription])
            case _:
                return joined(["/subscriptions", self.subscription, "resourceGroups", self.group])

    def resource(self, kind: str, names: Sequence[Any]) -> Any:
        """Returns the id of a resource, of a type such as ``Microsoft.Network/virtualHubs``."""
        namespace, *types = kind.split("/")
        parts = [one for pair in zip(types, names, strict=False) for one in pair]
        return joined([self.prefix, "providers", namespace, *parts])

    def inside(self, subscription: Any, group: Any) -> Place:
        """Returns the place of a nested deployment that names a subscription or a group."""
        place = self
        if subscription is not None:
            place = replace_value(place, kind="subscription", subscription=subscription)
        if group is not None:
            place = replace_value(place, kind="group", group=group)
        return place

    def functions(self) -> dict[str, Any]:
        """Returns what the functions tell that have no arguments: ``resourceGroup()`` and so on."""
        return {
            "resourcegroup": {
                "id": replace_value(self, kind="group").prefix,
                "name": self.group,
                "type": "Microsoft.Resources/resourceGroups",
                "location": _LOCATION,
                "tags": unknown(_WHY, "tags"),
            },
            "subscription": {
                "id": replace_value(self, kind="subscription").prefix,
                "subscriptionId": self.subscription,
                "tenantId": _TENANT,
                "displayName": unknown(_WHY, "subscription name"),
            },
            "managementgroup": {
                "id": replace_value(self, kind="management-group").prefix,
                "name": self.management_group,
                "type": "Microsoft.Management/managementGroups",
            },
            "tenant": {"tenantId": _TENANT},
        }


def replace_value(place: Place, **changes: Any) -> Place:
    """Returns a place with other fields."""
    return replace(place, **changes)


def joined(parts: Sequence[Any]) -> Any:
    """Returns parts of an id with ``/`` between them; partial if one is."""
    text = "/".join(shown(one) for one in parts)
    part = next((one for one in parts if isinstance(one, Partial)), None)
    return text if part is None else Partial(part.what, text)


def is_apart(identity: str) -> bool:
    """Reports whether an id lies where only the deployment could tell."""
    return identity.startswith(f"/subscriptions/{SUBSCRIPTION.text}/") or (
        f"/resourceGroups/{GROUP.text}/" in identity
    )


def place_of(scope: str) -> Place | None:
    """Returns the place that an id is; None for another id."""
    match scope.strip("/").split("/"):
        case ["subscriptions", subscription]:
            return Place("subscription", subscription)
        case ["subscriptions", subscription, groups, group] if groups.lower() == "resourcegroups":
            return Place("group", subscription, group)
        case ["providers", _, groups, group] if groups.lower() == "managementgroups":
            return Place("management-group", management_group=group)
        case [""]:
            return Place("tenant")
        case _:
            return None


def kind_of_schema(schema: Any) -> str:
    """Returns the kind of place that a template's ``$schema`` is for."""
    text = str(schema or "").lower()
    for word, kind in (
        ("subscriptiondeploymenttemplate", "subscription"),
        ("managementgroupdeploymenttemplate", "management-group"),
        ("tenantdeploymenttemplate", "tenant"),
    ):
        if word in text:
            return kind
    return "group"
