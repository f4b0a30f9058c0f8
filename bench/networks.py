"""Large estates and the traffic in them, made in memory with a seed."""

import ipaddress
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import pyarrow as pa

from flowverdict.model import (
    ANYWHERE,
    Access,
    Deployment,
    Direction,
    Endpoint,
    Estate,
    GroupMember,
    InternetSpace,
    IpConfiguration,
    ManagementGroups,
    NetworkGroup,
    NetworkInterface,
    NetworkManager,
    NetworkSecurityGroup,
    ResourceId,
    Resources,
    Rule,
    RuleCollection,
    SecurityAdminConfiguration,
    Subnet,
    VirtualNetwork,
    default_rules,
)
from flowverdict.net import ALL_IPV4, ALL_PORTS, ALL_PROTOCOLS, IntervalSet, parse_prefix

_GROUP = ResourceId("/subscriptions/s/resourceGroups/g")
_NETWORK = _GROUP.child("providers", "Microsoft.Network")
_TCP, _UDP = IntervalSet([(6, 6)]), IntervalSet([(17, 17)])
_IPV6 = (1 << 32) + (0x20010DB8 << 96)
"""2001:db8:: on the line of addresses."""
_PORTS = (22, 25, 53, 80, 123, 389, 443, 445, 636, 1433, 3306, 3389, 5432, 5671, 6379, 8080, 8443)


