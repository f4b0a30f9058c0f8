"""Mutates a good estate and asks for verdicts: an answer, Unknown, or the documented error.

The suite runs a few hundred mutations; `python -m tests.load.fuzz --minutes 10` looks longer, from
a fresh seed, and prints what breaks with the seed that breaks it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
import traceback
from copy import deepcopy
from pathlib import Path
from typing import Any

import flowverdict
from flowverdict.cli.explain import _json as explanation_json
from flowverdict.cli.gates import explanation_lines
from flowverdict.cli.render import as_json, verdict_lines
from flowverdict.cli.rules import _lines as rule_lines
from flowverdict.demo.bank import make_bank
from flowverdict.load import line_and_column
from flowverdict.model import Diagnostic, Estate, InputError, NetworkInterface
from flowverdict.net import format_address
from flowverdict.policy import NoNsgError, Options, RequestError

Files = dict[str, Any]

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 65536, 4097, 10**30, 1.5, 1e300),
    *(
        "",
        " ",
        "*",
        "/",
        "//",
        "x",
        "a\nb",
        "\x00",
        "é",
        "İ",
        "🦔",
        "\\",
        '"',
        "`",
        "1",
        "-",
        "None",
    ),
    *("Internet", "VirtualNetwork", "Nowhere", "10.0.0.0/8", "10.0.0.1/8", "::/0", "fd00::/64"),
    *("0.0.0.0/0", "0-65535", "80-", "90-80", "99999", "Tcp", "Icmpv6", "inbound", "AlwaysAllow"),
    *(
        "/subscriptions/",
        "/subscriptions/x/resourceGroups/y",
        "2026-01-01T00:00:00Z",
        "10.0.0.0/99",
    ),
    *("9" * 5000, "10.0.0.0/" + "9" * 5000, "a" * 10_000, "true", "2026-99-99", "tags['a.b']"),
    *([], {}, [[]], [None], [""], ["10.0.0.0/8"], {"id": "x"}, {"id": None}, {"value": []}),
    *([{}], {"a": {}}, {"properties": {}}, {"properties": None}, {"not": {"not": {}}}),
)


Place = tuple[Any, ...]


def places(value: Any) -> dict[Place, list[Place]]:
    """Every place inside a JSON value; those that differ in list positions alone stand together."""
    found: dict[Place, list[Place]] = {}
    left: list[tuple[Place, Any]] = [((), value)]
    while left:
        here, inner = left.pop()
        found.setdefault(tuple(step for step in here if isinstance(step, str)), []).append(here)
        if isinstance(inner, dict):
            left.extend(((*here, key), each) for key, each in inner.items())
        elif isinstance(inner, list):
            left.extend(((*here, at), each) for at, each in enumerate(inner))
    return found


def pick(found: dict[Place, list[Place]], chance: random.Random) -> Place:
    """A place: rare fields are picked as often as common ones."""
    return chance.choice(found[chance.choice([*found])])


def look(value: Any, path: Place) -> Any:
    """What stands at a place."""
    for step in path:
        value = value[step]
    return value


def mutate_value(value: Any, chance: random.Random) -> Any:
    """Changes one thing about a value, and returns it."""
    found = places(value)
    path = pick(found, chance)
    if not path:
        return chance.choice(ODD)
    parent, last = look(value, path[:-1]), path[-1]
    MUTATIONS[chance.randrange(len(MUTATIONS))](value, found, parent, last, chance)
    return value


def drop(value: Any, found: Any, parent: Any, last: Any, chance: random.Random) -> None:
    del parent[last]


def set_odd(value: Any, found: Any, parent: Any, last: Any, chance: random.Random) -> None:
    parent[last] = deepcopy(chance.choice(ODD))


def copy_other(value: Any, found: Any, parent: Any, last: Any, chance: random.Random) -> None:
    parent[last] = deepcopy(look(value, pick(found, chance)))


def swap(value: Any, found: Any, parent: Any, last: Any, chance: random.Random) -> None:
    other = pick(found, chance)
    if other:
        there = look(value, other[:-1])
        one, two = deepcopy(parent[last]), deepcopy(there[other[-1]])
        parent[last] = two
        if not isinstance(there, list) or other[-1] < len(there):
            there[other[-1]] = one


def repeat(value: Any, found: Any, parent: Any, last: Any, chance: random.Random) -> None:
    if isinstance(parent, list):
        parent.insert(chance.randint(0, len(parent)), deepcopy(parent[last]))
    else:
        parent[last.upper()] = deepcopy(parent[last])


def retype(value: Any, found: Any, parent: Any, last: Any, chance: random.Random) -> None:
    parent[last] = retyped(parent[last], chance)


def add_odd(value: Any, found: Any, parent: Any, last: Any, chance: random.Random) -> None:
    if isinstance(parent, list):
        parent.insert(last, deepcopy(chance.choice(ODD)))
    else:
        names = ["id", "properties", "value", "unheard.of", "a[0]", "", "priority", "data"]
        parent[chance.choice(names)] = deepcopy(chance.choice(ODD))


def misspell(value: Any, found: Any, parent: Any, last: Any, chance: random.Random) -> None:
    if isinstance(parent[last], str) and parent[last]:
        text = list(parent[last])
        text[chance.randrange(len(text))] = chance.choice("/.:*-,0aZ \n\u200b")
        parent[last] = "".join(text)


MUTATIONS = (drop, drop, set_odd, set_odd, copy_other, swap, repeat, retype, add_odd, misspell)


def retyped(value: Any, chance: random.Random) -> Any:
    """A value in the guise of another type."""
    return chance.choice([str(value), [value], {"id": value}, {"value": [value]}, not value])


def mutate_bytes(raw: bytes, chance: random.Random) -> bytes:
    """A file that was damaged."""
    if not raw:
        return b"{"
    where = chance.randrange(len(raw))
    match chance.randrange(6):
        case 0:
            return raw[:where]
        case 1:
            return raw[:where] + bytes([raw[where] ^ (1 << chance.randrange(8))]) + raw[where + 1 :]
        case 2:
            return raw[:where] + raw[where + chance.randrange(1, 200) :]
        case 3:
            packed = bytearray(gzip.compress(raw, 1))
            packed[chance.randrange(10, len(packed))] ^= 1 << chance.randrange(8)
            return bytes(packed)
        case 4:
            return raw.decode("utf-8", "replace").encode("utf-16")[: chance.choice([None, where])]
        case _:
            return raw[:where] + raw


def mutate(raw: dict[str, bytes], chance: random.Random) -> dict[str, bytes]:
    """The changed files, as bytes; the others stay."""
    changed: Files = {}
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        name = chance.choice([*raw])
        value = changed[name] if name in changed else json.loads(raw[name])
        changed[name] = mutate_value(value, chance)
    found = {name: json.dumps(value).encode() for name, value in changed.items()}
    if chance.random() < 0.2:
        name = chance.choice([*found])
        found[name] = mutate_bytes(found[name], chance)
    return found


TAGS = {
    "changeNumber": 1,
    "cloud": "Public",
    "values": [
        {"name": name, "id": name, "properties": {"region": "", "addressPrefixes": prefixes}}
        for name, prefixes in {
            "Storage": ["20.60.0.0/16", "2603:1000::/40"],
            "AzureCloud": ["20.0.0.0/8"],
            "AzureMonitor": [],
        }.items()
    ],
}
INTERNET = {"recorded": ["2024-08-26"], "prefixes": ["1.0.0.0/8", "200.0.0.0/5", "2000::/3"]}


class Bank:
    """A small bank on disk, of which each trial changes some files and puts them back."""

    def __init__(self, folder: Path, nics: int) -> None:
        self.folder = folder
        bank = make_bank(nics=nics)
        self.raw = {name: json.dumps(value).encode() for name, value in bank.items()}
        for name in self.raw:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(self.raw[name])

    def trial(self, seed: int) -> str:
        """Runs one mutation and tells what came out; whatever is undocumented is raised."""
        chance = random.Random(seed)
        changed = mutate(self.raw, chance)
        for name, raw in changed.items():
            (self.folder / name).write_bytes(raw)
        given: dict[str, Path] = {}
        for option, content in (("service_tags", TAGS), ("internet", INTERNET)):
            if chance.random() < 0.1:
                raw = json.dumps(mutate_value(deepcopy(content), chance)).encode()
                given[option] = self.folder / f"{option}.txt"
                given[option].write_bytes(mutate_bytes(raw, chance) if seed % 5 == 0 else raw)
        try:
            return self._outcome(chance, given)
        finally:
            for name in changed:
                (self.folder / name).write_bytes(self.raw[name])

    def _outcome(self, chance: random.Random, given: dict[str, Any]) -> str:
        options = Options(assume_deployed=chance.random() < 0.3)
        try:
            estate = flowverdict.load_estate([self.folder], **given)
        except InputError as problem:
            check_diagnostics(problem.diagnostics)
            return "refused" if problem.diagnostics else "refused without a reason"
        check_diagnostics(estate.diagnostics)
        seen: set[str] = set()
        nics = sorted(estate.resources.nics.values(), key=lambda nic: nic.id)
        for nic in chance.sample(nics, min(3, len(nics))):
            seen |= self._answers(estate, nic, chance, options)
        return "/".join(sorted(seen)) or "no interface"

    def _answers(
        self, estate: Estate, nic: NetworkInterface, chance: random.Random, options: Options
    ) -> set[str]:
        local = [format_address(span[0]) for span in nic.addresses] or ["10.0.0.4"]
        remotes = ["203.0.113.77", "10.20.0.4", "168.63.129.16", "20.60.1.1"]
        seen: set[str] = set()
        for _ in range(3):
            mine, theirs = chance.choice(local), chance.choice(remotes)
            theirs = "2001:db8::9" if ":" in mine else theirs
            direction = chance.choice(["Inbound", "Outbound"])
            protocol = chance.choice(["TCP", "UDP", "ICMP"])
            words = {
                "nic": str(nic.id),
                "direction": direction,
                "protocol": protocol,
                "local": _end(mine, protocol, chance),
                "remote": _end(theirs, protocol, chance),
            }
            try:
                told = flowverdict.explain(estate, **words, options=options)
            except (RequestError, NoNsgError):
                seen.add("asked wrongly")
                continue
            verdict = told.verdict
            assert (verdict.access == "Unknown") == bool(verdict.missing)
            seen.add(verdict.access)
            lines = [*verdict_lines(verdict), *explanation_lines(told)]
            assert all(isinstance(line, str) for line in lines)
            json.loads(as_json(explanation_json(told)))
        answer = flowverdict.rules(estate, nic=str(nic.id), options=options)
        json.loads(as_json(answer))
        assert list(rule_lines(answer))
        return seen


def _end(address: str, protocol: str, chance: random.Random) -> str:
    if protocol == "ICMP":
        return address
    port = chance.choice([22, 53, 80, 443, 3389, 8080])
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def check_diagnostics(diagnostics: tuple[Diagnostic, ...]) -> None:
    """Each is one line, and its place is a line of the file it names."""
    for one in diagnostics:
        assert "\n" not in str(one), str(one)
        if one.where.path:
            assert line_and_column(one.where) is not None, str(one)


def main() -> None:
    """Looks for a while, and prints what breaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=None, help="the first seed")
    parser.add_argument("--nics", type=int, default=44)
    parser.add_argument("--most", type=int, default=25, help="distinct failures before it stops")
    options = parser.parse_args()
    seed: int = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    end = time.monotonic() + options.minutes * 60
    outcomes: dict[str, int] = {}
    broken: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        bank = Bank(Path(name), options.nics)
        while time.monotonic() < end and len(broken) < options.most:
            try:
                outcome = bank.trial(seed)
            except Exception as problem:  # noqa: BLE001 that is what is looked for
                place = traceback.extract_tb(problem.__traceback__)[-1]
                key = f"{type(problem).__name__} at {Path(place.filename).name}:{place.lineno}"
                outcome = "broken"
                if key not in broken:
                    broken[key] = seed
                    sys.stdout.write(f"seed {seed}: {key}: {str(problem)[:300]}\n")
                    sys.stdout.flush()
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            seed += 1
    for outcome, count in sorted(outcomes.items(), key=lambda one: -one[1]):
        sys.stdout.write(f"{count:8} {outcome}\n")
    sys.exit(bool(broken))


if __name__ == "__main__":
    main()
