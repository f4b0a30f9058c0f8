"""How attributes of a Terraform resource become fields of the body that Azure's REST API has.

A table names each field of the body and says what fills it: ``same("address_space")`` what an
attribute holds, ``ref("subnet_id", SUBNETS)`` an object with the id that it holds. Bodies are flat,
as ``az`` prints them, so that a path in a message is an address and an attribute.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from flowverdict.load.terraform.types import SUBNETS
from flowverdict.load.terraform.values import Json, as_list
from flowverdict.load.unknown import Unknown

if TYPE_CHECKING:
    from flowverdict.load.terraform.plan import Instance
    from flowverdict.load.terraform.world import World


class Block:
    """The attributes of a resource, or of a block inside of it."""

    __slots__ = ("of", "path", "values", "world")

    def __init__(
        self, world: World, of: Instance, values: Json, path: tuple[str | int, ...] = ()
    ) -> None:
        self.world = world
        self.of = of
        self.values = values
        self.path = path

    def get(self, *names: str) -> Any:
        """Returns the first of several attributes that is set; None where none is."""
        return next((one for name in names if (one := self.values.get(name)) is not None), None)

    def blocks(self, name: str) -> list[Block]:
        """Returns the blocks of a name; of those that are known after apply there are none."""
        found = self.values.get(name)
        if isinstance(found, dict):
            return [Block(self.world, self.of, cast("Json", found), (*self.path, name))]
        elements = as_list(found)
        return [
            Block(self.world, self.of, cast("Json", one), (*self.path, name, at))
            for at, one in enumerate(elements)
            if isinstance(one, dict)
        ]

    def target(self, name: str, kind: str) -> Any:
        """Returns the id in an attribute; ``Unknown`` where it is not told, None where not set."""
        given = self.values.get(name)
        if not isinstance(given, Unknown):
            return given or None
        return self.world.target(self.of, (*self.path, name), kind.lower())

    def targets(self, name: str, kind: str) -> Any:
        """Returns the ids in an attribute that holds several."""
        given = self.values.get(name)
        if not isinstance(given, (list, Unknown)):
            return given
        elements: list[Any] = as_list(given) if isinstance(given, list) else [given]
        unknown = [at for at, one in enumerate(elements) if isinstance(one, Unknown)]
        if not unknown:
            return elements
        origin = self.world.origin(self.of, (*self.path, name), kind.lower())
        if origin.is_whole and len(origin.found) == len(unknown):
            ids = [self.world.id_of(one) for one in origin.found]
            return _with(elements, dict(zip(unknown, ids, strict=True)))
        told = Unknown(f"{elements[unknown[0]].what}, and {origin.why}")
        return _with(elements, dict.fromkeys(unknown, told)) if isinstance(given, list) else told


def _with(elements: list[Any], others: Mapping[int, Any]) -> list[Any]:
    return [others.get(at, one) for at, one in enumerate(elements)]


Field = Callable[[Block], Any]
Fields = Mapping[str, Field]


def body(block: Block, fields: Fields) -> Json:
    """Returns an object with the fields that are told."""
    found = ((name, fill(block)) for name, fill in fields.items())
    return {name: one for name, one in found if one is not None}


def same(*names: str) -> Field:
    """The field holds what an attribute holds; of several attributes the first that is set."""
    return lambda block: block.get(*names)


def constant(value: Any) -> Field:
    """The field always holds this."""
    return lambda _: value


def ref(name: str, kind: str) -> Field:
    """The field is an object with the id in an attribute."""

    def fill(block: Block) -> Any:
        found = block.target(name, kind)
        return None if found is None else {"id": found}

    return fill


def in_subnet(name: str) -> Field:
    """The field is an object with the id of a subnet that must have a name.

    Where the plan does not tell the id, the only subnet of that name is meant.
    """

    def fill(block: Block) -> Any:
        found = block.target("subnet_id", SUBNETS)
        if isinstance(found, Unknown):
            some = {block.world.id_of(one) for one in block.world.of_type(SUBNETS)}
            fitting = [one for one in some if one.lower().endswith(f"/{name.lower()}")]
            found = fitting[0] if len(fitting) == 1 else found
        return None if found is None else {"id": found}

    return fill


def first_ref(kind: str, *names: str) -> Field:
    """The field is an object with the id in the first of several attributes that is set."""

    def fill(block: Block) -> Any:
        return next((one for name in names if (one := ref(name, kind)(block)) is not None), None)

    return fill


def identity(kind: str, *names: str) -> Field:
    """The field is the id in the first of several attributes that is set."""

    def fill(block: Block) -> Any:
        found = (block.target(name, kind) for name in names)
        return next((one for one in found if one is not None), None)

    return fill


def refs(name: str, kind: str, key: str = "id") -> Field:
    """The field is a list of objects with the ids in an attribute."""

    def fill(block: Block) -> Any:
        found = block.targets(name, kind)
        if not isinstance(found, list):
            return found
        elements = as_list(found)
        return [{key: one} if isinstance(one, str) else one for one in elements]

    return fill


def identities(name: str, kind: str) -> Field:
    """The field is a list of the ids in an attribute."""
    return lambda block: block.targets(name, kind)


def each(name: str, fields: Fields) -> Field:
    """The field is a list with an object for each block of a name."""

    def fill(block: Block) -> Any:
        given = block.get(name)
        if isinstance(given, Unknown):
            return given
        if unknown := [one for one in as_list(given) if isinstance(one, Unknown)]:
            return unknown[0]
        return [body(one, fields) for one in block.blocks(name)]

    return fill


def one(name: str, fields: Fields) -> Field:
    """The field is an object for the block of a name, which stands at most once."""
    return inside(name, lambda block: body(block, fields))


def inside(name: str, fill: Field) -> Field:
    """The field holds what is found in the block of a name, which stands at most once."""

    def found(block: Block) -> Any:
        given = block.get(name)
        if isinstance(given, Unknown):
            return given
        inner = block.blocks(name)
        return fill(inner[0]) if inner else None

    return found


def holding(fields: Fields) -> Field:
    """The field is an object of attributes that stand beside each other in Terraform."""
    return lambda block: body(block, fields) or None
