"""Pictures as SVG that needs no script: Vega-Lite by Altair, drawn by vl-convert.

Colours are variables of the page's style sheet, so that a picture is light or dark as the page is.
"""

# Altair's classes are made out of a schema: what their methods give is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import altair as alt
import vl_convert
from markupsafe import Markup, escape

from flowverdict.report.places import INTERNET, OTHERS
from flowverdict.report.told import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowverdict.report.timeline import Bucket
    from flowverdict.report.traffic import Cell

ALLOWED: Final = "allowed"
DENIED: Final = "denied"
_COLOURS: Final = alt.Scale(
    domain=[ALLOWED, DENIED, "interfaces"],
    range=["var(--allowed)", "var(--denied)", "var(--neutral)"],
)
_LEGEND: Final = alt.Legend(orient="top", title=None, symbolType="square", values=[ALLOWED, DENIED])
_FONT: Final = "Liberation Sans, Arial, Helvetica, sans-serif"
_WIDE: Final = 880
_HALF: Final = 240
_LINE: Final = 22
_LABEL: Final = 250
_SVG: Final = re.compile(r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)" viewBox="([^"]*)"[^>]*>')
_COUNT: Final = "~s"


def over_time(title: str, buckets: Sequence[Bucket]) -> Markup:
    """Draws flows that began and denied tuples over time, one upon the other."""
    return _drawn(title, _columns(_stacked(buckets), buckets, 10, _LEGEND, (_WIDE, 190)))


def spark(title: str, buckets: Sequence[Bucket]) -> Markup:
    """Draws the same, small: the timeline of one finding."""
    return _drawn(title, _columns(_stacked(buckets), buckets, 6, None, (560, 52)))


def interfaces(title: str, buckets: Sequence[Bucket]) -> Markup:
    """Draws how many interfaces have rows, over time."""
    rows = [_piece(one, 0, one.interfaces, "interfaces") for one in buckets if one.interfaces]
    return _drawn(title, _columns(rows, buckets, 10, None, (_WIDE, 110)))


def _stacked(buckets: Iterable[Bucket]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for one in buckets:
        if one.begun:
            rows.append(_piece(one, 0, one.begun, ALLOWED))
        if one.denied:
            rows.append(_piece(one, one.begun, one.begun + one.denied, DENIED))
    return rows


def _piece(one: Bucket, low: int, high: int, what: str) -> dict[str, Any]:
    ends = {"from": one.start.isoformat(), "to": one.end.isoformat()}
    return {**ends, "low": low, "high": high, "what": what}


def _columns(
    rows: list[dict[str, Any]],
    buckets: Sequence[Bucket],
    ticks: int,
    legend: alt.Legend | None,
    size: tuple[int, int],
) -> alt.Chart:
    """Returns columns as wide as the pieces of a timeline."""
    width, height = size
    highest = max((row["high"] for row in rows), default=0)
    axis = alt.Axis(format=_COUNT, tickCount=min(2 + height // 80, highest), tickMinStep=1)
    return (
        alt.Chart(_data(rows))
        .mark_rect()
        .encode(
            x=_time_axis(buckets, ticks),
            x2="to:T",
            y=alt.Y("low:Q", title=None, axis=axis),
            y2="high:Q",
            color=alt.Color("what:N", scale=_COLOURS, legend=legend),
        )
        .properties(width=width, height=height)
    )


def bars(title: str, rows: Iterable[tuple[str, int, str]], *, unit: str = "") -> Markup:
    """Draws lines with a label and a bar, in the order of the rows.

    Args:
        title: what the picture shows.
        rows: label, length, and what it is: ``allowed``, ``denied`` or anything else; rows of one
            label are one line.
        unit: what is behind the numbers, such as ``B``.
    """
    lines = [(printable(label), count, what) for label, count, what in rows]
    labels = list(dict.fromkeys(label for label, _, _ in lines))
    kinds = list(dict.fromkeys(what for _, _, what in lines))
    values: list[dict[str, Any]] = [
        {"label": label, "count": count, "what": what} for label, count, what in lines
    ]
    known = {ALLOWED: "var(--allowed)", DENIED: "var(--denied)"}
    scale = alt.Scale(domain=kinds, range=[known.get(one, "var(--neutral)") for one in kinds])
    shown = f"format(datum.value, '{_COUNT}') + '{unit}'"
    chart = (
        alt.Chart(_data(values))
        .mark_bar(height=13)
        .encode(
            y=alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(
                labelLimit=_LABEL, ticks=False, domain=False, labelPadding=8,
                minExtent=_LABEL + 8, maxExtent=_LABEL + 8)),
            x=alt.X("count:Q", title=None, stack="zero", axis=alt.Axis(
                labelExpr=shown, tickCount=4, grid=True)),
            color=alt.Color("what:N", scale=scale, legend=_LEGEND if len(kinds) > 1 else None),
        )
        .properties(width=_HALF, height=_LINE * max(len(labels), 1))
    )  # fmt: skip
    return _drawn(title, chart)


def matrix(title: str, cells: Sequence[Cell]) -> Markup:
    """Draws who talks to whom: squares for flows that began, rings for denied tuples."""
    sources = _in_order(one.source for one in cells)
    targets = _in_order(one.target for one in cells)
    rows = [
        {"source": printable(one.source), "target": printable(one.target),
         ALLOWED: one.begun, DENIED: one.denied}
        for one in cells
    ]  # fmt: skip
    axis: dict[str, Any] = {
        "title": None,
        "labelLimit": _LABEL,
        "ticks": False,
        "domain": False,
        "grid": False,
    }
    base = alt.Chart(_data(rows)).encode(
        y=alt.Y("source:N", scale=alt.Scale(domain=sources), axis=alt.Axis(**axis)),
        x=alt.X("target:N", scale=alt.Scale(domain=targets), axis=alt.Axis(
            **axis, orient="top", labelAngle=-45)),
    )  # fmt: skip
    squares = (
        base.transform_filter(f"datum.{ALLOWED} > 0")
        .mark_rect(color="var(--allowed)", stroke="var(--paper)")
        .encode(opacity=_log("allowed", [0.25, 1.0]))
    )
    rings = (
        base.transform_filter(f"datum.{DENIED} > 0")
        .mark_point(color="var(--denied)", filled=False, strokeWidth=2.5)
        .encode(size=alt.Size(
            f"{DENIED}:Q", legend=None, scale=alt.Scale(type="log", range=[12, 260])))
    )  # fmt: skip
    layers = (squares + rings).properties(width=28 * len(targets), height=28 * len(sources))
    return _drawn(title, layers)


def _in_order(places: Iterable[str]) -> list[str]:
    names = {printable(one) for one in places}
    return sorted(names, key=lambda one: (one == OTHERS, one != INTERNET, one))


def _log(field: str, ends: list[float]) -> alt.Opacity:
    return alt.Opacity(f"{field}:Q", legend=None, scale=alt.Scale(type="log", range=ends))


def _time_axis(buckets: Sequence[Bucket], ticks: int) -> alt.X:
    domain = [buckets[0].start.isoformat(), buckets[-1].end.isoformat()] if buckets else None
    scale = alt.Scale(type="utc", domain=domain) if domain else alt.Scale(type="utc")
    days = (buckets[-1].end - buckets[0].start).days if buckets else 0
    form = "%H:%M" if days <= 1 else "%d %b %H:%M" if days <= 3 else "%d %b"
    axis = alt.Axis(format=form, tickCount=ticks if days <= 1 else ticks // 2, grid=False)
    return alt.X("from:T", title=None, scale=scale, axis=axis)


def _data(rows: Sequence[dict[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=list(rows))


def _drawn(title: str, chart: alt.TopLevelMixin) -> Markup:
    """Returns a picture as an element of a page, with its title for those who do not see it."""
    quiet: dict[str, Any] = {
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "gridColor": "var(--line)",
    }
    spec = chart.configure(
        aria=False,
        background="transparent",
        font=_FONT,
        axis=alt.AxisConfig(labelColor="var(--soft)", labelFontSize=12, **quiet),
        legend=alt.LegendConfig(labelColor="var(--soft)", labelFontSize=12),
        view=alt.ViewConfig(stroke=None),
    ).to_dict()
    drawn = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    opening = _SVG.match(drawn)
    assert opening is not None, "vl-convert tells the size of what it draws"
    width, height, box = opening.groups()
    head = (
        f'<svg role="img" viewBox="{box}" width="{width}" height="{height}" '
        f'style="max-width:{width}px"><title>{escape(printable(title))}</title>'
    )
    return Markup(head + drawn[opening.end() :])  # noqa: S704 vl-convert escapes what it writes
