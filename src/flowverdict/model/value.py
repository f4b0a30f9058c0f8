"""Values: frozen dataclasses with slots that are quick to define and to make."""

from __future__ import annotations

from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value(kind: type[T]) -> type[T]:
    """Makes a class a frozen dataclass with slots.

    It does what ``@dataclass(frozen=True, slots=True)`` does, which compiles six methods for every
    class: a command that makes fifty of them starts a tenth of a second later. Here one method is
    compiled, and the others are shared. Fields may have a default, but no factory of defaults.
    """
    made = dataclass(init=False, repr=False, eq=False, slots=True)(kind)
    names = [one.name for one in fields(made)]  # pyright: ignore[reportArgumentType] just made one
    compared = attrgetter(*(one.name for one in fields(made) if one.compare))  # pyright: ignore[reportArgumentType]

    def same(self: T, other: object) -> bool:
        return compared(self) == compared(other) if type(other) is made else NotImplemented

    def digest(self: T) -> int:
        return hash(compared(self))

    def show(self: T) -> str:
        told = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{made.__qualname__}({told})"

    def reduce(self: T) -> tuple[Any, ...]:
        return made, tuple([getattr(self, name) for name in names])

    methods: dict[str, Callable[..., Any]] = {
        "__init__": _initialiser(made),
        "__eq__": same,
        "__hash__": digest,
        "__repr__": show,
        "__reduce__": reduce,
        "__setattr__": _refuse,
        "__delattr__": _refuse,
    }
    for name, method in methods.items():
        if name not in vars(kind):
            setattr(made, name, method)
    return made


def _initialiser(kind: type[Any]) -> Callable[..., None]:
    """Returns the method that fills the slots, which nothing else can do."""
    found = fields(kind)
    if any(one.default_factory is not MISSING or one.kw_only or not one.init for one in found):
        raise TypeError(f"a field of {kind.__name__} needs more than a default: use `dataclass`")
    slots = {f"set_{one.name}": getattr(kind, one.name).__set__ for one in found}
    head = ", ".join(("self", *(one.name for one in found)))
    lines = [f"set_{one.name}(self, {one.name})" for one in found]
    if hasattr(kind, "__post_init__"):
        lines.append("self.__post_init__()")
    exec(f"def __init__({head}): {'; '.join(lines)}", slots)  # noqa: S102 as dataclasses do, of the same names
    init = slots["__init__"]
    init.__defaults__ = tuple(one.default for one in found if one.default is not MISSING)
    init.__annotations__ = {one.name: one.type for one in found} | {"return": None}
    return init


def _refuse(self: object, name: str, *_: object) -> None:
    raise FrozenInstanceError(f"cannot change `{name}` of a {type(self).__name__}")
