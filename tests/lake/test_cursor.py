"""Cursors: what a version names, layer upon layer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowverdict.lake.cursor import UNREAD, Cursor, Cursors
from flowverdict.lake.store import local_store

NAMES = st.text("ab/\u00e9'", min_size=1, max_size=3)
CURSORS = st.builds(Cursor, st.just("etag"), st.text(max_size=3), *[st.integers(0, 2**40)] * 5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.dictionaries(NAMES, CURSORS, min_size=1, max_size=6), max_size=8))
def test_the_newest_word_on_a_blob_holds(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, Cursor]]
) -> None:
    store = local_store(str(tmp_path_factory.mktemp("lake")))
    expected: dict[str, Cursor] = {}
    version = None
    for changed in steps:
        version = Cursors(store, "cursors/flows", version).write(changed)
        expected |= changed
    found = Cursors(store, "cursors/flows", version)
    assert dict(found.items()) == expected
    assert found["never met"] == UNREAD


def test_many_small_changes_leave_few_files_to_read(tmp_path: Path) -> None:
    store = local_store(str(tmp_path))
    version = Cursors(store, "c", None).write({str(at): Cursor("x") for at in range(1000)})
    for at in range(50):
        version = Cursors(store, "c", version).write({str(at): Cursor("y")})
    found = Cursors(store, "c", version)
    assert len(found._layers) <= 8
    assert sum(one == Cursor("y") for _, one in found.items()) == 50


def test_what_no_version_names_is_forgotten_after_an_hour(tmp_path: Path) -> None:
    store = local_store(str(tmp_path))
    version = Cursors(store, "c", None).write({"a": Cursor("x")})
    lost = Cursors(store, "c", version).write({"a": Cursor("lost")})
    version = Cursors(store, "c", version).write({"a": Cursor("y")})
    now = store.clock()
    Cursors(store, "c", version).forget(now)
    assert Cursors(store, "c", lost)["a"] == Cursor("lost")
    Cursors(store, "c", version).forget(now + 3700)
    with pytest.raises(FileNotFoundError):
        Cursors(store, "c", lost)
    assert Cursors(store, "c", version)["a"] == Cursor("y")
