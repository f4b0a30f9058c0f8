"""Flow logs as they are set up: what is to be logged, and where to."""

from __future__ import annotations

from dataclasses import field

from flowverdict.model.diagnostics import Position
from flowverdict.model.ids import ResourceId
from flowverdict.model.value import value


@value
class FlowLog:
    """A flow log resource of a Network Watcher.

    Attributes:
        target: what is logged: a network security group, or a virtual network, subnet or interface.
        storage: the storage account that the blobs go to.
        retention_days: after how many days they are deleted; 0 keeps them.
        criteria: the filter, as it is written; empty where everything is logged.
        record_types: the record types that are written, as written; empty where all are.
        workspace: where Traffic Analytics goes to; None without it.
    """

    id: ResourceId
    target: ResourceId
    enabled: bool
    storage: ResourceId | None = None
    retention_days: int = 0
    criteria: str = ""
    record_types: str = ""
    workspace: ResourceId | None = None
    where: Position | None = field(default=None, compare=False)

    @property
    def is_of_nsg(self) -> bool:
        """Whether it is an NSG flow log, the kind that Azure retires."""
        return self.target.type == "microsoft.network/networksecuritygroups"

    @property
    def settings(self) -> tuple[object, ...]:
        """What two flow logs must have in common to become one."""
        return self.storage, self.retention_days, self.criteria, self.record_types, self.workspace
