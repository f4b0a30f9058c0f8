"""Flow logs of Network Watchers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flowverdict.model import FlowLog, ResourceId

if TYPE_CHECKING:
    from flowverdict.load.node import Node

_MOST_DAYS: Final = 365


def read_flow_log(node: Node, resource: ResourceId) -> FlowLog:
    """Reads a flow log, of an NSG or of a virtual network, subnet or interface."""
    node.need_body("targetResourceId")
    node.need("enabled", "`enabled`: true or false")
    return FlowLog(
        id=resource,
        target=node.need("targetResourceId").as_id(),
        enabled=node.flag("enabled", default=False),
        storage=node.reference("storageId") if node.text("storageId") else None,
        retention_days=_retention(node),
        criteria=node.text("enabledFilteringCriteria"),
        record_types=node.text("recordTypes"),
        workspace=_workspace(node),
        where=node.where,
    )


def _retention(node: Node) -> int:
    """Returns after how many days blobs are deleted; 0 days, or switched off, keep them."""
    policy = node.get("retentionPolicy")
    days = policy.get("days") if policy else None
    if policy is None or days is None:
        return 0
    if not 0 <= days.as_integer() <= _MOST_DAYS:
        raise days.fail("retention", f"{days.value} days", f"0, or 1 to {_MOST_DAYS}")
    return days.as_integer() if policy.flag("enabled", default=False) else 0


def _workspace(node: Node) -> ResourceId | None:
    outer = node.get("flowAnalyticsConfiguration")
    inner = outer.get("networkWatcherFlowAnalyticsConfiguration") if outer else None
    if inner is None or not inner.flag("enabled", default=False):
        return None
    return inner.reference("workspaceResourceId") if inner.text("workspaceResourceId") else None
