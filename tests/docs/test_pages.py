"""The pages hang together: the reference is up to date, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from flowverdict.policy.options import ABOUT

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "tests" / "conformance" / "README.md",
]
SEMANTICS = sorted(
    page for page in (ROOT / "docs" / "semantics").glob("*.md") if page.name != "sources.md"
)

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def generator() -> ModuleType:
    path = ROOT / "docs" / "generate.py"
    spec = importlib.util.spec_from_file_location("flowverdict_docs_generate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page as GitHub makes them."""
    outside = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    headings = _HEADING.findall(outside)
    plain = (re.sub(r"\[([^\]]*)\]\([^)]*\)|`", r"\1", one).lower() for one in headings)
    return {re.sub(r"[^\w\- ]", "", one).replace(" ", "-") for one in plain}


def test_the_reference_is_what_the_code_says() -> None:
    assert generator().outdated() == [], "run python docs/generate.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken: list[str] = []
    for link in _LINK.findall(text_of(page)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("name", ABOUT)
def test_every_option_is_shown_on_a_page_of_semantics(name: str) -> None:
    words = f"with --option {name.replace('_', '-')}="
    assert any(words in text_of(page) for page in SEMANTICS)


@pytest.mark.parametrize("page", SEMANTICS, ids=lambda page: page.name)
def test_every_page_of_semantics_is_executed_and_in_the_index(page: Path) -> None:
    assert "```verdicts" in text_of(page) or "```python" in text_of(page)
    index = text_of(ROOT / "docs" / "semantics" / "README.md")
    assert page.name == "README.md" or f"]({page.name})" in index


@pytest.mark.parametrize("page", SEMANTICS, ids=lambda page: page.name)
def test_every_source_is_in_the_list(page: Path) -> None:
    listed = text_of(ROOT / "docs" / "semantics" / "sources.md")
    known = set(re.findall(r"^\| ([A-Z0-9]+) \|", listed, flags=re.MULTILINE))
    prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.MULTILINE | re.DOTALL)
    cited = re.findall(r"\(([A-Z][A-Z0-9]{2,}(?:(?:, | and )[A-Z][A-Z0-9]{2,})*)[,;)]", prose)
    keys = {key for one in cited for key in re.split(", | and ", one)}
    assert not {key for key in keys if not re.fullmatch(r"Q\d+", key)} - known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_not_run_are_at_least_shell(page: Path) -> None:
    for block in re.findall(r"^```sh\n(.*?)^```", text_of(page), flags=re.MULTILINE | re.DOTALL):
        checked = subprocess.run(
            ["bash", "-n"],  # noqa: S607 # the reader's own shell
            check=False,
            input=block,
            text=True,
            capture_output=True,
        )
        assert checked.returncode == 0, checked.stderr
