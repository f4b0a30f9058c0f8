"""What helps and is no rule: a public address that a management port need not have."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from flowverdict.impact.cause_rows import INSIDE
from flowverdict.impact.cure_bastion import MANAGEMENT, find_bastion, is_management
from flowverdict.lake import workspace
from flowverdict.net import format_address

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flowverdict.detect import Finding
    from flowverdict.impact.cure_deny import Asked
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate, IpConfiguration
    from flowverdict.policy import Standpoint


@dataclass(frozen=True, slots=True)
class Advice:
    """Something to do that rules know nothing of, and that is not judged therefore.

    Attributes:
        what: what to do.
        why: why it helps.
        az: the command of the Azure CLI.
        broken: how many recorded flows from outside, not the attackers', came this way too.
    """

    what: str
    why: str
    az: str
    broken: int

    def as_json(self) -> dict[str, Any]:
        """Returns it as it stands in ``advice``."""
        return {"what": self.what, "why": self.why, "az": self.az, "broken": self.broken}


def advice_for(
    findings: Sequence[Finding],
    asked: Mapping[int, Asked],
    estate: Estate,
    lake: Lake,
    period: Period,
) -> dict[int, list[Advice]]:
    """Returns, of findings at public management ports, how these need not be public.

    Raises:
        LakeError: the lake cannot be read.
    """
    exposed = {number: list(_exposed(one)) for number, one in asked.items()}
    exposed = {number: some for number, some in exposed.items() if some}
    others = _others(findings, exposed, lake, period)
    return {
        number: [
            _advice(estate, place, configuration, port, others)
            for place, configuration, port in some
        ]
        for number, some in exposed.items()
    }


def _exposed(asked: Asked) -> Iterator[tuple[Standpoint, IpConfiguration, int]]:
    """Yields interfaces with the IP configuration that makes a management port public, once."""
    seen: set[tuple[str, str]] = set()
    for end in asked.ends:
        port = end.packet.dst_port
        if port is None or not is_management(end):
            continue
        for one in end.place.nic.ip_configurations:
            key = end.place.nic.id.key, one.name
            if one.public_ip and end.packet.dst in one.addresses and key not in seen:
                seen.add(key)
                yield end.place, one, port


def _others(
    findings: Sequence[Finding],
    exposed: Mapping[int, Sequence[tuple[Standpoint, IpConfiguration, int]]],
    lake: Lake,
    period: Period,
) -> dict[str, int]:
    """Returns how many flows came from others outside, by the address they came to."""
    local = {_address(one) for some in exposed.values() for _, one, _ in some}
    if not local:
        return {}
    attackers = sorted({one for number in exposed for one in findings[number].sources})
    sql = f"""
        SELECT dst_ip, CAST(count(*) AS BIGINT) AS flows FROM (
            SELECT DISTINCT dst_ip, src_ip, dst_port, protocol FROM flows
            WHERE dst_ip IN (SELECT ip FROM own) AND direction = 'I' AND decision = 'A'
                AND src_ip NOT IN (SELECT ip FROM attackers)
                AND NOT regexp_matches(src_ip, '{INSIDE}'))
        GROUP BY dst_ip"""  # noqa: S608 no words of others
    engine = workspace(lake, period=period)
    try:
        for name, some in (("own", sorted(local)), ("attackers", attackers)):
            engine.connection.register(name, pa.table({"ip": pa.array(some, pa.string())}))
        return {row["dst_ip"]: row["flows"] for row in engine.table(sql, {}).to_pylist()}
    finally:
        engine.close()


def _address(configuration: IpConfiguration) -> str:
    """Returns the private address of a configuration with a public one, which is no block."""
    return format_address(configuration.addresses.spans[0][0])


def _advice(
    estate: Estate,
    place: Standpoint,
    configuration: IpConfiguration,
    port: int,
    others: Mapping[str, int],
) -> Advice:
    nic = place.nic.id
    public = configuration.public_ip
    assert public is not None
    bastion = find_bastion(estate, place)
    instead = (
        f"`{bastion.name}` is there for it" if bastion else "Azure Bastion or a VPN does without"
    )
    words = [
        f"az network nic ip-config update --subscription {nic.subscription}",
        f"--resource-group {shlex.quote(nic.resource_group)} --nic-name {shlex.quote(nic.name)}",
        f"--name {shlex.quote(configuration.name)} --public-ip-address null",
    ]
    return Advice(
        what=f"take the public address `{public.name}` from `{nic.name}`",
        why=f"{MANAGEMENT[port]} need not be public: {instead}",
        az=" \\\n  ".join(words),
        broken=others.get(_address(configuration), 0),
    )
