"""Lakes that are not on this disk, and logs of the older forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deltalake import DeltaTable, write_deltalake

from flowverdict.detect import detect, packaged
from flowverdict.lake import Lake, local_store, open_store
from tests.azurite.server import ACCOUNT, Azurite
from tests.detect.lakes import TAGS, found, lake_of
from tests.detect.test_brute_force import guesses
from tests.detect.test_others import tour, web


def test_a_lake_in_a_storage_account_is_as_good(azurite: Azurite, tmp_path: Path) -> None:
    rows = [*guesses(30), *web(12), *tour(8, 6)]
    here = lake_of(tmp_path, rows)
    container = azurite.new_container().container_name
    environment = azurite.environment()
    store = open_store(f"az://{ACCOUNT}/{container}/lake", environment, local_store)
    there = Lake(store)
    table = DeltaTable(f"{here.root}/flows").to_pyarrow_table()
    write_deltalake(
        there.flows.location, table, partition_by=["day"], storage_options=store.options()
    )
    answers = [detect(one, packaged(), TAGS) for one in (here, there)]
    assert answers[0].findings
    assert answers[0] == answers[1]


def test_the_first_version_of_nsg_logs_has_no_states(tmp_path: Path) -> None:
    """Spec 2.2: no states and no counters; each row is a flow that was new."""
    none: dict[str, Any] = dict.fromkeys(
        ("state", "encryption", "packets_sent", "bytes_sent", "packets_received", "bytes_received")
    )
    rows = [{**one, **none, "schema": "nsg1"} for one in guesses(26, states="B")]
    (one,) = found(tmp_path, rows, "rdp-brute-force")
    assert (one.evidence["attempts"], one.evidence["bytes"]) == (26, None)


def test_two_forms_of_log_of_one_flow_count_once(tmp_path: Path) -> None:
    """Spec 3.8: NSG and VNet flow logs of the same interface."""
    rows = guesses(9)
    twice = [*rows, *({**one, "schema": "nsg2"} for one in rows)]
    assert not found(tmp_path, twice, "rdp-brute-force")
