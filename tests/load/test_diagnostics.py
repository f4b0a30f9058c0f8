"""What is wrong with an input is said in one line, with its place, and what was expected."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import pytest

import flowverdict
from flowverdict.load import line_and_column
from flowverdict.model import InputError
from tests.conformance.sketch import Form, expand, service_tags
from tests.load.broken import Json, admin_rule, diagnostics, good, nsg, rule, said, write

Change = Callable[[Json], object]

RULE = "nsgs.json: $.value[0].properties.securityRules[0]"
FIELD = RULE + ".properties"
ADMIN = "rules.json: $.value[0]"
ONE_FAMILY = "expected one family in a rule"
PREFIX = "(SecurityRuleInvalidAddressPrefix)"
NETWORK = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Network"
ASG = {"id": f"{NETWORK}/applicationSecurityGroups/a"}


def rule_with(**fields: object) -> Change:
    return lambda files: rule(files).update(fields)


def admin_with(**fields: object) -> Change:
    return lambda files: admin_rule(files).update(fields)


def without(name: str) -> Change:
    return lambda files: rule(files).pop(name)


RULES: dict[str, tuple[Change, str]] = {
    "host bits": (
        rule_with(sourceAddressPrefix="20.20.20.20/16"),
        (
            f"{FIELD}.sourceAddressPrefix: `20.20.20.20/16` has host bits set {PREFIX}: "
            "expected `20.20.0.0/16`, or `20.20.20.20` for the single address"
        ),
    ),
    "both families, one on each side": (
        rule_with(sourceAddressPrefix="fd00::/8", destinationAddressPrefix="10.0.0.0/8"),
        f"{RULE}: `https` has IPv4 and IPv6 prefixes in one rule: {ONE_FAMILY}",
    ),
    "both families in a list": (
        rule_with(sourceAddressPrefix=None, sourceAddressPrefixes=["fd00::/8", "10.0.0.0/8"]),
        f"{RULE}: `https` has IPv4 and IPv6 prefixes in one rule: {ONE_FAMILY}",
    ),
    "overlapping prefixes": (
        rule_with(sourceAddressPrefix="", sourceAddressPrefixes=["10.0.0.0/16", "10.0.8.27/32"]),
        (
            f"{FIELD}.sourceAddressPrefixes[1]: `10.0.8.27/32` overlaps `10.0.0.0/16` in the same "
            "list (OverlappingSubnetsNotPermittedInSecurityRule): expected prefixes that do not "
            "overlap"
        ),
    ),
    "singular and plural addresses": (
        rule_with(sourceAddressPrefixes=["10.0.0.0/16"]),
        (
            f"{FIELD}.sourceAddressPrefix: both `sourceAddressPrefix` and `sourceAddressPrefixes` "
            "are set, and differ: expected one of the two"
        ),
    ),
    "singular and plural ports": (
        rule_with(destinationPortRanges=["80", "443"]),
        (
            f"{FIELD}.destinationPortRange: both `destinationPortRange` and "
            "`destinationPortRanges` are set, and differ: expected one of the two"
        ),
    ),
    "groups and prefixes": (
        rule_with(sourceApplicationSecurityGroups=[ASG]),
        (
            f"{FIELD}.sourceAddressPrefix: both `sourceApplicationSecurityGroups` and "
            "`203.0.113.0/24` are set: expected application security groups or prefixes"
        ),
    ),
    "no destination port": (
        without("destinationPortRange"),
        (
            f"{RULE}: missing destination ports: expected `destinationPortRange` or "
            "`destinationPortRanges`"
        ),
    ),
    "no source port": (
        without("sourcePortRange"),
        f"{RULE}: missing source ports: expected `sourcePortRange` or `sourcePortRanges`",
    ),
    "no source": (
        without("sourceAddressPrefix"),
        (
            f"{RULE}: missing source addresses: expected `sourceAddressPrefix`, "
            "`sourceAddressPrefixes` or `sourceApplicationSecurityGroups`"
        ),
    ),
    "a source that is empty": (
        rule_with(sourceAddressPrefix=""),
        (
            f"{RULE}: missing source addresses: expected `sourceAddressPrefix`, "
            "`sourceAddressPrefixes` or `sourceApplicationSecurityGroups`"
        ),
    ),
    "no priority": (without("priority"), f"{RULE}: missing `priority`: expected `priority`"),
    "misspelt protocol": (
        rule_with(protocol="TCPIP"),
        (
            f"{FIELD}.protocol: `TCPIP` is no protocol of a security rule: expected `Tcp`, `Udp`, "
            "`Icmp`, `Esp`, `Ah` or `*`"
        ),
    ),
    "ICMPv6": (
        rule_with(protocol="Icmpv6"),
        (
            f"{FIELD}.protocol: `Icmpv6` is no protocol of a security rule: expected `Tcp`, `Udp`, "
            "`Icmp`, `Esp`, `Ah` or `*` (ICMPv6 is matched by `*` alone)"
        ),
    ),
    "misspelt direction": (
        rule_with(direction="Inwards"),
        f"{FIELD}.direction: `Inwards` is no direction: expected `Inbound` or `Outbound`",
    ),
    "misspelt access": (
        rule_with(access="Allowed"),
        f"{FIELD}.access: `Allowed` is no access: expected `Allow` or `Deny`",
    ),
    "AlwaysAllow in an NSG": (
        rule_with(access="AlwaysAllow"),
        f"{FIELD}.access: `AlwaysAllow` is no access: expected `Allow` or `Deny`",
    ),
    "priority too small": (
        rule_with(priority=99),
        f"{FIELD}.priority: priority 99 of `https`: expected a number from 100 to 4096",
    ),
    "priority too large": (
        rule_with(priority=4097),
        f"{FIELD}.priority: priority 4097 of `https`: expected a number from 100 to 4096",
    ),
    "priority in words": (
        rule_with(priority="first"),
        f"{FIELD}.priority: `first` found: expected a whole number",
    ),
    "same priority": (
        lambda files: rule(files, 1).update(priority=100),
        (
            "nsgs.json: $.value[0].properties.securityRules[1]: `rest` and `https` both have "
            "priority 100 inbound (SecurityRuleConflict): expected one rule for a priority and "
            "direction"
        ),
    ),
    "same name": (
        lambda files: nsg(files)["securityRules"][1].update(name="HTTPS"),
        (
            "nsgs.json: $.value[0].properties.securityRules[1]: two rules are named `HTTPS`: "
            "expected a name once in an NSG"
        ),
    ),
    "ports backwards": (
        rule_with(destinationPortRange="443-80"),
        f"{FIELD}.destinationPortRange: `443-80` runs backwards: expected `80-443`",
    ),
    "a port that is none": (
        rule_with(destinationPortRange="70000"),
        (
            f"{FIELD}.destinationPortRange: `70000` is no port or range: expected `*`, `443` or "
            "`8000-8100` (0 to 65535)"
        ),
    ),
    "an address that is none": (
        rule_with(sourceAddressPrefix="10.0.0.300"),
        (
            f"{FIELD}.sourceAddressPrefix: `10.0.0.300` is no IP address {PREFIX}: "
            "expected one such as `10.0.0.4` or `fd00::4`"
        ),
    ),
    "rules that are no list": (
        lambda files: nsg(files).update(securityRules={}),
        "nsgs.json: $.value[0].properties.securityRules: an object found: expected a list",
    ),
    "a default rule of one's own": (
        lambda files: nsg(files).update(
            defaultSecurityRules=[
                {"name": "AllowVnetInBound", "properties": {**rule(files), "priority": 65000}}
            ]
        ),
        (
            "nsgs.json: $.value[0].properties.defaultSecurityRules[0]: `AllowVnetInBound` is not "
            "Azure's: expected the six rules that no one can change, or none of them"
        ),
    ),
    "admin priority": (
        admin_with(priority=0),
        f"{ADMIN}.properties.priority: priority 0: expected a number from 1 to 4096",
    ),
    "admin access": (
        admin_with(access="Block"),
        (
            f"{ADMIN}.properties.access: `Block` is no access: expected `Allow`, `Deny` or "
            "`AlwaysAllow`"
        ),
    ),
    "admin tag": (
        admin_with(
            destinations=[{"addressPrefix": "AzurePlatformDNS", "addressPrefixType": "ServiceTag"}]
        ),
        (
            f"{ADMIN}: security admin rules cannot use the service tag `AzurePlatformDNS`: "
            "expected another service tag"
        ),
    ),
    "admin tag as prefix": (
        admin_with(destinations=[{"addressPrefix": "Internet", "addressPrefixType": "IPPrefix"}]),
        (
            f"{ADMIN}.properties.destinations[0].addressPrefix: `Internet` is no IP address "
            f"{PREFIX}: expected one such as `10.0.0.4` or `fd00::4`"
        ),
    ),
    "admin prefix of no kind": (
        admin_with(sources=[{"addressPrefix": "*", "addressPrefixType": "Prefix"}]),
        (
            f"{ADMIN}.properties.sources[0].addressPrefixType: `Prefix` is no addressPrefixType: "
            "expected `IPPrefix`, `ServiceTag` or `NetworkGroup`"
        ),
    ),
    "admin families": (
        admin_with(
            destinations=[
                {"addressPrefix": "10.0.0.0/8", "addressPrefixType": "IPPrefix"},
                {"addressPrefix": "fd00::/8", "addressPrefixType": "IPPrefix"},
            ]
        ),
        f"{ADMIN}: `ssh` has IPv4 and IPv6 prefixes in one rule: {ONE_FAMILY}",
    ),
    "admin rule about a group": (
        lambda files: admin_rule(files).update(
            sources=[
                {
                    "addressPrefix": files["groups.json"]["value"][0]["id"],
                    "addressPrefixType": "NetworkGroup",
                }
            ]
        ),
        (
            f"{ADMIN}: `ssh` names a network group as an address: expected `Manual` aggregation in "
            "`cfg`"
        ),
    ),
    "host bits in a subnet": (
        lambda files: files["vnets.json"]["value"][0]["properties"]["subnets"][0][
            "properties"
        ].update(addressPrefixes=["10.1.0.1/24"]),
        (
            "vnets.json: $.value[0].properties.subnets[0].properties.addressPrefixes[0]: "
            "`10.1.0.1/24` has host bits set: expected `10.1.0.0/24`, or `10.1.0.1` for "
            "the single address"
        ),
    ),
    "a network without addresses": (
        lambda files: files["vnets.json"]["value"][0]["properties"].pop("addressSpace"),
        "vnets.json: $.value[0]: missing address space: expected `addressSpace`",
    ),
    "an interface without configuration": (
        lambda files: files["nics.json"]["value"][0]["properties"].update(ipConfigurations=[]),
        "nics.json: $.value[0]: missing IP configuration: expected `ipConfigurations`",
    ),
    "a subnet by its name": (
        lambda files: files["nics.json"]["value"][0]["properties"]["ipConfigurations"][0][
            "properties"
        ].update(subnet="s1"),
        (
            "nics.json: $.value[0].properties.ipConfigurations[0].properties.subnet: `s1` is no "
            "ARM id: expected `/subscriptions/…`"
        ),
    ),
}


@pytest.mark.parametrize(("change", "message"), RULES.values(), ids=RULES)
def test_a_resource_that_azure_would_refuse(tmp_path: Path, change: Change, message: str) -> None:
    files = good()
    change(files)
    write(tmp_path, files)
    assert said(tmp_path) == [message]


def test_a_good_estate_is_not_complained_about(tmp_path: Path) -> None:
    write(tmp_path, good())
    assert diagnostics(tmp_path) == ()


@pytest.mark.parametrize(("way", "severities"), [("Outbound", ["warning"]), ("Inbound", ["error"])])
def test_a_priority_that_two_admin_rules_have(
    tmp_path: Path, way: str, severities: list[str]
) -> None:
    """Policy specification, 8.5: a warning where they are of two directions."""
    files = good()
    first = files["rules.json"]["value"][0]
    second = deepcopy(first)
    second.update(id=first["id"].replace("/ssh", "/ssh2"), name="ssh2")
    second["properties"].update(direction=way)
    files["rules.json"]["value"].append(second)
    write(tmp_path, files)
    found = diagnostics(tmp_path)
    assert sorted({one.severity.value for one in found}) == severities
    assert all("both have priority 10" in one.what for one in found)


@pytest.mark.parametrize("form", ["rest", "flat"])
def test_a_network_without_its_lists_deserves_a_look(tmp_path: Path, form: Form) -> None:
    files = good(form)
    del files["nics.json"]
    subnets = _vnet(files).pop("subnets")
    del _vnet(files)["virtualNetworkPeerings"]
    write(tmp_path, files)
    peerings, own = (
        f"`vnet1` has no list `{name}`, and counts as without any"
        for name in ("virtualNetworkPeerings", "subnets")
    )
    assert {peerings, own} <= {one.what for one in diagnostics(tmp_path)}
    write(tmp_path, {"subnets.json": subnets})
    told = {one.what for one in diagnostics(tmp_path)}
    assert peerings in told
    assert own not in told


def _vnet(files: Json) -> Json:
    """The fields of the only virtual network."""
    found = files["vnets.json"]
    vnet = (found if isinstance(found, list) else found["value"])[0]
    return vnet.get("properties", vnet)


def test_all_complaints_come_at_once(tmp_path: Path) -> None:
    """Style: all of them are collected, then reported once."""
    files = good()
    rule(files).update(priority=1)
    rule(files, 1).update(protocol="TCPIP")
    admin_rule(files).update(priority=0)
    write(tmp_path, files)
    assert len(said(tmp_path)) == 3


@pytest.mark.parametrize("priority", [100, 4096, "100"])
def test_a_priority_at_the_edge_is_one(tmp_path: Path, priority: object) -> None:
    files = good()
    rule(files).update(priority=priority)
    rule(files, 1).update(priority=200)
    write(tmp_path, files)
    assert said(tmp_path) == []


def test_one_number_in_both_directions_is_no_conflict(tmp_path: Path) -> None:
    """Specification, 15.4 P4."""
    files = good()
    rule(files, 1).update(priority=100, direction="Outbound")
    write(tmp_path, files)
    assert said(tmp_path) == []


def test_a_singular_that_says_what_the_plural_says(tmp_path: Path) -> None:
    """Specification, 1.4: reject if both are non-empty and differ."""
    files = good()
    rule(files).update(sourceAddressPrefixes=["203.0.113.0/24"])
    write(tmp_path, files)
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        pytest.param(rule_with(destinationPort="443"), "`destinationPort` is no field", id="field"),
        pytest.param(rule_with(destinationPortRange=443), "`443`", id="number"),
        pytest.param(rule_with(priority=1.5), "`1.5`", id="fraction"),
    ],
)
def test_words_are_shown_as_they_are_written(tmp_path: Path, change: Change, shown: str) -> None:
    """Contract 4.6: what, with the user's input in backticks."""
    files = good()
    change(files)
    write(tmp_path, files)
    (line,) = said(tmp_path)
    assert shown in line


