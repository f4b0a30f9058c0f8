"""The path of a flow-log blob: read in every spelling that is met, written as Azure writes it.

A path names the hour in which records were written, not the one in which packets passed: a tuple
of 20:59:30 may stand in the blob of 21:00. The time of a path therefore chooses which blobs are
worth opening, with an hour to spare on both sides; it never filters rows. Source: flow-log
specification, sections 4.1 and 13.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from urllib.parse import quote, unquote

Family = Literal["nsg", "vnet"]

CONTAINERS: Final[dict[Family, str]] = {
    "nsg": "insights-logs-networksecuritygroupflowevent",
    "vnet": "insights-logs-flowlogflowevent",
}
"""The containers into which Azure writes flow logs."""

_TAIL: Final = re.compile(
    r"""/y[=_](\d{1,4})/m[=_](\d{1,4})/d[=_](\d{1,4})/h[=_](\d{1,4})/m[=_]\d{1,4}
    (?:/macAddress[=_]([^/]+))?/PT1H\.json(\.gz)?(?:\?.*)?\Z""",
    re.VERBOSE | re.IGNORECASE | re.ASCII | re.DOTALL,
)
"""From the year on; the key ``m`` is the month first and the minute, always 00, later."""
_OWNER: Final = re.compile(r"(?:\A|/)(flowLogResourceID|resourceId)(?:[=_]/|=|/)", re.IGNORECASE)
_NSG: Final = re.compile(r"/NETWORKSECURITYGROUPS/([^/]+)\Z", re.IGNORECASE)
_FLOW_LOG: Final = re.compile(r"/FLOWLOGS/([^/]+)\Z", re.IGNORECASE)
_WATCHER: Final = re.compile(r"NETWORKWATCHER_[A-Z0-9]+_(.+)\Z", re.IGNORECASE | re.DOTALL)
"""A region has no underscore in its name."""
_ARM_FLOW_LOG: Final = re.compile(
    r"""/SUBSCRIPTIONS/([^/]+)/RESOURCEGROUPS/([^/]+)/PROVIDERS/MICROSOFT\.NETWORK
    /NETWORKWATCHERS/([^/]+)/FLOWLOGS/([^/]+)\Z""",
    re.VERBOSE,
)
_PLAIN: Final = "()~!$&',;@+ "
"""What stands unescaped in a path besides letters, digits and ``_.-``."""


@dataclass(frozen=True, slots=True)
class BlobPath:
    """What a path says about its blob.

    Attributes:
        family: of which kind of flow log it is.
        name: the NSG's name, or the flow log's as far as it can be told from its watcher's.
        hour: when its records were written, to the hour, UTC; None if the path names no such
            hour. Not the time of the rows, and no filter for them.
        mac: the logged interface, twelve hexadecimal digits in upper case; None in old NSG logs,
            whose records have it.
        gz: whether it has been packed.
        warnings: ``bad_ts`` where the path's time is none.
    """

    family: Family
    name: str
    hour: datetime | None
    mac: str | None
    gz: bool
    warnings: tuple[str, ...] = ()


def parse_path(text: str) -> BlobPath | None:
    r"""Reads the path of a flow-log blob, whatever stands before it.

    All three spellings of VNet flow logs are read, percent-encoded or not, with the slashes of
    Windows or not, ``=`` replaced by ``_`` or not, and with the query of an address behind them.

    Args:
        text: a path inside a container, a local path or an address.

    Returns:
        What it says; None if it is not the path of a flow-log blob, which does not mean that the
        file holds none.

    Examples:
        >>> nsg = "resourceId=/SUBSCRIPTIONS/S/RESOURCEGROUPS/R/PROVIDERS/MICROSOFT.NETWORK"
        >>> nsg += "/NETWORKSECURITYGROUPS/WEB"
        >>> found = parse_path(f"logs/{nsg}/y=2018/m=11/d=13/h=12/m=00/PT1H.json")
        >>> found.family, found.name, found.hour.hour
        ('nsg', 'WEB', 12)
    """
    path = _unified(text)
    tail = _TAIL.search(path)
    if tail is None:
        return None
    owner = _owner(path[: tail.start()])
    if owner is None:
        return None
    family, name = owner
    year, month, day, hour, mac, gz = tail.groups()
    warnings: tuple[str, ...] = ()
    try:
        written = datetime(int(year), int(month), int(day), int(hour), tzinfo=UTC)
    except ValueError:
        written, warnings = None, ("bad_ts",)
    return BlobPath(family, name, written, _mac(mac), gz is not None, warnings)


def _unified(text: str) -> str:
    """Returns a path decoded, with one kind of slash and none twice."""
    for _ in range(2):
        text = unquote(text)
    return re.sub(r"[/\\]+", "/", text)


def _owner(path: str) -> tuple[Family, str] | None:
    """Returns the family and the name of the log out of what stands before the year."""
    keys = list(_OWNER.finditer(path))
    if not keys:
        return None
    found = keys[-1]
    resource = "/" + path[found.end() :]
    if found.group(1).lower() == "resourceid":
        nsg = _NSG.search(resource)
        return ("nsg", nsg.group(1)) if nsg else None
    if (flow_log := _FLOW_LOG.search(resource)) is not None:
        return "vnet", flow_log.group(1)
    last = resource.rpartition("/")[2]
    behind = _WATCHER.match(last)
    name = behind.group(1) if behind else last
    return ("vnet", name) if name else None


def _mac(text: str | None) -> str | None:
    if text is None:
        return None
    plain = re.sub(r"[-:.]", "", text).upper()
    return plain if re.fullmatch(r"[0-9A-F]{12}", plain) else text


def blob_path(family: Family, resource: str, hour: datetime, mac: str | None) -> str:
    """Returns the path that Azure gives to a blob, from its container on.

    The container is the part before the first slash, the rest the blob's name in it.

    Args:
        family: of which kind of flow log it is.
        resource: the ARM id of the NSG or of the flow log, in any case. A flow log whose id is
            complete gets the path met in practice, ``/{SUBSCRIPTION}_{GROUP}/{WATCHER}_{NAME}``;
            of anything else the id itself is the path, as the documentation has it.
        hour: when the records were written: an aware time, minutes and below being ignored.
        mac: the logged interface; without one the path has no such level.
    """
    resource = "/" + resource.upper().strip("/")
    key = "resourceId"
    if family == "vnet":
        key = "flowLogResourceID"
        if (found := _ARM_FLOW_LOG.match(resource)) is not None:
            subscription, group, watcher, name = found.groups()
            resource = f"/{subscription}_{group}/{watcher}_{name}"
    owner = "/".join(_segment(one) for one in resource.split("/"))
    when = hour.astimezone(UTC)
    time = f"y={when.year:04}/m={when.month:02}/d={when.day:02}/h={when.hour:02}/m=00"
    level = f"/macAddress={_segment(mac)}" if mac else ""
    return f"{CONTAINERS[family]}/{key}={owner}/{time}{level}/PT1H.json"


def _segment(text: str) -> str:
    """Returns one level of a path; what would be another level, or lead out, is escaped."""
    if text.strip(".") == "":
        return text.replace(".", "%2E")
    return quote(text, safe=_PLAIN)
