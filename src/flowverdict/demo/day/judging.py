"""What the day asks of the rules, which it does not know itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from flowverdict.demo.plan.networks import Direction


@dataclass(frozen=True, slots=True)
class Asked:
    """One packet at one interface, in the words of `verify`.

    Attributes:
        nic: ARM id of the interface.
        protocol: `TCP` or `UDP`.
        local: `IP[:PORT]` of the interface's side; IPv6 stands in brackets before a port.
        remote: likewise of the other side.
    """

    nic: str
    direction: Direction
    protocol: str
    local: str
    remote: str


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say to it.

    Attributes:
        layer: the layer that decided; None where nothing stands in the way.
        rule: the name of the deciding rule, without a prefix; None where none decided.
        resource: ARM id of the NSG or the network manager that the rule belongs to.
    """

    allowed: bool
    layer: str | None = None
    rule: str | None = None
    is_default: bool = False
    resource: str | None = None


Judge: TypeAlias = Callable[[Asked], Ruling]
