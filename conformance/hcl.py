"""A case's network as Terraform configuration for the provider azurerm 4."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from conformance.arm import made_by_azure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conformance.azure import Answers

Json = dict[str, Any]

_GROUP: Final = {"resource_group_name": "rg"}
_IMAGE: Final = {
    "publisher": "Canonical",
    "offer": "ubuntu-24_04-lts",
    "sku": "server",
    "version": "latest",
}
_MACHINE: Final[Json] = {
    "admin_username": "operator",
    "os_disk": {"caching": "ReadWrite", "storage_account_type": "Standard_LRS"},
    "source_image_reference": _IMAGE,
}
_INSTANCE: Final[Json] = {
    "license_type": "BasePrice",
    "sku_name": "GP_Gen5",
    "vcores": 4,
    "storage_size_in_gb": 32,
    "azuread_administrator": {
        "login_username": "operators",
        "object_id": "11111111-1111-1111-1111-111111111111",
        "principal_type": "Group",
    },
}
_SCHEMES: Final = {
    "virtualNetworks": "azurerm_virtual_network",
    "virtualNetworks/subnets": "azurerm_subnet",
    "networkSecurityGroups": "azurerm_network_security_group",
    "applicationSecurityGroups": "azurerm_application_security_group",
    "routeTables": "azurerm_route_table",
    "publicIPAddresses": "azurerm_public_ip",
    "networkInterfaces": "azurerm_network_interface",
    "privateEndpoints": "azurerm_private_endpoint",
    "virtualMachines": "azurerm_linux_virtual_machine",
    "virtualMachineScaleSets": "azurerm_linux_virtual_machine_scale_set",
    "managedInstances": "azurerm_mssql_managed_instance",
    "workspaces": "azurerm_databricks_workspace",
    "networkManagers": "azurerm_network_manager",
    "networkManagers/networkGroups": "azurerm_network_manager_network_group",
    "networkManagers/networkGroups/staticMembers": "azurerm_network_manager_static_member",
    "networkManagers/securityAdminConfigurations": (
        "azurerm_network_manager_security_admin_configuration"
    ),
    "networkManagers/securityAdminConfigurations/ruleCollections": (
        "azurerm_network_manager_admin_rule_collection"
    ),
    "networkManagers/securityAdminConfigurations/ruleCollections/rules": (
        "azurerm_network_manager_admin_rule"
    ),
    "policyDefinitions": "azurerm_policy_definition",
    "policyAssignments": "azurerm_subscription_policy_assignment",
}
"""The resource of the provider for each type of Azure's."""


@dataclass(frozen=True, slots=True)
class Raw:
    """An expression, such as a reference."""

    text: str


@dataclass(frozen=True, slots=True)
class Map:
    """A map that is the value of an attribute, not a block."""

    values: Json


Resource = tuple[str, str, Json]
"""Type, label and body. In a body a dict is a block, and a list of dicts repeated blocks."""


def configuration(answers: Answers) -> str | None:
    """Returns a case as a file `main.tf`; None if it cannot be told, or not simply."""
    resources = [one for one in answers.resources if not made_by_azure(one)]
    if any(_kind(one) not in _SCHEMES or _has_mixed_groups(one) for one in resources):
        return None
    writer = _Writer(resources, answers)
    blocks = [_PROVIDER, *(_block(["resource", *one[:2]], one[2]) for one in writer.all())]
    return "\n".join(blocks)


_PROVIDER: Final = """\
terraform {
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "~> 4.0"
    }
  }
}

provider "azurerm" {
  features {}
}
"""


def _has_mixed_groups(resource: Json) -> bool:
    """Reports whether addresses of an interface are in different ASGs.

    The provider attaches an interface to a group with all its addresses.
    """
    parts = resource["properties"].get("ipConfigurations", ())
    groups = [one["properties"].get("applicationSecurityGroups", []) for one in parts]
    return any(one != groups[0] for one in groups)


def _kind(resource: Json) -> str:
    return resource["type"].partition("/")[2]


def _label(name: str) -> str:
    return re.sub(r"\W", "_", name)