@pytest.mark.parametrize("field", ["destinationPortRange", "source", "sourcePortRange"])
def test_an_unknown_field_of_an_admin_rule_is_refused(tmp_path: Path, field: str) -> None:
    """A misspelt field widens the rule: it matches every port."""
    files = good()
    admin_rule(files).update({field: "22"})
    write(tmp_path, files)
    assert said(tmp_path)


@pytest.mark.parametrize("text", ["Tc\np", "Tcp\r", "T\u2028p", "T\x00p"])
@pytest.mark.parametrize("field", ["protocol", "sourceAddressPrefix", "destinationPortRange"])
def test_a_line_break_in_a_value_breaks_no_message(tmp_path: Path, field: str, text: str) -> None:
    """Contract 4.6: one line."""
    files = good()
    rule(files).update({field: text})
    write(tmp_path, files)
    assert [line.splitlines() for line in said(tmp_path)] == [[line] for line in said(tmp_path)]


# -- commits


def status(files: Json) -> list[Json]:
    return files["deployments-M-0.json"]["value"]


def another_manager(files: Json) -> None:
    (first,) = files["managers.json"]["value"]
    files["managers.json"]["value"].append({**first, "id": first["id"] + "2", "name": "M2"})


COMMITS: dict[str, tuple[Change, str]] = {
    "several configurations": (
        lambda files: status(files)[0]["configurationIds"].append(
            files["configurations.json"]["value"][0]["id"] + "2"
        ),
        (
            "deployments-M-0.json: $.value[0]: 2 security admin configurations for `eastus`: "
            "expected one for a region and manager"
        ),
    ),
    "two at one time": (
        lambda files: status(files).append({**status(files)[0], "configurationIds": []}),
        (
            "deployments-M-0.json: $.value[1]: two commits for `eastus`, here and at "
            "deployments-M-0.json: $.value[0]: expected `commitTime` in both, to tell which is "
            "newer"
        ),
    ),
    "nothing committed, by whom?": (
        lambda files: (another_manager(files), status(files)[0].update(configurationIds=[])),
        (
            "deployments-M-0.json: $.value[0]: commit does not say which network manager it is of: "
            "expected configuration ids of one manager, or a single manager in the estate"
        ),
    ),
    "no region": (
        lambda files: files.update(
            {"commit.json": {"commitType": "SecurityAdmin", "targetLocations": []}}
        ),
        "commit.json: $.targetLocations: no region: expected at least one region",
    ),
    "no time": (
        lambda files: status(files)[0].update(commitTime="yesterday"),
        "deployments-M-0.json: $.value[0].commitTime: `yesterday` is no time: expected ISO 8601",
    ),
}


