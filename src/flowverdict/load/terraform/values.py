"""Values of a document that may be anything, taken for what belongs in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]


def as_object(value: Any) -> Json:
    """Returns an object; an empty one for anything else."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """Returns a list; an empty one for anything else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_objects(value: Any) -> list[Json]:
    """Returns the objects in a list."""
    return [cast("Json", one) for one in as_list(value) if isinstance(one, dict)]


def as_text(value: Any) -> str:
    """Returns a text that can be shown; an empty one for anything else."""
    return value if isinstance(value, str) and value.isprintable() else ""


def at(value: Any, *path: str | int) -> Any:
    """Returns what stands at a path; None where nothing does."""
    for step in path:
        if isinstance(step, int):
            some = as_list(value)
            value = some[step] if step < len(some) else None
        else:
            value = as_object(value).get(step)
    return value


def leaves(value: Any) -> Iterator[Any]:
    """Yields all values inside of a value that are no objects and no lists."""
    if isinstance(value, (dict, list)):
        for one in (*as_object(value).values(), *as_list(value)):
            yield from leaves(one)
    else:
        yield value
