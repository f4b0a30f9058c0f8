"""Recorded flows judged by several estates: as it is, and as it would be."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from flowverdict.classify import compile_estate
from flowverdict.impact.recorded import FLOW, naming, recorded, tests_source_ports
from flowverdict.lake import query
from flowverdict.packets import Places

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowverdict.classify import Classifier
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate
    from flowverdict.policy import Options

Numbers = np.ndarray[Any, np.dtype[Any]]

ALLOW, UNKNOWN, DENY = range(3)
_RANKS: Final = {"Allow": ALLOW, "Unknown": UNKNOWN, "Deny": DENY}
"""From what lets a flow pass to what stops it, whatever the other end says."""


class Judged(NamedTuple):
    """What estates say of some rows, each in one entry of the lists.

    Attributes:
        nics: the interface of each row, by its id; null where no estate has it.
        access: ``ALLOW``, ``UNKNOWN`` or ``DENY``.
        missing: what a verdict lacks.
        rules: the id of the deciding rule.
    """

    nics: pa.Array
    access: list[Numbers]
    missing: list[pa.Array]
    rules: list[pa.Array]


class Judges:
    """Estates that judge the same rows."""

    def __init__(
        self,
        estates: Sequence[Estate],
        options: Options,
        *,
        found_in: Sequence[Estate] | None = None,
    ) -> None:
        """Compiles the estates.

        Args:
            estates: what judges.
            options: how open questions are answered.
            found_in: where the interfaces of rows are looked up; left out, in all that judge.
        """
        self._estates = estates
        self._found_in = estates if found_in is None else found_in
        self._places = [Places(one) for one in self._found_in]
        self._classifiers = [compile_estate(one, options) for one in estates]

    def recorded(
        self, lake: Lake, period: Period, *, source_ports: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Yields recorded flows as ``recorded`` does, source ports only where a rule tests them."""
        logged = query(lake, "SELECT DISTINCT mac FROM flows", period=period).read_all()
        for estate, classifier in zip(self._estates, self._classifiers, strict=True):
            nics = (estate.nics_by_mac.get(mac, ()) for mac in logged["mac"].to_pylist())
            classifier.prepare(str(nic.id) for found in nics for nic in found)
        tested = source_ports or any(map(tests_source_ports, (*self._estates, *self._found_in)))
        return recorded(lake, period=period, source_ports=tested)

    def judge(self, batch: pa.RecordBatch) -> Judged:
        """Returns what each estate says of rows, in the order of the estates."""
        columns = naming(batch)
        # the MAC address of an interface is the same before and behind a change, if it has one
        nics, reasons = self._places[0].find(columns)
        for places in self._places[1:]:
            nics = pc.coalesce(nics, places.find(columns)[0])
        reasons = pc.if_else(nics.is_null(), reasons, None)
        found = Judged(nics, [], [], [])
        for classifier in self._classifiers:
            access, lacks, rules = _verdicts(classifier, batch, nics)
            found.access.append(access)
            found.missing.append(pc.coalesce(reasons, lacks))
            found.rules.append(rules)
        return found


def _verdicts(
    classifier: Classifier, batch: pa.RecordBatch, nics: pa.Array
) -> tuple[Numbers, pa.Array, pa.Array]:
    columns = {name: batch[name] for name in (*FLOW, "direction")}
    judged = classifier.judge(pa.RecordBatch.from_pydict({"nic": nics, **columns}))
    access = judged["access"]
    numbers = np.array([_RANKS.get(one, UNKNOWN) for one in access.dictionary.to_pylist()], np.int8)
    missing = judged["missing"].cast(pa.string())
    return numbers[access.indices.to_numpy()], missing, judged["rule_id"]