class _Writer:
    """Turns resources into those of the provider."""

    def __init__(self, resources: list[Json], answers: Answers) -> None:
        self._resources = resources
        self._answers = answers
        self._names: dict[str, str] = {}
        for one in resources:
            self._know(one["id"], _kind(one))
            for subnet in one["properties"].get("subnets", ()):
                self._know(subnet["id"], "virtualNetworks/subnets")

    def _know(self, identity: str, kind: str) -> None:
        names = identity.rpartition("/providers/")[2].split("/")[2::2]
        self._names[identity.lower()] = f"{_SCHEMES[kind]}.{_label('_'.join(names))}"

    def all(self) -> Iterator[Resource]:
        """Yields all of them."""
        writers: dict[str, Callable[[Json], Iterator[Resource]]] = {
            "virtualNetworks": self._vnet,
            "networkSecurityGroups": self._nsg,
            "routeTables": self._route_table,
            "publicIPAddresses": self._public_ip,
            "networkInterfaces": self._nic,
            "privateEndpoints": self._private_endpoint,
            "virtualMachines": self._vm,
            "virtualMachineScaleSets": self._scale_set,
            "managedInstances": self._managed_instance,
            "workspaces": self._databricks,
            "networkManagers": self._manager,
            "networkManagers/networkGroups": self._group,
            "networkManagers/networkGroups/staticMembers": self._member,
            "networkManagers/securityAdminConfigurations": self._configuration,
            "networkManagers/securityAdminConfigurations/ruleCollections": self._collection,
            "networkManagers/securityAdminConfigurations/ruleCollections/rules": self._admin_rule,
            "policyDefinitions": self._definition,
            "policyAssignments": self._assignment,
        }
        for one in self._resources:
            yield from writers.get(_kind(one), self._plain)(one)
        yield from self._deployments()

    # -- names

    def _own(self, identity: str) -> tuple[str, str]:
        scheme, _, label = self._names[identity.lower()].partition(".")
        return scheme, label

    def _id(self, identity: str) -> Raw | str:
        known = self._names.get(identity.lower())
        return Raw(f"{known}.id") if known else identity

    def _parent(self, resource: Json) -> Raw | str:
        return self._id(resource["id"].rsplit("/", 2)[0])

    def _resource(self, resource: Json, body: Json) -> Resource:
        head: Json = {"name": resource["name"]}
        if "location" in resource:
            head |= _GROUP | {"location": resource["location"]}
        if "tags" in resource:
            head["tags"] = Map(resource["tags"])
        return (*self._own(resource["id"]), head | body)

    # -- networks

    def _plain(self, resource: Json) -> Iterator[Resource]:
        yield self._resource(resource, {})

    def _vnet(self, resource: Json) -> Iterator[Resource]:
        of = resource["properties"]
        yield self._resource(resource, {"address_space": of["addressSpace"]["addressPrefixes"]})
        name = Raw(f"{self._names[resource['id'].lower()]}.name")
        for subnet in of["subnets"]:
            yield from self._subnet(subnet, name)
        for peering in of["virtualNetworkPeerings"]:
            settings = peering["properties"]
            body = {
                "name": peering["name"],
                **_GROUP,
                "virtual_network_name": name,
                "remote_virtual_network_id": self._id(settings["remoteVirtualNetwork"]["id"]),
                "allow_virtual_network_access": settings["allowVirtualNetworkAccess"],
            }
            label = _label(f"{resource['name']}_{peering['name']}")
            yield "azurerm_virtual_network_peering", label, body

    def _subnet(self, subnet: Json, vnet: Raw) -> Iterator[Resource]:
        of = subnet["properties"]
        body: Json = {
            "name": subnet["name"],
            **_GROUP,
            "virtual_network_name": vnet,
            "address_prefixes": of["addressPrefixes"],
        }
        if "privateEndpointNetworkPolicies" in of:
            body["private_endpoint_network_policies"] = of["privateEndpointNetworkPolicies"]
        body["delegation"] = [
            {
                "name": one["name"],
                "service_delegation": {"name": one["properties"]["serviceName"]},
            }
            for one in of["delegations"]
        ]
        scheme, label = self._own(subnet["id"])
        yield scheme, label, body
        for field, kind in (
            ("networkSecurityGroup", "network_security_group"),
            ("routeTable", "route_table"),
        ):
            if field in of:
                pair = {
                    "subnet_id": self._id(subnet["id"]),
                    f"{kind}_id": self._id(of[field]["id"]),
                }
                yield f"azurerm_subnet_{kind}_association", label, pair

    def _nsg(self, resource: Json) -> Iterator[Resource]:
        rules = [self._rule(one) for one in resource["properties"]["securityRules"]]
        yield self._resource(resource, {"security_rule": rules})

    def _rule(self, rule: Json) -> Json:
        of = rule["properties"]
        body = {
            "name": rule["name"],
            **{key: of[key] for key in ("priority", "direction", "access", "protocol")},
        }
        for side in ("source", "destination"):
            for what in ("PortRange", "AddressPrefix"):
                many = "PortRanges" if what == "PortRange" else "AddressPrefixes"
                for field in (what, many):
                    if value := of.get(f"{side}{field}"):
                        body[f"{side}_{_snake(field)}"] = value
            if groups := of.get(f"{side}ApplicationSecurityGroups"):
                ids = [self._id(one["id"]) for one in groups]
                body[f"{side}_application_security_group_ids"] = ids
        return body

    def _route_table(self, resource: Json) -> Iterator[Resource]:
        routes: list[Json] = []
        for one in resource["properties"]["routes"]:
            of = one["properties"]
            route = {
                "name": one["name"],
                "address_prefix": of["addressPrefix"],
                "next_hop_type": of["nextHopType"],
            }
            if "nextHopIpAddress" in of:
                route["next_hop_in_ip_address"] = of["nextHopIpAddress"]
            routes.append(route)
        yield self._resource(resource, {"route": routes})

    # -- interfaces and machines

    def _public_ip(self, resource: Json) -> Iterator[Resource]:
        of = resource["properties"]
        body = {
            "allocation_method": "Static",
            "sku": resource["sku"]["name"],
            "ip_version": of.get("publicIPAddressVersion", "IPv4"),
        }
        yield self._resource(resource, body)

    def _nic(self, resource: Json) -> Iterator[Resource]:
        of = resource["properties"]
        configurations = [self._ip_configuration(one) for one in of["ipConfigurations"]]
        body: Json = {
            "ip_forwarding_enabled": of["enableIPForwarding"],
            "ip_configuration": configurations,
        }
        yield self._resource(resource, body)
        own = self._id(resource["id"])
        _, label = self._own(resource["id"])
        if "networkSecurityGroup" in of:
            pair = {
                "network_interface_id": own,
                "network_security_group_id": self._id(of["networkSecurityGroup"]["id"]),
            }
            yield "azurerm_network_interface_security_group_association", label, pair
        groups = {
            asg["id"]: asg["id"].rpartition("/")[2]
            for one in of["ipConfigurations"][:1]  # of the others there are the same
            for asg in one["properties"].get("applicationSecurityGroups", ())
        }
        for group, name in groups.items():
            pair = {"network_interface_id": own, "application_security_group_id": self._id(group)}
            kind = "azurerm_network_interface_application_security_group_association"
            yield kind, f"{label}_{_label(name)}", pair

    def _ip_configuration(self, one: Json) -> Json:
        of = one["properties"]
        body: Json = {
            "name": one["name"],
            "primary": of["primary"],
            "subnet_id": self._id(of["subnet"]["id"]),
            "private_ip_address_allocation": "Static",
            "private_ip_address": of["privateIPAddress"],
            "private_ip_address_version": of["privateIPAddressVersion"],
        }
        if "publicIPAddress" in of:
            body["public_ip_address_id"] = self._id(of["publicIPAddress"]["id"])
        return body

    def _vm(self, resource: Json) -> Iterator[Resource]:
        nics = resource["properties"]["networkProfile"]["networkInterfaces"]
        ids = [self._id(one["id"]) for one in nics]
        yield self._resource(resource, {"size": "Standard_D2s_v5", **_MACHINE, **_KEY} | _nics(ids))

    def _managed_instance(self, resource: Json) -> Iterator[Resource]:
        yield self._resource(
            resource, {**_INSTANCE, "subnet_id": self._id(resource["properties"]["subnetId"])}
        )

    def _databricks(self, resource: Json) -> Iterator[Resource]:
        of = {key: one["value"] for key, one in resource["properties"]["parameters"].items()}
        network = {"virtual_network_id": self._id(of["customVirtualNetworkId"])}
        for side in ("Public", "Private"):
            network[f"{side.lower()}_subnet_name"] = of[f"custom{side}SubnetName"]
        yield self._resource(resource, {"sku": "premium", "custom_parameters": network})

    def _scale_set(self, resource: Json) -> Iterator[Resource]:
        profile = resource["properties"]["virtualMachineProfile"]["networkProfile"]
        [interface] = profile["networkInterfaceConfigurations"]
        of = interface["properties"]
        [configuration] = of["ipConfigurations"]
        block: Json = {
            "name": interface["name"],
            "primary": True,
            "ip_configuration": {
                "name": configuration["name"],
                "primary": True,
                "subnet_id": self._id(configuration["properties"]["subnet"]["id"]),
                "public_ip_address": {"name": "public"},
            },
        }
        if "networkSecurityGroup" in of:
            block["network_security_group_id"] = self._id(of["networkSecurityGroup"]["id"])
        size = {"sku": "Standard_D2s_v5", "instances": 2}
        yield self._resource(resource, size | _MACHINE | _KEY | {"network_interface": block})

    def _private_endpoint(self, resource: Json) -> Iterator[Resource]:
        of = resource["properties"]
        nic = of["networkInterfaces"][0]["id"]
        made = next(one for one in self._answers.resources if one["id"] == nic)
        address = made["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"]
        vault = resource["id"].replace(
            "Microsoft.Network/privateEndpoints", "Microsoft.KeyVault/vaults"
        )
        body = {
            "subnet_id": self._id(of["subnet"]["id"]),
            "custom_network_interface_name": made["name"],
            "private_service_connection": {
                "name": "link",
                "is_manual_connection": False,
                "private_connection_resource_id": vault,
                "subresource_names": ["vault"],
            },
            "ip_configuration": {
                "name": "fixed",
                "private_ip_address": address,
                "subresource_name": "vault",
            },
        }
        yield self._resource(resource, body)

    # -- network managers

    def _manager(self, resource: Json) -> Iterator[Resource]:
        scopes = resource["properties"]["networkManagerScopes"]
        scope: Json = {}
        if scopes["managementGroups"]:
            scope["management_group_ids"] = scopes["managementGroups"]
        if scopes["subscriptions"]:
            scope["subscription_ids"] = scopes["subscriptions"]
        yield self._resource(resource, {"scope_accesses": ["SecurityAdmin"], "scope": scope})

    def _group(self, resource: Json) -> Iterator[Resource]:
        yield self._resource(resource, {"network_manager_id": self._parent(resource)})

    def _member(self, resource: Json) -> Iterator[Resource]:
        target = self._id(resource["properties"]["resourceId"])
        pair = {"network_group_id": self._parent(resource), "target_virtual_network_id": target}
        yield self._resource(resource, pair)

    def _configuration(self, resource: Json) -> Iterator[Resource]:
        of = resource["properties"]
        body = {
            "network_manager_id": self._parent(resource),
            "apply_on_network_intent_policy_based_services": of[
                "applyOnNetworkIntentPolicyBasedServices"
            ],
        }
        yield self._resource(resource, body)

    def _collection(self, resource: Json) -> Iterator[Resource]:
        groups = [one["networkGroupId"] for one in resource["properties"]["appliesToGroups"]]
        body = {
            "security_admin_configuration_id": self._parent(resource),
            "network_group_ids": [self._id(one) for one in groups],
        }
        yield self._resource(resource, body)

    def _admin_rule(self, resource: Json) -> Iterator[Resource]:
        of = resource["properties"]
        body: Json = {
            "admin_rule_collection_id": self._parent(resource),
            "priority": of["priority"],
            "direction": of["direction"],
            "action": of["access"],
            "protocol": of["protocol"],
        }
        for side in ("source", "destination"):
            body[f"{side}_port_ranges"] = of[f"{side}PortRanges"]
            body[side] = [
                {
                    "address_prefix_type": one["addressPrefixType"],
                    "address_prefix": self._id(one["addressPrefix"]),
                }
                for one in of[f"{side}s"]
            ]
        yield self._resource(resource, body)

    def _deployments(self) -> Iterator[Resource]:
        """Yields what the newest deployment to each region has put there."""
        newest: dict[tuple[str, str], Json] = {}
        for name, content in self._answers.others.items():
            if name.startswith("deployments-"):
                manager = name.split("-")[1]
                for one in sorted(content["value"], key=lambda some: some["commitTime"]):
                    newest[manager, one["region"]] = one
        for (manager, region), one in newest.items():
            if one["configurationIds"]:
                body = {
                    "network_manager_id": Raw(f"azurerm_network_manager.{_label(manager)}.id"),
                    "location": region,
                    "scope_access": one["deploymentType"],
                    "configuration_ids": [self._id(some) for some in one["configurationIds"]],
                }
                label = _label(f"{manager}_{region}")
                yield "azurerm_network_manager_deployment", label, body

    def _definition(self, resource: Json) -> Iterator[Resource]:
        of = resource["properties"]
        group = self._id(of["policyRule"]["then"]["details"]["networkGroupId"])
        details = Map({"networkGroupId": group})
        then = Map({"effect": "addToNetworkGroup", "details": details})
        rule = Map({"if": _deep(of["policyRule"]["if"]), "then": then})
        body = {
            "display_name": of["displayName"],
            "policy_type": of["policyType"],
            "mode": of["mode"],
            "policy_rule": Raw(f"jsonencode({_value(rule, 1)})"),
        }
        yield self._resource(resource, body)

    def _assignment(self, resource: Json) -> Iterator[Resource]:
        of = resource["properties"]
        body = {
            "policy_definition_id": self._id(of["policyDefinitionId"]),
            "subscription_id": of["scope"],
            "enforce": of["enforcementMode"] == "Default",
        }
        yield self._resource(resource, body)


