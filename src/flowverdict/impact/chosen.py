"""Flows by a condition of the user's, in SQL."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import re

import duckdb
import numpy as np
import pyarrow as pa

from flowverdict.lake import Engine, LakeError
from flowverdict.lake.engine import first_line


def chosen(flows: pa.Table, condition: str, name: str) -> list[int]:
    """Returns the numbers of the rows of which a condition over their columns holds.

    Args:
        flows: as ``flows.TOLD`` has them.
        condition: in SQL.
        name: what the condition is called where it is wrong.

    Raises:
        LakeError: the condition is wrong.
    """
    if not condition.strip():
        raise LakeError(f"{name}: is empty: expected a condition such as `dst_port = 22`")
    untold = flows["src_port"].null_count == len(flows)
    if len(flows) and untold and re.search(r"\bsrc_port\b", condition, re.IGNORECASE):
        raise LakeError(
            f"{name}: `src_port` is not known here: flows are told apart by it only where a rule "
            "tests source ports: expected a condition without it"
        )
    columns = flows.drop_columns(["decisions"])
    numbered = columns.append_column("number", pa.array(np.arange(len(flows))))
    engine = Engine()
    try:
        engine.connection.register("columns", columns)
        engine.connection.register("broken", numbered)
        engine.seal()
        # a filter takes an expression: nothing that closes a bracket and goes on can be one
        engine.connection.table("columns").filter(f"{condition}\n")  # wrong without the number
        found = engine.connection.table("broken").filter(f"{condition}\n").project("number")
        return [number for (number,) in found.fetchall()]
    except duckdb.Error as problem:
        raise LakeError(f"{name}: {first_line(problem)}") from None
    finally:
        engine.close()
