"""Trivy's misconfiguration scanner, on ARM templates and on Terraform.

What each check is about, as its title says in the Azure network checks of aquasecurity/trivy-checks
(https://avd.aquasec.com/misconfig/azure/network/):

* AZU-0047: an inbound network security rule allows traffic from /0 (whatever the port)
* AZU-0048: RDP access should not be accessible from the Internet
* AZU-0050: SSH access should not be accessible from the Internet
* AZU-0051: an outbound network security rule allows traffic to /0 (whatever the port)

The last one is about rules that somebody wrote. A question about one port has no such check.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from conformance.scanners.asked import Checks, Json, Said, ScannerError, checks_for, installed, run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from conformance.cases import Case

CHECKS: Final[Checks] = {
    ("Inbound", "TCP", "3389"): ("AZU-0048",),
    ("Inbound", "TCP", "22"): ("AZU-0050",),
}
_NAMES: Final = {"arm": "azure-arm", "terraform": "terraform"}


class Trivy:
    """What Trivy says."""

    name: str = "trivy"
    forms: tuple[str, ...] = ("arm", "terraform")

    def version(self) -> str | None:
        """Returns the version that is on the path; None if there is none."""
        if not installed("trivy"):
            return None
        return run(["trivy", "--version"]).splitlines()[0].removeprefix("Version: ")

    def ask(self, cases: Sequence[Case], folder: Path, form: str) -> Mapping[str, str]:
        """Returns the answer for each case, by its id."""
        how = ["--quiet", "--skip-check-update", "--include-non-failures", "--format", "json"]
        only = ["--misconfig-scanners", _NAMES[form]]
        said = read(run(["trivy", "config", *how, *only, str(folder / form)]))
        silent = Said()
        return {
            one.id: said.get(one.id, silent).of(checks_for(one.question, CHECKS)) for one in cases
        }


def read(report: str) -> dict[str, Said]:
    """Returns what the checks said, by the id of the case that their file belongs to.

    Raises:
        ScannerError: the text is no report.
    """
    try:
        found: Json = json.loads(report)
        results = found.get("Results") or []
        ids: dict[str, tuple[set[str], set[str]]] = {}
        for target in results:
            parts = target["Target"].replace("\\", "/").split("/")
            if len(parts) < 2:
                continue  # the summary of the whole folder
            for one in target.get("Misconfigurations") or []:
                number = {"FAIL": 0, "PASS": 1}.get(one["Status"])
                if number is not None:
                    check = one["ID"].removeprefix("AVD-")  # as older versions spell it
                    ids.setdefault(parts[-2], (set(), set()))[number].add(check)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ScannerError(f"`trivy` printed no report: {report[:80]!r}") from None
    return {case: Said(frozenset(bad), frozenset(good)) for case, (bad, good) in ids.items()}
