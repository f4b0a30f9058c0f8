"""NSGs alone, held against thirty lines that know nothing of the program."""

from __future__ import annotations

import ipaddress
import re

from hypothesis import given

from tests.net.profiles import times
from tests.policy.estates import FAR, NEAR, TAGS, Json, Question, judge, networks, questions, some

DEFAULTS = {
    "in": [
        "in 65000 Allow * VirtualNetwork:* -> VirtualNetwork:* name=AllowVnetInBound",
        "in 65001 Allow * AzureLoadBalancer:* -> *:* name=AllowAzureLoadBalancerInBound",
        "in 65500 Deny * *:* -> *:* name=DenyAllInBound",
    ],
    "out": [
        "out 65000 Allow * VirtualNetwork:* -> VirtualNetwork:* name=AllowVnetOutBound",
        "out 65001 Allow * *:* -> Internet:* name=AllowInternetOutBound",
        "out 65500 Deny * *:* -> *:* name=DenyAllOutBound",
    ],
}
LINE = re.compile(r"(\w+) (\d+) (\w+) (\S+) (\S+):(\S+) -> (\S+):(\S+) name=(\S+)")


def oracle(network: Json, question: Question) -> tuple[str, str | None, str | None]:
    """Access, name of the deciding rule and its layer, for a packet with a source port."""
    local, remote = question.local.split(":"), question.remote.split(":")
    ends = (remote, local) if question.way == "in" else (local, remote)
    nic = network["nics"][question.nic]
    subnet = network["vnets"]["vnet1"]["subnets"][nic["subnet"].split("/")[1]]
    layers = [("subnet", subnet.get("nsg")), ("nic", nic.get("nsg"))]
    result: tuple[str, str | None, str | None] = ("Allow", None, None)
    for layer, nsg in layers if question.way == "in" else layers[::-1]:
        if nsg is None:
            continue
        own = sorted(network["nsgs"][nsg], key=lambda line: int(line.split()[1]))
        for line in [*own, *DEFAULTS[question.way]]:
            found = LINE.fullmatch(line)
            assert found is not None, line
            way, priority, access, protocol, *sides, name = found.groups()
            if way != question.way or protocol.upper() not in ("*", question.protocol):
                continue
            pairs = [(sides[0], sides[1], ends[0]), (sides[2], sides[3], ends[1])]
            blind = protocol == "Icmp"
            if all(_in_ports(port, end, blind) and _in_side(network, subnet, side, end[0])
                   for side, port, end in pairs):  # fmt: skip
                kind = "defaultSecurityRules" if int(priority) > 4096 else "securityRules"
                result = (access, f"{kind}/{name}", layer)
                break
        if result[0] == "Deny":
            break
    return result


def _in_ports(ports: str, end: list[str], blind: bool) -> bool:
    if ports == "*" or (blind and len(end) == 1):
        return True
    ranges = [(each.split("-")[0], each.split("-")[-1]) for each in ports.split(",")]
    return len(end) == 2 and any(int(low) <= int(end[1]) <= int(high) for low, high in ranges)


def _in_side(network: Json, subnet: Json, side: str, host: str) -> bool:
    address = ipaddress.ip_address(host)
    peering = network["vnets"]["vnet1"]["peerings"]["vnet2"]
    spaces = ["10.1.0.0/16", *(["10.2.0.0/16"] if not peering else []), "168.63.129.16/32"]
    routed = ["0.0.0.0/0"] if "routeTable" in subnet else []
    if side.startswith("asg("):
        members = {"asg(web)": ["10.1.0.4"], "asg(db)": ["10.1.0.5", "10.1.0.6"]}
        return host in members[side]
    known = {
        "*": ["0.0.0.0/0"],
        "VirtualNetwork": spaces + routed,
        "AzureLoadBalancer": ["168.63.129.16/32"],
        **TAGS,
    }
    if side == "Internet":
        return not any(address in ipaddress.ip_network(one) for one in (*spaces[:-1], "10.0.0.0/8"))
    return any(address in ipaddress.ip_network(one) for one in known.get(side, side.split(",")))


@times(5)
@given(networks(at_most=8), some(questions(remotes=[*NEAR, *FAR]), 10))
def test_nsgs_decide_as_the_naive_reading_says(network: Json, asked: list[Question]) -> None:
    """Specification, 4.6 and 3.1 to 3.5, read once more from scratch."""
    asked = [one for one in asked if not one.local.endswith("*") and not one.remote.endswith("*")]
    for question, verdict in zip(asked, judge(network, asked), strict=True):
        told = verdict.as_json()
        got = (verdict.access, told["ruleName"], verdict.layer)
        assert got == oracle(network, question), question
