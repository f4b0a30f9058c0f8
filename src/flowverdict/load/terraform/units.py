"""Units of an Azure network: resources, parts of them, and what ties two together.

A unit says one thing, under one key: what the subnet is, or which NSG it has. So two moments of a
plan differ in the units that differ, and only those are laid over an estate that was exported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowverdict.load.joined import Tie
from flowverdict.load.kinds import Found, Shape
from flowverdict.load.node import Node
from flowverdict.load.report import warning
from flowverdict.load.terraform.azurerm import KINDS
from flowverdict.model import Position, ResourceId
from flowverdict.model.value import value

if TYPE_CHECKING:
    from flowverdict.load.terraform.plan import Instance
    from flowverdict.load.terraform.values import Json
    from flowverdict.load.unknown import Unknown
    from flowverdict.model import Diagnostic


@value
class Unit:
    """What one thing says in one place.

    Attributes:
        key: what it is about; two moments have it under the same key.
        contents: what it says, to be compared.
        found: a resource, a part of one, or a commit.
        tie: what ties two resources together.
        address: where Terraform has it.
        is_managed: whether Terraform manages it; otherwise it only looked it up.
        is_open: whether others may add parts and ties to it, which the plan need not know.
    """

    key: str
    contents: Any
    found: Found | None
    tie: Tie | None
    address: str
    is_managed: bool = True
    is_open: bool = False


class Units:
    """The units of one moment, while they are collected.

    Attributes:
        by_key: the units.
        diagnostics: what is to be said.
        doubts: resources of which something is not known, with what.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.by_key: dict[str, Unit] = {}
        self.diagnostics: list[Diagnostic] = []
        self.doubts: list[tuple[ResourceId, Diagnostic]] = []

    def put(
        self, kind: str, identity: ResourceId, contents: Json, of: Instance, step: str = ""
    ) -> None:
        """Adds a resource or a part, of an ARM type; what was there first stays.

        Args:
            kind: its ARM type.
            identity: its id.
            contents: its body, without name and id.
            of: the resource of Terraform that says so.
            step: where inside of that.
        """
        address = f"{of.address}{step}"
        if other := self.by_key.get(identity.key):
            if of.mode == "managed" and contents != other.contents:
                what = f"`{identity.name}` is {other.address} too, with other contents"
                self.doubt(identity, address, "twice", what, "a resource at one address")
            return
        self.set(identity.key, kind, identity, contents, of, address)

    def set(
        self,
        key: str,
        kind: str,
        identity: ResourceId,
        contents: Json,
        of: Instance,
        address: str,
    ) -> None:
        """Adds a resource or a part under a key, whatever stood there."""
        named = {**contents, "id": identity.text, "name": identity.name}
        node = Node(named, self.file, step=address)
        found = Found(node, Shape.RESOURCE, kind.lower(), identity, planned=True)
        is_open = of.type in KINDS and kind == KINDS[of.type].named.type
        is_managed = of.mode == "managed"
        self.by_key[key] = Unit(key, contents, found, None, address, is_managed, is_open)

    def tie(
        self, slot: str, target: ResourceId, to: str | Unknown, of: Instance, step: str
    ) -> None:
        """Adds what ties a resource to another; what was there first stays."""
        address = f"{of.address}{step}"
        worth = to.lower() if isinstance(to, str) else to
        key = tie_key(slot, target)
        if slot == "asgs":
            key += f": {worth if isinstance(worth, str) else address}"
        if key not in self.by_key:
            node = Node(to, self.file, step=address)
            tie = Tie(slot, target, node)
            self.by_key[key] = Unit(key, worth, None, tie, address, of.mode == "managed")

    def commit(self, contents: Json, of: Instance) -> None:
        """Adds the body of a commit."""
        node = Node(contents, self.file, step=of.address)
        key = f"commit {of.address}"
        found = Found(node, Shape.COMMIT, planned=True)
        self.by_key[key] = Unit(key, contents, found, None, of.address)

    def say(self, address: str, code: str, what: str, expected: str = "") -> None:
        """Notes what deserves a look."""
        where = Position(self.file, address)
        self.diagnostics.append(warning(where, code, what, expected))

    def doubt(self, of: ResourceId, address: str, code: str, what: str, expected: str = "") -> None:
        """Notes why a resource is not known as it is."""
        self.doubts.append((of, warning(Position(self.file, address), code, what, expected)))


def tie_key(slot: str, target: ResourceId) -> str:
    """Returns under which key it stands what fills a slot of a resource."""
    return f"{slot} of {target.key}"
