"""The command `report`: one HTML file, out of a lake, an estate and findings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flowverdict.cli.detect_reports import finding_json
from tests.cli.runs import run
from tests.impact.logs import ingested
from tests.report.html import Page
from tests.report.lakes import MAC, RECORDS, row
from tests.report.made import EVERY
from tests.traffic.logs import vnet4
from tests.traffic.networks import mac, nic, write

GUESSES = [
    vnet4(
        *(row(7 * n, "D", f"203.0.113.9,10.0.1.4,{40000 + n},3389,6", "I") for n in range(300)),
        mac=mac(1), rule="UserRule_NoRdp",
    )
]  # fmt: skip
SKETCH = {
    "vnets": {"v": {"space": ["10.0.0.0/16"], "subnets": {"web": {"prefixes": ["10.0.0.0/16"]}}}},
    "nics": {"nic1": nic(1, "v/web"), "nic2": nic(2, "v/web")},
}  # fmt: skip


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ingested(tmp_path_factory.mktemp("lake"), [*RECORDS, *GUESSES])


def test_findings_are_looked_for(lake: Path, tmp_path: Path) -> None:
    page, network = tmp_path / "r.html", write(tmp_path / "estate", SKETCH)
    done = run("report", "--lake", lake, "--estate", network, "--output", page)
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.splitlines()[-1] == f"{page}: {page.stat().st_size:,} bytes"
    shown = Page(page.read_text("utf-8"))
    assert any(one.startswith("RDP brute force from 203.0.113.9 at") for one in shown.said("h3"))
    assert any("denied by " in one and "NoRdp" in one for one in shown.said("dd"))
    assert "v/web" in shown.said("td")
    assert "1 interfaces of the estate have no row" in shown.said("summary")
    assert f"{mac(1)} nic1" in shown.said("td")


def test_findings_may_be_given(lake: Path, tmp_path: Path) -> None:
    given, page = tmp_path / "f.json", tmp_path / "r.html"
    given.write_text(json.dumps({"findings": [finding_json(one) for one in EVERY]}))
    words = ("report", "--lake", lake, "--findings", given, "--output")
    assert run(*words, page, "--severity", "informational").exit_code == 0
    shown = Page(page.read_text("utf-8"))
    assert [one for one in shown.said("h3") if " at " in one] == [
        "RDP brute force from 203.0.113.200 at 10.17.1.4 on port 3389",
        "Port scan from 12 addresses at fd00::4, fd00::5 on ports 20, 21, 22 and 7 more",
        "Log gap at 6045BD2A0000",
    ]
    printed = run(*words, "-")
    assert printed.stderr == ""
    assert "Log gap" not in printed.stdout, "of a lower severity than low"
    assert f"{MAC}1" in printed.stdout


def test_a_time_without_rows_is_a_page_that_says_so(lake: Path) -> None:
    told = run("report", "--lake", lake, "--since", "2027-01-01", "--output", "-")
    assert told.exit_code == 0
    shown = Page(told.stdout)
    assert shown.said("h2") == ["No rows", "Findings"]
    assert "from 2027-01-01 00:00Z" in shown.all_text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--lake", "none", "--output", "x"), "none: holds no flows yet"),
        (("--lake", "LAKE", "--output", "no/where.html"), "--output `no/where.html`: cannot be"),
        (("--lake", "LAKE", "--output", "x", "--findings", "no.json"), "no.json: cannot be read"),
        (("--lake", "LAKE", "--output", "x", "--since", "then"), "--since `then`: expected a day"),
        (("--lake", "LAKE"), "Missing option `--output`"),
        (
            ("--lake", "LAKE", "--output", "x", "--service-tags", "t"),
            "t: no such file or directory",
        ),
        (("--lake", "LAKE", "--output", "x", "--option", "y"), "--option `y`: expected NAME="),
    ],
)
def test_what_is_wrong_is_one_line(
    lake: Path, tmp_path: Path, words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = run("report", *(str(lake) if one == "LAKE" else one for one in words))
    assert (told.exit_code, told.stdout, told.stderr.count("\n")) == (2, "", 1)
    assert said in told.stderr
    assert not (tmp_path / "x").exists()


def test_without_its_extra_it_says_which_one() -> None:
    program = "import sys; sys.modules['altair'] = None; from flowverdict.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "report", "--lake", "x", "--output", "y"],
        check=False, capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "`report` needs the extra `report` (`altair` is not installed): "
        "expected pip install 'flowverdict[report]'\n"
    )
