"""What the evaluator says of many packets, layer by layer: one of each kind is put to it.

``classify`` keeps the deciding rule alone. Two packets that no set of a policy tells apart meet the
same rules in every layer, so the trace of one is the trace of all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from flowverdict.classify.asked import Asked
from flowverdict.classify.verdicts import Outcomes
from flowverdict.model import ResourceId
from flowverdict.policy import evaluate_at
from flowverdict.stages import WAYS, Policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from flowverdict.classify.packets import Packets
    from flowverdict.model import Estate
    from flowverdict.policy import Options, Verdict
    from flowverdict.stages import Policy

Numbers = np.ndarray[Any, np.dtype[Any]]


class Traces:
    """Verdicts with their traces, by kind of packet."""

    def __init__(self, estate: Estate, options: Options) -> None:
        self.policies = Policies(estate, options)
        self._estate = estate
        self._kinds: dict[Policy, Asked] = {}
        self._verdicts: dict[tuple[int, int], Verdict] = {}
        self._of_nic: dict[str, Policy] = {}

    def of(self, packets: Packets, nics: pa.Array) -> Iterator[tuple[Policy, Numbers, Verdict]]:
        """Yields rows of one kind with their policy, and the verdict on one of them.

        Args:
            packets: the rows.
            nics: the id of each row's interface.

        Raises:
            NoNsgError: with ``no_nsg="error"``, where no NSG is attached.
        """
        encoded = nics.dictionary_encode()
        policies = [self._policy(one) for one in encoded.dictionary.to_pylist()]
        different = list(dict.fromkeys(policies))
        numbers = {policy: at for at, policy in enumerate(different)}
        at = np.array([numbers[one] for one in policies])[encoded.indices.to_numpy()]
        for number, policy in enumerate(different):
            for way in (0, 1):
                rows = np.flatnonzero((at == number) & (packets.way == way))
                if len(rows):
                    yield from self._at(packets, policy, rows, way)

    def _policy(self, nic: str) -> Policy:
        if nic not in self._of_nic:
            self._of_nic[nic] = self.policies.at(self._estate.resources.nics[ResourceId(nic)])
        return self._of_nic[nic]

    def _at(
        self, packets: Packets, policy: Policy, rows: Numbers, way: int
    ) -> Iterator[tuple[Policy, Numbers, Verdict]]:
        asked = self._kinds.setdefault(policy, Asked(policy, Outcomes()))
        kinds = asked.kinds(packets, rows, way)
        distinct, first, inverse = np.unique(kinds, return_index=True, return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        ends = np.searchsorted(inverse[order], np.arange(len(distinct) + 1))
        for at, kind in enumerate(distinct.tolist()):
            key = (id(policy), kind)
            if key not in self._verdicts:
                packet = packets.packet(int(rows[first[at]]))
                self._verdicts[key] = evaluate_at(policy.place, WAYS[way], packet)
            yield policy, rows[order[ends[at] : ends[at + 1]]], self._verdicts[key]
