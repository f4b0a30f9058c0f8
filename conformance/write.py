"""Writes the cases for a scanner to read: `python -m conformance.write DIR`.

DIR/cases.json              all cases: question, answer, why, source, witness
DIR/azure/THEME/ID/*.json   REST answers, as `az rest` or an export has them
DIR/arm/THEME/ID/*.json     an ARM template
DIR/terraform/THEME/ID/*.tf the same for the Terraform provider azurerm
DIR/service-tags/ID.json    the service-tag file of a case that has one of its own
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from conformance.arm import template
from conformance.azure import answers, as_text
from conformance.cases import read_cases
from conformance.hcl import configuration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from conformance.cases import Case

FORMS: Final = ("azure", "arm", "terraform")
"""The folders that cases are written to, one for each form."""


def write(cases: Iterable[Case], folder: Path) -> None:
    """Writes cases below a folder, which is made if there is none."""
    listed = list(cases)
    for case in listed:
        _write_case(case, folder)
    told = [describe(case) for case in listed]
    _put(folder / "cases.json", json.dumps(told, indent=1) + "\n")


def describe(case: Case) -> dict[str, Any]:
    """Returns a case without its network, as it stands in `cases.json`."""
    found = {key: value for key, value in asdict(case).items() if key != "network"}
    return found | {"question": {**found["question"], "text": str(case.question)}}


def _write_case(case: Case, folder: Path) -> None:
    said = answers(case)
    place = Path(case.theme) / case.id
    for name, content in said.files().items():
        _put(folder / "azure" / place / name, as_text(content))
    deployment = template(said)
    if deployment is not None:
        _put(folder / "arm" / place / "azuredeploy.json", as_text(deployment))
    text = configuration(said)
    if text is not None:
        _put(folder / "terraform" / place / "main.tf", text)
    if said.service_tags is not None:
        _put(tag_file(folder, case), as_text(said.service_tags))


def tag_file(folder: Path, case: Case) -> Path:
    """Returns where the service-tag file of a case stands, if it has one."""
    return folder / "service-tags" / f"{case.id}.json"


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m conformance.write",
        description="Write the exposure cases in every form that scanners read.",
    )
    parser.add_argument("folder", metavar="DIR", type=Path, help="a new or an empty folder")
    folder: Path = parser.parse_args(words).folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        print(f"`{folder}` is there already: expected a new or an empty folder", file=sys.stderr)
        return 2
    cases = read_cases()
    write(cases, folder)
    print(f"{len(cases)} cases in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
