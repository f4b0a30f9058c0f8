"""Networks of applications: five subnets, an NSG on each, machines in tiers."""

from __future__ import annotations

from random import Random

from flowverdict.demo.plan.draft import Draft
from flowverdict.demo.plan.names import Place
from flowverdict.demo.plan.networks import Asg, Nsg, Route, RouteTable, Subnet, VNet
from flowverdict.demo.plan.organisation import Application, Tenant
from flowverdict.demo.plan.rulebook import TIERS, Neighbourhood, machine_rules, tier_rules
from flowverdict.demo.plan.whole import Part

MOST_NICS = 500
"""Of one application: its busiest subnet, a /24, then has 200 machines."""

_TIER_OF = ("web", "api", "data", "api", "web", "mgmt", "api", "data", "web", "api")
"""The tiers of ten machines in a row."""


def make_application(
    tenant: Tenant,
    app: Application,
    others: tuple[str, ...],
    *,
    number: int,
    nics: int,
    machine_nsgs: int,
    rng: Random,
) -> Part:
    """The network of one application with exactly this many NICs, and NSGs on some of them.

    Args:
        tenant: Gives the ids.
        app: Whose network it is.
        others: Address spaces of other applications, for rules to speak of.
        number: Which of the applications it is; every fourth is dual-stack, every other one
            sends everything to the firewall.
        nics: How many NICs.
        machine_nsgs: How many NSGs on NICs, besides the five on subnets.
        rng: Makes the rules.
    """
    place = tenant.place(app.subscription, f"rg-{app.slug}", app.region)
    asgs = {tier: Asg(place, f"asg-{app.slug}-{tier}") for tier in ("web", "api", "data")}
    prefixes = {tier: app.prefix(index) for index, tier in enumerate(TIERS, 1)}
    around = Neighbourhood(app.region, prefixes, asgs, others)
    routes = _route_table(place, app, number)
    dual_stack = number % 4 == 0
    subnets = tuple(
        Subnet(
            f"snet-{tier}",
            (prefixes[tier], app.prefix6(index))
            if dual_stack and tier == "web"
            else (prefixes[tier],),
            Nsg(place, f"nsg-{app.slug}-{tier}", tier_rules(tier, around, rng)),
            routes if tier in ("api", "data", "mgmt") else None,
        )
        for index, tier in enumerate(TIERS, 1)
    )
    space = (app.space, app.space6) if dual_stack else (app.space,)
    name = f"vnet-{app.slug}"
    owner = app.slug.rsplit("-", 1)[0]
    encrypted = app.subscription == "core-banking"
    draft = Draft(VNet(place, name, space, subnets, app.environment, owner, encrypted))
    if nics:
        vault = place.id("Microsoft.KeyVault/vaults", f"kv-{app.slug}")
        draft.endpoint(f"pe-{app.slug}-vault", "snet-endpoints", vault, "vault")
    made = dict.fromkeys(TIERS, 0)
    for index in range(nics - 1):
        tier = _TIER_OF[index % len(_TIER_OF)]
        made[tier] += 1
        machine = f"{app.slug}-{tier}-{made[tier]:02}"
        nsg = None
        if index < machine_nsgs:
            nsg = Nsg(place, f"nsg-{machine}", machine_rules(around, rng))
        member = (asgs[tier],) if tier in asgs else ()
        draft.vm(machine, f"snet-{tier}", asgs=member, nsg=nsg, windows=tier == "mgmt")
    return draft.part()


def _route_table(place: Place, app: Application, number: int) -> RouteTable:
    firewall = app.region.firewall
    routes = [Route("on-premises", app.region.on_premises, "VirtualAppliance", firewall)]
    if number % 2 == 0:
        routes.insert(0, Route("default", "0.0.0.0/0", "VirtualAppliance", firewall))
    return RouteTable(place, f"rt-{app.slug}", tuple(routes))
