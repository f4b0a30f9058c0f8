"""What ``terraform show -json`` prints: resources as they are, and as they would be.

The shape: <https://developer.hashicorp.com/terraform/internals/json-format>.
OpenTofu prints the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.report import warning
from flowverdict.load.terraform.values import Json, as_list, as_object
from flowverdict.load.unknown import Unknown
from flowverdict.model.value import value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.load.node import Node
    from flowverdict.model import Diagnostic

KNOWN_AFTER_APPLY: Final = "known after apply"
_VERSION: Final = ("0", "1")
"""Major versions of the format that are read; a higher one may mean something else."""
_MODULES: Final = re.compile(
    r'module\.[\w-]+(\[(\d+|"([^"\\]|\\.)*")\])?(\.module\.[\w-]+(\[(\d+|"([^"\\]|\\.)*")\])?)*\Z'
)
_HINT: Final = "`terraform show -json FILE` prints it"
_OF_PLANS: Final = frozenset({"planned_values", "resource_changes", "configuration"})


@value
class Instance:
    """One resource or data source, with the values it has at one moment.

    Attributes:
        address: such as ``module.net["a"].azurerm_subnet.web[0]``.
        mode: ``managed`` or ``data``.
        index: what ``count`` or ``for_each`` tells it apart by; None without them.
        module: the address of the module it stands in; empty for the root module.
        values: its attributes; ``Unknown`` stands for what is known after apply.
        provider: the provider, such as ``registry.terraform.io/hashicorp/azurerm``.
        change: what the plan does with it: ``create``, ``update`` (a replacement is one too), or
            nothing.
    """

    address: str
    mode: str
    type: str
    name: str
    index: str | int | None
    module: str
    values: Json
    provider: str
    change: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Mode, type and name: what the configuration calls it in its module."""
        return self.mode, self.type, self.name


@value
class Plan:
    """A plan, or a state, which has neither configuration nor another moment.

    Attributes:
        before: the resources as they are, after Terraform has looked; the same for a state.
        after: the resources as they would be.
        is_state: whether nothing is planned.
    """

    file: str
    before: tuple[Instance, ...]
    after: tuple[Instance, ...]
    configuration: Json
    variables: Json
    is_state: bool
    diagnostics: tuple[Diagnostic, ...] = ()


def is_plan(document: Any) -> bool:
    """Reports whether a document of Terraform's is a plan, which has two moments."""
    return bool(as_object(document).keys() & _OF_PLANS)


def read_plan(node: Node) -> Plan:
    """Reads a plan or a state.

    Raises:
        Unreadable: it is the state's own file, of a version that is not known, or did not end well.
    """
    document = as_object(node.value)
    if "format_version" not in document:
        what = "the file in which Terraform keeps its state has no documented shape"
        raise node.fail("terraform", what, "the state as JSON", _HINT)
    version = node.text("format_version")
    if version.partition(".")[0] not in _VERSION:
        what = f"Terraform JSON of version `{version}`"
        raise node.need("format_version").fail("terraform", what, "version 1")
    if document.get("errored") is True:
        what = "the plan ended in an error, and holds only what was reached"
        raise node.fail("terraform", what, "a plan that Terraform could finish")
    if not is_plan(document):
        found = tuple(_of_state(node, "values"))
        return Plan(node.file, found, found, {}, {}, is_state=True)
    changes = _changes(node)
    before = tuple(_before(node, changes))
    diagnostics: list[Diagnostic] = []
    if document.get("complete") is False:
        what = "the plan is not complete: Terraform left changes for another run"
        diagnostics.append(warning(node.where, "incomplete", what, "a plan of everything"))
    return Plan(
        node.file,
        before,
        tuple(_after(before, changes, node)),
        _object(node, "configuration"),
        _object(node, "variables"),
        is_state=False,
        diagnostics=tuple(diagnostics),
    )


def _object(node: Node, name: str) -> Json:
    found = node.get(name)
    if found is None:
        return {}
    _ = found.fields  # what is no object is refused here
    return as_object(found.value)