@pytest.mark.parametrize(("change", "message"), COMMITS.values(), ids=COMMITS)
def test_a_commit_that_does_not_tell(tmp_path: Path, change: Change, message: str) -> None:
    files = good()
    change(files)
    write(tmp_path, files)
    assert said(tmp_path) == [message]


def test_the_same_commit_twice_is_one(tmp_path: Path) -> None:
    files = good()
    status(files).append({**status(files)[0]})
    write(tmp_path, files)
    assert said(tmp_path) == []


def test_commits_that_were_overtaken_may_differ(tmp_path: Path) -> None:
    """Specification, 9: the newest commit for (manager, region, type) replaces the previous."""
    files = good()
    (newest,) = status(files)
    newest["commitTime"] = "2026-03-01T00:00:00Z"
    old = {**newest, "commitTime": "2026-01-01T00:00:00Z"}
    files["deployments-M-0.json"]["value"] = [{**old, "configurationIds": []}, old, newest]
    write(tmp_path, files)
    assert said(tmp_path) == []


# -- the same resource twice


def test_a_resource_twice_with_different_contents(tmp_path: Path) -> None:
    files = good()
    (web,) = files["nsgs.json"]["value"]
    files["again.json"] = deepcopy(web)
    rule(files).update(destinationPortRange="444")
    write(tmp_path, files)
    assert said(tmp_path) == [
        (
            "nsgs.json: $.value[0]: `web` stands at again.json: $ too, with different contents: "
            "expected each resource once, or the same twice"
        )
    ]


