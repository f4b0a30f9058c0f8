"""The checks by name: what each finds, and why it matters."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class Level(IntEnum):
    """How much a finding matters; a higher one matters more."""

    NOTE = 1
    WARNING = 2
    ERROR = 3


class Check(NamedTuple):
    """A check.

    Attributes:
        level: how much its findings matter.
        finds: what it finds, in one sentence.
    """

    level: Level
    finds: str


CHECKS: Final[dict[str, Check]] = {
    "shadowed": Check(
        Level.WARNING,
        "A rule that no packet reaches: rules before it decide otherwise about its packets.",
    ),
    "redundant": Check(
        Level.NOTE,
        "A rule without which every packet gets the same verdict.",
    ),
    "mergeable": Check(
        Level.NOTE,
        "Two rules that differ in one field, and could be one rule with a list there.",
    ),
    "contradictory": Check(
        Level.NOTE,
        "Rules of which one allows and one denies some packets, and neither is an exception of "
        "the other: only the order of their priorities tells what is meant.",
    ),
    "dead-by-admin-rule": Check(
        Level.WARNING,
        "An NSG rule that decides nothing, because admin rules decide before it wherever its NSG "
        "is attached.",
    ),
    "dead-by-other-nsg": Check(
        Level.WARNING,
        "An NSG rule that decides nothing, because the other NSG of subnet and interface denies "
        "its packets wherever its NSG is attached.",
    ),
    "matches-no-address": Check(
        Level.WARNING,
        "An NSG rule for packets that no interface behind the NSG sends or receives, such as one "
        "for a public address: an NSG sees private addresses.",
    ),
    "shadowed-admin-rule": Check(
        Level.WARNING,
        "An admin rule that no packet reaches in any virtual network, because admin rules before "
        "it decide about its packets.",
    ),
    "admin-rule-reaches-nothing": Check(
        Level.WARNING,
        "A rule collection whose network groups hold no virtual network of the estate.",
    ),
    "configuration-not-deployed": Check(
        Level.WARNING,
        "A security admin configuration that is not in force in a region where its groups have "
        "members.",
    ),
    "edited-since-commit": Check(
        Level.WARNING,
        "An admin rule or collection that was changed after the last commit: what is deployed is "
        "the text before.",
    ),
    "stale-group-prefixes": Check(
        Level.WARNING,
        "A network group used as source or destination that gained members after the commit: "
        "their prefixes are not in the rule.",
    ),
    "skipped-vnet": Check(
        Level.WARNING,
        "A virtual network that a deployed configuration is meant for, and to which Azure does "
        "not apply it, in whole or in part.",
    ),
    "skipped-subnet": Check(
        Level.NOTE,
        "A subnet to which Azure does not apply the admin rules of its virtual network.",
    ),
    "out-of-scope": Check(
        Level.WARNING,
        "A member of a network group that is out of its manager's scope: no rule reaches it.",
    ),
    "no-nsg": Check(
        Level.WARNING,
        "An interface without an NSG on it and on its subnet: every packet passes that no admin "
        "rule stops.",
    ),
    "unattached-nsg": Check(Level.NOTE, "An NSG that stands before nothing in the estate."),
    "empty-asg": Check(
        Level.NOTE,
        "A rule that names an application security group without members, and so matches nothing "
        "on that side.",
    ),
    "unknown-tag": Check(
        Level.WARNING,
        "A rule that names a service tag that the data lacks: where it matters the verdict is "
        "Unknown.",
    ),
    "several-tags": Check(
        Level.NOTE,
        "A rule with several service tags on one side, which Azure's documents rule out.",
    ),
    "ports-of-icmp": Check(
        Level.NOTE,
        "A rule for ICMP with ports: ICMP has none, and they count for nothing.",
    ),
    "limit": Check(Level.WARNING, "More of something than Azure's limits allow."),
    "near-limit": Check(Level.NOTE, "Nine tenths or more of one of Azure's limits."),
    "input": Check(Level.WARNING, "What reading the estate had to say of a resource."),
    "not-finished": Check(Level.WARNING, "A list of rules that takes more work than is granted."),
}
"""Every check, in the order in which findings are told."""
