"""What a JSON value is: recognised by its shape, never by a file's name."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, cast

from flowverdict.load.node import Node
from flowverdict.load.report import Unreadable
from flowverdict.model import ResourceId
from flowverdict.model.value import value

if TYPE_CHECKING:
    from collections.abc import Iterator


class Shape(Enum):
    """The values that are no plain resource."""

    RESOURCE = auto()
    COMMIT = auto()
    DEPLOYMENT = auto()
    ACTIVE_RULE = auto()
    EFFECTIVE_RULE = auto()
    MANAGEMENT_GROUP = auto()
    SUBSCRIPTION = auto()
    OTHER = auto()


@value
class Found:
    """A value with its shape, and for a resource its type (in lower case) and id.

    Attributes:
        planned: it is a template's, which leaves out what is not there, and whose child resources
            are put into their parents.
    """

    node: Node
    shape: Shape
    type: str = ""
    id: ResourceId | None = None
    planned: bool = False


LISTS: Final = {
    "microsoft.network/virtualnetworks": ("subnets", "virtualNetworkPeerings"),
    "microsoft.network/networksecuritygroups": ("securityRules",),
    "microsoft.network/routetables": ("routes",),
}
"""Lists that an export of a type always has, and infrastructure code leaves out or says apart."""

NO_RESOURCE: Final = "no-resource"
"""The code of the complaint about an object that nothing marks as Azure's."""

_DEPLOYMENT: Final = "microsoft.resources/deployments"
_NEXT_PAGE: Final = ("nextlink", "skiptoken", "skip_token", "$skiptoken", "@odata.nextlink")
_WRAPPERS: Final = frozenset({"newnsg", "newvnet", "newnic", "publicip", "resource", "newsubnet"})


def is_terraform(document: Any) -> bool:
    """Reports whether a document is Terraform's: what it prints, or the file of its state."""
    if not isinstance(document, dict):
        return False
    names = cast("dict[str, Any]", document).keys()
    return "id" not in names and bool({"terraform_version", "format_version"} & names)


def template_shape(document: Any) -> str:
    """Returns what a document has to do with ARM templates.

    Returns:
        ``template``; ``parameters`` for values of a template's parameters; ``deployment`` for one
        as ``az deployment group show`` prints it; empty for another document.
    """
    if not isinstance(document, dict):
        return ""
    of = {name.lower(): one for name, one in cast("dict[str, Any]", document).items()}
    identity = of.get("id")
    if isinstance(identity, str):
        return "deployment" if ResourceId(identity).type == _DEPLOYMENT else ""
    if "resources" in of and ("contentversion" in of or "$schema" in of):
        return "template"
    if "deploymentparameters" in str(of.get("$schema", "")).lower():
        return "parameters"
    return "parameters" if {"contentversion", "parameters"} <= of.keys() else ""


def unfold(node: Node) -> Iterator[Found | Unreadable]:
    """Yields every resource and answer in a document, and what of it is neither.

    Lists, ``{"value": [...]}`` answers and Resource Graph exports are taken apart. An item that
    cannot be read does not keep its neighbours from being read.
    """
    if isinstance(node.value, list):
        for one in node.elements():
            yield from unfold(one)
        return
    try:
        yield from _unfold_object(node)
    except Unreadable as problem:
        yield problem


def _unfold_object(node: Node) -> Iterator[Found | Unreadable]:
    fields = node.fields
    if "values" in fields and "changenumber" in fields:
        hint = "give it with --service-tags"
        raise node.fail("service-tags", "a service-tag file is no part of an estate", hint=hint)
    if "id" not in fields:
        for name in ("value", "data"):
            if isinstance(node.value_of(name), list):
                _whole(node)
                for one in node.need(name).elements():
                    yield from unfold(one)
                return
        _refuse_others(node)
        if len(fields) == 1 and next(iter(fields)) in _WRAPPERS:
            yield from unfold(node.need(next(iter(fields))))
            return
    yield recognise(node)


def _whole(node: Node) -> None:
    for name in _NEXT_PAGE:
        if node.value_of(name):
            what = f"answer is one page of several (`{node.fields[name].key}` is set)"
            raise node.fail("page", what, "all pages")
    rows = len(node.items("data"))
    total = _count(node, "total_records") or _count(node, "totalRecords") or rows
    if "data" in node.fields and (total > rows or node.text("resultTruncated") == "true"):
        raise node.fail("page", f"answer has {rows} of {total} rows", "all rows")


def _count(node: Node, name: str) -> int | None:
    found = node.get(name)
    return found.as_integer() if found is not None else None


def _refuse_others(node: Node) -> None:
    fields = node.fields
    if "resources" in fields and ("contentversion" in fields or "$schema" in fields):
        what = "ARM template within another document"
        raise node.fail("template", what, "a file of its own")
    if "terraform_version" in fields:
        what = "a Terraform plan or state inside of another document"
        raise node.fail("terraform", what, "a file of its own for each")
    if "effectivesecurityrules" in fields:
        what = "effective rules of an interface are an answer, not a resource"
        raise node.fail("answer", what, "the network security groups themselves")
    data = node.get("data")
    if {"columns", "rows"} <= (data or node).fields.keys():
        what = "Resource Graph result in table form"
        raise node.fail("table", what, "the result format `objectArray`")


def recognise(node: Node) -> Found:
    """Returns what one object is.

    Raises:
        Unreadable: it has neither a type nor an id, nor the shape of a known answer.
    """
    fields = node.fields
    if "targetlocations" in fields and "committype" in fields:
        return Found(node, Shape.COMMIT)
    if "deploymenttype" in fields and "configurationids" in fields:
        return Found(node, Shape.DEPLOYMENT)
    identity = node.value_of("id")
    if identity is None:
        kind = node.text("type")
        expected = "an Azure resource with `id`, as az or Azure Resource Graph print it"
        of_kind = f" of a {kind}" if kind else ""
        code = "missing" if kind or "properties" in fields else NO_RESOURCE
        raise node.fail(code, f"missing `id`{of_kind}", expected)
    if not isinstance(identity, str):
        ours = "type" in fields or "properties" in fields
        code = "id" if ours else NO_RESOURCE
        raise node.need("id").fail(code, "no ARM id", "`/subscriptions/…`")
    resource = node.as_id()
    if "rulecollectionappliestogroups" in fields:
        shape = Shape.ACTIVE_RULE if "region" in fields else Shape.EFFECTIVE_RULE
        return Found(node, shape, id=resource)
    kind = resource.type or node.text("type").lower().strip("/")
    if kind.endswith("microsoft.management/managementgroups"):
        return Found(node, Shape.MANAGEMENT_GROUP, kind, resource)
    if kind == "microsoft.resources/subscriptions":
        return Found(node, Shape.SUBSCRIPTION, kind, resource)
    return Found(node, Shape.RESOURCE if kind else Shape.OTHER, kind, resource)
