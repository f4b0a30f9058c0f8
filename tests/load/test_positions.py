"""From the path of a message to the line it means."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowverdict
from flowverdict.load import line_and_column
from flowverdict.load.node import Node
from flowverdict.model import Position
from tests.load.broken import good, nsg, write
from tests.net.profiles import times

MARK = "the value that is looked for"

plain_keys = st.text("abcABC_$-@é🦔 /:", min_size=1, max_size=5)
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["{", "}", "[", "]", '"', "\\", '\\"', "\n", '{"a": [1,', "\u2028", "\x7f"]),
)


def documents(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)
        ),
        max_leaves=12,
    )


def places(value: Any, path: str = "$") -> list[tuple[str, Any, Any]]:
    """Every place below a value: its path as the loader writes it, its container and its key."""
    found: list[tuple[str, Any, Any]] = []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += [(f"{path}.{key}", value, key), *places(inner, f"{path}.{key}")]
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            found += [(f"{path}[{at}]", value, at), *places(inner, f"{path}[{at}]")]
    return found


def found_at(text: str, path: str, encoding: str = "utf-8") -> tuple[int, int] | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "x.json"
        file.write_bytes(text.encode(encoding))
        return line_and_column(Position(str(file), path))


def marked(document: Any, data: st.DataObject) -> tuple[str, str]:
    """A document in some layout with a marked value in it, and the path to that value."""
    found = places(document)
    path, parent, key = data.draw(st.sampled_from(found))
    parent[key] = MARK
    indent = data.draw(st.sampled_from([None, 0, 1, 4, "\t"]))
    text = json.dumps(
        document,
        indent=indent,
        ensure_ascii=data.draw(st.booleans()),
        separators=data.draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", " :\n ")])),
    )
    return text if data.draw(st.booleans()) else text.replace("\n", "\r\n"), path


@times(10)
@given(documents(plain_keys).filter(places), st.data())
def test_a_path_leads_to_its_line_and_column(document: Any, data: st.DataObject) -> None:
    text, path = marked(document, data)
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    spot = text.index(json.dumps(MARK))
    expected = (text[:spot].count("\n") + 1, spot - (text.rfind("\n", 0, spot) + 1) + 1)
    assert found_at(text, path, encoding) == expected


@pytest.mark.parametrize(
    "key", ["a.b", "a[0]", "tags['x']", "[1]", ".", "it's", "back\\slash", " "]
)
def test_a_key_may_hold_dots_and_brackets(tmp_path: Path, key: str) -> None:
    """Tags of Azure resources have any names."""
    text = json.dumps({"tags": {"a": {"b": 1}, key: 5}}, indent=1)
    (tmp_path / "x.json").write_text(text)
    tags = Node(json.loads(text), str(tmp_path / "x.json")).need("tags")
    place = line_and_column(tags.need(key).where)
    assert place is not None
    assert text.splitlines()[place[0] - 1].strip().endswith(": 5")


def test_of_a_key_that_stands_twice_the_last_counts(tmp_path: Path) -> None:
    """As every reader of JSON has it, this one's too."""
    text = '{\n"a": 1,\n"a": 2\n}'
    assert json.loads(text)["a"] == 2
    assert found_at(text, "$.a") == (3, 6)


@pytest.mark.parametrize("first", ["1", "12", "123", '"12"', "[1]", '{"b": 1}', "null"])
def test_a_key_that_stands_twice_hides_no_other(first: str) -> None:
    text = f'{{"a": {first},\n"b": 5,\n"\\u0061": 12}}'
    assert found_at(text, "$.b") == (2, 6)
    assert found_at(text, "$.a") == (3, 11)


@pytest.mark.parametrize(
    "path", ["$.nope", "$.a[9]", "$.a.b", "$[0]", "$.a[0].x", "$.a[0]x", "$.b[0]"]
)
def test_a_place_that_is_not_there_is_none(path: str) -> None:
    assert found_at('{"a": [1, {"c": 2}], "b": "[1]"}', path) in (None, (1, 8))


@pytest.mark.parametrize("text", ["", "{", '{"a"', '{"a":', "[1,", "nothing", '{"a": 1', "\ufeff"])
def test_a_file_that_changed_since_has_no_place(text: str) -> None:
    assert found_at(text, "$.a.b") is None


def test_a_file_that_is_gone_has_no_place(tmp_path: Path) -> None:
    assert line_and_column(Position(str(tmp_path / "gone.json"), "$.a")) is None


def test_the_whole_file_is_its_first_line(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("\n\n  {}")
    assert line_and_column(Position(str(tmp_path / "x.json"), "$")) == (3, 3)


@pytest.mark.parametrize("depth", [100, 500, 900])
def test_a_deep_neighbour_is_no_obstacle(tmp_path: Path, depth: int) -> None:
    text = '{"deep": ' + "[" * depth + "]" * depth + ',\n"a": 1}'
    assert found_at(text, "$.a") == (2, 6)


@pytest.mark.parametrize("form", ["rest", "flat"])
def test_every_rule_knows_its_line(tmp_path: Path, form: Any) -> None:
    files = good(form)
    write(tmp_path, files)
    (found,) = flowverdict.load_estate([tmp_path]).resources.nsgs.values()
    lines = (tmp_path / "nsgs.json").read_text().splitlines()
    for rule in found.rules:
        if rule.where is None:
            continue
        place = line_and_column(rule.where)
        assert place is not None
        below = lines[place[0] - 1 : place[0] + 12]
        assert any(f'"{rule.name}"' in line for line in below)


def test_a_rule_in_a_long_file_is_found_in_no_time(tmp_path: Path) -> None:
    files = good()
    (rule,) = nsg(files)["securityRules"][:1]
    properties = rule["properties"]
    nsg(files)["securityRules"] = [
        {**rule, "id": f"{rule['id']}{at}", "properties": {**properties, "priority": at}}
        for at in range(100, 4000)
    ]
    write(tmp_path, files)
    where = Position(str(tmp_path / "nsgs.json"), "$.value[0].properties.securityRules[3899]")
    assert line_and_column(where) is not None
