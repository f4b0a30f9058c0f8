"""Laws of cures: they stop the attackers, say what else they break, and agree in every form."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import flowverdict
from flowverdict.detect import Finding
from flowverdict.impact.cause import causes
from flowverdict.impact.cure import BASTION, Alternative, Cure, cures
from flowverdict.impact.cure_edit import edited, fragment
from flowverdict.impact.cure_json import cure_json
from flowverdict.impact.cure_text import as_az, as_hcl, as_template
from flowverdict.impact.respond import respond
from flowverdict.lake import Lake
from flowverdict.model import Direction, Estate, ResourceId, Rule
from flowverdict.net import Packet, parse_address
from flowverdict.policy import evaluate
from flowverdict.prove.diff import diff
from tests.impact.attacks import (
    NICS,
    Row,
    finding,
    lake_of,
    manager,
    network,
    nic_of,
    nsg_id,
    saved,
    with_bastion,
)
from tests.load.template.templates import deployment
from tests.load.terraform.plans import plan_of
from tests.load.terraform.states import resource

Json = dict[str, Any]
STRANGERS = ("203.0.113.7", "203.0.113.20", "198.51.100.9", "2001:db8::7", "2001:db8::8")
PORTS = (22, 443, 3389)
QUIET = Row("jump", "10.0.0.4", "10.0.2.4", 9, "DefaultRule_AllowVnetInBound", "jump-nsg",
            minute=-60 * 24 * 20)  # fmt: skip


class Attacked(NamedTuple):
    """A random network, its files, and what was done in it."""

    folder: Path
    estate: Estate
    lake: Lake
    rows: list[Row]
    findings: list[Finding]
    cures: list[Cure]


@pytest.fixture(scope="module", params=range(6))
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Attacked:
    some = random.Random(request.param)
    folder = tmp_path_factory.mktemp("attacked")
    managers = manager("in 90 Deny Udp * -> *:9 name=Quiet") if request.param % 2 else {}
    drawn = with_bastion if request.param % 3 else network
    sketch = drawn(nsgs=dict(_nsgs(some)), managers=managers)
    for name in NICS:
        if some.random() < 0.5:
            sketch["vnets"]["v"]["subnets"][name]["nsg"] = f"{name}-subnet-nsg"
    path = saved(folder, sketch)
    estate = flowverdict.load_estate(path)
    rows = list(_traffic(some, estate))
    lake = lake_of(folder / "logs", [*rows, QUIET])
    findings = list(_findings(some, rows))
    found = cures(findings, causes(findings, lake, estate), estate, lake)
    assert all(found)
    return Attacked(path, estate, lake, rows, findings, [one for one in found if one])


def _nsgs(some: random.Random) -> Iterator[tuple[str, list[str]]]:
    sources = ("203.0.113.0/24", "198.51.100.0/24", "Internet", "*", "[2001:db8::/32]")
    for name in [*(f"{one}-nsg" for one in NICS), *(f"{one}-subnet-nsg" for one in NICS)]:
        priorities = sorted(some.sample(range(110, 400), 7))
        yield (
            name,
            [
                f"in {priority} {some.choice(['Allow', 'Allow', 'Deny'])} {some.choice('*TTT')} "
                f"{some.choice(sources)} -> *:{some.choice(['22', '443', '3389', '22,3389'])} "
                f"name=R{priority}".replace(" T ", " Tcp ")
                for priority in priorities
            ],
        )


def _traffic(some: random.Random, estate: Estate) -> Iterator[Row]:
    """What strangers and neighbours tried; the log says what the rules say."""
    for _ in range(70):
        name = some.choice(list(NICS))
        src = some.choice([*STRANGERS, "10.0.2.9", "fd00:0:0:2::9"])
        dst = NICS[name][":" in src]
        row = Row(name, src, dst, some.choice(PORTS), "UserRule_R", f"{name}-nsg")
        denied = evaluate(estate, nic_of(estate, name), Direction.INBOUND, _packet(row))
        yield row._replace(state="D" if denied.access == "Deny" else "E")


def _findings(some: random.Random, rows: list[Row]) -> Iterator[Finding]:
    passed = [one for one in rows if one.state == "E" and one.src in STRANGERS]
    for first in some.sample(passed, min(3, len(passed))):
        own = [one for one in passed if (one.dst, one.port) == (first.dst, first.port)]
        chosen = {first.src, some.choice(own).src}
        yield replace(
            finding(sorted(chosen), [first.dst], [first.port]),
            severity=some.choice(["medium", "high"]),
        )


def _packet(row: Row) -> Packet:
    return Packet(6, parse_address(row.src), parse_address(row.dst), None, row.port)


def _alternatives(of: Attacked) -> Iterator[tuple[Finding, Cure, Alternative]]:
    for one, cure in zip(of.findings, of.cures, strict=True):
        for alternative in cure.alternatives:
            yield one, cure, alternative


def _access(estate: Estate, row: Row) -> str:
    return evaluate(estate, nic_of(estate, row.at), Direction.INBOUND, _packet(row)).access


def laid_over(of: Attacked, folder: Path, *documents: Any) -> Estate:
    """The network with what was written, read from files."""
    files: list[Path] = []
    for at, content in enumerate(documents):
        files.append(folder / f"change-{at}.json")
        files[-1].write_text(json.dumps(content), encoding="utf-8")
    estate = flowverdict.load_estate(of.folder, change=files)
    assert not estate.errors, estate.errors
    return estate


def test_something_is_offered(attacked: Attacked) -> None:
    assert all(one.alternatives for one in attacked.cures)


def test_what_is_read_back_stops_the_attackers(attacked: Attacked, tmp_path: Path) -> None:
    for one, cure, alternative in _alternatives(attacked):
        changed = laid_over(attacked, tmp_path, fragment(attacked.estate, alternative.edits))
        own = [
            row
            for row in attacked.rows
            if row.src in one.sources and row.dst in one.targets and row.port in one.ports
        ]
        assert own
        assert len({(row.src, row.dst) for row in own if row.state == "E"}) == len(cure.flows)
        for row in own:
            assert _access(changed, row) == "Deny", (row, alternative)


def test_what_is_read_back_is_the_cure_and_nothing_else(attacked: Attacked, tmp_path: Path) -> None:
    for _, _, one in _alternatives(attacked):
        changed = laid_over(attacked, tmp_path, fragment(attacked.estate, one.edits))
        meant = edited(attacked.estate, one.edits)
        assert changed.resources.nsgs == meant.resources.nsgs
        assert changed.resources.admin_rules == meant.resources.admin_rules
        assert changed.resources.nics == attacked.estate.resources.nics
        accesses = {one.after.access for one in diff(attacked.estate, changed).changes}
        assert accesses - {"Deny"} <= ({"Allow"} if one.kind == BASTION else set()), one


def test_every_flow_that_breaks_is_told(attacked: Attacked) -> None:
    """Judged one by one; findings may share a rule, so an alternative alone breaks no more."""
    for _, cure, one in _alternatives(attacked):
        changed = edited(attacked.estate, one.edits)
        told = {
            (change.packet.src, change.packet.dst, change.packet.dst_port)
            for change in one.effect.first
        }
        theirs = {flow[1:] for flow in cure.flows}
        severe = {
            parse_address(source)
            for finding_ in attacked.findings
            if finding_.severity == "high"
            for source in finding_.sources
        }
        owned = {flow[1] for flow in cure.flows} | severe
        for row in attacked.rows:
            before, after = _access(attacked.estate, row), _access(changed, row)
            key = (parse_address(row.src), parse_address(row.dst), row.port)
            if before != after:
                assert (before, after) == ("Allow", "Deny")
                assert key in told or key in theirs or key[0] in owned, (row, one)
        assert one.effect.broken == len(told)


def test_the_first_breaks_least(attacked: Attacked) -> None:
    for cure in attacked.cures:
        broken = [one.effect.broken for one in cure.alternatives]
        assert broken == sorted(broken)


def test_the_response_is_the_recommended_cures(attacked: Attacked, tmp_path: Path) -> None:
    found: list[Cure | None] = [*attacked.cures]
    of = attacked
    answer = respond(of.findings, found, of.estate, of.lake, severity="medium")
    assert answer is not None
    changed = laid_over(attacked, tmp_path, answer.resources)
    assert changed.resources.nsgs == answer.estate.resources.nsgs
    for one in attacked.findings:
        for row in attacked.rows:
            if row.src in one.sources and row.dst in one.targets and row.port in one.ports:
                assert _access(changed, row) == "Deny"


def test_command_template_and_terraform_are_the_same_rule(
    attacked: Attacked, tmp_path: Path
) -> None:
    for _, _, one in _alternatives(attacked):
        meant = edited(attacked.estate, one.edits)
        template = as_template(attacked.estate, one.edits)
        place = {**deployment("change-0"), "id": _place("change-0")}
        by_template = laid_over(attacked, tmp_path, template, place)
        assert by_template.resources.nsgs == meant.resources.nsgs
        assert by_template.resources.admin_rules == meant.resources.admin_rules
        rules = {edit.new.id: edit.new for edit in one.edits if edit.new is not None}
        for written in as_hcl(one.edits).split("\n\n"):
            if written.startswith("#"):
                continue
            plan = plan_of([], [_planned(written, rules)])
            changed = laid_over(attacked, tmp_path, plan)
            assert _ruled(changed, rules) & {*rules.values()}
        for edit, command in zip(one.edits, as_az(one.edits).split("\naz "), strict=False):
            if edit.new is None:
                assert " nsg rule delete " in f" {command} "
                continue
            if edit.old is not None:
                continue  # `update` names what changes alone
            changed = laid_over(attacked, tmp_path, [_by_command(command, edit.new)])
            assert edit.new in _ruled(changed, rules)


def _place(name: str) -> str:
    group = nsg_id("x").split("/providers/")[0]
    return f"{group}/providers/Microsoft.Resources/deployments/{name}"


def _ruled(estate: Estate, rules: dict[ResourceId, Rule]) -> set[Rule]:
    """The rules of an estate with some ids."""
    every = [rule for nsg in estate.resources.nsgs.values() for rule in nsg.rules]
    every += estate.resources.admin_rules.values()
    return {one for one in every if one.id in rules}


def _planned(written: str, rules: dict[ResourceId, Rule]) -> Json:
    """A resource of Terraform's language as a plan has it, with the id that Azure will give."""
    head, *lines = written.splitlines()
    _, kind, _, label, _ = head.split('"')
    values: Json = {}
    inner: Json | None = None
    for line in lines[:-1]:
        name, _, value = (part.strip() for part in line.partition(" = "))
        if line.endswith("{"):
            inner = {}
            values.setdefault(line.split()[0], []).append(inner)
        elif line.strip() == "}":
            inner = None
        else:
            (values if inner is None else inner)[name] = json.loads(value)
    (own,) = (one for one in rules if one.name == values["name"])
    return resource(kind, label, id=str(own), **values)


