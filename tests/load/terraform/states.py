"""Exports of Azure as Terraform's states: the attributes that azurerm has for them."""

from __future__ import annotations

from typing import Any

from flowverdict.load.kinds import Found, Shape, unfold
from flowverdict.load.node import Node

Json = dict[str, Any]
_MANAGER = "microsoft.network/networkmanagers"
_SINGLE = {
    "priority": "priority",
    "direction": "direction",
    "access": "access",
    "protocol": "protocol",
    "sourcePortRange": "source_port_range",
    "sourcePortRanges": "source_port_ranges",
    "destinationPortRange": "destination_port_range",
    "destinationPortRanges": "destination_port_ranges",
    "sourceAddressPrefix": "source_address_prefix",
    "sourceAddressPrefixes": "source_address_prefixes",
    "destinationAddressPrefix": "destination_address_prefix",
    "destinationAddressPrefixes": "destination_address_prefixes",
}

_OF_RULE = {
    *_SINGLE,
    "sourceApplicationSecurityGroups",
    "destinationApplicationSecurityGroups",
    "description",
}


def state(*resources: Json) -> Json:
    """A state with resources of the root module."""
    return {
        "format_version": "1.0",
        "terraform_version": "1.9.5",
        "values": {"root_module": {"resources": list(resources)}},
    }


def resource(kind: str, label: str, /, index: Any = None, **values: Any) -> Json:
    """One resource as `terraform show -json` lists it."""
    key = "" if index is None else f"[{index}]" if isinstance(index, int) else f'["{index}"]'
    found = {
        "address": f"{kind}.{label}{key}",
        "mode": "managed",
        "type": kind,
        "name": label,
        "provider_name": "registry.terraform.io/hashicorp/azurerm",
        "values": values,
    }
    return found if index is None else {**found, "index": index}


def as_state(files: Json) -> Json | None:
    """The resources of an export as a state; None if azurerm has no attribute for some of it."""
    found: list[Json] = []
    for content in files.values():
        for one in unfold(Node(content, "export.json")):
            if not isinstance(one, Found) or one.shape not in (Shape.RESOURCE, Shape.DEPLOYMENT):
                return None
            made = _resource(one.node.value, one.type or "deployment")
            if made is None:
                return None
            found += made
    addresses = [one["address"] for one in found]
    return state(*found) if len(set(addresses)) == len(addresses) else None


def _resource(value: Json, kind: str) -> list[Json] | None:
    make = {
        "microsoft.network/virtualnetworks": _vnet,
        "microsoft.network/networkinterfaces": _nic,
        "microsoft.network/networksecuritygroups": _nsg,
        "microsoft.network/applicationsecuritygroups": _asg,
        "microsoft.network/routetables": _route_table,
        "microsoft.network/publicipaddresses": _public_ip,
        "microsoft.compute/virtualmachines": _vm,
        _MANAGER: _manager,
        f"{_MANAGER}/networkgroups": _group,
        f"{_MANAGER}/networkgroups/staticmembers": _member,
        f"{_MANAGER}/securityadminconfigurations": _configuration,
        f"{_MANAGER}/securityadminconfigurations/rulecollections": _collection,
        f"{_MANAGER}/securityadminconfigurations/rulecollections/rules": _admin_rule,
        "deployment": _deployment,
    }.get(kind)
    if make is None or "systemData" in value:
        return None  # azurerm does not tell when something was written
    return make(value, value.get("properties", {}))


def _made(kind: str, value: Json, **values: Any) -> Json:
    label = value["id"].lower().replace("/", "_").replace(".", "_")
    common = {"id": value["id"], "name": value["name"], "location": value.get("location")}
    return resource(kind, label, **common, **values)


def _vnet(value: Json, body: Json) -> list[Json] | None:
    found = [
        _made(
            "azurerm_virtual_network", value, address_space=body["addressSpace"]["addressPrefixes"]
        )
    ]
    for one in body.get("subnets", ()):
        own = one.get("properties", {})
        if "ipConfigurations" in own or "applicationGatewayIPConfigurations" in own:
            return None
        found.append(
            _made(
                "azurerm_subnet",
                one,
                address_prefixes=own.get("addressPrefixes") or [own["addressPrefix"]],
                private_endpoint_network_policies=own.get("privateEndpointNetworkPolicies"),
                delegation=[
                    {
                        "name": delegation["name"],
                        "service_delegation": [{"name": delegation["properties"]["serviceName"]}],
                    }
                    for delegation in own.get("delegations", ())
                ],
            )
        )
        for name, kind, attribute in (
            ("networkSecurityGroup", "network_security_group", "network_security_group_id"),
            ("routeTable", "route_table", "route_table_id"),
        ):
            if name in own:
                values = {"subnet_id": one["id"], attribute: own[name]["id"]}
                label = f"{one['name']}_{value['name']}_{kind}"
                found.append(resource(f"azurerm_subnet_{kind}_association", label, **values))
    for one in body.get("virtualNetworkPeerings", ()):
        own = one["properties"]
        told = {"remoteVirtualNetwork", "peeringState", "allowVirtualNetworkAccess"}
        if own.get("peeringState") != "Connected" or not own.keys() <= told or len(own) < 2:
            return None  # azurerm does not tell states, nor what lies beyond
        found.append(
            _made(
                "azurerm_virtual_network_peering",
                one,
                remote_virtual_network_id=own["remoteVirtualNetwork"]["id"],
                allow_virtual_network_access=own.get("allowVirtualNetworkAccess"),
            )
        )
    return found


