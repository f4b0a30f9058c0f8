"""`value` beside `dataclass(frozen=True, slots=True)`, which it does the work of."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.model.value import value


class Lease:
    """A shape with what the model uses: a default, a field that is not compared, a property."""

    name: str
    days: int = 7
    where: str | None = field(default=None, compare=False)

    @property
    def weeks(self) -> int:
        """Whole weeks."""
        return self.days // 7


class Shown(Lease):
    """A shape that says itself how it is shown."""

    def __repr__(self) -> str:
        """Shows nothing but the name."""
        return f"<{self.name}>"


def _plain(shape: type) -> type[Any]:
    names = {**vars(Lease), **vars(shape)}
    left = {name: inner for name, inner in names.items() if name not in ("__dict__", "__weakref__")}
    return type("Leased", (), left)


Ours = value(_plain(Lease))
Theirs = dataclass(frozen=True, slots=True)(_plain(Lease))
Leased = Ours  # pickles find a class by its name

arguments = st.tuples(
    st.sampled_from("ab"), st.integers(0, 2), st.sampled_from([None, "here", "there"])
)


@given(arguments, arguments)
def test_equality_hash_and_text_are_those_of_a_dataclass(one: Any, other: Any) -> None:
    assert (Ours(*one) == Ours(*other)) is (Theirs(*one) == Theirs(*other))
    assert (Ours(*one) != Ours(*other)) is (Theirs(*one) != Theirs(*other))
    assert hash(Ours(*one)) == hash(Theirs(*one))
    assert repr(Ours(*one)) == repr(Theirs(*one))


@given(arguments)
def test_it_is_a_dataclass(one: Any) -> None:
    made = Ours(*one)
    assert [part.name for part in fields(Ours)] == [part.name for part in fields(Theirs)]
    assert replace(made, days=14).weeks == 2
    assert replace(made) == made
    assert replace(made).where == made.where
    assert Ours.__match_args__ == Theirs.__match_args__
    assert copy.deepcopy(made) == made
    assert pickle.loads(pickle.dumps(made)).where == made.where  # noqa: S301 our own bytes


@pytest.mark.parametrize("kind", [Ours, Theirs])
def test_nothing_can_be_changed_or_added(kind: type[Any]) -> None:
    made = kind("a")
    for name in ("days", "other"):
        with pytest.raises((FrozenInstanceError, TypeError)):
            setattr(made, name, 1)
    with pytest.raises(FrozenInstanceError):
        del made.days
    assert not hasattr(made, "__dict__")


@pytest.mark.parametrize("words", [((), {}), (("a", 1, None, 4), {}), (("a",), {"name": "b"})])
def test_wrong_arguments_are_refused(words: tuple[Any, Any]) -> None:
    for kind in (Ours, Theirs):
        with pytest.raises(TypeError):
            kind(*words[0], **words[1])


def test_the_signature_is_that_of_a_dataclass() -> None:
    assert str(inspect.signature(Ours)) == str(inspect.signature(Theirs))


def test_other_kinds_are_never_equal() -> None:
    assert Ours("a") != Theirs("a")
    assert Ours("a") != "a"


def test_a_value_can_check_itself() -> None:
    @value
    class Age:
        years: int

        def __post_init__(self) -> None:
            """Refuses what is no age."""
            if self.years < 0:
                raise ValueError(self.years)

    assert replace(Age(3), years=4) == Age(4)
    with pytest.raises(ValueError, match="-1"):
        Age(-1)


def test_a_factory_of_defaults_is_refused() -> None:
    class Basket:
        things: list[str] = field(default_factory=list[str])

    with pytest.raises(TypeError, match="Basket needs more than a default: use `dataclass`"):
        value(Basket)


def test_methods_of_the_class_stay() -> None:
    assert repr(value(_plain(Shown))("a")) == "<a>"
