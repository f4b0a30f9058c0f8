"""Who is meant by one side of a claim: interfaces where packets are judged, addresses elsewhere.

A side is a list of words. Each is ``any``, a prefix or address, a service tag, ``tag:key=value``,
or the name or id of a VM, network interface, subnet, virtual network, application security group
or network group; ``private-endpoints`` are their interfaces; ``!`` in front takes it out. ``vm:``,
``nic:``, ``subnet:``, ``vnet:``, ``asg:``, ``group:`` and ``service:`` say which kind is meant
where a name alone is not enough, and take patterns: ``vm:web-*``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from flowverdict.model import ResourceId, tag_of
from flowverdict.net import (
    ALL_ADDRESSES,
    EMPTY,
    IntervalSet,
    NetworkTextError,
    parse_prefix,
)
from flowverdict.policy.services import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from flowverdict.model import Estate, NetworkInterface, VirtualMachine, VirtualNetwork
    from flowverdict.policy import Network, Standpoint
    from flowverdict.policy.addresses import AddressSet

_TOPOLOGY: Final = ("internet", "virtualnetwork", "azureloadbalancer")
_NUMBERS: Final = re.compile(r"[0-9.]+(/.*)?|[0-9a-fA-F]*:[0-9a-fA-F:.]*(/.*)?")
_KINDS: Final = ("vm", "nic", "subnet", "vnet", "asg", "group", "service", "tag")


class SelectorError(ValueError):
    """A word that means nobody, or several; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses, as far as they are known.

    Attributes:
        sure: addresses that are meant.
        maybe: others that may be.
        missing: what is needed to know.
    """

    sure: IntervalSet = EMPTY
    maybe: IntervalSet = EMPTY
    missing: tuple[str, ...] = ()

    def __or__(self, other: Addresses) -> Addresses:
        """Returns the addresses of either."""
        sure = self.sure | other.sure
        return Addresses(sure, (self.maybe | other.maybe) - sure, _all(self.missing, other.missing))

    def __sub__(self, other: Addresses) -> Addresses:
        """Returns the addresses that the other lacks."""
        sure = self.sure - other.sure - other.maybe
        maybe = (self.sure | self.maybe) - other.sure - sure
        return Addresses(sure, maybe, _all(self.missing, other.missing))


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a side.

    Attributes:
        taken_out: ``!`` stood in front.
        text: the word.
        addresses: what it means as addresses; of a service tag nothing.
        nics: the interfaces that it means by name, with the addresses that are meant.
        service: the service tag that it is.
        absent: interfaces that it means and the estate lacks.
        doubts: what is missing to know who else it means.
    """

    taken_out: bool
    text: str
    addresses: Addresses = Addresses()
    nics: Mapping[ResourceId, IntervalSet] | None = None
    service: str = ""
    absent: tuple[ResourceId, ...] = ()
    doubts: tuple[str, ...] = ()