def test_a_resource_twice_in_different_forms(tmp_path: Path) -> None:
    files = good()
    files |= {f"flat/{name}": content for name, content in good("flat").items()}
    write(tmp_path, files)
    assert diagnostics(tmp_path) == ()


def test_the_same_file_named_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path, good())
    assert diagnostics(tmp_path, tmp_path / "nsgs.json", tmp_path) == ()


def test_a_subscription_has_one_management_group(tmp_path: Path) -> None:
    tree = {
        name: expand({"managementGroups": {name: {"subscriptions": ["main"]}}}, "rest")
        for name in ("left", "right")
    }
    for name, files in tree.items():
        write(tmp_path, {f"{name}.json": files[f"managementGroup-{name}.json"]})
    (line,) = said(tmp_path)
    assert "is below `right` here and `left` elsewhere: expected one management group" in line


# -- files


RESOURCE = b'{"id": "/subscriptions/s/resourceGroups/rg/providers/A.B/c/d"}'

FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "t.json: file is empty: expected JSON"),
    "blank": (b" \r\n\t", "t.json: file is empty: expected JSON"),
    "a mark and nothing else": (b"\xef\xbb\xbf", "t.json: file is empty: expected JSON"),
    "broken": (
        b'{\n "a": 1,\n "b" 2}',
        "t.json:3:6: broken JSON, expected ':': expected JSON",
    ),
    "cut": (b'{\n "a": [1,', "t.json:2: JSON ends too early: expected a whole JSON document"),
    "cut in a pair": (
        rb'{"a": "\ud83d\ude0',
        "t.json:1: JSON ends too early: expected a whole JSON document",
    ),
    "cut before a pair's second half": (
        rb'{"a": "\ud83d',
        "t.json:1: JSON ends too early: expected a whole JSON document",
    ),
    "half a pair": (
        b'{"a": "\\\\ud800 \\ud83d\\ude00",\n "b": "\\ud800"}',
        "t.json:2:8: `\\ud800` is half of a surrogate pair: expected both halves, or none",
    ),
    "half a pair before more": (
        rb'{"a": "\uD800 and so on", "b": 1}',
        "t.json:1:8: `\\uD800` is half of a surrogate pair: expected both halves, or none",
    ),
    "a pair's second half alone": (
        rb'[{"a": "x\udc00"}]',
        "t.json:1:10: `\\udc00` is half of a surrogate pair: expected both halves, or none",
    ),
    "a warning before it": (
        b"WARNING: this command is in preview\n[]",
        "t.json:1:1: broken JSON, invalid character: expected JSON",
    ),
    "NaN": (b'{"id": NaN}', "t.json:1:8: broken JSON, invalid character: expected JSON"),
    "Latin-1": (b'{"id": "\xe9"}', "t.json: byte 8 is no UTF-8 text: expected JSON in UTF-8"),
    "half a character": (
        '{"id": "x"}'.encode("utf-16")[:-1],
        "t.json: byte 22 is no UTF-16 text: expected JSON in UTF-8",
    ),
    "too deep": (
        b"[" * 100_000 + b"]" * 100_000,
        "t.json: JSON is nested too deeply: expected Azure resources",
    ),
    "no end of depth": (
        b'{"a":' * 100_000,
        "t.json: JSON is nested too deeply: expected Azure resources",
    ),
    "cut gzip": (
        gzip.compress(RESOURCE * 9, mtime=0)[:-9],
        (
            "t.json: gzip file is damaged or cut short (Compressed file ended before the "
            "end-of-stream marker was reached): expected a whole file"
        ),
    ),
    "an ARM template in a list": (
        b'[{"$schema": "x", "contentVersion": "1.0.0.0", "resources": []}]',
        "t.json: $[0]: ARM template within another document: expected a file of its own",
    ),
    "a Terraform plan": (
        b'{"format_version": "1.2", "terraform_version": "1.9.0", "values": {"root_module": 1}}',
        (
            "t.json: $.values.root_module: a number found: expected an object "
            "(`terraform show -json` prints plans and states)"
        ),
    ),
    "a Terraform state": (
        b'{"version": 4, "terraform_version": "1.9.0", "resources": []}',
        (
            "t.json: $: the file in which Terraform keeps its state has no documented shape: "
            "expected the state as JSON (`terraform show -json FILE` prints it)"
        ),
    ),
    "one page of several": (
        b'{"value": [], "nextLink": "https://management.azure.com/x"}',
        "t.json: $: answer is one page of several (`nextLink` is set): expected all pages",
    ),
    "one page of active rules": (
        b'{"value": [], "skipToken": "abc"}',
        "t.json: $: answer is one page of several (`skipToken` is set): expected all pages",
    ),
    "one page of a graph": (
        b'{"data": [], "count": 0, "skip_token": "abc"}',
        "t.json: $: answer is one page of several (`skip_token` is set): expected all pages",
    ),
    "a graph's table": (
        b'{"columns": [], "rows": []}',
        "t.json: $: Resource Graph result in table form: expected the result format `objectArray`",
    ),
    "service tags": (
        json.dumps(service_tags({"serviceTags": {}}, "flat")).encode(),
        "t.json: $: a service-tag file is no part of an estate (give it with --service-tags)",
    ),
}