def _by_command(command: str, rule: Rule) -> Json:
    """The resource that a command of the Azure CLI makes."""
    words = shlex.split(command.replace("\\\n", " "))
    given: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            given[word[2:]] = []
        elif given:
            given[[*given][-1]].append(word)
    one = {name: some[0] for name, some in given.items() if some}
    if "nsg-name" in given:
        owner = nsg_id(one["nsg-name"])
        assert str(rule.id) == f"{owner}/securityRules/{one['name']}"
        return {
            "id": f"{owner}/securityRules/{one['name']}",
            "type": "Microsoft.Network/networkSecurityGroups/securityRules",
            "name": one["name"],
            "properties": {
                "priority": int(one["priority"]),
                "direction": one["direction"],
                "access": one["access"],
                "protocol": one["protocol"],
                "sourcePortRange": one["source-port-ranges"],
                "destinationPortRanges": given["destination-port-ranges"],
                "sourceAddressPrefixes": given["source-address-prefixes"],
                "destinationAddressPrefixes": given["destination-address-prefixes"],
            },
        }
    names = ("network-manager-name", "configuration-name", "rule-collection-name", "name")
    for name in names:
        assert f"/{one[name]}" in str(rule.id)
    return {
        "id": str(rule.id),
        "name": one["name"],
        "type": rule.id.type,
        "kind": one["kind"],
        "properties": {
            "access": one["access"],
            "direction": one["direction"],
            "priority": int(one["priority"]),
            "protocol": one["protocol"],
            "sources": json.loads(one["sources"]),
            "destinations": json.loads(one["destinations"]),
            "sourcePortRanges": given["source-port-ranges"],
            "destinationPortRanges": given["dest-port-ranges"],
        },
    }


def test_the_answer_says_no_more_than_json_can(attacked: Attacked) -> None:
    for cure in attacked.cures:
        told = cure_json(cure)
        assert json.loads(json.dumps(told)) == told