class Side:
    """One side of a claim, read against an estate."""

    def __init__(self, network: Network, words: Sequence[str]) -> None:
        """Reads the words.

        Raises:
            SelectorError: a word means nobody, or several.
        """
        self.text = ", ".join(words)
        self._terms = [_Reading(network).term(one) for one in words]

    def local(self, nic: NetworkInterface, place: Standpoint) -> IntervalSet:
        """Returns the addresses of an interface that are meant."""
        own = place.estate.addresses_of(nic)
        found = EMPTY
        for term in self._terms:
            if term.service:
                part = own & place.tag(term.service).sure
            elif term.nics is not None:
                part = term.nics.get(nic.id, EMPTY)
            else:
                part = own & term.addresses.sure
            found = found - part if term.taken_out else found | part
        return found

    def selects(self, nic: NetworkInterface) -> bool:
        """Reports whether an interface without an address may be meant."""
        chosen = False
        for term in self._terms:
            named = term.nics is None or nic.id in term.nics
            if term.taken_out:
                chosen = chosen and not (term.nics is not None and named)
            else:
                chosen = chosen or named
        return chosen

    def remote(self, place: Standpoint) -> Addresses:
        """Returns the addresses that are meant where an interface sees them."""
        found = Addresses()
        for term in self._terms:
            part = _of_service(term.service, place) if term.service else term.addresses
            found = found - part if term.taken_out else found | part
        return found

    @property
    def missing(self) -> tuple[str, ...]:
        """Interfaces that are meant and that the estate lacks, and what may mean others."""
        found: dict[ResourceId, None] = {}
        for term in self._terms:
            for one in term.absent:
                if term.taken_out:
                    found.pop(one, None)
                else:
                    found[one] = None
        doubts = (one for term in self._terms for one in term.doubts)
        return (*(f"network interface `{one}`" for one in found), *doubts)

    @property
    def is_of_services(self) -> bool:
        """Reports whether service tags say who is meant, or everybody is, and not the estate."""
        return all(
            term.taken_out
            or term.addresses.sure == ALL_ADDRESSES
            or term.service.lower() not in ("", "virtualnetwork")
            for term in self._terms
        )

    @property
    def varies(self) -> bool:
        """Reports whether the addresses that are meant differ from place to place."""
        return any(term.service.lower() in _TOPOLOGY for term in self._terms)


def _of_service(name: str, place: Standpoint) -> Addresses:
    """Returns the addresses of a service tag, as they are for an interface.

    The recorded `Internet` has the host's virtual address in it, which every machine's own platform
    has and nobody outside: who says internet does not mean it.
    """
    found = _of_tag(place.tag(name))
    return found - Addresses(HOST) if name.lower() == "internet" else found


def _of_tag(tag: AddressSet) -> Addresses:
    less = IntervalSet.union(one.addresses for one in tag.doubts if not one.member_if)
    more = IntervalSet.union(one.addresses for one in tag.doubts if one.member_if)
    sure = tag.sure - less
    maybe = (more | tag.sure & less) - sure
    return Addresses(sure, maybe, tuple(dict.fromkeys(one.what for one in tag.doubts)))


def _all(*parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for part in parts for one in part))


