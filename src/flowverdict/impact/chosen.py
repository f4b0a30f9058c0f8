"""Flows by a condition of the user's, in SQL."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import numpy as np
import pyarrow as pa

from flowverdict.lake import Engine, LakeError


def chosen(flows: pa.Table, condition: str) -> list[int]:
    """Returns the numbers of the rows of which a condition over their columns holds.

    Raises:
        LakeError: the condition is wrong.
    """
    if not condition.strip():
        raise LakeError("the condition is empty: expected one such as `dst_port = 22`")
    engine = Engine()
    numbered = flows.append_column("number", pa.array(np.arange(len(flows))))
    engine.connection.register("broken", numbered)
    engine.seal()
    asked = f"SELECT number FROM broken WHERE ({condition}\n)"  # noqa: S608 the user's own words
    return engine.answer(asked).read_all()["number"].to_pylist()
