"""Commands as a demo prints them."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowverdict.cli.narrating import as_typed

WORDS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1)


@given(WORDS)
def test_a_shell_reads_what_was_meant(words: list[str]) -> None:
    assert shlex.split(as_typed(words))[-len(words) :] == words


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("plain", "plain"),
        ("a folder", "'a folder'"),
        ("WHERE a = 'D'", "\"WHERE a = 'D'\""),
        ("WHERE a = '$HOME'", "'WHERE a = '\"'\"'$HOME'\"'\"''"),
    ],
)
def test_sql_is_in_double_quotes_where_a_shell_leaves_it_alone(word: str, shown: str) -> None:
    assert as_typed([word]).endswith(f" {shown}")
