"""`flowverdict diff`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.runs import run
from tests.cli.test_prove import OPEN, network
from tests.load.terraform.test_plan import existing, plan, rule


def test_an_opened_port(tmp_path: Path) -> None:
    before, after = network(tmp_path / "a"), network(tmp_path / "b", OPEN)
    told = run("diff", before, after)
    assert told.exit_code == 1
    lines = told.stdout.splitlines()
    assert lines[:3] == [
        "Deny -> Allow  inbound at nic1",
        "  TCP 3389 from Internet to 10.0.0.4",
        "  such as  TCP 203.0.113.7:50000 -> 10.0.0.4:3389",
    ]
    assert lines[3].startswith("  before   denied by defaultSecurityRules/DenyAllInBound (nic)")
    assert lines[4].startswith("  after    allowed by securityRules/Rdp (nic)")
    assert lines[-1] == "1 set of packets with another verdict at 2 interfaces"
    answer = json.loads(run("diff", before, after, "--output", "json").stdout)
    [change] = answer["changes"]
    assert change["packets"] == ["TCP 3389 from Internet to 10.0.0.4"]
    assert (change["before"]["access"], change["after"]["access"]) == ("Deny", "Allow")
    assert change["witness"]["dst_port"] == 3389
    assert (answer["added"], answer["removed"], answer["compared"]) == ([], [], 2)


def test_nothing_changes_is_a_proof(tmp_path: Path) -> None:
    told = run("diff", network(tmp_path / "a", OPEN), network(tmp_path / "b", OPEN))
    assert (told.exit_code, told.stdout) == (
        0, "no packet gets another verdict at 2 interfaces: proven\n",
    )  # fmt: skip


def test_a_part_is_laid_over(tmp_path: Path) -> None:
    before, after = network(tmp_path / "a"), network(tmp_path / "b", OPEN)
    part = tmp_path / "part.json"
    part.write_text((after / "nsgs.json").read_text())
    told = run("diff", before, part)
    assert told.exit_code == 1
    assert "the change was read as a part" in told.stderr
    assert told.stdout == run("diff", before, after).stdout.replace(
        str(after / "nsgs.json"), str(part)
    )


@pytest.mark.parametrize("words", [("nowhere",), ()])
def test_wrong_words_are_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    told = run("diff", network(tmp_path), *words)
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)


def test_a_terraform_plan_alone(tmp_path: Path) -> None:
    """Before and after of a plan are the two estates."""
    there, gone = existing(rule("Rdp", "3389")), existing()
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan(gone, {}, [], prior=there)))
    told = run("diff", path)
    assert told.exit_code == 1
    assert told.stdout.splitlines()[0] == "Allow -> Deny  inbound at nic"
    assert "TCP 3389 from Internet to 10.0.1.4" in told.stdout
    assert "azurerm_network_security_rule.Rdp" in told.stdout
    path.write_text(json.dumps(plan(there, {}, [], prior=there)))
    told = run("diff", path)
    assert (told.exit_code, told.stdout) == (
        0, "no packet gets another verdict at 1 interface: proven\n",
    )  # fmt: skip
    told = run("diff", network(tmp_path / "export"))
    assert (told.exit_code, told.stderr.count("\n")) == (2, 1)
    assert "a Terraform plan, which has both" in told.stderr


def test_templates_that_are_not_read_are_told(tmp_path: Path) -> None:
    link = {
        "type": "Microsoft.Resources/deployments",
        "name": "more",
        "properties": {"templateLink": {"uri": "https://templates.example/more.json"}},
    }
    path = tmp_path / "main.json"
    path.write_text(json.dumps({"contentVersion": "1.0.0.0", "resources": [link]}))
    told = run("diff", path, path)
    assert "linked template `https://templates.example/more.json` is not read" in told.stderr
