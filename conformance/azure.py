"""A case's network as Azure's REST API answers it: resources, and what else there is to know."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.conformance.sketch import expand, service_tags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.cases import Case

Json = dict[str, Any]

_SCALE_SETS: Final = "Microsoft.Compute/virtualMachineScaleSets"
_GROUP: Final = "/subscriptions/<guid:main>/resourceGroups/rg/providers"


@dataclass(frozen=True, slots=True)
class Answers:
    """What Azure says of a network.

    Attributes:
        resources: each with `id`, `name`, `type`, mostly `location`, and `properties`.
        others: answers that are no resources, by file name: deployments of network managers and
            the tree of management groups.
        service_tags: the service-tag file of the case; None where it needs none of its own.
    """

    resources: list[Json]
    others: dict[str, Json]
    service_tags: Json | None

    def files(self) -> dict[str, Json]:
        """Returns the estate as files: name to JSON."""
        return {"resources.json": {"value": self.resources}, **self.others}


def answers(case: Case) -> Answers:
    """Returns the REST answers for a case."""
    sketch = {key: value for key, value in case.network.items() if key != "scaleSets"}
    sets = case.network.get("scaleSets", {})
    sketch["also"] = [*sketch.get("also", ()), *_scale_sets(sets)]
    resources: list[Json] = []
    others: dict[str, Json] = {}
    for name, content in expand(sketch, "rest").items():
        if name.startswith("also-"):
            resources.append(content)
        elif name.startswith(("deployments-", "active-", "managementGroup-")):
            others[name] = content
        else:
            resources += content["value"]
    return Answers(resources, others, service_tags(sketch, "flat"))


def _scale_sets(sets: Json) -> Iterator[Json]:
    """Yields scale sets with their instances and the interfaces of those.

    A set has a `subnet`, the `ip` and `publicIp` of each instance, and perhaps an `nsg`, which its
    model attaches to the interfaces.
    """
    for name, spec in sets.items():
        yield _resource(f"{_SCALE_SETS}/{name}", _model(spec))
        for number, address in enumerate(spec["ip"]):
            path = f"{_SCALE_SETS}/{name}/virtualMachines/{number}"
            nic = f"{path}/networkInterfaces/nic"
            profile = {"networkInterfaces": [{"id": f"{_GROUP}/{nic}"}]}
            yield _resource(path, {"networkProfile": profile})
            yield _resource(nic, _interface(spec, address, path))


def _resource(path: str, properties: Json) -> Json:
    provider, *rest = path.split("/")
    return {
        "id": f"{_GROUP}/{path}",
        "name": rest[-1],
        "type": "/".join([provider, *rest[0::2]]),
        "location": "eastus",
        "properties": properties,
    }


def _reference(kind: str, name: str) -> Json:
    vnet, _, subnet = name.partition("/")
    return {"id": f"<{kind}/{vnet}/subnets/{subnet}>" if subnet else f"<{kind}/{name}>"}


def _guard(spec: Json) -> Json:
    return {"networkSecurityGroup": _reference("nsgs", spec["nsg"])} if "nsg" in spec else {}


def _model(spec: Json) -> Json:
    configuration: Json = {
        "primary": True,
        "subnet": _reference("vnets", spec["subnet"]),
        "privateIPAddressVersion": "IPv4",
        "publicIPAddressConfiguration": {
            "name": "public",
            "properties": {"idleTimeoutInMinutes": 4},
        },
    }
    interface: Json = {
        "primary": True,
        **_guard(spec),
        "ipConfigurations": [{"name": "ipconfig1", "properties": configuration}],
    }
    profile = {"networkInterfaceConfigurations": [{"name": "nic", "properties": interface}]}
    return {
        "orchestrationMode": "Uniform",
        "virtualMachineProfile": {"networkProfile": profile},
    }


def _interface(spec: Json, address: str, machine: str) -> Json:
    configuration: Json = {
        "primary": True,
        "privateIPAddress": address,
        "privateIPAddressVersion": "IPv4",
        "subnet": _reference("vnets", spec["subnet"]),
    }
    return {
        **_guard(spec),
        "virtualMachine": {"id": f"{_GROUP}/{machine}"},
        "ipConfigurations": [{"name": "ipconfig1", "properties": configuration}],
    }


def as_text(content: Json) -> str:
    """Returns JSON as it is written to files."""
    return json.dumps(content, indent=1) + "\n"