class _Reading:
    """Finds who is meant by a word."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._estate: Estate = network.estate

    def term(self, text: str) -> Term:
        """Returns what a word means.

        Raises:
            SelectorError: it means nobody, or several.
        """
        word = text.strip()
        out = word.startswith("!")
        word = word.removeprefix("!").strip()
        if not word:
            raise SelectorError(f"`{text}` names nobody: expected a name, a prefix or `any`")
        if word.lower() in ("any", "*"):
            absent = (*self._estate.absent_nics, *self._broken())
            return Term(out, word, Addresses(ALL_ADDRESSES), absent=absent)
        if word.lower() == "private-endpoints":
            of = self._estate.resources.nics
            some = self._estate.private_endpoint_nics
            nics = [of[one] for one in some if one in of]
            return self._of_nics(out, word, nics, tuple(one for one in some if one not in of))
        if _NUMBERS.fullmatch(word):
            return Term(out, word, Addresses(_prefix(word)))
        if word.startswith("/"):
            return self._resource(out, word, self._by_id(ResourceId(word)))
        kind, colon, name = word.partition(":")
        if colon and kind.lower() in _KINDS:
            return self._of_kind(out, word, kind.lower(), name)
        return self._named(out, word)

    def _broken(self) -> Iterator[ResourceId]:
        return (one for one in self._estate.broken if one.type.endswith("/networkinterfaces"))

    def _of_kind(self, out: bool, word: str, kind: str, name: str) -> Term:  # noqa: FBT001 one of three words
        if kind == "service":
            return Term(out, word, service=name)
        if kind == "tag":
            return self._tagged(out, word, name)
        if "*" in name:
            return self._several(out, word, kind, name)
        found = [one for one in self._tables()[kind] if _is_called(one, name)]
        return self._resource(out, word, self._single(word, found, self._names(kind)))

    def _several(self, out: bool, word: str, kind: str, pattern: str) -> Term:  # noqa: FBT001 `!` or not
        found = [
            self._resource(out, word, one)
            for one in self._tables()[kind]
            if fnmatchcase(one.last, pattern.strip().lower())
        ]
        if not found:
            raise SelectorError(f"`{word}` is nobody in the estate: expected a pattern that is")
        nics: dict[ResourceId, IntervalSet] = {}
        for term in found:
            for nic, some in (term.nics or {}).items():
                nics[nic] = nics.get(nic, EMPTY) | some
        addresses = Addresses()
        for term in found:
            addresses |= term.addresses
        absent = dict.fromkeys(one for term in found for one in term.absent)
        return Term(out, word, addresses, nics, absent=tuple(absent))

    def _named(self, out: bool, word: str) -> Term:  # noqa: FBT001 one of two words
        found = [one for table in self._tables().values() for one in table if _is_called(one, word)]
        if not found and self._is_service(word):
            return Term(out, word, service=word)
        names = [name for kind in self._tables() for name in self._names(kind)]
        return self._resource(out, word, self._single(word, found, names))

    def _single(self, word: str, found: Sequence[ResourceId], names: Sequence[str]) -> ResourceId:
        if len(found) == 1:
            return found[0]
        if found:
            told = " and ".join(f"`{one}`" for one in found[:2])
            raise SelectorError(
                f"`{word}` is {told}: expected an id, or a kind such as `asg:{word}`"
            )
        near = get_close_matches(word, names, n=1)
        hint = f"; did you mean `{near[0]}`" if near else ""
        asked = f" (`service:{word}` if its data is to be asked for)" if ":" not in word else ""
        raise SelectorError(
            f"`{word}` is nobody in the estate: expected a name or id, a prefix, `tag:key=value`, "
            f"`any`, or a service tag{asked}{hint}"
        )

    def _tables(self) -> dict[str, Iterable[ResourceId]]:
        of = self._estate.resources
        groups = {*of.groups, *self._estate.members_by_group}
        asgs = {*of.asgs, *self._estate.asg_members}
        return {
            "vm": of.vms,
            "nic": of.nics,
            "subnet": of.subnets,
            "vnet": of.vnets,
            "asg": sorted(asgs),
            "group": sorted(groups),
        }

    def _names(self, kind: str) -> list[str]:
        return [one.name for one in self._tables()[kind]]

    def _is_service(self, word: str) -> bool:
        return word.lower() in _TOPOLOGY or self._estate.service_tags.prefixes(word) is not None

    def _by_id(self, resource: ResourceId) -> ResourceId:
        if any(resource in table for table in self._tables().values()):
            return resource
        raise SelectorError(
            f"`{resource}` is not in the estate: expected the id of a VM, network interface, "
            "subnet, virtual network, application security group or network group"
        )

    def _resource(self, out: bool, word: str, resource: ResourceId) -> Term:  # noqa: FBT001 `!` or not
        of = self._estate.resources
        if resource in of.vms:
            vm = of.vms[resource]
            nics = self._estate.nics_by_vm.get(resource, [])
            absent = tuple(one for one in vm.nics if one not in of.nics)
            return self._of_nics(out, word, nics, absent)
        if resource in of.nics:
            return self._of_nics(out, word, [of.nics[resource]], ())
        if resource in of.subnets:
            return self._space(
                out, word, of.subnets[resource].prefixes, lambda subnet: subnet == resource
            )
        if resource in of.vnets:
            return self._space(
                out, word, of.vnets[resource].space, lambda subnet: subnet.parent == resource
            )
        if resource in {*of.groups, *self._estate.members_by_group}:
            return self._group(out, word, resource)
        return self._asg(out, word, resource)

    def _of_nics(
        self,
        out: bool,  # noqa: FBT001 `!` or not
        word: str,
        nics: Sequence[NetworkInterface],
        absent: tuple[ResourceId, ...],
        *,
        doubts: tuple[str, ...] = (),
    ) -> Term:
        """Returns a word that names interfaces.

        Args:
            out: `!` stood in front.
            word: the word.
            nics: who is meant.
            absent: who is meant too, and is not in the estate.
            doubts: what is missing to know who else is meant.
        """
        own = {one.id: self._estate.addresses_of(one) for one in nics}
        sure = IntervalSet.union(one.addresses for one in nics)
        unset = [one for one in nics if not all(at.addresses for at in one.ip_configurations)]
        missing = [self._estate.name_address_lost(one) for one in unset]
        known = [own[one.id] for one in unset if one.id in self._estate.open_addresses]
        lost = [*(f"network interface `{one}`" for one in absent), *doubts]
        maybe = IntervalSet.union(known)
        if lost or len(known) < len(unset):
            maybe = ALL_ADDRESSES
        missing += lost
        addresses = Addresses(sure, maybe - sure, tuple(missing))
        return Term(out, word, addresses, own, absent=absent, doubts=doubts)

    def _space(
        self,
        out: bool,  # noqa: FBT001 `!` or not
        word: str,
        addresses: IntervalSet,
        contains: Callable[[ResourceId], bool],
    ) -> Term:
        nics = {
            nic.id: IntervalSet.union(
                self._estate.may_get(nic, one)
                for one in nic.ip_configurations
                if one.subnet and contains(one.subnet)
            )
            for nic in self._estate.resources.nics.values()
            if any(one.subnet and contains(one.subnet) for one in nic.ip_configurations)
        }
        absent = tuple(
            nic
            for nic, subnet in self._estate.absent_nics.items()
            if subnet is None or contains(subnet.id)
        )
        return Term(out, word, Addresses(addresses), nics, absent=absent)

    def _asg(self, out: bool, word: str, group: ResourceId) -> Term:  # noqa: FBT001 `!` or not
        nics = {
            nic.id: some
            for nic in self._estate.resources.nics.values()
            if (
                some := IntervalSet.union(
                    self._estate.may_get(nic, one)
                    for one in nic.ip_configurations
                    if group in one.asgs
                )
            )
        }
        return Term(out, word, _of_tag(self._network.asg(group)), nics)

    def _group(self, out: bool, word: str, group: ResourceId) -> Term:  # noqa: FBT001 `!` or not
        members = {one: found for one, found, _ in self._network.members(group)}
        sure = {one for one, found in members.items() if found.holds}
        inside = self._space(
            out, word, EMPTY, lambda subnet: subnet in sure or subnet.parent in sure
        )
        return Term(out, word, _of_tag(self._network.group(group, "")), inside.nics)

    def _tagged(self, out: bool, word: str, text: str) -> Term:  # noqa: FBT001 `!` or not
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise SelectorError(f"`{word}`: expected `tag:key=value`")
        doubts: list[str] = []

        def has(one: VirtualMachine | VirtualNetwork | NetworkInterface) -> bool:
            try:
                return tag_of(one.tags, key) == value
            except KeyError:
                doubts.append(f"tag `{key}` of `{one.id}`")
                return out  # who may be meant is not taken out for sure, nor put in

        of = self._estate.resources
        machines = {one for one, vm in of.vms.items() if has(vm)}
        networks = {one for one, vnet in of.vnets.items() if has(vnet)}
        by_machine = {nic.id for one in machines for nic in self._estate.nics_by_vm.get(one, ())}
        nics = [
            nic
            for nic in of.nics.values()
            if nic.id in by_machine
            or (nic.subnet is not None and nic.subnet.parent in networks)
            or has(nic)
        ]
        absent = tuple(nic for one in machines for nic in of.vms[one].nics if nic not in of.nics)
        return self._of_nics(out, word, nics, absent, doubts=tuple(doubts))


def _prefix(word: str) -> IntervalSet:
    try:
        return parse_prefix(word)
    except NetworkTextError as problem:
        raise SelectorError(str(problem)) from None


def _is_called(resource: ResourceId, name: str) -> bool:
    """Reports whether a resource has a name; a subnet may be `vnet/subnet`, an instance `set/0`."""
    lowered = name.strip().lower()
    if resource.last == lowered:
        return True
    parent, slash, last = lowered.partition("/")
    return bool(slash) and resource.last == last and resource.parent.last == parent
