"""`verify` and `explain`: exit codes, JSON, and one line for each mistake."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runs import HTTPS, NIC, PACKET, SSH, run
from tests.conformance.sketch import expand
from tests.load.broken import SKETCH, good, rule, write

KEYS = set("access ruleName ruleId layer priority appliedTo trace missing warnings".split())
LAYERS = {"platform", "admin", "subnet", "nic"}

Json = dict[str, Any]


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    folder = tmp_path / "estate"
    write(folder, good())
    return folder


@pytest.fixture
def busy(tmp_path: Path) -> Path:
    """Several machines and interfaces, names that are not unique, a public address, IPv6."""
    sketch: Json = {
        **SKETCH,
        "vnets": {
            "vnet1": {
                "space": ["10.1.0.0/16", "fd00:1::/48"],
                "subnets": {"s1": {"prefixes": ["10.1.0.0/24", "fd00:1::/64"], "nsg": "web"}},
            },
            "vnet2": {
                "space": ["10.2.0.0/16"],
                "subscription": "other",
                "subnets": {"s1": {"prefixes": ["10.2.0.0/24"]}},
            },
        },
        "nics": {
            "nic1": {
                "subnet": "vnet1/s1",
                "ip": ["10.1.0.4", "fd00:1::4"],
                "vm": "vm1",
                "publicIp": "20.1.2.3",
            },
            "nic2": {"subnet": "vnet1/s1", "ip": ["10.1.0.5"], "vm": "vm1"},
            "nic3": {"subnet": "vnet1/s1", "ip": ["10.1.0.6"]},
            "same": {"subnet": "vnet1/s1", "ip": ["10.1.0.7"], "vm": "twin"},
        },
    }
    files = expand(sketch, "rest")
    there = expand({**sketch, "nics": {"same": {"subnet": "vnet2/s1", "ip": ["10.2.0.7"]}}}, "rest")
    files["nics-there.json"] = there["nics.json"]
    folder = tmp_path / "busy"
    write(folder, files)
    return folder


# -- exit codes


@pytest.mark.parametrize(
    ("packet", "expect", "code"),
    [
        (HTTPS, None, 0),
        (HTTPS, "allow", 0),
        (HTTPS, "Deny", 1),
        (SSH, None, 0),
        (SSH, "deny", 0),
        (SSH, "ALLOW", 1),
    ],
)
def test_a_known_verdict_is_0_and_another_than_expected_1(
    estate: Path, packet: tuple[str, ...], expect: str | None, code: int
) -> None:
    """Contract 4.4: 0 the answer is good, 1 findings (`--expect` is not met)."""
    words = ("--expect", expect) if expect else ()
    result = run("verify", estate, *NIC, *packet, *words)
    assert result.exit_code == code
    assert result.stderr == ""


@pytest.mark.parametrize("expect", [None, "allow", "deny"])
def test_unknown_is_3_whatever_is_expected(estate: Path, expect: str | None) -> None:
    """Contract 4.4: 3 the verdict is `Unknown`."""
    (estate / "nsgs.json").unlink()
    words = ("--expect", expect) if expect else ()
    result = run("verify", estate, *NIC, *HTTPS, *words)
    assert result.exit_code == 3
    assert "missing: network security group" in result.stdout


def test_a_resource_that_could_not_be_read_is_told_and_the_rest_judged(estate: Path) -> None:
    """Issue 2: verdict `Unknown`, exit 3, where the rest can still be judged."""
    files = good()
    rule(files).update(priority=99)
    write(estate, files)
    result = run("verify", estate, *NIC, *HTTPS)
    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(f"{estate / 'nsgs.json'}: $.value[0]")
    assert run("verify", estate, *NIC, *SSH).exit_code == 0


@pytest.mark.parametrize("command", ["verify", "explain", "rules"])
@pytest.mark.parametrize("output", ["table", "json"])
def test_bad_input_is_2_and_one_line(tmp_path: Path, command: str, output: str) -> None:
    packet = () if command == "rules" else HTTPS
    result = run(command, tmp_path / "nope", *NIC, *packet, "--output", output)
    assert result.exit_code == 2
    assert result.stdout == ""
    expected = f"{tmp_path / 'nope'}: no such file or directory: expected a readable file\n"
    assert result.stderr == expected


# -- usage


def mistakes() -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Wrong questions, each with words that the answer must have."""
    tcp, udp = PACKET, ("--direction", "Outbound", "--protocol", "UDP")
    icmp = ("--direction", "Inbound", "--protocol", "ICMP")
    nic1, vm1 = ("--nic", "nic1"), ("--vm", "vm1")
    here, there = ("--local", "10.1.0.4:443"), ("--remote", "203.0.113.9")
    six = ("--local", "fd00:1::4", "--remote", "2001:db8::9")
    return {
        "no port where the packet goes": (
            (*nic1, *tcp, "--local", "10.1.0.4", *there),
            ("local", "no port", "`10.1.0.4:PORT`"),
        ),
        "no port where the packet goes, outbound": (
            (*nic1, *udp, "--local", "10.1.0.4", *there),
            ("remote", "no port", "`203.0.113.9:PORT`"),
        ),
        "no port, IPv6": ((*nic1, *tcp, *six), ("local", "no port", "`[fd00:1::4]:PORT`")),
        "any port where the packet goes": (
            (*nic1, *tcp, "--local", "10.1.0.4:*", *there),
            ("local", "`*`", "originator"),
        ),
        "ICMP with a port": (
            (*nic1, *icmp, *here, *there),
            ("local", "ICMP", "expected the address"),
        ),
        "both families": (
            (*nic1, *tcp, *here, "--remote", "2001:db8::9"),
            ("`2001:db8::9`", "`10.1.0.4`", "addresses of one family"),
        ),
        "no address": (
            (*nic1, *tcp, "--local", "web:443", *there),
            ("local", "`web` is no IP address: expected one such as"),
        ),
        "no such port": (
            (*nic1, *tcp, "--local", "10.1.0.4:70000", *there),
            ("local", "`70000` is no port: expected a number from 0 to 65535"),
        ),
        "bracket left open": (
            (*nic1, *tcp, "--local", "[fd00:1::4:443", *there),
            ("local", "`[fd00:1::4:443`", "expected `[2001:db8::1]:443`"),
        ),
        "nobody named": ((*tcp, *here, *there), ("expected", "vm", "nic")),
        "unknown machine": (
            ("--vm", "vm9", *tcp, *here, *there),
            ("virtual machine `vm9` is not in the estate",),
        ),
        "unknown interface": (
            ("--nic", "nic9", *tcp, *here, *there),
            ("network interface `nic9` is not in the estate",),
        ),
        "another machine's interface": (
            ("--vm", "vm1", "--nic", "nic3", *tcp, *here, *there),
            ("network interface `nic3` is not one of `vm1`'s",),
        ),
        "another machine's address": (
            (*vm1, *tcp, "--local", "10.1.0.6:443", *there),
            ("`vm1`", "`10.1.0.6`", "`nic1` 10.1.0.4, fd00:1::4", "`nic2` 10.1.0.5"),
        ),
        "the public address": (
            (*nic1, *tcp, "--local", "20.1.2.3:443", *there),
            ("`20.1.2.3` is the public address of `nic1`", "10.1.0.4"),
        ),
        "an option without value": (
            (*nic1, *tcp, *here, *there, "--option", "no-nsg"),
            ("`no-nsg`", "expected", "NAME=VALUE"),
        ),
        "an option that is none": (
            (*nic1, *tcp, *here, *there, "--option", "luck=on"),
            ("`luck`", "expected", "`no-nsg`"),
        ),
        "an option's value that is none": (
            (*nic1, *tcp, *here, *there, "--option", "no-nsg=maybe"),
            ("no-nsg", "`maybe`", "expected", "`allow`, `error`"),
        ),
        "prefixes that are none": (
            (*nic1, *tcp, *here, *there, "--option", "on-premises=10.0.0.1/8"),
            ("`10.0.0.1/8`", "host bits"),
        ),
        "ICMP, as IP flow verify has it": (
            (*nic1, *icmp, "--local", "10.1.0.4", *there, "--compat", "ip-flow-verify"),
            ("IP flow verify takes TCP and UDP alone",),
        ),
    }


