"""The words of IP flow verify into an interface and a packet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from flowverdict.model import Direction, ResourceId
from flowverdict.model.value import value
from flowverdict.net import (
    EMPTY,
    IntervalSet,
    NetworkTextError,
    Packet,
    Protocol,
    format_address,
    format_addresses,
    has_ports,
    is_ipv6,
    parse_address,
    parse_port,
)
from flowverdict.policy.network import Network
from flowverdict.policy.standpoint import Standpoint

if TYPE_CHECKING:
    from flowverdict.model import Estate, NetworkInterface
    from flowverdict.policy.options import Options

T = TypeVar("T")

DIRECTIONS: Final = tuple(one.value for one in Direction)
PROTOCOLS: Final = ("TCP", "UDP", "ICMP", "ESP", "AH")
_MOST_NAMES: Final = 5


@value
class Question:
    """One packet at one place.

    Attributes:
        warnings: what about the question deserves a look.
    """

    place: Standpoint
    direction: Direction
    packet: Packet
    warnings: tuple[str, ...]


class RequestError(ValueError):
    """A question that cannot be put; the message says what was expected.

    Attributes:
        field: the word that is wrong, such as ``local``; empty where it is no single one.
    """

    def __init__(self, problem: str, field: str = "") -> None:
        super().__init__(f"{field} {problem}" if field else problem)
        self.problem = problem
        self.field = field


def ask(
    estate: Estate,
    vm: str | None,
    nic: str | None,
    direction: str,
    protocol: str,
    local: str,
    remote: str,
    options: Options,
) -> Question:
    """Returns the question that the words of IP flow verify put to an estate.

    Raises:
        RequestError: the words make no question about this estate.
    """
    way = next((one for one in Direction if one.value.lower() == direction.lower()), None)
    if way is None:
        raise RequestError(f"`{direction}`: expected {' or '.join(DIRECTIONS)}", "direction")
    packet = read_packet(way, protocol, local, remote)
    for place in (*options.admin_rules_skip, *options.admin_rules_apply):
        if place not in estate.resources.vnets and place not in estate.resources.subnets:
            raise RequestError(f"names `{place}`, which is no network of the estate", "option")
    address = packet.dst if way is Direction.INBOUND else packet.src
    found = find_nic(estate, vm=vm, nic=nic, local=address)
    warnings = check_local_address(estate, found, address)
    return Question(Standpoint(Network(estate, options), found), way, packet, tuple(warnings))


def read_endpoint(field: str, text: str) -> tuple[int, str]:
    """Returns the address and the port's text (empty, ``*`` or a number) of ``IP[:PORT]``.

    Raises:
        RequestError: the text is none.
    """
    host, port = text.strip(), ""
    if host.startswith("["):
        host, bracket, rest = host[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise RequestError(f"`{text}`: expected `[2001:db8::1]:443`", field)
        port = rest[1:]
    elif host.count(":") == 1:
        host, _, port = host.partition(":")
    try:
        address = parse_address(host)
        if port not in ("", "*"):
            parse_port(port)
    except NetworkTextError as problem:
        raise RequestError(f"`{text}`: {problem}", field) from None
    return address, port


def read_packet(direction: Direction, protocol: str, local: str, remote: str) -> Packet:
    """Returns the packet that a question is about.

    Args:
        direction: inbound if ``remote`` is the originator.
        protocol: one of ``PROTOCOLS``.
        local: ``IP[:PORT]`` of the interface's side.
        remote: ``IP[:PORT]`` of the other side.

    Raises:
        RequestError: the words make no packet.
    """
    ends = {
        "local": read_endpoint("local", local),
        "remote": read_endpoint("remote", remote),
    }
    names = ("remote", "local") if direction is Direction.INBOUND else ("local", "remote")
    (src, src_port), (dst, dst_port) = ends[names[0]], ends[names[1]]
    if is_ipv6(src) != is_ipv6(dst):
        raise RequestError(
            f"{names[0]} `{format_address(src)}` and {names[1]} `{format_address(dst)}`: "
            "expected addresses of one family"
        )
    if protocol.upper() not in PROTOCOLS:
        raise RequestError(f"`{protocol}`: expected one of {', '.join(PROTOCOLS)}", "protocol")
    number = Protocol[protocol.upper()]
    if number is Protocol.ICMP and is_ipv6(src):
        number = Protocol.ICMPV6
    if not has_ports(number):
        if given := [name for name in names if ends[name][1] not in ("", "*")]:
            raise RequestError(
                f"has a port, and {protocol.upper()} has none: expected the address", given[0]
            )
        return Packet(int(number), src, dst)
    if not dst_port:
        shown = f"[{format_address(dst)}]" if is_ipv6(dst) else format_address(dst)
        raise RequestError(f"has no port: expected `{shown}:PORT`", names[1])
    if dst_port == "*":
        raise RequestError(
            "has port `*`: expected a number; `*` stands on the originator's side alone", names[1]
        )
    source = None if src_port in ("", "*") else int(src_port)
    return Packet(int(number), src, dst, source, int(dst_port))


def find_nic(
    estate: Estate, *, vm: str | None = None, nic: str | None = None, local: int | None = None
) -> NetworkInterface:
    """Returns the interface that a question is about.

    Args:
        estate: the network.
        vm: name or id of a virtual machine or scale-set instance.
        nic: name or id of an interface.
        local: the local address, which chooses among the interfaces of a machine.

    Raises:
        RequestError: none fits, or several do.
    """
    if nic is not None:
        found = _one("network interface", nic, _named(estate, nic), estate)
        if vm is not None:
            owner = _find_vm(estate, vm)
            if found not in estate.nics_by_vm.get(owner, ()):
                raise RequestError(f"network interface `{nic}` is not one of `{vm}`'s")
        return found
    if vm is None:
        raise RequestError("no interface named: expected `vm` or `nic`")
    owner = _find_vm(estate, vm)
    nics = estate.nics_by_vm.get(owner, [])
    if not nics:
        raise RequestError(f"virtual machine `{vm}` has no network interface in the estate")
    owning = [one for one in nics if local is None or local in one.addresses]
    if local is not None and not owning:
        owning = [one for one in nics if local in _open_prefixes(estate, one)]
    if len(owning) == 1:
        return owning[0]
    listed = "; ".join(f"`{one.id.name}` {_addresses(estate, one)}" for one in nics)
    if not owning:
        assert local is not None
        _refuse_frontend(estate, local)
        raise RequestError(
            f"no interface of `{vm}` has the address `{format_address(local)}`: expected one of "
            f"{listed}"
        )
    raise RequestError(f"several interfaces of `{vm}` fit: expected `nic`, one of {listed}")


def check_local_address(estate: Estate, nic: NetworkInterface, local: int) -> list[str]:
    """Returns warnings about a local address that is not the interface's.

    Raises:
        RequestError: it is the interface's public address, which no rule ever sees (4.3).
    """
    if local in nic.addresses:
        return []
    for one in nic.ip_configurations:
        public = estate.resources.public_ips.get(one.public_ip) if one.public_ip else None
        if public and public.address == local:
            raise RequestError(
                f"`{format_address(local)}` is the public address of `{nic.id.name}`: expected "
                f"the private one, which is what rules see: {_addresses(estate, nic)}"
            )
    _refuse_frontend(estate, local)
    if nic.ip_forwarding:
        return []
    given = f"`{format_address(local)}` is no address of `{nic.id.name}`"
    if local in _open_prefixes(estate, nic):
        return [
            f"`{nic.id.name}` has no address yet: judged as if it got `{format_address(local)}`"
        ]
    if nic.id in estate.open_addresses and not nic.addresses:
        raise RequestError(f"{given}: expected {_addresses(estate, nic)}", "local")
    return [f"{given} ({_addresses(estate, nic)}): judged as given"]


def _open_prefixes(estate: Estate, nic: NetworkInterface) -> IntervalSet:
    """Returns the prefixes of the subnet in which an interface gets an address that it lacks."""
    subnet = estate.resources.subnets.get(nic.subnet) if nic.subnet else None
    if subnet is None or nic.id not in estate.open_addresses:
        return EMPTY
    return subnet.prefixes


def _refuse_frontend(estate: Estate, local: int) -> None:
    """Refuses a load balancer's address as local: rules see the backend's own (4.3)."""
    for one in estate.resources.load_balancers.values():
        public = (estate.resources.public_ips.get(reference) for reference in one.public_frontends)
        if local in one.private_frontends or any(ip and ip.address == local for ip in public):
            raise RequestError(
                f"`{format_address(local)}` is a frontend of load balancer `{one.id.name}`: "
                "expected the backend's own address and port, which is what rules see"
            )


def _addresses(estate: Estate, nic: NetworkInterface) -> str:
    own = ", ".join(format_addresses(nic.addresses))
    if prefixes := ", ".join(format_addresses(_open_prefixes(estate, nic))):
        return f"{own} and one of {prefixes}" if own else f"one of {prefixes}"
    return own or "without an address"


def _find_vm(estate: Estate, name: str) -> ResourceId:
    known = {*estate.resources.vms, *estate.nics_by_vm}
    wanted = ResourceId(name)
    if wanted in known:
        return wanted
    found = [one for one in known if _vm_name(one).lower() == name.strip().lower()]
    return _one("virtual machine", name, sorted(found), estate)


def _vm_name(vm: ResourceId) -> str:
    """Returns a machine's name; a scale-set instance is ``{set}_{instance}``, as Azure names it."""
    if "/virtualmachinescalesets/" in vm.key:
        return f"{vm.parent.name}_{vm.name}"
    return vm.name


def _named(estate: Estate, name: str) -> list[NetworkInterface]:
    wanted = ResourceId(name)
    if nic := estate.resources.nics.get(wanted):
        return [nic]
    return estate.nics_by_name.get(wanted.key, [])


def _one(kind: str, name: str, found: list[T], estate: Estate) -> T:
    """Returns the only resource found.

    Raises:
        RequestError: there is none, or there are several.
    """
    if len(found) == 1:
        return found[0]
    if found:
        ids = [str(getattr(one, "id", one)) for one in found[:_MOST_NAMES]]
        more = f" and {len(found) - _MOST_NAMES} more" if len(found) > _MOST_NAMES else ""
        raise RequestError(f"{kind} `{name}`: expected one of the ids {', '.join(ids)}{more}")
    broken = [one for one in estate.broken if name.strip().lower() in (one.name.lower(), one.key)]
    if broken:
        raise RequestError(f"{kind} `{name}` could not be read: {estate.broken[broken[0]]}")
    raise RequestError(f"{kind} `{name}` is not in the estate: expected a name or an id")
