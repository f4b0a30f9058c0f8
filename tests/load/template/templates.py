"""Templates out of exports, and exports' texts disguised as expressions."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flowverdict
from flowverdict.model import Estate
from tests.policy.estates import Json, load

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
PARAMETERS = "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#"
PLACE = "/subscriptions/9149efd6-29f7-5f23-9eb1-77edbbb1b2d6/resourceGroups/rg"
NETWORK = f"{PLACE}/providers/Microsoft.Network"


def template(resources: Any, **sections: Any) -> Json:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", **sections, "resources": resources}


def values(**given: Any) -> Json:
    """A parameters file."""
    told = {name: {"value": value} for name, value in given.items()}
    return {"$schema": PARAMETERS, "contentVersion": "1.0.0.0", "parameters": told}


def deployment(name: str = "main", **parameters: Any) -> Json:
    """A deployment as `az deployment group show` prints it, as far as it is read."""
    told = {key: {"type": "String", "value": value} for key, value in parameters.items()}
    identity = f"{PLACE}/providers/Microsoft.Resources/deployments/{name}"
    return {"id": identity, "name": name, "properties": {"parameters": told}}


def resource(kind: str, name: str, properties: Json, **more: Any) -> Json:
    return {"type": f"Microsoft.Network/{kind}", "apiVersion": "2023-09-01", "name": name,
            "location": "eastus", "properties": properties, **more}  # fmt: skip


def rule(name: str, priority: Any, access: str = "Allow", **fields: Any) -> Json:
    """A rule of an NSG, inbound, TCP from anywhere to port 443 if nothing else is said."""
    return {
        "name": name,
        "properties": {
            "priority": priority, "direction": "Inbound", "access": access, "protocol": "Tcp",
            "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*",
            "destinationPortRange": "443", **fields,
        },
    }  # fmt: skip


def network(*rules: Json, address: str | None = "10.0.0.4") -> list[Json]:
    """An NSG with rules before a subnet, and an interface in it."""
    ip: Json = {
        "subnet": {"id": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'v', 's')]"}
    }
    if address:
        ip["privateIPAddress"] = address
    return [
        resource("networkSecurityGroups", "n", {"securityRules": [*rules]}),
        resource("virtualNetworks", "v", {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{"name": "s", "properties": {
                "addressPrefix": "10.0.0.0/24",
                "networkSecurityGroup": {
                    "id": "[resourceId('Microsoft.Network/networkSecurityGroups', 'n')]"},
            }}],
        }),
        resource("networkInterfaces", "nic", {
            "ipConfigurations": [{"name": "ip", "properties": ip}]}),
    ]  # fmt: skip


def verdict(estate: Estate, port: int = 443, remote: str = "8.8.8.8", nic: str = "nic") -> Any:
    return flowverdict.verify(
        estate, nic=nic, direction="Inbound", protocol="TCP", local=f"10.0.0.4:{port}",
        remote=f"{remote}:50000")  # fmt: skip


def loaded(resources: Any, /, *others: Json, **sections: Any) -> Estate:
    """The estate of a template, and of other files beside it."""
    files = {"main.json": template(resources, **sections)}
    files |= {f"main.{at}.json": one for at, one in enumerate(others)}
    return load(files)


def is_deployed(content: Json) -> bool:
    """Whether a file of an export holds resources that a template can deploy."""
    kinds = [one.get("type", "").lower() for one in content.get("value", [])]
    return bool(kinds) and all(
        one.startswith("microsoft.") and "/managementgroups" not in one for one in kinds
    )


def as_template(files: Mapping[str, Any]) -> Json:
    """An export in the REST form as a template with literal values."""
    found: list[Json] = []
    for content in files.values():
        for one in content.get("value", []) if is_deployed(content) else []:
            segments = one["id"].partition("/providers/")[2].split("/")
            kept = {name: inner for name, inner in one.items() if name not in ("id", "etag")}
            kept["type"] = "/".join([segments[0], *segments[1::2]])
            kept["name"] = "/".join(segments[2::2])
            found.append({**kept, "apiVersion": "2023-09-01"})
    return template(found)


class Disguise:
    """Writes texts as expressions that mean the same, and lists of children as resources."""

    def __init__(self, chance: random.Random, of: Json, *, secret: bool = False) -> None:
        self._chance = chance
        self._secret = secret
        self._parameters: Json = {}
        self._variables: Json = {}
        resources = [one for each in of["resources"] for one in self._apart(each)]
        resources = [self._hidden(one) for one in resources]
        self.template = template(
            resources, parameters=self._parameters, variables=self._variables
        )  # fmt: skip

    def _apart(self, one: Json) -> list[Json]:
        """An NSG, perhaps with its rules as children of their own."""
        rules = one["properties"].get("securityRules")
        how = self._chance.choice(["inside", "nested", "beside"]) if rules else "inside"
        if how == "inside":
            return [one]
        bare = {**one, "properties": {**one["properties"], "securityRules": []}}
        bare["properties"].pop("defaultSecurityRules", None)
        children = [
            {"type": "securityRules", "name": each["name"], "properties": each["properties"]}
            for each in rules
        ]
        if how == "nested":
            return [{**bare, "resources": children}]
        kind = f"{one['type']}/securityRules"
        beside = [
            {**each, "type": kind, "name": f"{one['name']}/{each['name']}"} for each in children
        ]
        return [bare, *beside]

    def _hidden(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self._hidden(one, name) for name, one in value.items()}
        if isinstance(value, list):
            if value and key != "resources" and self._chance.randrange(8) == 0:
                return self._copied([self._hidden(one) for one in value])
            return [self._hidden(one) for one in value]
        if isinstance(value, bool) or not isinstance(value, (str, int)) or key == "type":
            return value
        if self._chance.randrange(4) == 0:
            return self._expression(value, key)
        return value

    def _copied(self, value: list[Any]) -> str:
        """A list as a loop over a variable of its elements."""
        at = f"v{len(self._variables)}"
        self._variables[at] = value
        name = f"v{len(self._variables)}"
        self._variables[name] = {
            "copy": [{"name": "all", "count": f"[length(variables('{at}'))]",
                      "input": f"[variables('{at}')[copyIndex('all')]]"}]
        }  # fmt: skip
        return f"[variables('{name}').all]"

    def _expression(self, value: str | int, key: str) -> str:
        text = str(value).replace("'", "''")
        literal = text if isinstance(value, int) else f"'{text}'"
        ways = ["parameter", "variable", "if", "json"]
        if isinstance(value, str):
            ways += ["concat", "format", "escape"]
        if self._secret and key.endswith(("Prefix", "Range")):
            ways = ["secret"]
        match self._chance.choice(ways):
            case "secret":
                self._parameters[f"p{len(self._parameters)}"] = {"type": "string"}
                return f"[parameters('p{len(self._parameters) - 1}')]"
            case "parameter":
                self._parameters[f"p{len(self._parameters)}"] = {"defaultValue": value}
                return f"[parameters('P{len(self._parameters) - 1}')]"
            case "variable":
                self._variables[f"v{len(self._variables)}"] = value
                return f"[variables('v{len(self._variables) - 1}')]"
            case "if":
                return f"[if(equals(1, 1), {literal}, 'other')]"
            case "json":
                inner = text if isinstance(value, int) else f'"{text}"'
                return f"[json('{{\"x\": [{inner}]}}').x[0]]"
            case "concat":
                return f"[ConCat('{text[:2]}',  toLower(''), '{text[2:]}')]"
            case "format":
                return f"[format('{{0}}{{1}}', '{text[:3]}', '{text[3:]}')]"
            case _:
                return f"[first(split('{text}|x', '|'))]"


def disguised(of: Json, seed: int, *, secret: bool = False) -> Json:
    return Disguise(random.Random(seed), of, secret=secret).template


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path