@pytest.mark.parametrize(("raw", "message"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_used(tmp_path: Path, raw: bytes, message: str) -> None:
    write(tmp_path, {**good(), "t.json": raw})
    assert said(tmp_path) == [message]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{\n "ä": "ö" x}', "2:11: broken JSON, expected ',' or '}'"),
        ('{"id": "/a"} x', "1:14: broken JSON, trailing characters"),
    ],
)
def test_columns_count_characters(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, {**good(), "t.json": text.encode()})
    assert said(tmp_path) == [f"t.json:{message}: expected JSON"]


@pytest.mark.parametrize("name", ["value", "data"])
@pytest.mark.parametrize("token", [None, ""])
def test_the_last_page_is_a_whole_answer(tmp_path: Path, name: str, token: str | None) -> None:
    write(tmp_path, {**good(), "t.json": {name: [], "nextLink": token, "skipToken": token}})
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("nope.json", "nope.json: no such file or directory: expected a readable file"),
        ("empty", "empty: folder holds no JSON file: expected `*.json`"),
    ],
)
def test_a_path_that_holds_nothing(tmp_path: Path, named: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "readme.md").write_text("nothing")
    assert said(tmp_path, tmp_path / named) == [message]


def test_a_damaged_gzip_file_is_refused_wherever_the_damage_is(tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps(good()["nsgs.json"]).encode(), mtime=0)
    for at in range(10, len(packed)):
        raw = bytearray(packed)
        raw[at] ^= 0x20
        (tmp_path / "t.json.gz").write_bytes(bytes(raw))
        assert len(said(tmp_path)) <= 1


