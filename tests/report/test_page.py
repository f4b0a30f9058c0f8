"""The page: one file, no script, no network, and nothing in it that a log could have put there."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowverdict.report.page import MOST_CARDS, Content, page, port_name, rule_label, size
from flowverdict.report.places import Places
from flowverdict.report.timeline import Bucket, Timeline, of_findings
from flowverdict.report.told import Told, by_weight
from flowverdict.report.traffic import Port, Rule, Talker, Traffic, ask
from tests.report.html import Page
from tests.report.lakes import OUT6, RECORDS, row, small_lake
from tests.report.made import CURE, EVERY, GUESSES, RULE, changed
from tests.traffic.logs import vnet4

NOW = datetime(2026, 8, 14, 9, 30, tzinfo=UTC)
EVIL = [
    "<script>alert(1)</script>",
    "</style></svg><img src=x onerror=alert(1)>",
    "\"><a href='https://evil.example/'>x</a>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; &amp; \u202egnp.exe \x1b[31m",
    "</title><svg onload=alert(1)>",
]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")


def content(traffic: Traffic | None, findings: list[Told], **words: Any) -> Content:
    timelines: list[list[Bucket]] = words.pop("timelines", [])
    known: dict[str, Any] = {
        "lake": "lake",
        "asked": "",
        "interfaces": {},
        "has_estate": False,
        **words,
    }
    return Content(
        traffic=traffic, findings=findings, timelines=timelines, places=Places(), **known
    )


def made(traffic: Traffic | None, findings: list[Told], **words: Any) -> str:
    return page(content(traffic, findings, **words), NOW, "1.2.3")


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Traffic:
    lake = small_lake(tmp_path_factory.mktemp("lake"))
    found = ask(lake, countries=lambda addresses: ["NL" for _ in addresses])
    assert found is not None
    return found


@pytest.fixture(scope="module")
def whole(traffic: Traffic) -> str:
    spans = [[*traffic.timeline], [], []]
    return made(
        traffic,
        by_weight(EVERY),
        timelines=spans,
        asked="from 2026-08-13 00:00Z",
        countries_of="a list of 2026-08",
    )


def is_harmless(text: str) -> Page:
    """Take a page apart, and see that nothing in it acts, or asks for anything."""
    parsed = Page(text)
    assert not {"script", "iframe", "object", "img", "link", "form", "image", "use"} & {
        tag for tag, _ in parsed.tags
    }
    for tag, attributes in parsed.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "srcset", "action", "formaction", "xlink:href"), (tag, name)
            assert name != "href" or str(value).startswith("#"), (tag, value)
            assert "url(" not in str(value), (tag, value)
    assert "://" not in re.sub(r">[^<]*<", "><", text), "no address outside of texts"
    ids = [str(of["id"]) for _, of in parsed.tags if "id" in of]
    assert len(ids) == len(set(ids))
    links = [str(of["href"]) for of in parsed.named("a")]
    assert {one.removeprefix("#") for one in links} <= set(ids)
    return parsed


def test_a_page_is_whole_and_harmless(whole: str) -> None:
    parsed = is_harmless(whole)
    assert whole.startswith('<!DOCTYPE html>\n<html lang="en">')
    [policy] = [of for of in parsed.named("meta") if of.get("http-equiv")]
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert parsed.said("h2") == [
        "Findings", "Over time", "Addresses", "Ports and rules", "Countries", "Who talks to whom",
        "What is logged",
    ]  # fmt: skip
    assert len(whole) < 300_000


def test_every_picture_has_a_title_and_is_one_image(whole: str) -> None:
    parsed = Page(whole)
    pictures = parsed.named("svg")
    assert len(pictures) == 9
    assert {of["role"] for of in pictures} == {"img"}
    assert len(parsed.said("title")) == 1 + len(pictures)
    assert parsed.said("title")[1] == (
        "When its flows passed: RDP brute force from 203.0.113.200 at 10.17.1.4 on port 3389"
    )


def test_pictures_take_their_colours_from_the_page(whole: str) -> None:
    style = "".join(text for tag, text in Page(whole).texts if tag == "style")
    defined = set(re.findall(r"(--[a-z]+):", style))
    used = set(re.findall(r"var\((--[a-z]+)\)", whole))
    assert used <= defined
    colours = set(re.findall(r'(?:fill|stroke)="([^"]*)"', whole))
    assert {one for one in colours if not one.startswith("var(")} <= {"none", "transparent"}


def test_findings_tell_their_reason_and_cure(whole: str) -> None:
    parsed = Page(whole)
    cards = [of for of in parsed.named("details") if str(of.get("class")).startswith("card")]
    assert [of["class"] for of in cards] == ["card high", "card low", "card informational"]
    assert all("open" in of for of in cards)
    assert "let in by securityRules/AllowRdpOld (nic, nsg-1), since 2026-03-10 01:30Z" in (
        parsed.said("dd")
    )
    assert (
        "Deny 203.0.113.200 at priority 99: the rule that let it in stands at 100"
        in parsed.said("dd")
    )
    assert CURE["az"] in parsed.said("pre")
    assert '{ "name": "Deny-1" }' in parsed.said("pre")
    assert "The cure as Terraform" in parsed.said("summary")
    assert "MITRE ATT&CK T1110.001" in parsed.said("dd")


def test_tables_tell_what_pictures_show(whole: str, traffic: Traffic) -> None:
    cells = Page(whole).said("td")
    for one in traffic.talkers:
        at = cells.index(one.name)
        assert cells[at + 1 : at + 4] == [f"{one.begun:,}", f"{one.denied:,}", size(one.bytes)]
    assert "TCP 3389 RDP" in cells
    assert "NoRdp of n1" in cells
    assert "ICMP" in cells
    assert OUT6 in cells


def test_rules_of_one_name_are_told_apart(whole: str) -> None:
    labels = Page(whole).said("text")
    assert {"Out of n1 (default)", "Out of n1 (user)", "NoRdp of n1"} <= set(labels)


def test_times_are_utc_and_said_to_be(whole: str) -> None:
    text = Page(whole).all_text
    assert "All times are UTC." in text
    assert "denied tuples. Data: a list of 2026-08." in text
    assert "from 2026-08-13 00:00Z" in text
    assert "2026-08-13 20:31Z" in text
    assert "at 2026-08-14 09:30Z" in text


def test_a_time_without_rows_is_told() -> None:
    parsed = is_harmless(made(None, []))
    assert parsed.said("h2") == ["No rows", "Findings"]
    assert parsed.named("svg") == []
    assert "no sign that nothing happened" in parsed.all_text
    assert "None." in parsed.said("p")


def test_a_log_that_counts_little_makes_a_page(tmp_path: Path) -> None:
    """Rows of one kind alone: nothing begins, no bytes, no ports."""
    for name, tuples in {
        "continued": [row(0, "C", "10.0.0.4,10.0.1.4,,,1", "O")],
        "begun": [row(0, "B", "10.0.0.4,10.0.1.4,1,443,6", "O")],
        "denied": [row(0, "D", "10.0.0.4,10.0.1.4,1,443,6", "O")],
    }.items():
        found = ask(small_lake(tmp_path / name, [vnet4(*tuples)]))
        assert found is not None
        is_harmless(made(found, []))


def evil_finding(text: str) -> Told:
    rule = {**RULE, "ruleName": text, "ruleId": text, "acl": text, "differs": text}
    cure: dict[str, Any] = dict.fromkeys(("what", "why", "az", "arm", "terraform"), text)
    words = {"sources": (text,), "technique": text, "evidence": {text: text}}
    return Told(replace(GUESSES, **words), rule, cure)


def test_names_out_of_logs_are_text_and_nothing_else(tmp_path: Path) -> None:
    begun = row(0, "B", "10.0.0.4,8.8.8.8,1,443,6", "O")
    named = [vnet4(begun, rule=f"UserRule_{one}", acl=f"/x/{one}") for one in EVIL]
    lake = small_lake(tmp_path, [*RECORDS, *named])
    countries = iter(EVIL)
    found = ask(lake, countries=lambda addresses: [next(countries) for _ in addresses])
    assert found is not None
    findings = [evil_finding(one) for one in EVIL]
    time = Timeline.between(found.first, found.last)
    assert of_findings(lake, [one.finding for one in findings], time) == [[]] * len(EVIL)
    words = {"lake": EVIL[0], "asked": EVIL[1], "interfaces": {"00224800001": EVIL[2]}}
    harmless = is_harmless(made(found, findings, timelines=[found.timeline] * 6, **words))
    shown = harmless.all_text
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    for text in EVIL:
        if text.isprintable():
            assert shown.count(" ".join(text.split())) > 8, text
            assert any(label.startswith(text[:12]) for label in harmless.said("text")), "a rule"


@settings(max_examples=25, deadline=None)
@given(text=st.text(min_size=1, max_size=40))
def test_any_text_in_a_finding_is_text(text: str) -> None:
    one = Told(replace(GUESSES, sources=(text,), evidence={text: text}), {"ruleName": text})
    is_harmless(made(None, [one], lake=text))


def test_many_findings_are_bounded(traffic: Traffic) -> None:
    many = [changed(GUESSES, ports=(n,)) for n in range(MOST_CARDS + 40)]
    text = made(traffic, many)
    parsed = is_harmless(text)
    cards = [of for of in parsed.named("details") if str(of.get("class")).startswith("card")]
    assert len(cards) == MOST_CARDS
    assert sum("open" in of for of in cards) == 6
    assert "And 40 more, none of them more severe" in parsed.all_text
    long = changed(GUESSES, sources=tuple(f"2001:db8::{n:x}" for n in range(9000)))
    assert "and 8,988 more" in Page(made(traffic, [long])).all_text
    assert len(made(traffic, [long])) < 300_000


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_950, "1.0 MB"), (123_456_789, "123 MB"),
     (10**18, "1,000 PB")],
)  # fmt: skip
def test_bytes_read_well(count: int, text: str) -> None:
    assert size(count) == text


def test_ports_and_rules_have_names() -> None:
    assert port_name(Port(6, 443, 0, 0)) == "TCP 443 HTTPS"
    assert port_name(Port(17, 4000, 0, 0)) == "UDP 4000"
    assert port_name(Port(6, 0, 0, 0)) == "TCP 0"
    assert port_name(Port(1, 0, 0, 0)) == port_name(Port(1, None, 0, 0)) == "ICMP"
    assert port_name(Port(200, None, 0, 0)) == "200"
    assert rule_label(Rule("a", "user", "/x/n1", "A", 1, NOW)) == "a of n1"
    assert rule_label(Rule("", "platform", "", "A", 1, NOW)) == "(platform)"


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_it_without_an_error(tmp_path: Path, whole: str) -> None:
    assert CHROMIUM is not None
    (tmp_path / "r.html").write_text(whole, "utf-8")
    words = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
        --disable-background-networking --disable-component-update --disable-sync
        --enable-logging=stderr --window-size=900,1200""".split()
    done = subprocess.run(
        [CHROMIUM, *words, f"--user-data-dir={tmp_path / 'user'}", "--dump-dom",
         (tmp_path / "r.html").as_uri()],
        check=True, capture_output=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert ":CONSOLE" not in done.stderr, "nothing that the page's own policy refuses"
    shown = Page(done.stdout)
    assert len(shown.named("svg")) == 9
    assert shown.said("h2") == Page(whole).said("h2")


def test_a_talker_of_the_estate_has_a_name(traffic: Traffic) -> None:
    class Named(Places):
        def host(self, address: str) -> str:
            return "web-01" if address == "10.0.1.4" else ""

    busy = replace(traffic, talkers=[Talker("10.0.1.4", 1, 2, 3)])
    known = replace(content(busy, [changed(GUESSES, targets=("10.0.1.4",))]), places=Named())
    parsed = Page(page(known, NOW, "1"))
    assert "10.0.1.4 web-01" in parsed.said("td")
    assert "10.0.1.4 (web-01), port 3389" in parsed.said("dd")