@pytest.mark.parametrize(("words", "parts"), mistakes().values(), ids=mistakes())
@pytest.mark.parametrize("command", ["verify", "explain"])
def test_a_wrong_question_is_one_line(
    busy: Path, command: str, words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    """Contract 4.6: where: what, with the user's input in backticks: what was expected."""
    result = run(command, busy, *words, "--output", "json")
    assert result.exit_code == 2
    assert all(part in result.stderr for part in parts), result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_a_name_that_several_have_lists_their_ids(busy: Path) -> None:
    result = run(
        "verify", busy, "--nic", "SAME", *PACKET, "--local", "10.2.0.7:1", "--remote", "10.2.0.8"
    )
    assert result.exit_code == 2
    assert result.stderr.count("/networkInterfaces/same") == 2
    one = next(word for word in result.stderr.replace(",", " ").split() if word.startswith("/"))
    again = run(
        "verify", busy, "--nic", one, *PACKET, "--local", "10.2.0.7:1", "--remote", "10.2.0.8"
    )
    assert again.exit_code == 0


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("verify",), "ESTATE"),
        (("verify", "x"), "--direction"),
        (("verify", "x", "--direction", "Inbound", "--protocol", "TCP"), "--local"),
        (("verify", "x", "--direction", "Inwards"), "Inwards"),
        (("verify", "x", *NIC, *HTTPS, "--protocol", "GRE"), "GRE"),
        (("verify", "x", *NIC, *HTTPS, "--expect", "maybe"), "maybe"),
        (("verify", "x", *NIC, *HTTPS, "--output", "yaml"), "yaml"),
        (("verify", "x", "--nope"), "--nope"),
        (("nope",), "nope"),
    ],
)
def test_a_wrong_word_is_2_and_told_on_stderr(words: tuple[str, ...], part: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert part in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_an_empty_word_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `verify "$ESTATE"` has it where the variable is not set."""
    write(tmp_path, good())
    monkeypatch.chdir(tmp_path)
    assert run("verify", "", *NIC, *HTTPS).exit_code == 2


@pytest.mark.parametrize("direction", ["Inbound", "inbound", "INBOUND"])
@pytest.mark.parametrize("protocol", ["TCP", "tcp", "Tcp"])
def test_the_case_of_words_does_not_matter(estate: Path, direction: str, protocol: str) -> None:
    words = ("--direction", direction, "--protocol", protocol)
    ends = ("--local", "10.1.0.4:443", "--remote", "203.0.113.9:*")
    assert run("verify", estate, *NIC, *words, *ends, "--expect", "allow").exit_code == 0


def test_a_machine_stands_for_the_interface_with_the_address(busy: Path) -> None:
    words = ("verify", busy, "--vm", "VM1", *PACKET, "--remote", "203.0.113.9", "--output", "json")
    for address, nic in (("10.1.0.4", "nic1"), ("10.1.0.5", "nic2"), ("[fd00:1::4]", "nic1")):
        remote = ("--remote", "2001:db8::9") if "[" in address else ()
        result = run(*words, "--local", f"{address}:443", *remote)
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["trace"][-1]["appliedTo"].endswith(f"/{nic}")


# -- JSON


@pytest.mark.parametrize("command", ["verify", "explain"])
@pytest.mark.parametrize("packet", [HTTPS, SSH])
def test_json_is_one_object_with_the_keys_of_the_contract(
    estate: Path, command: str, packet: tuple[str, ...]
) -> None:
    """Contract 4.2: `--output json` prints one object."""
    result = run(command, estate, *NIC, *packet, "--output", "json")
    told = json.loads(result.stdout)
    assert told.keys() >= KEYS
    assert told["access"] in ("Allow", "Deny")
    assert told["layer"] in LAYERS
    assert {step["layer"] for step in told["trace"]} <= LAYERS
    assert all({"layer", "access"} <= step.keys() for step in told["trace"])
    assert told["missing"] == []
    assert result.stderr == ""


def test_json_of_an_unknown_verdict(estate: Path) -> None:
    (estate / "nsgs.json").unlink()
    result = run("verify", estate, *NIC, *HTTPS, "--output", "json")
    told = json.loads(result.stdout)
    assert (told["access"], told["ruleName"], told["layer"]) == ("Unknown", None, None)
    assert len(told["missing"]) == 1
    assert result.exit_code == 3


def test_errors_stay_out_of_json(estate: Path) -> None:
    files = good()
    rule(files).update(priority=99)
    write(estate, files)
    result = run("verify", estate, *NIC, *HTTPS, "--output", "json")
    assert json.loads(result.stdout)["access"] == "Unknown"
    assert "priority 99" in result.stderr


def test_the_answer_says_where_the_rule_stands(estate: Path) -> None:
    """Issue 2: where the deciding rule stands (resource id, file and position)."""
    told = json.loads(run("verify", estate, *NIC, *HTTPS, "--output", "json").stdout)
    assert told["ruleName"] == "securityRules/https"
    assert told["ruleId"].endswith("/networkSecurityGroups/web/securityRules/https")
    assert told["where"]["file"] == str(estate / "nsgs.json")
    assert told["where"]["path"] == "$.value[0].properties.securityRules[0]"
    text = run("verify", estate, *NIC, *HTTPS).stdout
    lines = (estate / "nsgs.json").read_text().splitlines()
    line = int(text.partition("nsgs.json:")[2].split()[0])
    assert any('"https"' in one for one in lines[line - 1 : line + 4])


def test_explain_tells_a_cure_for_a_denied_packet(estate: Path) -> None:
    words = (*PACKET, "--local", "10.1.0.4:8080", "--remote", "203.0.113.9")
    told = json.loads(run("explain", estate, *NIC, *words, "--output", "json").stdout)
    assert told["access"] == "Deny"
    (cure,) = told["cure"]["rules"]
    assert cure["command"].startswith("az network nsg rule create ")
    assert cure["command"] in run("explain", estate, *NIC, *words).stdout.replace("\n  ", "\n")


def test_explain_takes_what_verify_takes_and_answers_the_same(estate: Path) -> None:
    for packet in (HTTPS, SSH):
        one = run("verify", estate, *NIC, *packet, "--output", "json")
        other = run("explain", estate, *NIC, *packet, "--output", "json")
        told = json.loads(other.stdout)
        assert told.items() >= json.loads(one.stdout).items()
        assert one.exit_code == other.exit_code


def test_rules_have_the_shape_of_azures_answer(estate: Path) -> None:
    """Contract 4.2: the shape of Azure's effectiveNetworkSecurityGroups answer."""
    result = run("rules", estate, *NIC, "--output", "json")
    told = json.loads(result.stdout)
    assert result.exit_code == 0
    for entry in told["value"]:
        assert entry.keys() >= {"networkSecurityGroup", "association", "effectiveSecurityRules"}
        for one in entry["effectiveSecurityRules"]:
            assert one.keys() >= {"name", "protocol", "access", "priority", "direction"}
    names = [one["name"] for one in told["value"][-1]["effectiveSecurityRules"]]
    assert names[:3] == [
        "securityRules/https",
        "securityRules/rest",
        "defaultSecurityRules/AllowVnetInBound",
    ]
    text = run("rules", estate, *NIC).stdout
    assert all(name in text for name in names)


def test_assume_deployed_evaluates_what_was_not_committed(estate: Path) -> None:
    """Contract 4.1: without a commit configurations count as not deployed; the answer says so."""
    (estate / "deployments-M-0.json").unlink()
    plain = run("verify", estate, *NIC, *SSH, "--output", "json")
    told = json.loads(plain.stdout)
    assert told["layer"] == "subnet"
    assert "not deployed" in " ".join(told["warnings"])
    assumed = run("verify", estate, *NIC, *SSH, "--assume-deployed", "--output", "json")
    assert json.loads(assumed.stdout)["layer"] == "admin"


def test_the_date_of_the_tags_is_named_by_an_answer_that_used_them(estate: Path) -> None:
    """Contract 4.1: a packaged default, whose date every answer that used it names."""
    files = good()
    rule(files).update(sourceAddressPrefix="Storage")
    write(estate, files)
    told = json.loads(run("verify", estate, *NIC, *HTTPS, "--output", "json").stdout)
    assert any("service tags of 20" in one for one in told["data"])
    unused = json.loads(run("verify", estate, *NIC, *SSH, "--output", "json").stdout)
    assert not any("service tags" in one for one in unused["data"])


@pytest.mark.parametrize("name", ["--no-nsg", "no-nsg"])
def test_without_nsg_ip_flow_verify_refuses(tmp_path: Path, name: str) -> None:
    """Specification, 5.4: there is no "allowed because no NSG" answer."""
    sketch = {**SKETCH, "managers": {}, "nsgs": {}}
    sketch["vnets"] = {
        "vnet1": {"space": ["10.1.0.0/16"], "subnets": {"s1": {"prefixes": ["10.1.0.0/24"]}}}
    }
    write(tmp_path, expand(sketch, "rest"))
    words = (
        ("--compat", "ip-flow-verify") if name.startswith("--") else ("--option", f"{name}=error")
    )
    assert run("verify", tmp_path, *NIC, *HTTPS).exit_code == 0
    result = run("verify", tmp_path, *NIC, *HTTPS, *words)
    assert result.exit_code == 2
    assert result.stderr.startswith("NsgsNotAppliedOnNic: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["verify", "explain"])
def test_a_change_is_laid_over_the_estate(estate: Path, tmp_path: Path, command: str) -> None:
    before = json.loads(run(command, estate, *NIC, *HTTPS, "--output", "json").stdout)
    deny = {
        "id": before["ruleId"],
        "name": before["ruleName"].rpartition("/")[2],
        "type": "Microsoft.Network/networkSecurityGroups/securityRules",
        "properties": {
            "priority": before["priority"], "direction": "Inbound", "access": "Deny",
            "protocol": "*", "sourceAddressPrefix": "*", "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRange": "443",
        },
    }  # fmt: skip
    change = tmp_path / "change.json"
    change.write_text(json.dumps([deny]))
    words = (estate, "--change", change, *NIC, *HTTPS, "--output", "json")
    after = json.loads(run(command, *words).stdout)
    assert (before["access"], after["access"]) == ("Allow", "Deny")
    assert after["ruleId"] == before["ruleId"]
    assert after["where"]["file"] == str(change)
    empty = run(command, estate, "--change", tmp_path / "none.json", *NIC, *HTTPS)
    assert empty.exit_code == 2
    assert empty.stderr.count("\n") == 1
