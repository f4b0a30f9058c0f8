"""KICS, on ARM templates and on Terraform.

What each query is about, as its name says in the repository Checkmarx/kics (assets/queries):

* 59cb3da7-f206-4ae6-b827-7abf0a9cab9d: Network Security Group With Unrestricted Access To RDP (ARM)
* 2ade1579-4b2c-4590-bebb-f99bf597f612: Network Security Group With Unrestricted Access To SSH (ARM)
* efbf6449-5ec5-4cfe-8f15-acc51e0d787c: RDP Is Exposed To The Internet (Terraform)
* 3e3c175e-aadf-4e2b-a464-3fdac5748d24: SSH Is Exposed To The Internet (Terraform)

KICS reports what failed and not what passed: silence counts as `closed`.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from conformance.scanners.asked import (
    NO_CHECK,
    Checks,
    Json,
    Said,
    ScannerError,
    checks_for,
    installed,
    run,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conformance.cases import Case

CHECKS: Final[dict[str, Checks]] = {
    "arm": {
        ("Inbound", "TCP", "3389"): ("59cb3da7-f206-4ae6-b827-7abf0a9cab9d",),
        ("Inbound", "TCP", "22"): ("2ade1579-4b2c-4590-bebb-f99bf597f612",),
    },
    "terraform": {
        ("Inbound", "TCP", "3389"): ("efbf6449-5ec5-4cfe-8f15-acc51e0d787c",),
        ("Inbound", "TCP", "22"): ("3e3c175e-aadf-4e2b-a464-3fdac5748d24",),
    },
}
_FOUND_SOMETHING: Final = (20, 30, 40, 50, 60)
"""Exit codes that say how severe the worst finding is."""


class Kics:
    """What KICS says."""

    name: str = "kics"
    forms: tuple[str, ...] = ("arm", "terraform")

    def version(self) -> str | None:
        """Returns the version that is on the path; None if there is none."""
        return run(["kics", "version"]).split()[-1] if installed("kics") else None

    def ask(self, cases: Sequence[Case], folder: Path, form: str) -> Mapping[str, str]:
        """Returns the answer for each case, by its id."""
        ids = sorted({one for some in CHECKS[form].values() for one in some})
        with tempfile.TemporaryDirectory() as out:
            where = ["--path", str(folder / form), "--output-path", out, "--output-name", "found"]
            what = ["--include-queries", ",".join(ids), "--report-formats", "json"]
            command = ["kics", "scan", *where, *what, "--no-progress", "--silent"]
            run(command, good=(0, *_FOUND_SOMETHING))
            said = read((Path(out) / "found.json").read_text(encoding="utf-8"))
        answers: dict[str, str] = {}
        for one in cases:
            checks = checks_for(one.question, CHECKS[form])
            there = (folder / form / one.theme / one.id).exists()
            found = said.get(one.id, Said()).of(checks, tells_passes=False)
            answers[one.id] = found if there else NO_CHECK
        return answers


def read(report: str) -> dict[str, Said]:
    """Returns which queries failed, by the id of the case that their file belongs to.

    Raises:
        ScannerError: the text is no report.
    """
    ids: dict[str, set[str]] = {}
    try:
        found: Json = json.loads(report)
        for query in found["queries"]:
            for one in query["files"]:
                case = one["file_name"].replace("\\", "/").split("/")[-2]
                ids.setdefault(case, set()).add(query["query_id"])
    except (ValueError, KeyError, TypeError):
        raise ScannerError(f"`kics` wrote no report: {report[:80]!r}") from None
    return {case: Said(frozenset(bad)) for case, bad in ids.items()}