def test_a_folder_with_the_name_of_a_file_is_a_folder(tmp_path: Path) -> None:
    write(tmp_path, {f"x.json/{name}": content for name, content in good().items()})
    assert said(tmp_path) == []


def test_links_in_a_circle_are_refused(tmp_path: Path) -> None:
    write(tmp_path, good())
    (tmp_path / "t.json").symlink_to(tmp_path / "t.json")
    assert len(said(tmp_path)) == 1


@pytest.mark.parametrize("item", [{"foo": 1}, 42, None, "x", []], ids=repr)
def test_a_foreign_item_hides_none_of_its_neighbours(tmp_path: Path, item: object) -> None:
    """Must hold: never a guess. Half a file is not the file."""
    files = good()
    files["nsgs.json"]["value"].insert(0, item)
    write(tmp_path, files)
    try:
        estate = flowverdict.load_estate([tmp_path])
    except InputError:
        return
    assert len(estate.resources.nsgs) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "x",
        {},
        5,
    ],
)
def test_a_resource_without_an_id_is_an_error(tmp_path: Path, wrong: object) -> None:
    files = good()
    files["rules.json"]["value"][0]["id"] = wrong
    write(tmp_path, files)
    assert said(tmp_path)


def test_a_graph_table_as_the_rest_call_answers_it(tmp_path: Path) -> None:
    answer = {"totalRecords": 1, "data": {"columns": [{"name": "id"}], "rows": [["/x"]]}}
    write(tmp_path, {**good(), "t.json": answer})
    assert said(tmp_path) == [
        "t.json: $: Resource Graph result in table form: expected the result format `objectArray`"
    ]


