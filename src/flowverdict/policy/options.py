"""The choices that Azure's documents leave open, each with a name and a default.

Every option has its page in ``docs/semantics``; the letters Q1 to Q16 are those of the project's
list of open questions.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final

from flowverdict.model import ResourceId
from flowverdict.model.value import value
from flowverdict.net import EMPTY, IntervalSet, parse_prefixes

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "multi_manager_allow": ("final", "continue"),
    "udr_in_virtual_network": ("forwarded", "all", "none"),
    "learned_routes": ("private", "any", "none"),
    "connected_groups": ("on", "off"),
    "platform_exemptions": ("on", "off"),
    "no_nsg": ("allow", "error"),
}
"""The words of each option that is a choice; the first is the default."""

ABOUT: Final[dict[str, str]] = {
    "multi_manager_allow": "an admin Allow of a higher manager ends the admin stage, or lets the "
    "next manager's rules be evaluated (Q4)",
    "udr_in_virtual_network": "which user-defined routes widen the VirtualNetwork tag, by next "
    "hop: all but Internet and None, all, none (Q6)",
    "learned_routes": "which addresses routes learned over ExpressRoute or BGP may hold: their "
    "verdicts are Unknown where it matters",
    "connected_groups": "members of a mesh of Network Manager are in the VirtualNetwork tag (Q14)",
    "platform_exemptions": "DNS, DHCP, instance metadata, WireServer and Windows activation are "
    "exempt from rules",
    "no_nsg": "without any NSG traffic is allowed, or refused as IP flow verify does (Q9)",
    "on_premises": "on-premises prefixes that belong to the VirtualNetwork tag",
    "admin_rules_skip": "ids of virtual networks or subnets in which admin rules are not applied",
    "admin_rules_apply": "ids of virtual networks or subnets in which admin rules are applied, "
    "whatever service is there",
}
"""One line about each option."""


@value
class Options:
    """How open questions are answered; see ``ABOUT`` for each.

    Attributes:
        assume_deployed: evaluate security admin configurations as if they were deployed.
    """

    multi_manager_allow: str = "final"
    udr_in_virtual_network: str = "forwarded"
    learned_routes: str = "private"
    connected_groups: str = "on"
    platform_exemptions: str = "on"
    no_nsg: str = "allow"
    on_premises: IntervalSet = EMPTY
    admin_rules_skip: tuple[ResourceId, ...] = ()
    admin_rules_apply: tuple[ResourceId, ...] = ()
    assume_deployed: bool = False

    def __post_init__(self) -> None:
        """Refuses a word that is no choice."""
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                expected = ", ".join(f"`{one}`" for one in choices)
                shown = name.replace("_", "-")
                raise ValueError(f"{shown}: `{getattr(self, name)}`: expected one of {expected}")

    def with_setting(self, name: str, value: str) -> Options:
        """Returns the options with one more setting, both as text; dashes for underscores.

        Raises:
            ValueError: there is no such option, or the value is none of its.
        """
        field = name.strip().replace("-", "_").lower()
        if field not in ABOUT:
            names = ", ".join(f"`{one.name.replace('_', '-')}`" for one in fields(self)[:-1])
            raise ValueError(f"`{name}` is no option: expected one of {names}")
        parts = [part.strip() for part in value.split(",") if part.strip()]
        if field == "on_premises":
            return replace(self, on_premises=parse_prefixes(parts))
        if field in ("admin_rules_skip", "admin_rules_apply"):
            return replace(self, **{field: tuple(ResourceId(part) for part in parts)})
        return replace(self, **{field: value.strip().lower()})


DEFAULTS: Final = Options()
"""What is used where nothing else is asked for."""

IP_FLOW_VERIFY: Final = Options(platform_exemptions="off", no_nsg="error")
"""Closest to what Azure's IP flow verify answers (policy specification, 4.4 and 5.4)."""
