"""A day's flow logs of the bank as blobs below a folder."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowverdict.demo.answers.nics import mac_addresses
from flowverdict.demo.bank import NICS, SEED
from flowverdict.demo.day.attacks import add_attacks
from flowverdict.demo.day.business import add_business
from flowverdict.demo.day.judging import Judge
from flowverdict.demo.day.passages import courses
from flowverdict.demo.day.rows import flow_rows
from flowverdict.demo.day.sightings import sightings, spots
from flowverdict.demo.day.traffic import Traffic
from flowverdict.demo.day.tuples import tuples
from flowverdict.demo.plan.assembly import plan_bank
from flowverdict.flowlog.writer import write_blobs

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Written:
    """How much was written."""

    blobs: int
    bytes: int


def write_day(folder: Path, judge: Judge, seed: int = SEED, nics: int = NICS) -> Written:
    """Writes the day's flow logs of the bank of this seed and size, laid out as Azure does it.

    Args:
        folder: where the containers are put.
        judge: says what the rules of that bank make of a packet.
        seed: Equal seeds write equal blobs.
        nics: How many network interfaces the bank has.

    Raises:
        OSError: A file cannot be written.
    """
    blobs = size = 0
    for blob in write_blobs([make_day(judge, seed, nics)]):
        path = folder / blob.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(blob.data)
        blobs += 1
        size += len(blob.data)
    return Written(blobs, size)


def make_day(judge: Judge, seed: int = SEED, nics: int = NICS) -> pa.RecordBatch:
    """Returns the rows of the day in the order of their times; takes the same arguments."""
    bank = plan_bank(seed, nics)
    traffic = Traffic(seed)
    add_business(traffic, bank)
    add_attacks(traffic, bank)
    flows, routes = traffic.flows(), traffic.routes
    of_routes = spots(routes, courses(bank, routes, judge), mac_addresses(bank.part.nics))
    flat = [spot for one in of_routes for spot in one]
    found = tuples(flows, sightings(flows, of_routes), flat, traffic.rng)
    return flow_rows(found, flows, flat, traffic.rng)