def test_the_rest_answer_of_service_tags_is_no_estate(tmp_path: Path) -> None:
    answer = service_tags({"serviceTags": {"Storage": ["20.60.0.0/16"]}}, "rest")
    write(tmp_path, {**good(), "t.json": answer})
    (line,) = said(tmp_path)
    assert "--service-tags" in line


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (None, "tags.json: no such file or directory: expected a readable file"),
        (b"", "tags.json: "),
        (b'{"values": [', "tags.json: "),
        (b'{"values": [], "nextLink": "x"}', "tags.json: holds one page of several"),
        (b'{"value": []}', "tags.json: Object missing required field `values`"),
        (
            b'{"values": [{"name": "A", "properties": {"addressPrefixes": ["10.0.0.1/8"]}}]}',
            "tags.json: $.values[0].properties.addressPrefixes: `10.0.0.1/8` has host bits set",
        ),
    ],
)
def test_a_file_of_service_tags_that_is_none(
    tmp_path: Path, raw: bytes | None, expected: str
) -> None:
    write(tmp_path / "estate", good())
    if raw is not None:
        (tmp_path / "tags.json").write_bytes(raw)
    (line,) = said(tmp_path, tmp_path / "estate", service_tags=tmp_path / "tags.json")
    assert line.startswith(expected)


def test_a_folder_is_no_file_of_service_tags(tmp_path: Path) -> None:
    write(tmp_path / "estate", good())
    found = said(tmp_path, tmp_path / "estate", service_tags=tmp_path / "estate")
    assert found == ["estate: is a directory: expected a readable file"]


# -- what is no mistake


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_files_as_powershell_writes_them(tmp_path: Path, encoding: str) -> None:
    """Windows PowerShell's `>` writes UTF-16 with a mark, newer ones UTF-8 with or without."""
    marks = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    files = good()
    files["vnets.json"]["value"][0]["tags"] = {"größe": "m²", "🦔": "ja"}
    for name, content in files.items():
        text = json.dumps(content, ensure_ascii=False, indent=2).replace("\n", "\r\n") + "\r\n"
        files[name] = marks.get(encoding, b"") + text.encode(encoding)
    write(tmp_path, files)
    assert diagnostics(tmp_path) == ()
    (found,) = flowverdict.load_estate([tmp_path]).resources.nsgs.values()
    assert found.where is not None
    assert line_and_column(found.where) is not None


