"""Coverage as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.cli.render import coloured, table
from flowverdict.traffic import (
    BYTES_NSG,
    BYTES_VNET,
    CLOSED_SINCE,
    RETIRES,
    Tally,
    moment,
    plan,
    take_stock,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowverdict.model import Estate, ResourceId
    from flowverdict.traffic import Gap, Hour, Interface, Migration, Target

_MOST: Final = 200
_MOST_GAPS: Final = 6
_HOUR: Final = 60


def text_lines(interfaces: Iterable[Interface], estate: Estate | None, *, by: str) -> Iterator[str]:
    """Yields what is logged, then what is not, then what is to be done about NSG logs."""
    tally = Tally()
    of = _hour_rows if by == "hour" else _interface_rows
    rows = [row for one in tally.passing(interfaces) for row in of(one, estate)]
    yield from _table(_HEADS[by], rows)
    if not rows:
        yield "no rows at all"
    if estate is not None:
        yield from _stock_lines(tally, estate)
    yield from _nsg_lines(tally, estate)
    yield from _part(
        "Logged twice, by NSG and VNet flow logs alike",
        ("MAC", "INTERFACE", "MINUTES"),
        [(mac, _names(mac, estate), f"{n:,}") for mac, n in tally.doubled.items()],
    )


_HEADS: Final = {
    "interface": ("MAC", "INTERFACE", "LOGS", "ROWS", "FIRST", "LAST", "MINUTES WITH ROWS",
                  "LONGEST WITHOUT"),
    "hour": ("MAC", "INTERFACE", "HOUR", "LOGS", "ROWS", "MINUTES", "WITHOUT ROWS"),
}  # fmt: skip


def _interface_rows(one: Interface, estate: Estate | None) -> Iterator[tuple[str, ...]]:
    rows, span = one.rows, one.span
    longest = max(one.gaps(), key=lambda gap: gap.minutes, default=None)
    yield (
        one.mac or "-",
        _names(one.mac, estate),
        ", ".join(sorted({log.schema for log in rows})),
        f"{sum(rows.values()):,}",
        _time(span.first),
        _time(span.behind - 1),
        f"{one.minutes:,} of {span.minutes:,}",
        f"{longest.minutes:,} from {_time(longest.first)}" if longest else "-",
    )


def _hour_rows(one: Interface, estate: Estate | None) -> Iterator[tuple[str, ...]]:
    before: Hour | None = None
    for hour in one.hours:
        about = (one.mac or "-", _names(one.mac, estate))
        if before is not None and hour.start > before.start + 1:
            first, last = (before.start + 1) * _HOUR, hour.start * _HOUR
            yield (*about, _time(first), "-", "0", "0", f"all until {_time(last)}")
        yield (
            *about,
            _time(hour.start * _HOUR),
            ", ".join(sorted({log.schema for log in hour.rows})),
            f"{sum(hour.rows.values()):,}",
            str(hour.minutes.bit_count()),
            _ranges(one.gaps_in(hour)),
        )
        before = hour


def _ranges(gaps: Sequence[Gap]) -> str:
    texts = [
        f"{moment(gap.first):%H:%M}" + (f"-{moment(gap.behind - 1):%H:%M}" * (gap.minutes > 1))
        for gap in gaps[:_MOST_GAPS]
    ]
    if len(gaps) > _MOST_GAPS:
        texts.append(f"and {len(gaps) - _MOST_GAPS} more")
    return ", ".join(texts) or "-"


def _time(minute: int) -> str:
    return f"{moment(minute):%Y-%m-%d %H:%M}"


def _names(mac: str | None, estate: Estate | None) -> str:
    nics = estate.nics_by_mac.get(mac or "", []) if estate else []
    return ", ".join(nic.id.name for nic in nics) or "-"


def _stock_lines(tally: Tally, estate: Estate) -> Iterator[str]:
    stock = take_stock(estate, tally.macs, tally.rows)
    yield from _part(
        "In the estate, and no row came",
        ("INTERFACE", "MAC", "WHY"),
        [(one.nic.name, one.mac, one.why) for one in stock.unlogged],
    )
    yield from _part(
        "In the logs, and no interface of the estate: a gateway, or what was not exported",
        ("MAC",),
        [(mac,) for mac in stock.unknown_macs],
    )
    yield from _part(
        "In the estate without a MAC address, or named there and not exported: cannot be told",
        ("INTERFACE",),
        [(nic.name,) for nic in (*stock.without_mac, *stock.absent)],
    )
    yield from _part(
        "Flow logs that are on, and of which no row came",
        ("FLOW LOG", "TARGET", "INTERFACES"),
        [(one.flow_log.id.name, one.flow_log.target.name, str(one.nics)) for one in stock.silent],
    )


def _nsg_lines(tally: Tally, estate: Estate | None) -> Iterator[str]:
    rows = tally.nsg_rows
    found = plan(estate, rows) if estate is not None else None
    if not rows and not (found and found.nsgs):
        return
    title = (
        f"NSG flow logs: Azure deletes them on {RETIRES}, and makes no new ones since "
        f"{CLOSED_SINCE}; VNet flow logs take their place"
    )
    if found is None:
        table_rows = [(nsg.name, f"{count:,}") for nsg, count in sorted(rows.items())]
        yield from _part(title, ("NSG", "ROWS"), table_rows)
        yield "what they see, and what takes their place: give the ESTATE"
    else:
        yield from _plan_lines(title, found)
    total = sum(rows.values())
    yield (
        f"Volume: {total:,} rows, about {_size(total * BYTES_NSG)}; as VNet flow logs about "
        f"{_size(total * BYTES_VNET)} ({BYTES_VNET / BYTES_NSG - 1:.0%} more), and rows of "
        "PlatformRule besides"
    )


def _size(count: float) -> str:
    unit, name = (1_000_000, "MB") if count >= 1_000_000 else (1_000, "KB")
    return f"{count / unit:,.1f} {name}"


def _plan_lines(title: str, found: Migration) -> Iterator[str]:
    words = {None: "not known", True: "yes", False: "no"}
    yield from _part(
        title,
        ("NSG", "ON", "ROWS", "INTERFACES", "ATTACHED TO"),
        [
            (one.nsg.name, words[one.enabled], f"{one.rows:,}", str(len(one.nics)),
             _joined(one.attached) if one.nsg not in found.unattached else "not in the estate")
            for one in found.nsgs
        ],
    )  # fmt: skip
    yield from _targets("In their place, the fewest VNet flow logs", found.targets)
    if [one.id for one in found.separate] != [one.id for one in found.targets]:
        yield from _targets("Without aggregation", found.separate)
    if [one.id for one in found.networks] != [one.id for one in found.targets]:
        yield from _targets("For comparison, one on each network", found.networks)
    yield ""


def _targets(title: str, targets: Sequence[Target]) -> Iterator[str]:
    yield from _part(
        title,
        (
            "TARGET",
            "TYPE",
            "EXISTS",
            "IN PLACE OF",
            "SEES STILL",
            "IN ADDITION",
            "NO LONGER",
        ),
        [
            (
                _short(one.id),
                one.kind,
                "yes" if one.exists else "no",
                _joined(one.replaces),
                str(len(one.kept)),
                _listed(one.gained),
                _listed(one.lost),
            )
            for one in targets
        ],
    )


def _short(place: ResourceId) -> str:
    return f"{place.parent.name}/{place.name}" if "/subnets/" in place.key else place.name


def _joined(ids: Iterable[ResourceId]) -> str:
    return _listed([_short(one) for one in ids])


def _listed(texts: Sequence[str]) -> str:
    """Returns names without their ids' long heads, the first few of many."""
    names = [one.rpartition("/")[2] if one.startswith("/") else one for one in texts]
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown or "-"


def _part(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield ""
        yield coloured(title, bold=True)
        yield from _table(head, rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from table([head, *rows[:_MOST]])
    if len(rows) > _MOST:
        yield f"and {len(rows) - _MOST:,} more: --output json has all"
