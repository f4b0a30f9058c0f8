"""The whole bank put together: hubs, the networks of the stories, applications, peerings."""

from __future__ import annotations

from itertools import islice
from random import Random

from flowverdict.demo.plan import cast, operations, showcase
from flowverdict.demo.plan.hubs import make_hub
from flowverdict.demo.plan.networks import Peering, VNet
from flowverdict.demo.plan.organisation import (
    MOST_APPLICATIONS,
    REGIONS,
    Application,
    Tenant,
    applications,
)
from flowverdict.demo.plan.rulebook import TIERS
from flowverdict.demo.plan.spokes import MOST_NICS, make_application
from flowverdict.demo.plan.whole import Bank, Hub, Part, add_up

_USUAL_NICS = 60
"""NICs of an application in a large bank."""


def plan_bank(seed: int, nics: int, nsgs: int | None = None, *, restored: bool = False) -> Bank:
    """The plan of a bank with exactly this many NICs and, if told, NSGs.

    Args:
        seed: Equal seeds make equal banks.
        nics: How many network interfaces.
        nsgs: How many NSGs; when left out, one for each subnet and one machine of each application.
        restored: Whether the developer of the first story has got the rule that was asked for.

    Raises:
        ValueError: The numbers do not go together.
    """
    tenant = Tenant(seed)
    hubs = tuple(make_hub(tenant, region) for region in REGIONS)
    fixed = add_up(
        (
            *(hub.part for hub in hubs),
            cast.open_banking(tenant, restored=restored),
            cast.branches(tenant),
            cast.ledger(tenant),
            cast.legacy(tenant),
            cast.sandbox(tenant),
            showcase.online_banking(tenant),
            showcase.swift(tenant),
            operations.management(tenant),
        )
    )
    rest = _applications(tenant, fixed, nics, nsgs, Random(seed))
    part = add_up((fixed, *rest))
    return Bank(tenant, hubs, part, tuple(_peerings(hubs, part)))


def _applications(
    tenant: Tenant, fixed: Part, nics: int, nsgs: int | None, rng: Random
) -> list[Part]:
    left = nics - len(fixed.nics)
    if left < 0:
        raise ValueError(f"nics: {nics}: expected at least {len(fixed.nics)}")
    number = min(max(8, round(left / _USUAL_NICS)), MOST_APPLICATIONS)
    if nsgs is not None:
        number = min(number, (nsgs - len(fixed.nsgs)) // len(TIERS))
        if number < 1:
            raise ValueError(f"nsgs: {nsgs}: expected at least {len(fixed.nsgs) + len(TIERS)}")
    on_machines = number if nsgs is None else nsgs - len(fixed.nsgs) - len(TIERS) * number
    if left > number * MOST_NICS:
        raise ValueError(f"nics: {nics}: more than {number} application networks have room for")
    if on_machines > max(left - number, 0) and nsgs is not None:
        raise ValueError(f"nsgs: {nsgs}: more than {nics} NICs have use for")
    apps = list(islice(applications(), number))
    return [
        make_application(
            tenant,
            app,
            _others(apps, app),
            number=index,
            nics=_share(left, number, index),
            machine_nsgs=_share(on_machines, number, index),
            rng=rng,
        )
        for index, app in enumerate(apps)
    ]


def _others(apps: list[Application], app: Application) -> tuple[str, ...]:
    """Address spaces that an application's rules may speak of: the others', and the ledger's."""
    return ("10.12.0.0/20", *(other.space for other in apps if other is not app))


def _share(total: int, among: int, index: int) -> int:
    """The share of the one with this index when a total is dealt out evenly."""
    return total // among + (index < total % among)


def _peerings(hubs: tuple[Hub, ...], part: Part) -> list[Peering]:
    """Every spoke with the hub of its region, and the hubs with one another, both ways."""
    peerings = [
        Peering(hub.vnet, other.vnet, "none") for hub in hubs for other in hubs if other is not hub
    ]
    by_region: dict[str, VNet] = {hub.region.name: hub.vnet for hub in hubs}
    for spoke in part.vnets:
        hub = by_region[spoke.place.region]
        if spoke is not hub:
            peerings.append(Peering(hub, spoke, "lends"))
            peerings.append(Peering(spoke, hub, "borrows"))
    return peerings
