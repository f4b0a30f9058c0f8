"""Template functions of lists and objects, whose elements need not be known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.template.partial import (
    Partial,
    as_list,
    as_object,
    find_key,
    first_unknown,
    shown,
)
from flowverdict.load.template.syntax import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

_MOST: Final = 10_000
"""Numbers that ``range`` makes at most, as Azure has it."""


class NotTold(Exception):
    """What a function gives hangs on a part that is not known."""

    def __init__(self, part: Partial) -> None:
        super().__init__(part.what)
        self.part = part


def _told(value: Any) -> Any:
    """Returns a value of which all is known.

    Raises:
        NotTold: a part is not.
    """
    part = first_unknown(value)
    if part is not None:
        raise NotTold(part)
    return value


def _list(value: Any) -> list[Any]:
    found = as_list(value)
    if found is None:
        raise ExpressionError(f"`{shown(value)[:40]}` where a list should be", "a list")
    return found


def _object(value: Any) -> Json:
    found = as_object(value)
    if found is None:
        raise ExpressionError(f"`{shown(value)[:40]}` where an object should be", "an object")
    return found


def _union(*values: Any) -> Any:
    if as_object(values[0]) is not None:
        merged: Json = {}
        for one in values:
            _merge(merged, _object(one))
        return merged
    elements: list[Any] = []
    for one in values:
        elements += [each for each in _list(one) if each not in elements]
    return elements


def _merge(into: Json, other: Json) -> None:
    """Puts an object's fields into another; objects within are merged, lists are replaced."""
    for name, value in other.items():
        key = find_key(into, name) or name
        old, new = as_object(into.get(key)), as_object(value)
        if old is not None and new is not None:
            inner = into[key] = dict(old)
            _merge(inner, new)
        else:
            into[key] = value


def _shallow_merge(objects: Any) -> Json:
    found: Json = {}
    for one in _list(objects):
        for name, value in _object(one).items():
            found[find_key(found, name) or name] = value
    return found


def _intersection(*values: Any) -> Any:
    first, *others = [_told(one) for one in values]
    if (of := as_object(first)) is not None:
        rest = [_object(one) for one in others]
        return {name: one for name, one in of.items() if all(at.get(name) == one for at in rest)}
    lists = [_list(one) for one in others]
    return [one for one in _list(first) if all(one in other for other in lists)]


def _create_array(*values: Any) -> list[Any]:
    return list(values)


def _create_object(*pairs: Any) -> Json:
    if len(pairs) % 2:
        raise ExpressionError("`createObject` of an odd number of values", "names with values")
    names = [_told(one) for one in pairs[::2]]
    for name in names:
        if not isinstance(name, str):
            raise ExpressionError(f"`{shown(name)}` names a property", "a text")
    return dict(zip(names, pairs[1::2], strict=True))


def _array(value: Any) -> list[Any]:
    found = as_list(value)
    return [value] if found is None else found


def _contains(of: Any, part: Any) -> bool:
    if (fields := as_object(of)) is not None:
        return find_key(fields, shown(_told(part))) is not None
    if (elements := as_list(of)) is not None:
        if not isinstance(part, Partial) and part in elements:
            return True
        return _told(part) in _told(elements)
    return shown(_told(part)) in of


def _length(of: Any) -> int:
    if isinstance(of, str):
        return len(of)
    fields = as_object(of)
    return len(_list(of)) if fields is None else len(fields)


def _first(of: Any) -> Any:
    return of[0] if of else _nothing(of)


def _last(of: Any) -> Any:
    return of[-1] if of else _nothing(of)


def _nothing(of: Any) -> Any:
    return "" if isinstance(of, str) else None


def _take(of: Any, count: int) -> Any:
    return of[: max(count, 0)]


def _skip(of: Any, count: int) -> Any:
    return of[max(count, 0) :]


def _range(start: int, count: int) -> list[int]:
    if not 0 <= count <= _MOST:
        raise ExpressionError(f"`range` of {count} numbers", f"at most {_MOST:,}")
    return list(range(start, start + count))


def _flatten(lists: Any) -> list[Any]:
    return [each for one in _list(lists) for each in _array(one)]


def _items(of: Any) -> list[Json]:
    fields = _object(of)
    return [{"key": name, "value": fields[name]} for name in _object_keys(of)]


def _object_keys(of: Any) -> list[str]:
    return sorted(_object(of), key=str.lower)


def _join(of: Any, mark: str) -> str:
    return mark.join(shown(_told(one)) for one in _list(of))


def _empty(of: Any) -> bool:
    return of is None or of in ("", [], {})


LISTS: Final[dict[str, Callable[..., Any]]] = {
    "array": _array,
    "contains": _contains,
    "createarray": _create_array,
    "createobject": _create_object,
    "empty": _empty,
    "first": _first,
    "flatten": _flatten,
    "intersection": _intersection,
    "items": _items,
    "join": _join,
    "last": _last,
    "length": _length,
    "objectkeys": _object_keys,
    "range": _range,
    "shallowmerge": _shallow_merge,
    "skip": _skip,
    "take": _take,
    "union": _union,
}
"""What each function does; its name in lower case. No argument is unknown as a whole."""
