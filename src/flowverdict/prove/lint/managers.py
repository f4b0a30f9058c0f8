"""Security admin configurations: what of them reaches nothing, and what is not as it seems."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from flowverdict.policy.admin import scope_of
from flowverdict.policy.exclusions import intent_service, skipped_subnet
from flowverdict.prove.lint.findings import MOST_NAMES, of_resource
from flowverdict.prove.text import few

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.model import (
        Deployment,
        Estate,
        ResourceId,
        Rule,
        SecurityAdminConfiguration,
        VirtualNetwork,
    )
    from flowverdict.policy import Network
    from flowverdict.prove.lint.findings import Finding


def managers(estate: Estate, network: Network) -> Iterator[Finding]:
    """Yields what is wrong with the security admin configurations of an estate."""
    met: dict[ResourceId, list[SecurityAdminConfiguration]] = defaultdict(list)
    for configuration in estate.resources.configurations.values():
        reached = _reached(estate, network, configuration)
        in_force = list(_in_force(estate, configuration))
        yield from _reaches_nothing(estate, network, configuration)
        yield from _out_of_scope(estate, configuration, reached)
        if not network.options.assume_deployed:
            yield from _not_deployed(estate, configuration, reached, in_force)
            yield from _edited(estate, configuration, in_force)
            yield from _stale(estate, network, configuration, in_force)
        for vnet in reached:
            met[vnet.id].append(configuration)
    for vnet in estate.resources.vnets.values():
        if met[vnet.id]:
            yield from _skipped(estate, network, vnet, met[vnet.id])


def _reached(
    estate: Estate, network: Network, configuration: SecurityAdminConfiguration
) -> list[VirtualNetwork]:
    """Returns the virtual networks that are for sure in a group of a configuration."""
    collections = estate.collections_by_configuration.get(configuration.id, ())
    groups = {group for one in collections for group in one.groups}
    return [
        vnet
        for vnet in estate.resources.vnets.values()
        if any(network.is_member(group, vnet.id).holds for group in groups)
    ]


def _reaches_nothing(
    estate: Estate, network: Network, configuration: SecurityAdminConfiguration
) -> Iterator[Finding]:
    for collection in estate.collections_by_configuration.get(configuration.id, ()):
        answers = (
            network.is_member(group, vnet).holds
            for group in collection.groups
            for vnet in estate.resources.vnets
        )
        if estate.resources.vnets and not any(one is not False for one in answers):
            groups = ", ".join(f"`{one.name}`" for one in collection.groups) or "none"
            text = f"no virtual network of the estate is in its groups ({groups})"
            yield of_resource("admin-rule-reaches-nothing", collection, text, *collection.groups)


def _out_of_scope(
    estate: Estate, configuration: SecurityAdminConfiguration, reached: list[VirtualNetwork]
) -> Iterator[Finding]:
    manager = estate.resources.managers.get(configuration.manager)
    if manager is None:
        return
    for vnet in reached:
        if scope_of(estate, manager, manager.id, vnet)[0].holds is False:
            text = f"it is in a group of `{configuration.id.name}`, and out of the scope of its"
            yield of_resource(
                "out-of-scope", vnet, f"{text} manager `{manager.id.name}`", configuration.id
            )


def _in_force(estate: Estate, configuration: SecurityAdminConfiguration) -> Iterator[Deployment]:
    """Yields the newest commits that hold a configuration, a region each."""
    for (manager, _, kind), one in estate.deployment_at.items():
        held = configuration.id in one.configurations
        if manager == configuration.manager and kind == "SecurityAdmin" and held:
            yield one


def _not_deployed(
    estate: Estate,
    configuration: SecurityAdminConfiguration,
    reached: list[VirtualNetwork],
    in_force: list[Deployment],
) -> Iterator[Finding]:
    regions = {one.region for one in in_force}
    for (manager, region), active in estate.active_by_place.items():
        held = any(one.rule.id.is_below(configuration.id) for one in active)
        if manager == configuration.manager and held:
            regions.add(region)
    left: dict[str, list[str]] = defaultdict(list)
    for vnet in reached:
        if vnet.region and vnet.region not in regions:
            left[vnet.region].append(vnet.id.name)
    for region, names in sorted(left.items()):
        some = few([f"`{one}`" for one in names], MOST_NAMES)
        text = f"not deployed in `{region}`, where its groups hold {some}"
        yield of_resource("configuration-not-deployed", configuration, text)


def _rules(estate: Estate, configuration: SecurityAdminConfiguration) -> Iterator[Rule]:
    for collection in estate.collections_by_configuration.get(configuration.id, ()):
        yield from estate.rules_by_collection.get(collection.id, ())


def _edited(
    estate: Estate, configuration: SecurityAdminConfiguration, in_force: list[Deployment]
) -> Iterator[Finding]:
    collections = estate.collections_by_configuration.get(configuration.id, ())
    for one in (*collections, *_rules(estate, configuration)):
        changed = max(one.created, one.modified)
        for commit in in_force:
            if commit.time and changed > commit.time:
                text = f"changed at {changed}, after the commit for `{commit.region}` at"
                yield of_resource("edited-since-commit", one, f"{text} {commit.time}")


def _stale(
    estate: Estate,
    network: Network,
    configuration: SecurityAdminConfiguration,
    in_force: list[Deployment],
) -> Iterator[Finding]:
    for rule in _rules(estate, configuration):
        for group in (*rule.source.groups, *rule.destination.groups):
            for commit in in_force:
                late = [
                    member.name
                    for member, _, since in network.members(group)
                    if commit.time and since > commit.time
                ]
                if late:
                    some = ", ".join(f"`{one}`" for one in late[:MOST_NAMES])
                    text = f"its group `{group.name}` gained {some} after the commit for"
                    text += f" `{commit.region}` at {commit.time}: their prefixes are not in it"
                    yield of_resource("stale-group-prefixes", rule, text, group)


def _skipped(
    estate: Estate,
    network: Network,
    vnet: VirtualNetwork,
    configurations: list[SecurityAdminConfiguration],
) -> Iterator[Finding]:
    layer = network.admin(vnet, None)
    ids = [one.id for one in configurations]
    service = intent_service(estate, vnet)
    if layer.skipped:
        yield of_resource("skipped-vnet", vnet, layer.skipped, *ids)
        return
    some = [one for one in configurations if one.on_intent_services == "AllowRulesOnly"]
    if service and some and layer.managers:
        text = f"it holds {service}: rules of `{some[0].id.name}` that deny are not applied"
        yield of_resource("skipped-vnet", vnet, f"{text} (AllowRulesOnly)", *ids)
    if layer.managers:
        for subnet in estate.subnets_by_vnet.get(vnet.id, ()):
            if skipped := skipped_subnet(estate, subnet, network.options):
                yield of_resource("skipped-subnet", subnet, skipped, *ids)
