"""Flow rows under Traffic Analytics' names: the specification's 8.2, 8.3 and 13.6, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from flowverdict.traffic import TUPLES, analyse
from flowverdict.traffic.words import ENCRYPTION
from tests.traffic.logs import FLOW_LOG, NSG, nsg, rows, taken, tuple2, tuple4, vnet4


def analytics(*records: dict[str, Any]) -> list[dict[str, Any]]:
    return taken(analyse(rows(*records)), "FlowStartTime")


def totals(found: list[dict[str, Any]], *names: str) -> list[int]:
    return [sum(one[name] or 0 for one in found) for name in names]


def test_flows_are_counted_as_traffic_analytics_counts_them() -> None:
    """A01: three outbound flows that begin and end; the counters are those of the ends."""
    tuples = [
        tuple4(at, state, counters, flow=f"10.0.0.4,10.1.0.5,{port},443,6")
        for port in (50001, 50002, 50003)
        for at, state, counters in ((0, "B", "0,0,0,0"), (5, "E", "2,200,1,100"))
    ]
    found = analytics(vnet4(*tuples))
    assert {(one["DestPort"], one["AclRule"], one["FlowDirection"]) for one in found} == {
        (443, "x", "Outbound")
    }
    assert totals(found, "AllowedOutFlows", "CompletedFlows", "AllowedInFlows") == [3, 3, 0]
    assert totals(found, "PacketsSrcToDest", "BytesSrcToDest", "PacketsDestToSrc",
                  "BytesDestToSrc") == [6, 600, 3, 300]  # fmt: skip


def test_denied_rows_are_denied_flows() -> None:
    """A03, without what takes the network to know: the address is not blank."""
    tuples = [tuple4(at, "D", flow=f"203.0.113.7,10.0.0.4,{at + 1},22,6", direction="I")
              for at in range(40)]  # fmt: skip
    found = analytics(vnet4(*tuples))
    assert totals(found, "DeniedInFlows", "AllowedInFlows", "CompletedFlows") == [40, 0, 0]
    assert {one["SrcIp"] for one in found} == {"203.0.113.7"}
    assert {one["FlowStatus"] for one in found} == {"Denied"}


def test_the_interval_is_the_hour_of_the_tuple() -> None:
    """A04: 20:59 and 21:01 are two intervals."""
    found = analytics(vnet4(tuple4(1680, "B"), tuple4(1760, "E")))  # 20:59:46 and 21:01:06
    assert [one["FlowIntervalStartTime"].hour for one in found] == [20, 21]
    assert [one["FlowIntervalEndTime"].hour for one in found] == [21, 22]


def test_both_ends_of_a_flow_are_rows() -> None:
    """A06."""
    found = analytics(vnet4(tuple4(0, "B"), mac="A"), vnet4(tuple4(1, "B", direction="I"), mac="B"))
    assert [(one["MacAddress"], one["FlowDirection"]) for one in found] == [
        ("A", "Outbound"), ("B", "Inbound"),
    ]  # fmt: skip


def test_the_platforms_rule_has_its_own_name() -> None:
    """A09."""
    (one,) = analytics(vnet4(tuple4(0, "B"), rule="PlatformRule"))
    assert (one["AclRule"], one["FlowStatus"]) == ("platformrule", "Allowed")


@pytest.mark.parametrize(("token", "label"), [*ENCRYPTION.items(), ("NX_NEW", "NX_NEW")])
def test_encryption_has_its_label(token: str, label: str) -> None:
    (one,) = analytics(vnet4(tuple4(0, "B", encryption=token)))
    assert one["FlowEncryption"] == label


def test_ids_are_as_short_as_in_traffic_analytics() -> None:
    (one,) = analytics(vnet4(tuple4(0, "B")))
    assert one["AclGroup"] == "/".join(NSG.split("/")[i] for i in (2, 4, 8)) == "s/net/n1"
    upper = FLOW_LOG.upper().split("/")
    assert one["FlowLogResourceId"] == "/".join(upper[i] for i in (4, 8, 10)) == "NW/W/F"


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("/s/virtualNetworks/v", "VirtualNetwork"),
        ("/s/virtualNetworks/v/subnets/s1", "Subnet"),
        ("/s/networkInterfaces/n", "NetworkInterface"),
        ("/s/other", None),
    ],
)
def test_the_target_has_its_type(target: str, kind: str | None) -> None:
    (one,) = analytics(vnet4(tuple4(0, "B"), target=target))
    assert (one["TargetResourceId"], one["TargetResourceType"]) == (target, kind)


def test_nsg_logs_of_both_versions() -> None:
    """Version 1 has no state: each row is a flow that was new."""
    one, two = analytics(
        nsg(tuple2(0, "A"), version=1), nsg(tuple2(1, "A,E,2,200,,", "fd00::4,fd00::5,1,53,U,I"))
    )
    assert totals([one], "AllowedOutFlows", "CompletedFlows") == [1, 0]
    assert (one["FlowEncryption"], one["FlowLogResourceId"]) == (None, None)
    assert one["TargetResourceType"] == "NetworkSecurityGroup"
    assert (two["L4Protocol"], two["DestIp"]) == ("U", "fd00::5")
    assert (two["BytesSrcToDest"], two["BytesDestToSrc"]) == (200, None)
    assert totals([two], "AllowedInFlows", "CompletedFlows") == [0, 1]


def test_the_columns_are_as_declared() -> None:
    (batch,) = analyse(rows(vnet4(tuple4(0, "B"))))
    assert batch.schema.equals(TUPLES.schema)
