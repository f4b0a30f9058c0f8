"""Traffic Analytics' rows of a few tuples, without a lake."""

# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.flowlog import SCHEMA
from flowverdict.lake import Engine
from flowverdict.load import load_estate
from flowverdict.traffic.analytics.asking import AZURE_VIEWS
from flowverdict.traffic.analytics.making import Making
from flowverdict.traffic.analytics.places import Places
from flowverdict.traffic.analytics.queries import rules_of
from flowverdict.traffic.analytics.schema import ANALYTICS, IP_DETAILS, NTA
from flowverdict.traffic.analytics.threats import Threats
from tests.conformance import sketch as sketches

TAGS = {
    "AzureCloud": ["20.0.0.0/8", "2603:1000::/24"],
    "AzureCloud.westeurope": ["20.50.0.0/16"],
    "AzureCloud.germanyn": ["20.113.0.0/16"],
    "Storage": ["20.50.1.0/24", "20.113.7.0/24"],
    "Storage.WestEurope": ["20.50.1.0/24"],
    "AzureMonitor": ["20.50.0.0/17"],
    "AzurePlatformIMDS": ["169.254.169.254/32"],
}
"""Service tags of the tests."""


def places(folder: Path, sketch: dict[str, Any], **more: Any) -> Places:
    """What is known of the addresses of a network."""
    tagged = {"serviceTags": TAGS} | sketch
    found = sketches.write(tagged, folder, "rest")
    paths = [str(found)] if any(found.iterdir()) else []
    estate = load_estate(paths, service_tags=folder / "service-tags.json")
    assert not estate.errors, estate.errors
    return Places(estate, more.get("countries"), more.get("threats") or Threats())


def flows(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """Flow rows as a lake has them."""
    rows = pa.Table.from_batches(list(batches), SCHEMA)
    plain = [
        (one.name, one.type.value_type if pa.types.is_dictionary(one.type) else one.type)
        for one in SCHEMA
    ]
    return rows.cast(pa.schema(plain)).append_column("day", pc.cast(rows["time"], pa.date32()))


def analysed(
    batches: Iterable[pa.RecordBatch], known: Places, minutes: int = 60
) -> dict[str, list[dict[str, Any]]]:
    """The rows of both of Azure's tables, by its name and in order."""
    engine = made(flows(batches), known, minutes)
    answer = engine.connection.sql("SELECT * FROM analytics ORDER BY ALL").to_arrow_table()
    found = answer.cast(ANALYTICS).to_pylist()
    engine.close()
    return {name: [row for row in found if row["Type"] == name] for name in (NTA, IP_DETAILS)}


def made(rows: pa.Table, known: Places, minutes: int = 60) -> Engine:
    """An engine with Azure's tables of flow rows."""
    engine = Engine()
    engine.connection.register("flows", rows)
    making = Making(engine, known, minutes)
    for day in sorted(pc.unique(rows["day"]).to_pylist()):
        making.add(day)
    making.finish()
    engine.connection.register("rules", rules_of(known.sites.estate))
    for name, sql in AZURE_VIEWS.items():
        engine.connection.execute(f'CREATE VIEW "{name}" AS {sql}')
    return engine
