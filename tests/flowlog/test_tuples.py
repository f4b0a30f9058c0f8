"""Tuples of every form, as data: each with the values, warnings or reject that it gives."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from flowverdict.flowlog import Rejected, Schema, read_tuple

VECTORS = [
    json.loads(line)
    for line in (Path(__file__).parent / "vectors" / "tuples.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: one["id"])
def test_a_tuple_is_read_as_specified(vector: dict[str, Any]) -> None:
    if vector["expect"] == "reject":
        with pytest.raises(Rejected) as caught:
            read_tuple(vector["raw"], Schema(vector["schema"]))
        assert [caught.value.code] == vector["warn"]
        return
    values, warnings = read_tuple(vector["raw"], Schema(vector["schema"]))
    assert list(dataclasses.astuple(values))[:-1] == vector["expect"]
    assert sorted(warnings) == sorted(vector["warn"])


def test_vectors_have_names_of_their_own() -> None:
    names = [one["id"] for one in VECTORS]
    assert len(set(names)) == len(names)
