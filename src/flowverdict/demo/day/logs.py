"""Which flow logs the bank has: most networks are logged as networks, some by their NSGs still."""

from __future__ import annotations

from dataclasses import dataclass

from flowverdict.demo.day.passages import Passage
from flowverdict.demo.day.rhythm import DAY, HOUR
from flowverdict.demo.plan.names import Place, guid
from flowverdict.demo.plan.networks import VNet

_NSG_LOGS = {"vnet-branches": "nsg2", "vnet-sandbox": "nsg1", "vnet-openbanking-dev": "nsg2"}
"""Networks whose NSGs are logged, and in which version."""
_ONLY_NSG_LOGS = ("vnet-branches", "vnet-sandbox")
_NO_LOG = ("vnet-savings-neu",)
"""Nobody has thought of it yet."""
_MOVING = "vnet-openbanking-dev"
_NEW_FROM, _OLD_UNTIL = 11 * HOUR, 14 * HOUR
"""When its new log begins and its old ones end: for three hours there are both."""

_NOWHERE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Entry:
    """Under what, and in which log, a passage is written down.

    Attributes:
        schema: `nsg1`, `nsg2` or `vnet4`.
        rule: without the log's prefix.
        kind: `user`, `default`, `admin` or `platform`.
        acl: ARM id of the NSG, or the GUID that stands for something else.
        target: the logged resource.
        flow_log: id of the flow log; None in logs of NSGs.
        begin: milliseconds since midnight, from which on the log is there; before `end`.
    """

    schema: str
    rule: str
    kind: str
    acl: str
    target: str
    flow_log: str | None
    begin: int = 0
    end: int = DAY


def entries(passage: Passage) -> list[Entry]:
    """Returns where a passage is logged: in the network's log, in an NSG's, in both or in none.

    The log of an NSG knows what its own rules decided. What an admin rule ends or waves through,
    and what no NSG stands before, only the log of a network tells.
    """
    nic, ruling = passage.nic, passage.ruling
    if nic.endpoint is not None:
        return []  # Azure logs private endpoints at the originator alone
    vnet = nic.vnet
    found: list[Entry] = []
    version = _NSG_LOGS.get(vnet.name)
    is_by_nsg = ruling.layer in ("subnet", "nic")
    if version and is_by_nsg:
        assert ruling.rule is not None
        assert ruling.resource is not None
        kind = "default" if ruling.is_default else "user"
        nsg = ruling.resource.upper()
        end = _OLD_UNTIL if vnet.name == _MOVING else DAY
        found.append(Entry(version, ruling.rule, kind, nsg, nsg, None, end=end))
    if vnet.name not in (*_ONLY_NSG_LOGS, *_NO_LOG):
        begin = _NEW_FROM if vnet.name == _MOVING else 0
        found.append(_in_network_log(passage, begin))
    return found


def _in_network_log(passage: Passage, begin: int) -> Entry:
    ruling, vnet = passage.ruling, passage.nic.vnet
    rule, kind, acl = "PlatformRule", "platform", _NOWHERE
    if ruling.rule is not None and ruling.resource is not None:
        rule, acl = ruling.rule, ruling.resource
        kind = "default" if ruling.is_default else "user"
        if ruling.layer == "admin":
            # Azure names an admin rule by a bare GUID; whose it is, is not documented: here it is
            # the network manager's.
            kind, acl = "admin", guid("resource", acl)
    return Entry("vnet4", rule, kind, acl, vnet.id, _flow_log(vnet), begin)


def _flow_log(vnet: VNet) -> str:
    """Id of a network's flow log, in capitals as records have it."""
    region = vnet.place.region
    place = Place(vnet.place.subscription, "NetworkWatcherRG", region)
    watcher = place.id("Microsoft.Network/networkWatchers", f"NetworkWatcher_{region}")
    return f"{watcher}/flowLogs/{vnet.name}-{vnet.place.group}-flowlog".upper()