def _of_state(node: Node, *names: str) -> Iterator[Instance]:
    """Yields the resources of a state's values, those of child modules too."""
    inner: Node | None = node
    for name in names:
        inner = inner.get(name) if inner else None
    root = inner.get("root_module") if inner else None
    if root is not None:
        yield from _of_module(root, "")


def _of_module(node: Node, module: str) -> Iterator[Instance]:
    for one in node.items("resources"):
        if "deposed_key" not in one.fields:
            yield _instance(one, module, as_object(one.value).get("values") or {})
    for child in node.items("child_modules"):
        yield from _of_module(child, child.need("address").as_text())


def _instance(node: Node, module: str, values: Any, change: str = "") -> Instance:
    index = as_object(node.value).get("index")
    if module and not _MODULES.match(module):
        raise node.fail("shape", f"`{module}` is no address of a module", '`module.net["a"]`')
    if not isinstance(values, dict):
        raise node.fail("shape", "values that are no object", "the attributes of a resource")
    if index is not None and not isinstance(index, (str, int)):
        raise node.need("index").fail("shape", "an index of another kind", "a text or a number")
    return Instance(
        address=node.need("address").as_text(),
        mode=node.text("mode", "managed"),
        type=node.need("type").as_text(),
        name=node.need("name").as_text(),
        index=index,
        module=module,
        values=as_object(values),
        provider=node.text("provider_name"),
        change=change,
    )


def _changes(node: Node) -> dict[str, Node]:
    """Returns the changes by address; those of objects that were replaced before are left out."""
    return {
        one.need("address").as_text(): one
        for one in node.items("resource_changes")
        if not one.text("deposed")
    }


def _before(node: Node, changes: dict[str, Node]) -> Iterator[Instance]:
    """Yields what is there: the prior state, and what is imported and not yet part of it."""
    known: set[str] = set()
    for one in _of_state(node, "prior_state", "values"):
        known.add(one.address)
        yield one
    for address, one in changes.items():
        values = as_object(one.need("change").value).get("before")
        if values and not {address, one.text("previous_address")} & known:
            yield _instance(one, one.text("module_address"), values)


def _after(
    before: tuple[Instance, ...], changes: dict[str, Node], node: Node
) -> Iterator[Instance]:
    """Yields what there would be: what is planned, and what the plan does not speak of.

    A resource that is only forgotten goes on to exist: it is as it was.
    """
    old = {one.address: one for one in before}
    moved = {one.text("previous_address") for one in changes.values()}
    for one in before:
        if one.address not in changes and one.address not in moved:
            yield one
    for address, one in changes.items():
        change = one.need("change")
        actions = [action.as_text() for action in change.texts("actions")]
        if actions == ["forget"] and address in old:
            yield old[address]
        contents = as_object(change.value)
        if contents.get("after") is None and contents.get("after_unknown") is not True:
            continue
        values = filled(contents.get("after"), contents.get("after_unknown"), KNOWN_AFTER_APPLY)
        if isinstance(values, Unknown):
            values = {}
        word = "" if actions in (["no-op"], ["read"]) else "update"
        word = "create" if actions == ["create"] else word
        yield _instance(one, one.text("module_address"), values, word)
    for one in _of_state(node, "planned_values"):
        if one.address not in changes and one.address not in old:
            yield one


def filled(known: Any, unknown: Any, what: str) -> Any:
    """Returns a value in which ``Unknown`` stands where ``after_unknown`` says true."""
    if unknown is True:
        return Unknown(what)
    if isinstance(unknown, dict):
        fields = dict(as_object(known))
        for name, inner in as_object(unknown).items():
            if (found := filled(fields.get(name), inner, what)) is not None:
                fields[name] = found
        return fields if fields or known is not None else None
    if isinstance(unknown, list):
        elements = list(as_list(known))
        inner = as_list(unknown)
        elements += [None] * (len(inner) - len(elements))
        merged = [
            filled(one, inner[at] if at < len(inner) else False, what)
            for at, one in enumerate(elements)
        ]
        return merged if merged or known is not None else None
    return known
