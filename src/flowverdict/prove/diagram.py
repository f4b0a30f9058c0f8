"""Functions of a packet's fields as decision diagrams: one field after the other, equal parts once.

A node says what follows from the value of one field: spans of values, and behind each a node of the
next field, behind the last field a leaf. What no span holds is outside the function. Spans that are
next to one another and lead to the same are one, and equal nodes that one ``Store`` made are one
object, so a function has one form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence

    from flowverdict.net import IntervalSet

Edge = tuple[int, int, Any]
"""Lowest and highest value of a span, and what follows: a ``Node``, or a leaf."""

MOST_NODES: Final = 1_000_000
"""What one question may make, of about 200 bytes each."""


MOST_PAIRS: Final = 4_000_000
"""Parts of two sets that one operation may look at side by side."""


class LimitError(Exception):
    """A question takes more than was granted; the message says at which limit it stopped."""


class Work:
    """How much a question may still do."""

    __slots__ = ("_granted", "_left")

    def __init__(self, steps: int) -> None:
        self._granted = self._left = steps

    def take(self, steps: int) -> None:
        """Does some of it.

        Raises:
            LimitError: it is more than is left.
        """
        self._left -= steps
        if self._left < 0:
            raise LimitError(f"more than {self._granted:,} spans of fields to tell apart")


class Node:
    """What follows from the value of one field; never empty."""

    __slots__ = ("edges",)

    def __init__(self, edges: tuple[Edge, ...]) -> None:
        self.edges = edges


class Store:
    """Makes nodes, equal ones once."""

    def __init__(self, most: int = MOST_NODES) -> None:
        self._most = most
        self._nodes: dict[tuple[tuple[int, int, int], ...], Node] = {}

    def node(self, edges: Iterable[Edge]) -> Node | None:
        """Returns the node with edges in the order of their values; None without any.

        Args:
            edges: disjoint spans; leaves have to live as long as the store, and are told apart by
                their identity.

        Raises:
            LimitError: there are too many nodes.
        """
        merged: list[Edge] = []
        for low, high, child in edges:
            if merged and merged[-1][1] == low - 1 and merged[-1][2] is child:
                merged[-1] = (merged[-1][0], high, child)
            else:
                merged.append((low, high, child))
        return self.made(merged)

    def made(self, edges: list[Edge]) -> Node | None:
        """Returns the node with edges that are merged already."""
        if not edges:
            return None
        key = tuple([(low, high, id(child)) for low, high, child in edges])
        found = self._nodes.get(key)
        if found is None:
            if len(self._nodes) >= self._most:
                raise LimitError(f"more than {self._most:,} different parts of sets of packets")
            found = self._nodes[key] = Node(tuple(edges))
        return found

    def product(self, fields: Sequence[IntervalSet], leaf: Hashable) -> Node | None:
        """Returns the function that has one value for every combination of some values."""
        found: Any = leaf
        for values in reversed(fields):
            found = self.node((low, high, found) for low, high in values)
            if found is None:
                return None
        return found


def combined(
    store: Store,
    depth: int,
    one: Node | None,
    other: Node | None,
    join: Callable[[Any, Any], Any],
) -> Node | None:
    """Returns a function of two functions.

    Args:
        store: makes the nodes.
        depth: how many fields there are.
        one: the first.
        other: the second.
        join: what becomes of a leaf of each; None stands for outside, before and behind.
    """
    memo: dict[tuple[int, int], Any] = {}
    none: tuple[Edge, ...] = ()

    def visit(left: Any, right: Any, level: int) -> Any:
        if left is None and right is None:
            return None
        key = (id(left), id(right))
        if key in memo:
            return memo[key]
        if level == depth:
            found = join(left, right)
        else:
            pairs = _side_by_side(
                left.edges if left is not None else none,
                right.edges if right is not None else none,
            )
            found = store.node(
                (low, high, child)
                for low, high, a, b in pairs
                if (child := visit(a, b, level + 1)) is not None
            )
        if len(memo) >= MOST_PAIRS:
            raise LimitError(f"more than {MOST_PAIRS:,} pairs of parts of sets of packets")
        memo[key] = found
        return found

    return visit(one, other, 0)


def folded(node: Node | None, join: Callable[[list[tuple[int, int, Any]]], Any]) -> Any:
    """Returns what comes of a function whose leaves are true, made from its last field on.

    Args:
        node: the function.
        join: what becomes of a node: of spans, and of what became of those behind them; True
            stands behind the last field.
    """
    memo: dict[int, Any] = {}

    def visit(at: Any) -> Any:
        if not isinstance(at, Node):
            return at
        if id(at) not in memo:
            memo[id(at)] = join([(low, high, visit(child)) for low, high, child in at.edges])
        return memo[id(at)]

    return join([]) if node is None else visit(node)


def beside(store: Store, one: Node | None, other: Node | None) -> Node | None:
    """Returns a function that is one of two where it has a value; they share no packet.

    Both have to come from the store.
    """
    if one is None or other is None:
        return one or other
    if one.edges[-1][1] < other.edges[0][0]:
        return store.node((*one.edges, *other.edges))
    if other.edges[-1][1] < one.edges[0][0]:
        return store.node((*other.edges, *one.edges))
    return store.node(
        (low, high, b if a is None else a if b is None else beside(store, a, b))
        for low, high, a, b in _side_by_side(one.edges, other.edges)
    )


def beside_all(store: Store, nodes: Sequence[Node | None]) -> Node | None:
    """Returns a function that is whichever of some has a value; no two of them share a packet.

    All have to come from the store.
    """
    some = [one for one in nodes if one is not None]
    while len(some) > 1:  # neighbours first: none is walked through more often than it has to be
        odd = some[len(some) // 2 * 2 :]
        pairs = zip(some[::2], some[1::2], strict=False)
        joined = (beside(store, one, other) for one, other in pairs)
        some = [one for one in joined if one is not None] + odd
    return some[0] if some else None


def by_leaf(store: Store, depth: int, node: Node | None) -> list[tuple[Any, Node]]:
    """Returns the leaves of a function in the order of its fields, and where each is its value.

    Args:
        store: makes the nodes.
        depth: how many fields there are.
        node: the function; leaves are told apart by their identity.

    Returns:
        For each leaf the function that is true where the leaf was.
    """
    memo: dict[int, dict[int, tuple[Any, Any]]] = {}

    def visit(at: Any, level: int) -> dict[int, tuple[Any, Any]]:
        if level == depth:
            return {id(at): (at, True)}
        if id(at) not in memo:
            edges: dict[int, tuple[Any, list[Edge]]] = {}
            for low, high, child in at.edges:
                for key, (leaf, part) in visit(child, level + 1).items():
                    edges.setdefault(key, (leaf, []))[1].append((low, high, part))
            memo[id(at)] = {key: (leaf, store.node(some)) for key, (leaf, some) in edges.items()}
        return memo[id(at)]

    return [] if node is None else list(visit(node, 0).values())


def _side_by_side(
    left: tuple[Edge, ...], right: tuple[Edge, ...]
) -> Iterator[tuple[int, int, Any, Any]]:
    """Yields spans in which neither side changes, with what each has there."""
    i = j = 0
    a, b = left[0] if left else _END, right[0] if right else _END
    at = min(a[0], b[0])
    while a is not _END or b is not _END:
        if a[0] > at and b[0] > at:
            at = min(a[0], b[0])
        end = min(
            a[1] if a[0] <= at else a[0] - 1,
            b[1] if b[0] <= at else b[0] - 1,
        )
        yield at, end, a[2] if a[0] <= at else None, b[2] if b[0] <= at else None
        if a[1] == end:
            i += 1
            a = left[i] if i < len(left) else _END
        if b[1] == end:
            j += 1
            b = right[j] if j < len(right) else _END
        at = end + 1


_END: Final[Edge] = (1 << 200, 1 << 200, None)
"""Behind every value that a field can have."""
