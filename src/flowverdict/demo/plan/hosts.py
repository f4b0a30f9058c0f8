"""What lives in networks: NICs, machines, scale sets, load balancers, private endpoints."""

from __future__ import annotations

from dataclasses import dataclass

from flowverdict.demo.plan.names import Place
from flowverdict.demo.plan.networks import Asg, Nsg, VNet


@dataclass(frozen=True, slots=True)
class PublicIp:
    """Public address."""

    place: Place
    name: str
    address: str

    @property
    def id(self) -> str:
        """ARM id."""
        return self.place.id("Microsoft.Network/publicIPAddresses", self.name)


@dataclass(frozen=True, slots=True)
class IpConfiguration:
    """One address of a NIC with what hangs on it."""

    name: str
    address: str
    public_ip: PublicIp | None = None
    asgs: tuple[Asg, ...] = ()
    pool: str | None = None


@dataclass(frozen=True, slots=True)
class Nic:
    """Network interface. `machine` is the id of its VM or of its scale-set instance."""

    place: Place
    name: str
    vnet: VNet
    subnet: str
    addresses: tuple[IpConfiguration, ...]
    nsg: Nsg | None = None
    machine: str | None = None
    endpoint: str | None = None
    forwarding: bool = False
    primary: bool = True

    @property
    def id(self) -> str:
        """ARM id; a scale-set instance's NIC lies below its instance."""
        if self.in_scale_set:
            return f"{self.machine}/networkInterfaces/{self.name}"
        return self.place.id("Microsoft.Network/networkInterfaces", self.name)

    @property
    def in_scale_set(self) -> bool:
        """Reports whether the NIC belongs to an instance of a scale set."""
        return self.machine is not None and "/virtualMachineScaleSets/" in self.machine

    @property
    def address(self) -> str:
        """The primary private address."""
        return self.addresses[0].address


@dataclass(frozen=True, slots=True)
class Machine:
    """Virtual machine and its NICs, the primary one first."""

    place: Place
    name: str
    nics: tuple[Nic, ...]
    windows: bool = False

    @property
    def id(self) -> str:
        """ARM id."""
        return self.place.id("Microsoft.Compute/virtualMachines", self.name)


@dataclass(frozen=True, slots=True)
class ScaleSet:
    """Scale set with one NIC an instance."""

    place: Place
    name: str
    nics: tuple[Nic, ...]

    @property
    def id(self) -> str:
        """ARM id."""
        return self.place.id("Microsoft.Compute/virtualMachineScaleSets", self.name)


@dataclass(frozen=True, slots=True)
class LoadBalancer:
    """Load balancer with one frontend, one backend pool and one rule."""

    place: Place
    name: str
    front: PublicIp | str
    subnet_id: str | None
    port: int
    backend_port: int

    @property
    def id(self) -> str:
        """ARM id."""
        return self.place.id("Microsoft.Network/loadBalancers", self.name)

    @property
    def pool(self) -> str:
        """ARM id of the backend pool."""
        return f"{self.id}/backendAddressPools/backend"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Private endpoint to a platform service."""

    place: Place
    name: str
    nic: Nic
    service: str
    kind: str

    @property
    def id(self) -> str:
        """ARM id."""
        return self.place.id("Microsoft.Network/privateEndpoints", self.name)