_KEY: Final[Json] = {
    "admin_ssh_key": {"username": "operator", "public_key": Raw('file("id_ed25519.pub")')}
}


def _nics(ids: list[Raw | str]) -> Json:
    return {"network_interface_ids": ids}


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def _deep(value: Any) -> Any:
    """Returns JSON with its objects as maps."""
    if isinstance(value, dict):
        return Map({key: _deep(one) for key, one in value.items()})
    return [_deep(one) for one in value] if isinstance(value, list) else value


# -- the text


def _block(labels: list[str], body: Json, depth: int = 0) -> str:
    pad = "  " * depth
    kind, *names = labels
    head = " ".join([kind, *(f'"{one}"' for one in names)])
    lines = [f"{pad}{head} {{"]
    nested: list[str] = []
    for key, value in body.items():
        blocks = value if _are_blocks(value) else [value] if isinstance(value, dict) else None
        if blocks is None:
            lines.append(f"{pad}  {key} = {_value(value, depth + 1)}")
        else:
            nested += [_block([key], one, depth + 1) for one in blocks]
    return "\n".join([*lines, *(one.rstrip("\n") for one in nested), f"{pad}}}", ""])


def _are_blocks(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _value(value: Any, depth: int) -> str:
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, str):
        return json.dumps(value).replace("${", "$${").replace("%{", "%%{")
    if isinstance(value, list):
        return f"[{', '.join(_value(one, depth) for one in value)}]"
    if isinstance(value, Map):
        pad = "  " * depth
        parts = value.values.items()
        entries = [f'{pad}  "{key}" = {_value(one, depth + 1)}' for key, one in parts]
        return "\n".join(["{", *entries, f"{pad}}}"])
    return json.dumps(value)
