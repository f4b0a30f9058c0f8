"""A compact notation for small Azure networks, and its expansion into Azure's JSON.

A sketch is a JSON object. Every resource is named; names are unique within their kind, and one
resource refers to another by name. What is not said takes the plainest value: location `eastus`,
subscription `main`, resource group `rg`.

    {"vnets": {"vnet1": {
        "space": ["10.0.0.0/16"], "location": "eastus", "subscription": "main", "tags": {},
        "peerings": {"vnet2": {"allowVirtualNetworkAccess": false}},
        "subnets": {"s1": {"prefixes": ["10.0.0.0/24"], "nsg": "n1", "routeTable": "rt1",
                           "delegations": ["Microsoft.Sql/managedInstances"], "raw": {}}}}},
     "nics": {"nic1": {
        "subnet": "vnet1/s1", "ip": ["10.0.0.4", {"address": "10.0.0.5", "asgs": ["db"]}],
        "nsg": "n2", "asgs": ["web"], "vm": "vm1", "publicIp": "20.1.2.3",
        "publicIpSku": "Standard"}},
     "nsgs": {"n1": ["in 100 Allow Tcp Internet -> asg(web):80 name=allow80"], "n2": []},
     "routeTables": {"rt1": ["0.0.0.0/0 VirtualAppliance 10.0.9.4"]},
     "gateways": {"gw": {"subnet": "vnet1/GatewaySubnet", "type": "Vpn"}},
     "localGateways": {"site": ["192.168.50.0/24"]},
     "connections": {"c": {"from": "gw", "to": "site"}},
     "privateEndpoints": {"pe": {"subnet": "vnet1/s1", "ip": "10.0.0.9"}},
     "applicationGateways": {"agw": {"subnet": "vnet1/s2"}},
     "serviceTags": {"Storage": ["20.60.0.0/16"]},
     "managementGroups": {"root": {"subscriptions": ["main"], "children": {}}},
     "managers": {"M": {
        "scope": ["mg:root", "sub:main"],
        "groups": {"G": {"members": ["vnet1"]},
                   "Dyn": {"policy": {"if": {"field": "name", "contains": "1"},
                                      "scope": "mg:root"}}},
        "configurations": {"cfg": {
            "options": {"networkGroupAddressSpaceAggregationOption": "Manual"},
            "collections": {"c1": {"groups": ["G"],
                                   "rules": ["in 100 Deny Tcp * -> *:22 name=deny22"]}}}},
        "connectivity": {"mesh": {"groups": ["G"]}},
        "deployments": [{"regions": ["eastus"], "configurations": ["cfg"],
                         "commitTime": "2026-01-01T00:00:00Z"}],
        "deploymentsAs": "status",
        "active": [{"region": "eastus", "configuration": "cfg", "collections": {}}]}},
     "omit": ["nsgs/n2", "vnets/vnet1/location"], "idCase": "upper",
     "common": {"location": "westus"}, "also": [{"id": "<vnets/vnet1/subnets/s2>"}]}

Rules are lines: `in|out PRIORITY ACCESS PROTOCOL SOURCE[:PORTS] -> DESTINATION[:PORTS] name=NAME`.
A side is `*`, a prefix, a service tag, a comma list of those, `asg(a,b)`, or in an admin rule
`group(G)`; IPv6 stands in brackets: `[2001:db8::/32]:443`. Ports are `80`, `80-90`, a comma list,
or left out for any. Where a line cannot say it, a rule is an object: its ARM properties and `name`
(and `kind` for an admin rule). An NSG may be an object `{"rules": [...], "raw": {...}}`.

* VMs, public addresses and ASGs come into being where they are mentioned; the first address of a
  NIC has the `publicIp` of the NIC, another one its own: `{"address": "…", "publicIp": "…"}`.
* A peering to a VNet of the sketch gets its opposite, unless that VNet states one; `false` states
  that there is none.
* A connection leads to a local gateway, to another gateway, or to `circuit`.
* A dynamic group becomes a policy definition and its assignment.
* `deploymentsAs` is `status` (what `listDeploymentStatus` answers) or `commit` (request bodies).
* `active` is what `listActiveSecurityAdminRules` answers; its collections are written as above.
* Of a raw admin rule `systemData` goes beside the properties; a member of a group may be an object
  `{"vnet": "vnet1", "createdAt": "2026-01-01T00:00:00Z"}`.
* `omit` leaves resources, or single fields of them, out of the data while others go on referring
  to them; `idCase` spells every reference to another resource in upper case; `raw` fields are laid
  over the properties (of a policy: over those of its assignment), also of an address of a NIC.
* `also` are files of their own, after the others: JSON, or text as it is. In them and in `raw`
  fields `<vnets/vnet1/subnets/s1>` stands for a resource's id, `<sub:main>` and `<mg:root>` for
  those of a subscription and a management group, `<guid:main>` for the subscription's GUID.
* A management group with `parent` tells what is above it. Service tags that are an object are
  the tag's properties.

Two forms come out: `rest` (with `properties`, lists as `{"value": [...]}`, NSGs without their
default rules as templates have them) and `flat` (as `az ... -o json` prints it: properties at the
top level, `resourceGroup` added, NSGs with their default rules and back references).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

Json = dict[str, Any]
Form = Literal["flat", "rest"]
FORMS: tuple[Form, ...] = ("flat", "rest")

_NETWORK = "Microsoft.Network"
_GROUP = "rg"

_TYPES = {
    "vnets": f"{_NETWORK}/virtualNetworks",
    "nics": f"{_NETWORK}/networkInterfaces",
    "nsgs": f"{_NETWORK}/networkSecurityGroups",
    "asgs": f"{_NETWORK}/applicationSecurityGroups",
    "routeTables": f"{_NETWORK}/routeTables",
    "publicIps": f"{_NETWORK}/publicIPAddresses",
    "gateways": f"{_NETWORK}/virtualNetworkGateways",
    "localGateways": f"{_NETWORK}/localNetworkGateways",
    "connections": f"{_NETWORK}/connections",
    "circuits": f"{_NETWORK}/expressRouteCircuits",
    "privateEndpoints": f"{_NETWORK}/privateEndpoints",
    "applicationGateways": f"{_NETWORK}/applicationGateways",
    "managers": f"{_NETWORK}/networkManagers",
    "vms": "Microsoft.Compute/virtualMachines",
}

_DEFAULT_RULES = (
    ("AllowVnetInBound", "in 65000 Allow * VirtualNetwork -> VirtualNetwork"),
    ("AllowAzureLoadBalancerInBound", "in 65001 Allow * AzureLoadBalancer -> *"),
    ("DenyAllInBound", "in 65500 Deny * * -> *"),
    ("AllowVnetOutBound", "out 65000 Allow * VirtualNetwork -> VirtualNetwork"),
    ("AllowInternetOutBound", "out 65001 Allow * * -> Internet"),
    ("DenyAllOutBound", "out 65500 Deny * * -> *"),
)

_SIDE = r"(?:\[[^\]]+\]|\w+\([^)]*\)|[^\s:\[(]+)(?::[\d*,-]+)?"
_LINE = re.compile(
    rf"(?P<direction>in|out) (?P<priority>-?\d+) (?P<access>\w+) (?P<protocol>\*|\w+)"
    rf" (?P<source>{_SIDE}) -> (?P<destination>{_SIDE})(?: name=(?P<name>\S+))?"
)


def subscription_id(name: str) -> str:
    """Return the id of the subscription that a sketch calls `name`."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.subscription.example"))


