"""Harbour Bank's network as the files that an engineer would have exported from Azure.

Several forms are mixed on purpose, as they are on real disks: lists and single resources as az
prints them, REST answers, a Resource Graph export.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from flowverdict.demo.answers.admin import deny_files, manager_files
from flowverdict.demo.answers.compute import instances_json, machine_json, scale_set_json
from flowverdict.demo.answers.edge import edge_json
from flowverdict.demo.answers.forms import as_cli, cli_list, resource_graph, rest_list
from flowverdict.demo.answers.governance import governance_files
from flowverdict.demo.answers.networks import asg_json, route_table_json, vnet_json
from flowverdict.demo.answers.nics import mac_addresses, nic_json
from flowverdict.demo.answers.nsgs import nsg_json
from flowverdict.demo.answers.uses import Uses, uses
from flowverdict.demo.plan.assembly import plan_bank
from flowverdict.demo.plan.names import Json
from flowverdict.demo.plan.networks import Nsg
from flowverdict.demo.plan.whole import Bank

SEED = 7
NICS = 300
CHANGED_FILE = "network/dev-vm-nsg.json"
"""The only file in which the estate and the changed estate differ."""


def make_bank(
    seed: int = SEED, nics: int = NICS, nsgs: int | None = None, *, restored: bool = False
) -> dict[str, object]:
    """The bank as file names (relative, with `/`) and the JSON value of each.

    Args:
        seed: Equal seeds make equal banks.
        nics: How many network interfaces, exactly.
        nsgs: How many NSGs, exactly; when left out, as many as the subnets ask for.
        restored: Whether `dev-vm-nsg` has the rule that the first story ends with.

    Raises:
        ValueError: The numbers do not go together.
    """
    bank = plan_bank(seed, nics, nsgs, restored=restored)
    found = uses(bank)
    part = bank.part
    files: Mapping[str, Json] = {
        "network/vnets.json": cli_list(vnet_json(vnet, found) for vnet in part.vnets),
        "network/route-tables.json": rest_list(
            route_table_json(table, found) for table in part.route_tables
        ),
        "network/asgs.json": cli_list(asg_json(asg) for asg in part.asgs),
        **_nsg_files(bank, found),
        **_nic_files(bank),
        "compute/vms.json": cli_list(machine_json(machine) for machine in part.machines),
        "compute/scale-set-instances.json": rest_list(
            instance for each in part.scale_sets for instance in instances_json(each)
        ),
        "graph/edge.json": resource_graph(
            (*edge_json(bank, found), *map(scale_set_json, part.scale_sets)), bank.tenant.id
        ),
        **manager_files(bank),
        **governance_files(bank),
    }
    return dict(files)


def write_bank(
    folder: Path,
    seed: int = SEED,
    nics: int = NICS,
    nsgs: int | None = None,
    *,
    indent: int | None = 2,
) -> None:
    """Write the bank's files into a folder, which is made if it is not there."""
    _write(folder, make_bank(seed, nics, nsgs), indent)


def write_change(
    folder: Path,
    seed: int = SEED,
    nics: int = NICS,
    nsgs: int | None = None,
    *,
    indent: int | None = 2,
) -> None:
    """Write the same bank after the change of the first story: one rule more in one file."""
    _write(folder, make_bank(seed, nics, nsgs, restored=True), indent)


def write_deny(folder: Path, seed: int = SEED, nics: int = NICS, *, indent: int | None = 2) -> None:
    """Write what the platform team would like to deploy: no SSH from the internet, anywhere."""
    _write(folder, deny_files(plan_bank(seed, nics)), indent)


def _write(folder: Path, files: Mapping[str, object], indent: int | None) -> None:
    for name, value in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=indent) + "\n", encoding="utf-8")


def _nsg_files(bank: Bank, found: Uses) -> dict[str, Json]:
    """Production as a REST answer; development without default rules; one NSG alone."""
    development = bank.tenant.subscription("development")
    groups: dict[str, list[Nsg]] = {"rest": [], "development": [], "alone": []}
    for nsg in bank.part.nsgs:
        if nsg.name == "dev-vm-nsg":
            groups["alone"].append(nsg)
        elif nsg.place.subscription == development:
            groups["development"].append(nsg)
        else:
            groups["rest"].append(nsg)
    return {
        "network/nsgs.json": rest_list(
            nsg_json(nsg, found, defaults=True) for nsg in groups["rest"]
        ),
        "network/nsgs-development.json": cli_list(
            nsg_json(nsg, found, defaults=False) for nsg in groups["development"]
        ),
        CHANGED_FILE: as_cli(nsg_json(groups["alone"][0], found, defaults=True)),
    }


def _nic_files(bank: Bank) -> dict[str, Json]:
    """NICs of machines and endpoints in one list, those of scale sets in another, as az has it."""
    plain: list[Json] = []
    scaled: list[Json] = []
    macs = mac_addresses(bank.part.nics)
    for nic in bank.part.nics:
        (scaled if nic.in_scale_set else plain).append(nic_json(nic, macs[nic.id]))
    return {
        "network/nics.json": cli_list(plain),
        "network/nics-scale-sets.json": cli_list(scaled),
    }
