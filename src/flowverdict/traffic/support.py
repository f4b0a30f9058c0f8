"""What flow logs do not see, whatever is set up (flow-log specification, 2.3 and 3.7).

The documents name services; subnets are told by whom they are delegated to. Which delegation
belongs to which service is engineers' knowledge.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from flowverdict.model import Subnet

_BY_NEITHER: Final = {
    "microsoft.containerinstance/containergroups": "Container Instances",
    "microsoft.logic/integrationserviceenvironments": "Logic Apps",
    "microsoft.web/serverfarms": "App Service and Functions",
    "microsoft.network/dnsresolvers": "DNS Private Resolver",
    "microsoft.dbformariadb/servers": "Database for MariaDB",
    "microsoft.dbformysql/flexibleservers": "Database for MySQL",
    "microsoft.dbforpostgresql/flexibleservers": "Database for PostgreSQL",
}
_NOT_BY_VNET: Final = {
    "microsoft.app/environments": "Container Apps",
    "microsoft.netapp/volumes": "NetApp Files",
    "microsoft.sql/managedinstances": "SQL Managed Instance",
    "microsoft.powerplatform/enterprisepolicies": "Power Platform",
    "microsoft.powerplatform/vnetaccesslinks": "Power Platform",
}
_APPLICATION_GATEWAY: Final = "Application Gateway v2"
_V6: Final = re.compile(r"standard_[def]\d\S*_v6\Z", re.IGNORECASE)


def unseen_by_vnet(subnet: Subnet) -> tuple[str, ...]:
    """Returns the services of a subnet whose traffic VNet flow logs do not record."""
    return _named(subnet, _BY_NEITHER | _NOT_BY_VNET)


def unseen_by_nsg(subnet: Subnet) -> tuple[str, ...]:
    """Returns the services of a subnet whose traffic NSG flow logs do not record."""
    gateway = (_APPLICATION_GATEWAY,) if subnet.has_application_gateway else ()
    return (*_named(subnet, _BY_NEITHER), *gateway)


def is_unseen_size(size: str) -> bool:
    """Reports whether NSG flow logs do not support a size of machines: D, E and F, version 6."""
    return _V6.match(size) is not None


def _named(subnet: Subnet, services: dict[str, str]) -> tuple[str, ...]:
    found = (services.get(one.lower()) for one in subnet.delegations)
    return tuple(dict.fromkeys(one for one in found if one))