def expand(sketch: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """Return the files that describe the sketched network: file name to JSON content."""
    return _Expansion(sketch, form).files()


def service_tags(sketch: Mapping[str, Any], form: Form) -> Json | None:
    """Return the sketched service tags as Microsoft's file (`flat`) or REST answer (`rest`)."""
    tags: dict[str, list[str] | Json] | None = sketch.get("serviceTags")
    if tags is None:
        return None
    values = [_service_tag(name, prefixes, form) for name, prefixes in tags.items()]
    if form == "flat":
        return {"changeNumber": 1, "cloud": "Public", "values": values}
    path = f"/subscriptions/{subscription_id('main')}/providers/{_NETWORK}/serviceTags/public"
    return {
        "name": "Public",
        "id": path,
        "type": f"{_NETWORK}/serviceTags",
        "changeNumber": "1",
        "cloud": "Public",
        "values": values,
    }


def write(sketch: Mapping[str, Any], folder: Path, form: Form) -> Path:
    """Write the sketched network below `folder` and return the folder of the estate.

    Service tags, when the sketch has any, go to `folder/service-tags.json`, outside the estate.
    """
    estate = folder / "estate"
    estate.mkdir(parents=True, exist_ok=True)
    for name, content in expand(sketch, form).items():
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        (estate / name).write_text(text, encoding="utf-8")
    tags = service_tags(sketch, form)
    if tags is not None:
        (folder / "service-tags.json").write_text(json.dumps(tags, indent=1), encoding="utf-8")
    return estate


def _service_tag(name: str, prefixes: list[str] | Json, form: Form) -> Json:
    region = name.rpartition(".")[2].lower() if "." in name else ""
    properties: Json = {
        "changeNumber": 1 if form == "flat" else "1",
        "region": region,
        "systemService": f"Azure{name.partition('.')[0]}",
        **({"addressPrefixes": prefixes} if isinstance(prefixes, list) else prefixes),
    }
    if form == "flat":
        properties |= {"platform": "Azure"}
        return {"name": name, "id": name, "properties": properties}
    return {"name": name, "id": name, "serviceTagChangeNumber": "1", "properties": properties}


class _Expansion:
    def __init__(self, sketch: Mapping[str, Any], form: Form) -> None:
        self.sketch = sketch
        self.form: Form = form
        self.common: Json = sketch.get("common", {})
        self.omitted: set[str] = set(sketch.get("omit", ()))

    # -- files

    def files(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind, resources in self._resources():
            kept = [
                resource
                for resource in resources
                if f"{kind}/{resource['name']}" not in self.omitted
            ]
            if kept:
                spelt = [self._spell(self._told(kind, resource)) for resource in kept]
                found[f"{kind}.json"] = spelt if self.form == "flat" else {"value": spelt}
        for name, content in self._answers():
            found[f"{name}.json"] = self._spell(content)
        for number, content in enumerate(self.sketch.get("also", ())):
            told = self._with_ids(content)
            found[f"also-{number}.json"] = told if isinstance(told, str) else self._spell(told)
        return found

    def _told(self, kind: str, resource: Json) -> Json:
        """A resource without the fields that are omitted, ids in the place of their names."""
        path = f"{kind}/{resource['name']}/"
        gone = {name.removeprefix(path) for name in self.omitted if name.startswith(path)}
        kept = {key: value for key, value in resource.items() if key not in gone}
        if "properties" in kept:
            inner = kept["properties"].items()
            kept["properties"] = {key: value for key, value in inner if key not in gone}
        return self._with_ids(kept)

    def _with_ids(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._with_ids(item) for item in value]
        if isinstance(value, dict):
            return {key: self._with_ids(item) for key, item in value.items()}
        if isinstance(value, str) and "<" in value:
            return re.sub(r"<([^>]+)>", lambda found: self._named_id(found[1]), value)
        return value

    def _named_id(self, text: str) -> str:
        kind, *rest = text.split("/")
        if text.startswith("guid:"):
            return subscription_id(text.removeprefix("guid:"))
        return self._id(kind, *rest) if kind in _TYPES else self._scope(text)

    def _resources(self) -> Iterator[tuple[str, list[Json]]]:
        yield "vnets", [self._vnet(name) for name in self._kind("vnets")]
        yield "nics", [*map(self._nic, self._kind("nics")), *self._endpoint_nics()]
        yield "nsgs", [self._nsg(name) for name in self._kind("nsgs")]
        yield "asgs", [self._resource("asgs", name, {}) for name in sorted(self._asg_names())]
        yield "vms", [self._vm(name) for name in self._vm_names()]
        yield "publicIps", list(self._public_ips())
        yield "routeTables", [self._route_table(name) for name in self._kind("routeTables")]
        yield "gateways", [self._gateway(name) for name in self._kind("gateways")]
        yield "localGateways", [self._local_gateway(name) for name in self._kind("localGateways")]
        yield "connections", [self._connection(name) for name in self._kind("connections")]
        yield "privateEndpoints", [self._endpoint(name) for name in self._kind("privateEndpoints")]
        yield (
            "applicationGateways",
            [self._application_gateway(name) for name in self._kind("applicationGateways")],
        )
        yield "managers", [self._manager(name) for name in self._kind("managers")]
        for kind in ("groups", "members", "configurations", "collections", "rules", "connectivity"):
            yield (
                kind,
                [
                    child
                    for manager in self._kind("managers")
                    for child in self._children(manager, kind)
                ],
            )
        definitions = [
            pair
            for manager in self._kind("managers")
            for name, group in self._spec("managers", manager).get("groups", {}).items()
            if "policy" in group
            for pair in self._policy(manager, name, group["policy"])
        ]
        yield "policyDefinitions", definitions[0::2]
        yield "policyAssignments", definitions[1::2]

    def _answers(self) -> Iterator[tuple[str, Json]]:
        for name, node in self.sketch.get("managementGroups", {}).items():
            yield f"managementGroup-{name}", self._management_group(name, node)
        for manager in self._kind("managers"):
            spec = self._spec("managers", manager)
            for number, content in enumerate(self._deployments(manager)):
                yield f"deployments-{manager}-{number}", content
            if "active" in spec:
                yield f"active-{manager}", {"value": list(self._active(manager)), "skipToken": ""}

    def _spell(self, value: Json) -> Json:
        spelt = _flatten(value) if self.form == "flat" else value
        return _upper_references(spelt) if self.sketch.get("idCase") == "upper" else spelt

    # -- names and ids

    def _kind(self, kind: str) -> Json:
        return self.sketch.get(kind, {})

    def _spec(self, kind: str, name: str) -> Json:
        spec = self.sketch.get(kind, {}).get(name)
        return spec if isinstance(spec, dict) else {}

    def _subscription(self, kind: str, name: str) -> str:
        spec = self._spec(kind, name)
        if "subscription" in spec:
            return spec["subscription"]
        if spec.get("subnet"):
            return self._subscription("vnets", spec["subnet"].partition("/")[0])
        return self.common.get("subscription", "main")

    def _location(self, kind: str, name: str) -> str:
        spec = self._spec(kind, name)
        if "location" in spec:
            return spec["location"]
        if spec.get("subnet"):
            return self._location("vnets", spec["subnet"].partition("/")[0])
        return self.common.get("location", "eastus")

    def _id(self, kind: str, name: str, *tail: str) -> str:
        subscription = subscription_id(self._subscription(kind, name))
        group = self._spec(kind, name).get("resourceGroup", _GROUP)
        root = f"/subscriptions/{subscription}/resourceGroups/{group}/providers"
        return "/".join([root, _TYPES[kind], name, *tail])

    def _ref(self, kind: str, name: str) -> Json:
        return {"id": self._id(kind, name)}

    def _subnet_ref(self, path: str) -> Json:
        vnet, _, subnet = path.partition("/")
        return {"id": self._id("vnets", vnet, "subnets", subnet)}

    def _resource(self, kind: str, name: str, properties: Json) -> Json:
        spec = self._spec(kind, name)
        resource: Json = {
            "id": self._id(kind, name),
            "name": name,
            "type": _TYPES[kind],
            "location": self._location(kind, name),
        }
        if "tags" in spec:
            resource["tags"] = spec["tags"]
        resource["properties"] = {
            "provisioningState": "Succeeded",
            **properties,
            **spec.get("raw", {}),
        }
        return resource

    def _child(self, parent: str, kind: str, name: str, properties: Json) -> Json:
        """A child resource; its type follows from the parent's id."""
        path = f"{parent}/{kind}/{name}"
        provider = path.rpartition("/providers/")[2].split("/")
        kinds = "/".join([provider[0], *provider[1::2]])
        return {"id": path, "name": name, "type": kinds, "properties": properties}

    # -- virtual networks

    def _vnet(self, name: str) -> Json:
        spec = self._spec("vnets", name)
        subnets = [
            self._child(self._id("vnets", name), "subnets", subnet, self._subnet(name, subnet, of))
            for subnet, of in spec.get("subnets", {}).items()
        ]
        peerings = [
            self._peering(name, remote, of) for remote, of in self._peerings_of(name).items()
        ]
        return self._resource(
            "vnets",
            name,
            {
                "addressSpace": {"addressPrefixes": spec["space"]},
                "subnets": subnets,
                "virtualNetworkPeerings": peerings,
            },
        )

    def _subnet(self, vnet: str, name: str, spec: Json) -> Json:
        prefixes: list[str] = spec["prefixes"]
        properties: Json = {"provisioningState": "Succeeded"}
        if len(prefixes) == 1 and self.form == "flat":
            properties["addressPrefix"] = prefixes[0]
        else:
            properties["addressPrefixes"] = prefixes
        if "nsg" in spec:
            properties["networkSecurityGroup"] = self._ref("nsgs", spec["nsg"])
        if "routeTable" in spec:
            properties["routeTable"] = self._ref("routeTables", spec["routeTable"])
        properties["delegations"] = [
            {"name": f"delegation{number}", "properties": {"serviceName": service}}
            for number, service in enumerate(spec.get("delegations", ()))
        ]
        if "privateEndpointNetworkPolicies" in spec:
            properties["privateEndpointNetworkPolicies"] = spec["privateEndpointNetworkPolicies"]
        elif self.form == "flat":
            properties["privateEndpointNetworkPolicies"] = "Disabled"
        if self.form == "flat":
            nics = [
                {"id": self._id("nics", nic, "ipConfigurations", f"ipconfig{number}")}
                for nic, of in self._kind("nics").items()
                if of["subnet"] == f"{vnet}/{name}"
                for number, _ in enumerate(of["ip"], 1)
            ]
            if nics:
                properties["ipConfigurations"] = nics
        return {**properties, **spec.get("raw", {})}

    def _peerings_of(self, name: str) -> dict[str, Json]:
        stated: dict[str, Any] = dict(self._spec("vnets", name).get("peerings", {}))
        for other in self._kind("vnets"):
            back = self._spec("vnets", other).get("peerings", {}).get(name)
            if isinstance(back, dict) and other not in stated:
                stated[other] = {}
        return {remote: of for remote, of in stated.items() if of is not False}

    def _peering(self, name: str, remote: str, spec: Json) -> Json:
        properties: Json = {
            "peeringState": "Connected",
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": False,
            "allowGatewayTransit": False,
            "useRemoteGateways": False,
            "remoteVirtualNetwork": self._ref("vnets", remote),
        }
        if "space" in self._spec("vnets", remote):
            space = {"addressPrefixes": self._spec("vnets", remote)["space"]}
            properties["remoteAddressSpace"] = space
            properties["remoteVirtualNetworkAddressSpace"] = space
        properties |= spec
        kept = {key: value for key, value in properties.items() if value is not None}
        parent = self._id("vnets", name)
        return self._child(parent, "virtualNetworkPeerings", f"to-{remote}", kept)

    def _route_table(self, name: str) -> Json:
        parent = self._id("routeTables", name)
        routes: list[Json] = []
        for number, line in enumerate(self._kind("routeTables")[name], 1):
            prefix, hop, *address = line.split()
            properties: Json = {"addressPrefix": prefix, "nextHopType": hop}
            if address:
                properties["nextHopIpAddress"] = address[0]
            routes.append(self._child(parent, "routes", f"route{number}", properties))
        return self._resource("routeTables", name, {"routes": routes})

    # -- network interfaces and what hangs on them

    def _nic(self, name: str) -> Json:
        spec = self._spec("nics", name)
        configurations = [
            self._ip_configuration(name, number, address)
            for number, address in enumerate(spec["ip"], 1)
        ]
        properties: Json = {
            "ipConfigurations": configurations,
            "enableIPForwarding": spec.get("forwarding", False),
        }
        if "nsg" in spec:
            properties["networkSecurityGroup"] = self._ref("nsgs", spec["nsg"])
        if "vm" in spec:
            properties["virtualMachine"] = self._ref("vms", spec["vm"])
        if "privateEndpoint" in spec:
            properties["privateEndpoint"] = self._ref("privateEndpoints", spec["privateEndpoint"])
        return self._resource("nics", name, properties)

    def _ip_configuration(self, nic: str, number: int, address: str | Json) -> Json:
        spec = self._spec("nics", nic)
        own: Json = {"address": address} if isinstance(address, str) else address
        text: str = own["address"]
        properties: Json = {
            "primary": number == 1,
            "privateIPAddress": text,
            "privateIPAddressVersion": "IPv6" if ":" in text else "IPv4",
            "privateIPAllocationMethod": "Dynamic",
        }
        if spec["subnet"]:
            properties["subnet"] = self._subnet_ref(spec["subnet"])
        asgs = own.get("asgs", spec.get("asgs", ()))
        if asgs:
            properties["applicationSecurityGroups"] = [self._ref("asgs", asg) for asg in asgs]
        if number == 1 and "publicIp" in spec:
            properties["publicIPAddress"] = self._ref("publicIps", f"{nic}-public")
        elif "publicIp" in own:
            properties["publicIPAddress"] = self._ref("publicIps", f"{nic}-public{number}")
        properties |= own.get("raw", {})
        parent = self._id("nics", nic)
        return self._child(parent, "ipConfigurations", f"ipconfig{number}", properties)

    def _vm_names(self) -> list[str]:
        named = dict.fromkeys(self._kind("vms"))
        mounted = (spec["vm"] for spec in self._kind("nics").values() if "vm" in spec)
        return list(named | dict.fromkeys(mounted))

    def _vm(self, name: str) -> Json:
        nics = [nic for nic, spec in self._kind("nics").items() if spec.get("vm") == name]
        references = [
            {"id": self._id("nics", nic), "properties": {"primary": nic == nics[0]}} for nic in nics
        ]
        return self._resource("vms", name, {"networkProfile": {"networkInterfaces": references}})

    def _public_ips(self) -> Iterator[Json]:
        for nic, spec in self._kind("nics").items():
            if "publicIp" in spec:
                yield self._public_ip(nic, "", spec["publicIp"])
            for number, address in enumerate(spec["ip"], 1):
                if isinstance(address, dict) and "publicIp" in address:
                    yield self._public_ip(nic, str(number), address["publicIp"])

    def _public_ip(self, nic: str, number: str, address: str) -> Json:
        configuration = {"id": self._id("nics", nic, "ipConfigurations", f"ipconfig{number or 1}")}
        properties: Json = {"ipAddress": address, "ipConfiguration": configuration}
        if ":" in address:
            properties["publicIPAddressVersion"] = "IPv6"
        sku = self._spec("nics", nic).get("publicIpSku", "Standard")
        return {
            **self._resource("publicIps", f"{nic}-public{number}", properties),
            "sku": {"name": sku, "tier": "Regional"},
        }

    def _asg_names(self) -> set[str]:
        named: set[str] = set(self._kind("asgs"))
        for spec in self._kind("nics").values():
            named |= set(spec.get("asgs", ()))
            for address in spec["ip"]:
                if isinstance(address, dict):
                    named |= set(address.get("asgs", ()))
        for nsg in self._kind("nsgs").values():
            rules = nsg if isinstance(nsg, list) else nsg.get("rules", ())
            for rule in rules:
                if isinstance(rule, str):
                    for names in re.findall(r"asg\(([^)]*)\)", rule):
                        named |= set(names.split(","))
        return named

    # -- network security groups

    def _nsg(self, name: str) -> Json:
        spec = self._kind("nsgs")[name]
        rules = spec if isinstance(spec, list) else spec.get("rules", [])
        parent = self._id("nsgs", name)
        properties: Json = {
            "securityRules": [
                self._child(parent, "securityRules", *self._nsg_rule(rule, number))
                for number, rule in enumerate(rules, 1)
            ]
        }
        if self.form == "flat":
            properties["defaultSecurityRules"] = [
                self._child(parent, "defaultSecurityRules", title, self._nsg_rule(line, 0)[1])
                for title, line in _DEFAULT_RULES
            ]
            back = [
                self._subnet_ref(f"{vnet}/{subnet}")
                for vnet, of in self._kind("vnets").items()
                for subnet, parts in of.get("subnets", {}).items()
                if parts.get("nsg") == name
            ]
            if back:
                properties["subnets"] = back
        return self._resource("nsgs", name, properties)

    def _nsg_rule(self, rule: str | Json, number: int) -> tuple[str, Json]:
        if not isinstance(rule, str):
            return _named(rule, f"rule{number}")
        parts = _parse(rule)
        properties: Json = {
            "priority": int(parts["priority"]),
            "direction": _direction(parts["direction"]),
            "access": parts["access"],
            "protocol": parts["protocol"],
        }
        for side in ("source", "destination"):
            addresses, ports = _side(parts[side])
            properties |= _one_or_many(f"{side}PortRange", f"{side}PortRanges", ports)
            asgs = _inside(parts[side], "asg")
            if asgs is None:
                properties |= _one_or_many(
                    f"{side}AddressPrefix", f"{side}AddressPrefixes", addresses
                )
            else:
                references = [self._ref("asgs", asg) for asg in asgs]
                properties[f"{side}ApplicationSecurityGroups"] = references
        return parts["name"] or f"rule{number}", properties

    # -- gateways and private endpoints

    def _gateway(self, name: str) -> Json:
        spec = self._spec("gateways", name)
        configuration = self._child(
            self._id("gateways", name),
            "ipConfigurations",
            "default",
            {"subnet": self._subnet_ref(spec["subnet"])},
        )
        return self._resource(
            "gateways",
            name,
            {
                "gatewayType": spec.get("type", "Vpn"),
                "vpnType": "RouteBased",
                "enableBgp": spec.get("bgp", False),
                "ipConfigurations": [configuration],
            },
        )

    def _local_gateway(self, name: str) -> Json:
        spec = self._kind("localGateways")[name]
        prefixes = spec if isinstance(spec, list) else spec["prefixes"]
        space = {"addressPrefixes": prefixes}
        properties: Json = {
            "localNetworkAddressSpace": space,
            "gatewayIpAddress": "198.51.100.250",
        }
        return self._resource("localGateways", name, properties)

    def _connection(self, name: str) -> Json:
        spec = self._spec("connections", name)
        properties: Json = {
            "virtualNetworkGateway1": self._ref("gateways", spec["from"]),
            "connectionStatus": "Connected",
            "enableBgp": spec.get("bgp", False),
        }
        if spec["to"] == "circuit":
            properties |= {
                "connectionType": "ExpressRoute",
                "peer": self._ref("circuits", f"{name}-circuit"),
            }
        elif spec["to"] in self._kind("gateways"):
            properties |= {
                "connectionType": "Vnet2Vnet",
                "virtualNetworkGateway2": self._ref("gateways", spec["to"]),
            }
        else:
            properties |= {
                "connectionType": "IPsec",
                "localNetworkGateway2": self._ref("localGateways", spec["to"]),
            }
        return self._resource("connections", name, properties)

    def _endpoint(self, name: str) -> Json:
        spec = self._spec("privateEndpoints", name)
        properties: Json = {
            "subnet": self._subnet_ref(spec["subnet"]),
            "networkInterfaces": [self._ref("nics", f"{name}-nic")],
        }
        if "asgs" in spec:
            properties["applicationSecurityGroups"] = [
                self._ref("asgs", asg) for asg in spec["asgs"]
            ]
        return self._resource("privateEndpoints", name, properties)

    def _endpoint_nics(self) -> Iterator[Json]:
        for name, spec in self._kind("privateEndpoints").items():
            nic: Json = {"subnet": spec["subnet"], "ip": [spec["ip"]], "privateEndpoint": name}
            if "asgs" in spec:
                nic["asgs"] = spec["asgs"]
            inner = _Expansion({**self.sketch, "nics": {f"{name}-nic": nic}}, self.form)
            yield inner._nic(f"{name}-nic")

    def _application_gateway(self, name: str) -> Json:
        spec = self._spec("applicationGateways", name)
        configuration = self._child(
            self._id("applicationGateways", name),
            "gatewayIPConfigurations",
            "default",
            {"subnet": self._subnet_ref(spec["subnet"])},
        )
        properties: Json = {"gatewayIPConfigurations": [configuration]}
        return self._resource("applicationGateways", name, properties)

    # -- network managers

    def _scope(self, text: str) -> str:
        kind, _, name = text.partition(":")
        if kind == "mg":
            return f"/providers/Microsoft.Management/managementGroups/{name}"
        subscription, _, group = name.partition("/")
        path = f"/subscriptions/{subscription_id(subscription)}"
        return f"{path}/resourceGroups/{group}" if group else path

    def _manager(self, name: str) -> Json:
        spec = self._spec("managers", name)
        scopes = [self._scope(scope) for scope in spec["scope"]]
        properties: Json = {
            "networkManagerScopes": {
                "managementGroups": [scope for scope in scopes if scope.startswith("/providers")],
                "subscriptions": [scope for scope in scopes if scope.startswith("/subscr")],
            },
            "networkManagerScopeAccesses": ["SecurityAdmin", "Connectivity"],
        }
        return self._resource("managers", name, properties)

    def _group_id(self, manager: str, group: str) -> str:
        return self._id("managers", manager, "networkGroups", group)

    def _children(self, manager: str, kind: str) -> Iterator[Json]:
        spec = self._spec("managers", manager)
        root = self._id("managers", manager)
        if kind == "groups":
            for name, group in spec.get("groups", {}).items():
                member = {"memberType": group.get("memberType", "VirtualNetwork")}
                yield self._child(root, "networkGroups", name, member)
        elif kind == "members":
            for name, group in spec.get("groups", {}).items():
                for number, member in enumerate(group.get("members", ()), 1):
                    yield self._member(self._group_id(manager, name), number, member)
        elif kind == "connectivity":
            for name, mesh in spec.get("connectivity", {}).items():
                properties = self._connectivity(manager, mesh)
                yield self._child(root, "connectivityConfigurations", name, properties)
        else:
            for name, configuration in spec.get("configurations", {}).items():
                yield from self._configuration(manager, name, configuration, kind)

    def _member(self, group: str, number: int, member: str | Json) -> Json:
        path: str = member if isinstance(member, str) else member["vnet"]
        vnet, _, subnet = path.partition("/")
        target = self._id("vnets", vnet, *(["subnets", subnet] if subnet else []))
        properties = {"resourceId": target, "region": self._location("vnets", vnet)}
        child = self._child(group, "staticMembers", f"member{number}", properties)
        if not isinstance(member, str):
            child["systemData"] = {"createdAt": member["createdAt"]}
        return child

    def _connectivity(self, manager: str, mesh: Json) -> Json:
        return {
            "connectivityTopology": "Mesh",
            "appliesToGroups": [
                {
                    "networkGroupId": self._group_id(manager, group),
                    "groupConnectivity": "DirectlyConnected",
                    "isGlobal": mesh.get("isGlobal", "False"),
                    "useHubGateway": "False",
                }
                for group in mesh["groups"]
            ],
            "isGlobal": mesh.get("isGlobal", "False"),
            "deleteExistingPeering": "False",
            "hubs": [],
        }

    def _configuration(
        self, manager: str, name: str, spec: Json, kind: str | None
    ) -> Iterator[Json]:
        root = self._id("managers", manager)
        if kind == "configurations":
            options = {"applyOnNetworkIntentPolicyBasedServices": ["None"]}
            options |= spec.get("options", {})
            yield self._child(root, "securityAdminConfigurations", name, options)
            return
        parent = f"{root}/securityAdminConfigurations/{name}"
        for title, collection in spec.get("collections", {}).items():
            groups = [
                {"networkGroupId": self._group_id(manager, group)} for group in collection["groups"]
            ]
            here = self._child(parent, "ruleCollections", title, {"appliesToGroups": groups})
            if kind == "collections":
                yield here
                continue
            for number, rule in enumerate(collection.get("rules", ()), 1):
                rule_name, properties = self._admin_rule(manager, rule, number)
                child = self._child(here["id"], "rules", rule_name, properties)
                child["kind"] = properties.pop("kind", "Custom")
                if "systemData" in properties:
                    child["systemData"] = properties.pop("systemData")
                yield child

    def _admin_rule(self, manager: str, rule: str | Json, number: int) -> tuple[str, Json]:
        if not isinstance(rule, str):
            name, properties = _named(rule, f"rule{number}")
            for side in ("sources", "destinations"):
                for address in properties.get(side) or ():
                    group = _inside(address["addressPrefix"], "group")
                    if group:
                        address["addressPrefix"] = self._group_id(manager, group[0])
            return name, properties
        parts = _parse(rule)
        properties: Json = {
            "priority": int(parts["priority"]),
            "direction": _direction(parts["direction"]),
            "access": parts["access"],
            "protocol": "Any" if parts["protocol"] == "*" else parts["protocol"],
        }
        for side in ("source", "destination"):
            addresses, ports = _side(parts[side])
            groups = _inside(parts[side], "group")
            if groups is not None:
                properties[f"{side}s"] = [
                    {
                        "addressPrefix": self._group_id(manager, group),
                        "addressPrefixType": "NetworkGroup",
                    }
                    for group in groups
                ]
            else:
                properties[f"{side}s"] = [
                    {"addressPrefix": text, "addressPrefixType": _address_type(text)}
                    for text in addresses
                ]
            any_port = "0-65535"
            properties[f"{side}PortRanges"] = [any_port if port == "*" else port for port in ports]
        return parts["name"] or f"rule{number}", properties

    def _policy(self, manager: str, group: str, spec: Json) -> Iterator[Json]:
        scope = self._scope(spec["scope"])
        name = f"{manager}-{group}"
        definition = f"{scope}/providers/Microsoft.Authorization/policyDefinitions/{name}"
        effect = {
            "effect": "addToNetworkGroup",
            "details": {"networkGroupId": self._group_id(manager, group)},
        }
        yield {
            "id": definition,
            "name": name,
            "type": "Microsoft.Authorization/policyDefinitions",
            "properties": {
                "displayName": name,
                "policyType": "Custom",
                "mode": "Microsoft.Network.Data",
                "policyRule": {"if": spec["if"], "then": effect},
            },
        }
        yield {
            "id": f"{scope}/providers/Microsoft.Authorization/policyAssignments/{name}",
            "name": name,
            "type": "Microsoft.Authorization/policyAssignments",
            "properties": {
                "displayName": name,
                "policyDefinitionId": definition,
                "scope": scope,
                "notScopes": [self._scope(text) for text in spec.get("notScopes", ())],
                "enforcementMode": spec.get("enforcementMode", "Default"),
                **spec.get("raw", {}),
            },
        }

    def _deployments(self, manager: str) -> Iterator[Json]:
        spec = self._spec("managers", manager)
        if "deployments" not in spec:
            return
        items: list[Json] = []
        for deployment in spec["deployments"]:
            kind = deployment.get("type", "SecurityAdmin")
            child = {"Connectivity": "connectivityConfigurations"}.get(
                kind, "securityAdminConfigurations"
            )
            ids = [
                self._id("managers", manager, child, name) for name in deployment["configurations"]
            ]
            if spec.get("deploymentsAs") == "commit":
                yield {
                    "commitType": kind,
                    "configurationIds": ids,
                    "targetLocations": deployment["regions"],
                }
            else:
                items += [
                    {
                        "commitTime": deployment.get("commitTime", "2026-01-01T00:00:00Z"),
                        "region": region,
                        "deploymentStatus": deployment.get("status", "Deployed"),
                        "configurationIds": ids,
                        "deploymentType": kind,
                        "errorMessage": "",
                    }
                    for region in deployment["regions"]
                ]
        if spec.get("deploymentsAs") != "commit":
            yield {"value": items, "skipToken": ""}

    def _active(self, manager: str) -> Iterator[Json]:
        for answer in self._spec("managers", manager)["active"]:
            spec = {"collections": answer["collections"]}
            for rule in self._configuration(manager, answer["configuration"], spec, None):
                collection = rule["id"].split("/")[-3]
                groups = answer["collections"][collection]["groups"]
                yield {
                    "id": rule["id"],
                    "commitTime": answer.get("commitTime", "2026-01-01T00:00:00Z"),
                    "region": answer["region"],
                    "kind": rule["kind"],
                    "ruleCollectionAppliesToGroups": [
                        {"networkGroupId": self._group_id(manager, group)} for group in groups
                    ],
                    "ruleGroups": [
                        {
                            "id": self._group_id(manager, group),
                            "properties": {"memberType": "VirtualNetwork"},
                        }
                        for group in groups
                    ],
                    "properties": rule["properties"],
                }

    def _management_group(self, name: str, node: Json, child: bool = False) -> Json:
        children: list[Json] = [
            {
                "children": None,
                "displayName": subscription,
                "id": f"/subscriptions/{subscription_id(subscription)}",
                "name": subscription_id(subscription),
                "type": "/subscriptions",
            }
            for subscription in node.get("subscriptions", ())
        ]
        children += [
            self._management_group(inner, of, child=True)
            for inner, of in node.get("children", {}).items()
        ]
        found: Json = {
            "id": self._scope(f"mg:{name}"),
            "name": name,
            "type": "Microsoft.Management/managementGroups",
        }
        if child:
            return {**found, "displayName": name, "children": children or None}
        properties: Json = {"displayName": name, "children": children or None}
        if "parent" in node:
            above = {"id": self._scope(f"mg:{node['parent']}"), "name": node["parent"]}
            properties["details"] = {"version": 1, "parent": above}
        return {**found, "properties": properties}


# -- the rule line


def _parse(line: str) -> dict[str, str]:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"not a rule: `{line}`")
    return found.groupdict(default="")


def _direction(word: str) -> str:
    return {"in": "Inbound", "out": "Outbound"}[word]


def _side(text: str) -> tuple[list[str], list[str]]:
    """Split a side of a rule into its addresses and its ports."""
    closing = max(text.rfind("]"), text.rfind(")"))
    address, _, ports = text.rpartition(":") if ":" in text[closing + 1 :] else (text, "", "*")
    return address.strip("[]").split(","), ports.split(",")


def _inside(text: str, word: str) -> list[str] | None:
    found = re.match(rf"{word}\(([^)]*)\)", text)
    return found[1].split(",") if found else None


def _one_or_many(one: str, many: str, values: list[str]) -> Json:
    return {one: values[0], many: []} if len(values) == 1 else {one: None, many: values}


def _address_type(text: str) -> str:
    looks_numeric = text == "*" or ":" in text or re.match(r"\d+\.", text)
    return "IPPrefix" if looks_numeric else "ServiceTag"


def _named(rule: Json, otherwise: str) -> tuple[str, Json]:
    copy: Json = json.loads(json.dumps(rule))
    name: str = copy.pop("name", otherwise)
    return name, copy


# -- spelling


def _flatten(value: Any) -> Any:
    """Spell a REST body as the command line prints it."""
    if isinstance(value, list):
        return [_flatten(item) for item in value]
    if not isinstance(value, dict):
        return value
    inner = value.get("properties")
    merged: Json = {key: item for key, item in value.items() if key != "properties"}
    if isinstance(inner, dict):
        merged |= inner
    elif inner is not None:
        merged["properties"] = inner
    flat = {key: _flatten(item) for key, item in merged.items()}
    group = re.search(r"/resourceGroups/([^/]+)", str(flat.get("id", "")))
    if group:
        flat["resourceGroup"] = group[1]
    return flat


def _upper_references(value: Any, key: str = "", named: bool = False) -> Any:
    if isinstance(value, list):
        return [_upper_references(item, key) for item in value]
    if isinstance(value, dict):
        own = "name" in value or "region" in value
        return {name: _upper_references(item, name, own) for name, item in value.items()}
    is_id = isinstance(value, str) and value.startswith(("/subscriptions/", "/providers/"))
    return value.upper() if is_id and not (key == "id" and named) else value
