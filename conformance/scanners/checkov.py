"""Checkov, on ARM templates and on Terraform.

What each check is about, as its name says in Checkov's list of policies
(https://www.checkov.io/5.Policy%20Index/arm.html and terraform.html):

* CKV_AZURE_9: Ensure that RDP access is restricted from the internet
* CKV_AZURE_10: Ensure that SSH access is restricted from the internet
* CKV_AZURE_77: Ensure that UDP Services are restricted from the Internet (Terraform alone)
* CKV_AZURE_160: Ensure that HTTP (port 80) access is restricted from the internet
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from conformance.scanners.asked import Checks, Json, Said, ScannerError, checks_for, installed, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conformance.cases import Case

_TCP: Final[Checks] = {
    ("Inbound", "TCP", "3389"): ("CKV_AZURE_9",),
    ("Inbound", "TCP", "22"): ("CKV_AZURE_10",),
    ("Inbound", "TCP", "80"): ("CKV_AZURE_160",),
}
CHECKS: Final[dict[str, Checks]] = {
    "arm": _TCP,
    "terraform": _TCP | {("Inbound", "UDP", "*"): ("CKV_AZURE_77",)},
}


class Checkov:
    """What Checkov says."""

    name: str = "checkov"
    forms: tuple[str, ...] = ("arm", "terraform")

    def version(self) -> str | None:
        """Returns the version that is on the path; None if there is none."""
        return run(["checkov", "--version"]).strip() if installed("checkov") else None

    def ask(self, cases: Sequence[Case], folder: Path, form: str) -> Mapping[str, str]:
        """Returns the answer for each case, by its id."""
        ids = sorted({one for some in CHECKS[form].values() for one in some})
        place = ["--directory", str(folder / form), "--framework", form]
        only = ["--check", ",".join(ids), "--skip-download", "--soft-fail"]
        said = read(run(["checkov", *place, *only, "--compact", "--output", "json"]))
        silent = Said()
        return {
            one.id: said.get(one.id, silent).of(checks_for(one.question, CHECKS[form]))
            for one in cases
        }


def read(report: str) -> dict[str, Said]:
    """Returns what the checks said, by the id of the case that their file belongs to.

    Raises:
        ScannerError: the text is no report.
    """
    try:
        found: Json = json.loads(report)
        results = found["results"]
        failed, passed = results["failed_checks"], results["passed_checks"]
    except (ValueError, KeyError, TypeError):
        raise ScannerError(f"`checkov` printed no report: {report[:80]!r}") from None
    ids: dict[str, tuple[set[str], set[str]]] = {}
    for number, checks in enumerate((failed, passed)):
        for one in checks:
            case = one["file_path"].replace("\\", "/").split("/")[-2]
            ids.setdefault(case, (set(), set()))[number].add(one["check_id"])
    return {case: Said(frozenset(bad), frozenset(good)) for case, (bad, good) in ids.items()}