def _nic(value: Json, body: Json) -> list[Json] | None:
    configurations: list[Json] = []
    found: list[Json] = []
    for one in body["ipConfigurations"]:
        own = one["properties"]
        configurations.append(
            {
                "name": one["name"],
                "private_ip_address": own.get("privateIPAddress"),
                "private_ip_address_version": own.get("privateIPAddressVersion"),
                "subnet_id": own.get("subnet", {}).get("id"),
                "public_ip_address_id": own.get("publicIPAddress", {}).get("id"),
            }
        )
    found.append(_made("azurerm_network_interface", value, ip_configuration=configurations))
    if "networkSecurityGroup" in body:
        found.append(
            resource(
                "azurerm_network_interface_security_group_association",
                value["name"],
                network_interface_id=value["id"],
                network_security_group_id=body["networkSecurityGroup"]["id"],
            )
        )
    asgs = [
        [asg["id"] for asg in one["properties"].get("applicationSecurityGroups", ())]
        for one in body["ipConfigurations"]
    ]
    if not all(one == asgs[0] for one in asgs):
        return None  # azurerm puts all configurations of an interface into a group
    for at, asg in enumerate(asgs[0]):
        found.append(
            resource(
                "azurerm_network_interface_application_security_group_association",
                f"{value['name']}_{at}",
                network_interface_id=value["id"],
                application_security_group_id=asg,
            )
        )
    return found


def _nsg(value: Json, body: Json) -> list[Json] | None:
    rules = body.get("securityRules")
    if rules is None or any(set(one["properties"]) - _OF_RULE for one in rules):
        return None
    return [
        _made(
            "azurerm_network_security_group",
            value,
            security_rule=[_rule(one) for one in rules],
        )
    ]


def _rule(value: Json) -> Json:
    body = value["properties"]
    found = {own: body.get(name) for name, own in _SINGLE.items()} | {"name": value["name"]}
    for side in ("source", "destination"):
        groups = [one["id"] for one in body.get(f"{side}ApplicationSecurityGroups", ())]
        found[f"{side}_application_security_group_ids"] = groups
    return found


def _asg(value: Json, body: Json) -> list[Json]:
    return [_made("azurerm_application_security_group", value)]


def _route_table(value: Json, body: Json) -> list[Json] | None:
    if "routes" not in body:
        return None
    routes = [
        {
            "name": one["name"],
            "address_prefix": one["properties"]["addressPrefix"],
            "next_hop_type": one["properties"]["nextHopType"],
        }
        for one in body.get("routes", ())
    ]
    return [_made("azurerm_route_table", value, route=routes)]


def _public_ip(value: Json, body: Json) -> list[Json]:
    return [_made("azurerm_public_ip", value, ip_address=body.get("ipAddress"))]


def _vm(value: Json, body: Json) -> list[Json]:
    nics = [one["id"] for one in body.get("networkProfile", {}).get("networkInterfaces", ())]
    return [_made("azurerm_linux_virtual_machine", value, network_interface_ids=nics, size="x")]


def _manager(value: Json, body: Json) -> list[Json]:
    scopes = body["networkManagerScopes"]
    scope = {
        "management_group_ids": scopes.get("managementGroups"),
        "subscription_ids": scopes.get("subscriptions"),
    }
    return [_made("azurerm_network_manager", value, scope=[scope])]


def _group(value: Json, body: Json) -> list[Json]:
    kind = body.get("memberType")
    return [_made("azurerm_network_manager_network_group", value, member_type=kind)]


def _member(value: Json, body: Json) -> list[Json]:
    to = body["resourceId"]
    kind = "azurerm_network_manager_static_member"
    return [_made(kind, value, target_virtual_network_id=to)]


def _configuration(value: Json, body: Json) -> list[Json] | None:
    if set(body) - {"applyOnNetworkIntentPolicyBasedServices"}:
        return None
    return [
        _made(
            "azurerm_network_manager_security_admin_configuration",
            value,
            apply_on_network_intent_policy_based_services=body.get(
                "applyOnNetworkIntentPolicyBasedServices"
            ),
        )
    ]


def _collection(value: Json, body: Json) -> list[Json]:
    groups = [one["networkGroupId"] for one in body["appliesToGroups"]]
    return [_made("azurerm_network_manager_admin_rule_collection", value, network_group_ids=groups)]


def _admin_rule(value: Json, body: Json) -> list[Json] | None:
    told = {"sources", "destinations", "sourcePortRanges", "destinationPortRanges"}
    told |= {"access", "direction", "priority", "protocol", "description"}
    if not body.keys() <= told or not all("addressPrefix" in one for one in _sides(body)):
        return None
    return [
        _made(
            "azurerm_network_manager_admin_rule",
            value,
            action=body.get("access"),
            direction=body.get("direction"),
            priority=body.get("priority"),
            protocol=body.get("protocol"),
            source_port_ranges=body.get("sourcePortRanges"),
            destination_port_ranges=body.get("destinationPortRanges"),
            source=_side(body.get("sources", ())),
            destination=_side(body.get("destinations", ())),
        )
    ]


def _sides(body: Json) -> list[Json]:
    return [*body.get("sources", ()), *body.get("destinations", ())]


def _side(some: list[Json]) -> list[Json]:
    names = {"address_prefix_type": "addressPrefixType", "address_prefix": "addressPrefix"}
    return [{own: one.get(rest) for own, rest in names.items()} for one in some]


def _deployment(value: Json, body: Json) -> list[Json] | None:
    if value.get("deploymentStatus") != "Deployed" or not value["configurationIds"]:
        return None
    return [
        resource(
            "azurerm_network_manager_deployment",
            str(value["region"]),
            location=value["region"],
            scope_access=value["deploymentType"],
            configuration_ids=value["configurationIds"],
        )
    ]