@dataclass(frozen=True, slots=True)
class Tags:
    """Made-up service tags of 10 to 150 prefixes, none of them in 10.0.0.0/8."""

    made: dict[str, IntervalSet]
    label: str = "made-up service tags"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all tags."""
        return tuple(sorted(self.made))

    def prefixes(self, name: str) -> IntervalSet | None:
        """Return the addresses of a tag."""
        return self.made.get(name)


def _make_tags(chance: random.Random) -> Tags:
    def prefix() -> tuple[int, int]:
        size = 1 << 32 - chance.randrange(13, 29)
        low = chance.randrange(11 << 24, 223 << 24) // size * size
        return low, low + size - 1

    return Tags(
        {
            f"Made{at}": IntervalSet(prefix() for _ in range(chance.randrange(10, 150)))
            for at in range(30)
        }
    )


def _prefix(chance: random.Random) -> IntervalSet:
    """A prefix: two of three inside of 10.0.0.0/8, where the traffic is."""
    length = chance.choice((4, 8, 12, 16, 16, 20, 22, 24, 24, 28, 32))
    number = chance.getrandbits(32)
    if chance.random() < 0.67:
        length = max(length, 10)
        number = 10 << 24 | (number & 0xFFFFFF)
    size = 1 << (32 - length)
    return IntervalSet([(number // size * size, number // size * size + size - 1)])


def _ports(chance: random.Random) -> IntervalSet:
    if chance.random() < 0.2:
        return ALL_PORTS
    low = chance.choice((*_PORTS, chance.randrange(1024, 60000)))
    return IntervalSet([(low, low if chance.random() < 0.7 else low + chance.randrange(1, 500))])


def _port_list(chance: random.Random, share_of_all: float) -> IntervalSet:
    if chance.random() < share_of_all:
        return ALL_PORTS
    if chance.random() < 0.7:
        return IntervalSet((one, one) for one in chance.sample(_PORTS, chance.randrange(1, 4)))
    lows = [chance.randrange(1, 65000) for _ in range(chance.randrange(1, 15))]
    return IntervalSet((low, min(65535, low + chance.randrange(1000))) for low in lows)


def _endpoint(chance: random.Random) -> Endpoint:
    """Any, up to five prefixes, or a service tag."""
    kind = chance.random()
    if kind < 0.25:
        return ANYWHERE
    if kind < 0.8:
        return Endpoint(IntervalSet.union(_prefix(chance) for _ in range(chance.randrange(1, 6))))
    return Endpoint(tags=(f"Made{chance.randrange(30)}",))


def rules(
    chance: random.Random,
    owner: ResourceId,
    collection: str,
    how_many: int,
    *,
    admin: bool = False,
    lists: bool = False,
) -> Iterator[Rule]:
    """Return rules of both directions, by turns; one of five is about few local addresses.

    A rule has one prefix and one range of ports, or with ``lists`` what augmented rules have:
    several of both, service tags, and now and then source ports.
    """
    for number in range(how_many):
        far, near = Endpoint(_prefix(chance)), Endpoint(_prefix(chance))
        if chance.random() < 0.8:
            near = ANYWHERE
        accesses = [Access.ALLOW, Access.DENY, *([Access.ALWAYS_ALLOW] if admin else [])]
        access = chance.choice(accesses)
        protocols = chance.choice((_TCP, _TCP, _UDP, _TCP | _UDP))
        ports, source_ports = (ALL_PORTS if lists else _ports(chance)), ALL_PORTS
        if lists:
            far, near = _endpoint(chance), _endpoint(chance)
            if far == near == ANYWHERE:  # would hide the rules behind it
                far = Endpoint(_prefix(chance))
            ports = _port_list(chance, 0.3)
            source_ports = _port_list(chance, 0.92)
        yield Rule(
            id=owner.child(collection, f"r{number}"),
            name=f"r{number}",
            priority=100 + number,
            direction=Direction.OUTBOUND if number % 2 else Direction.INBOUND,
            access=access,
            protocols=protocols,
            source=near if number % 2 else far,
            source_ports=source_ports,
            destination=far if number % 2 else near,
            destination_ports=ports,
        )


def make_nsg(
    chance: random.Random, name: str, how_many: int, *, lists: bool = False
) -> NetworkSecurityGroup:
    """Return an NSG with so many rules of each direction, and the default ones."""
    nsg = _NETWORK.child("networkSecurityGroups", name)
    custom = tuple(rules(chance, nsg, "securityRules", 2 * how_many, lists=lists))
    return NetworkSecurityGroup(nsg, (*custom, *default_rules(nsg)))


@dataclass(frozen=True, slots=True)
class Size:
    """How large an estate is; an NSG has so many rules of each direction, of ``lists`` or not.

    Admin rules are so many of each direction in all, shared out among the collections.
    """

    vnets: int = 1
    subnets: int = 1
    nics: int = 1
    subnet_rules: int = 0
    nic_nsgs: int = 0
    nic_rules: int = 0
    admin_rules: int = 0
    collections: int = 1
    lists: bool = False


def make_estate(size: Size, seed: int = 1) -> Estate:
    """Return an estate: subnets spread over networks, interfaces over subnets and NSGs."""
    chance = random.Random(seed)  # noqa: S311 - a benchmark
    resources = Resources()
    of_nics = [
        make_nsg(chance, f"nic{at}", size.nic_rules, lists=size.lists)
        for at in range(size.nic_nsgs)
    ]
    resources.nsgs.update((one.id, one) for one in of_nics)
    for at in range(size.vnets):
        vnet = _NETWORK.child("virtualNetworks", f"v{at}")
        space = parse_prefix(f"10.{at}.0.0/16")
        resources.vnets[vnet] = VirtualNetwork(vnet, "eastus", space)
    subnets: list[tuple[Subnet, Iterator[int]]] = []
    for at in range(size.subnets):
        vnet, third = _NETWORK.child("virtualNetworks", f"v{at % size.vnets}"), at // size.vnets
        prefixes = parse_prefix(f"10.{at % size.vnets}.{third}.0/24")
        nsg = make_nsg(chance, f"subnet{at}", size.subnet_rules) if size.subnet_rules else None
        if nsg is not None:
            resources.nsgs[nsg.id] = nsg
        subnet = Subnet(vnet.child("subnets", f"s{third}"), prefixes, nsg.id if nsg else None)
        resources.subnets[subnet.id] = subnet
        subnets.append((subnet, count(prefixes.spans[0][0] + 4)))
    for at in range(size.nics):
        subnet, addresses = subnets[at % len(subnets)]
        address = next(addresses)
        configuration = IpConfiguration("ip", IntervalSet([(address, address)]), subnet.id)
        nic = _NETWORK.child("networkInterfaces", f"nic{at}")
        nsg_id = chance.choice(of_nics).id if of_nics else None
        resources.nics[nic] = NetworkInterface(nic, (configuration,), nsg_id)
    members, deployments = _manage(chance, resources, size)
    return Estate(
        resources,
        _make_tags(random.Random(seed)),  # noqa: S311 - a benchmark
        InternetSpace(ALL_IPV4 - IntervalSet([(10 << 24, (11 << 24) - 1)]), "made up"),
        members=members,
        whole_memberships=frozenset(resources.vnets),
        deployments=deployments,
        hierarchy=ManagementGroups({"root": None}, {"s": "root"}),
    )


def _manage(
    chance: random.Random, resources: Resources, size: Size
) -> tuple[tuple[GroupMember, ...], tuple[Deployment, ...]]:
    """Add a network manager with so many rules of each direction for all networks."""
    if not size.admin_rules:
        return (), ()
    manager = NetworkManager(_NETWORK.child("networkManagers", "m"), management_groups=("root",))
    group = NetworkGroup(manager.id.child("networkGroups", "all"))
    configuration = SecurityAdminConfiguration(
        manager.id.child("securityAdminConfigurations", "admin")
    )
    resources.managers[manager.id] = manager
    resources.groups[group.id] = group
    resources.configurations[configuration.id] = configuration
    names = ["c", *(f"c{at}" for at in range(1, size.collections))]
    owners = [configuration.id.child("ruleCollections", one) for one in names]
    for owner in owners:
        resources.collections[owner] = RuleCollection(owner, (group.id,))
    for at, rule in enumerate(rules(chance, owners[0], "rules", size.admin_rules, admin=True)):
        owner = owners[at // 2 % len(owners)]
        own = replace(rule, id=owner.child("rules", rule.name))
        resources.admin_rules[own.id] = own
    members = tuple(GroupMember(group.id, vnet) for vnet in resources.vnets)
    committed = Deployment(manager.id, "eastus", "SecurityAdmin", (configuration.id,))
    return members, (committed,)


def make_flows(estate: Estate, rows: int, seed: int = 1) -> pa.RecordBatch:
    """Return flows at the interfaces of an estate, in the order of interfaces.

    The other end is inside of 10.0.0.0/8 in two of three; every second port is a service's.
    """
    chance = np.random.default_rng(seed)
    nics = list(estate.resources.nics.values())
    at = np.sort(chance.integers(0, len(nics), rows)).astype(np.int32)
    own = np.array([one.addresses.spans[0][0] for one in nics], np.uint32)[at]
    other = chance.integers(0, 1 << 32, rows, np.uint32)
    near = chance.random(rows) < 0.67
    other = np.where(near, np.uint32(10 << 24) | (other & np.uint32(0xFFFFFF)), other)
    inward = chance.random(rows) < 0.5
    services = chance.choice(np.array(_PORTS, np.int32), rows)
    any_port = chance.integers(1, 65536, rows).astype(np.int32)
    words = pa.array([str(one.id) for one in nics])
    return pa.RecordBatch.from_pydict(
        {
            "nic": pa.DictionaryArray.from_arrays(at, words),
            "direction": pa.DictionaryArray.from_arrays(inward.astype(np.int32), ["O", "I"]),
            "protocol": pa.array(np.where(chance.random(rows) < 0.8, 6, 17).astype(np.int16)),
            "src_ip": texts(np.where(inward, other, own)),
            "dst_ip": texts(np.where(inward, own, other)),
            "src_port": pa.array(chance.integers(1024, 65536, rows).astype(np.int32)),
            "dst_port": pa.array(np.where(chance.random(rows) < 0.5, services, any_port)),
        }
    )


def texts(addresses: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.uint32]]) -> pa.Array:
    """Return IPv4 addresses as texts."""
    octets = [f"{one}." for one in range(256)]
    last = [str(one) for one in range(256)]
    return pa.array(
        octets[one >> 24] + octets[one >> 16 & 255] + octets[one >> 8 & 255] + last[one & 255]
        for one in map(int, addresses)
    )


def _mapped(addresses: IntervalSet) -> IntervalSet:
    """IPv4 addresses as /64 prefixes below 2001:db8::/32."""
    return IntervalSet(
        (_IPV6 + (low << 64), _IPV6 + (high + 1 << 64) - 1) for low, high in addresses
    )


def as_ipv6(addresses: pa.Array) -> pa.Array:
    """Return IPv4 addresses in texts as IPv6 addresses, each in the prefix that is its own."""
    numbers = [int(ipaddress.IPv4Address(one)) for one in addresses.to_pylist()]
    return pa.array(f"2001:db8:{one >> 16:x}:{one & 0xFFFF:x}::{one % 7:x}" for one in numbers)


def with_ipv6(estate: Estate) -> Estate:
    """Return an estate whose rules name IPv6 prefixes beside all that they name in IPv4."""

    def side(one: Endpoint) -> Endpoint:
        if one.tags or one.prefixes == ANYWHERE.prefixes:
            return one
        return replace(one, prefixes=one.prefixes | _mapped(one.prefixes & ALL_IPV4))

    nsgs = {
        nsg.id: replace(
            nsg,
            rules=tuple(
                replace(rule, source=side(rule.source), destination=side(rule.destination))
                for rule in nsg.rules
            ),
        )
        for nsg in estate.resources.nsgs.values()
    }
    return replace(estate, resources=replace(estate.resources, nsgs=nsgs))


def without_a_tag(estate: Estate) -> Estate:
    """Return an estate with two rules in front, on a service tag that nothing is known of."""
    nsgs = {
        nsg.id: replace(
            nsg,
            rules=(
                *(
                    replace(
                        nsg.rules[0],
                        id=nsg.id.child("securityRules", way.value),
                        name=way.value,
                        priority=99,
                        direction=way,
                        access=Access.DENY,
                        source=Endpoint(tags=("Lost",)) if way is Direction.INBOUND else ANYWHERE,
                        destination=ANYWHERE
                        if way is Direction.INBOUND
                        else Endpoint(tags=("Lost",)),
                        protocols=ALL_PROTOCOLS,
                        destination_ports=ALL_PORTS,
                    )
                    for way in Direction
                ),
                *nsg.rules,
            ),
        )
        for nsg in estate.resources.nsgs.values()
    }
    return replace(estate, resources=replace(estate.resources, nsgs=nsgs))