@pytest.mark.parametrize("name", ["nsgs.json.gz", "nsgs.json"])
def test_files_packed_with_gzip(tmp_path: Path, name: str) -> None:
    files = good()
    files[name] = gzip.compress(json.dumps(files.pop("nsgs.json")).encode())
    write(tmp_path, files)
    assert diagnostics(tmp_path) == ()


def test_other_files_in_the_folder_are_no_mistake(tmp_path: Path) -> None:
    others = {
        "package.json": {"name": "x", "version": "1.0.0"},
        "notes.txt": b"\xff",
        "deep/a.md": b"",
    }
    write(tmp_path, {**good(), **others})
    assert said(tmp_path) == []


# -- rules that repeat, names that stand twice


@pytest.mark.parametrize("form", ["rest", "flat"])
def test_a_rule_that_was_read_elsewhere_keeps_its_own_place(tmp_path: Path, form: Form) -> None:
    files = good(form)
    again = json.loads(json.dumps(files["nsgs.json"]).replace("web", "other"))
    write(tmp_path, {**files, "other.json": again})
    nsgs = flowverdict.load_estate(tmp_path).resources.nsgs
    for nsg_id, found in nsgs.items():
        for one in found.rules:
            assert one.id.is_below(nsg_id)
            assert one.where is None or one.where.file.endswith(
                "nsgs.json" if nsg_id.name == "web" else "other.json"
            )
    (first, second) = nsgs.values()
    assert [one.priority for one in first.rules] == [one.priority for one in second.rules]


def test_a_bad_rule_that_repeats_is_refused_each_time(tmp_path: Path) -> None:
    files = good()
    rule(files).update(destinationPortRange="99999")
    again = json.loads(json.dumps(files["nsgs.json"]).replace("web", "other"))
    write(tmp_path, {**files, "other.json": again})
    lines = said(tmp_path)
    assert len(lines) == 2
    assert lines[0].replace("nsgs.json", "other.json") == lines[1]


def test_a_rule_differs_by_any_other_field(tmp_path: Path) -> None:
    files = good()
    (first, _) = nsg(files)["securityRules"]
    same = deepcopy(first)
    same["name"] = "again"
    same["properties"]["priority"] = 101
    same["properties"]["destinationPortRange"] = "444"
    nsg(files)["securityRules"].insert(1, same)
    write(tmp_path, files)
    (found,) = flowverdict.load_estate(tmp_path).resources.nsgs.values()
    ports = {one.name: one.destination_ports.spans for one in found.rules}
    assert ports["https"] == ((443, 443),)
    assert ports["again"] == ((444, 444),)


def _colons() -> list[str]:
    return ['":"', '"\\u003a"', '"\\u003A\\\\u003a"', '{"x" : "a:b"}', '"\\":\\""']


@pytest.mark.parametrize("value", _colons())
def test_a_name_that_stands_twice_is_found_among_colons(tmp_path: Path, value: str) -> None:
    twice = f'[{{"a": {value}, "name": {value}, "b": {value}, "name" \n: 1}}]'
    (tmp_path / "x.json").write_text(twice)
    expected = "x.json: `name` stands twice in one object: expected each field once"
    assert said(tmp_path, tmp_path / "x.json") == [expected]


@pytest.mark.parametrize("value", _colons())
def test_colons_in_values_are_no_names(tmp_path: Path, value: str) -> None:
    files = good()
    text = json.dumps(files["nsgs.json"]["value"][0])
    files["nsgs.json"] = f'[{{"tags": {{"a": {value}, "b": {value}}}, {text[1:]}]'.encode()
    write(tmp_path, files)
    assert diagnostics(tmp_path) == ()


def test_a_name_that_stands_twice_is_found_in_a_long_file(tmp_path: Path) -> None:
    filler = '{"id": "/x"}, ' * 800_000
    (tmp_path / "x.json").write_text(f'[{filler}{{"name": 1, "name": 1}}]')
    expected = "x.json: `name` stands twice in one object: expected each field once"
    assert said(tmp_path, tmp_path / "x.json") == [expected]
