"""Which rule let a finding's flows in, or kept them out: by the log, and by the rules of an estate.

The log says what was decided when it was. An estate knows the rule behind the name: its id, its
priority, where it stands; and whether it would decide so today. Both are told where they differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from flowverdict.impact.audit_causes import (
    AGREEMENTS,
    ENCRYPTION,
    PLATFORM,
    Causes,
    Said,
    decision_text,
)
from flowverdict.impact.cause_rows import Decided, RowsOf, is_outside
from flowverdict.lake import ALWAYS
from flowverdict.model import Direction, ResourceId
from flowverdict.net import Packet, has_ports, parse_address
from flowverdict.packets import Places
from flowverdict.policy import DEFAULTS, Network, Standpoint, evaluate_at, rule_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from flowverdict.detect import Finding
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate, NetworkInterface, Rule
    from flowverdict.policy import Options, Verdict

WAYS: Final = {"I": Direction.INBOUND, "O": Direction.OUTBOUND}


@dataclass(frozen=True, slots=True)
class Decision:
    """What one rule decided of a finding's flows.

    Attributes:
        said: what the log says: decision, rule, its kind, and the NSG or manager.
        direction: seen from the interface that logged it.
        packet: the first of these flows.
        rows: recorded rows from first to last of the finding, and their times in ``first`` and
            ``last``, UTC.
        since: when the rule first decided so for the finding's sources, targets and ports, as far
            back as the lake goes.
        open_since: when it first let anybody in from outside there; None where it never did.
        nic: where the flow was logged; None where no estate says so.
        rule: the estate's rule that the log means; None where none is known.
        layer: ``platform``, ``admin``, ``subnet`` or ``nic``; None where it is not known.
        verdict: what the estate's rules say of ``packet``; None without one, or where it is not
            known at which interface.
        differs: what the estate says otherwise than the log, and why; empty where they agree.
    """

    said: Said
    direction: Direction
    packet: Packet
    rows: int
    first: datetime
    last: datetime
    since: datetime
    open_since: datetime | None = None
    nic: NetworkInterface | None = None
    rule: Rule | None = None
    layer: str | None = None
    verdict: Verdict | None = None
    differs: str = ""

    @property
    def name(self) -> str | None:
        """The rule's name as IP flow verify spells it; None where the log has none."""
        if self.rule is not None:
            return rule_name(self.layer, self.rule)
        heads = {"user": "securityRules/", "default": "defaultSecurityRules/"}
        return (
            None if self.said.rule is None else heads.get(self.said.rule_kind, "") + self.said.rule
        )

    @property
    def is_verified(self) -> bool:
        """Whether the estate's rules say the same of ``packet``."""
        return self.verdict is not None and not self.differs

    def as_json(self) -> dict[str, Any]:
        """Returns it as it stands in ``decided_by``."""
        where = self.rule.where if self.rule else None
        return {
            "ruleName": self.name,
            "ruleId": str(self.rule.id) if self.rule else None,
            "layer": self.layer,
            "acl": self.said.acl,
            "decision": self.said.access,
            "direction": self.direction.value,
            "priority": self.rule.priority if self.rule else None,
            "where": {"file": where.file, "path": where.path} if where else None,
            "nic": str(self.nic.id) if self.nic else None,
            "packet": str(self.packet),
            "rows": self.rows,
            "first": moment(self.first),
            "last": moment(self.last),
            "since": moment(self.since),
            "openSince": moment(self.open_since) if self.open_since else None,
            "verified": self.is_verified,
            "differs": self.differs or None,
        }


@dataclass(frozen=True, slots=True)
class Cause:
    """The rules that decided a finding's flows.

    Attributes:
        decisions: the one that let the flows in, or where nothing did, that kept them out; then
            the others, those with most rows first.
    """

    decisions: tuple[Decision, ...]

    @property
    def main(self) -> Decision:
        """The decision that matters most."""
        return self.decisions[0]

    @property
    def allows(self) -> tuple[Decision, ...]:
        """The decisions by which flows passed an interface."""
        return tuple(one for one in self.decisions if one.said.access == "Allow")

    @property
    def denies(self) -> tuple[Decision, ...]:
        """The decisions by which flows were stopped."""
        return tuple(one for one in self.decisions if one.said.access == "Deny")

    def as_json(self) -> dict[str, Any]:
        """Returns the main decision as ``decided_by``, with the other ones in ``others``."""
        return {**self.main.as_json(), "others": [one.as_json() for one in self.decisions[1:]]}


def causes(
    findings: Sequence[Finding],
    lake: Lake,
    estate: Estate | None = None,
    options: Options = DEFAULTS,
    period: Period = ALWAYS,
) -> list[Cause | None]:
    """Returns the rules that decided each finding's flows; None where it has none in the lake.

    Two queries whatever the number of findings; of a finding at most ``MOST_RULES`` rules for each
    decision and direction.

    Args:
        findings: with an ``outcome``, and sources or targets; the others have no cause.
        lake: where their flows are recorded.
        estate: to name the rules, and to ask them again.
        options: how open questions are answered.
        period: how far back "since" looks; the findings lie within.

    Raises:
        LakeError: the lake cannot be read.
    """
    numbers = [at for at, one in enumerate(findings) if has_flows(one)]
    asked = [findings[at] for at in numbers]
    if not asked:
        return [None] * len(findings)
    with RowsOf(asked, lake, period) as of:
        rows = of.decided()
        opens = [at for at, one in enumerate(rows) if _lets_in(one, asked[one.finding])]
        moments = of.opened_since([rows[at] for at in opens])
    found = [_decision(one) for one in rows]
    for at, moment in zip(opens, moments, strict=True):
        found[at] = replace(found[at], open_since=moment)
    if estate is not None:
        found = list(_Names(estate, options).of(found, [one.packet for one in rows]))
    answer: list[Cause | None] = [None] * len(findings)
    for at, number in enumerate(numbers):
        own = [one for row, one in zip(rows, found, strict=True) if row.finding == at]
        if own:
            answer[number] = Cause(tuple(_ordered(own, findings[number])))
    return answer


def has_flows(finding: Finding) -> bool:
    """Reports whether a finding is about flows that can be looked up."""
    return bool(finding.outcome and (finding.sources or finding.targets))


def _lets_in(row: Decided, finding: Finding) -> bool:
    """Reports whether a rule let one of a finding's sources in from outside."""
    is_allow = row.decision == "A" and row.direction == "I"
    return is_allow and (not finding.sources or any(map(is_outside, finding.sources)))


def _decision(row: Decided) -> Decision:
    said = Said(row.decision, row.rule, row.rule_kind, row.acl)
    layer = {"admin": "admin", PLATFORM: "platform", ENCRYPTION: "platform"}.get(row.rule_kind)
    return Decision(
        said=said,
        direction=WAYS[row.direction],
        packet=read_packet(row.packet),
        rows=row.rows,
        first=row.first,
        last=row.last,
        since=row.since,
        layer=layer,
    )


def read_packet(row: Mapping[str, Any]) -> Packet:
    """Returns the packet of a row of ``flows``; any source port would have met the same rules."""
    protocol = row["protocol"]
    ports = (row["src_port"], row["dst_port"]) if has_ports(protocol) else ()
    return Packet(protocol, parse_address(row["src_ip"]), parse_address(row["dst_ip"]), *ports)


def _ordered(decisions: Iterable[Decision], finding: Finding) -> list[Decision]:
    """Returns what decided first: what let them in, at the targets rather than at the sources."""
    wanted = "Deny" if finding.outcome == "denied" else "Allow"
    return sorted(
        decisions,
        key=lambda one: (
            one.said.access != wanted,
            one.direction is not Direction.INBOUND,
            -one.rows,
        ),
    )


class _Names:
    """What an estate knows of the rules that a log names."""

    def __init__(self, estate: Estate, options: Options) -> None:
        self._estate = estate
        self._network = Network(estate, options)
        self._causes = Causes(estate)
        self._places: dict[str, Standpoint] = {}

    def of(
        self, decisions: Sequence[Decision], rows: Sequence[Mapping[str, Any]]
    ) -> Iterable[Decision]:
        """Yields decisions with what the estate says of them.

        Args:
            decisions: as the log says.
            rows: the first row of each.
        """
        columns = {
            name: pa.array([one[name] for one in rows], pa.string())
            for name in ("mac", "target", "src_ip", "dst_ip")
        }
        columns["acl"] = pa.array([one.said.acl for one in decisions], pa.string())
        ways = [one.direction.value[0] for one in decisions]
        columns["direction"] = pa.array(ways, pa.string())
        nics, missing = Places(self._estate).find(columns)
        for one, nic, lack in zip(decisions, nics.to_pylist(), missing.to_pylist(), strict=True):
            if one.layer == "platform":
                yield replace(one, nic=self._place(nic).nic if nic else None)
            elif nic is None:
                why = f"not in the estate: {lack}" if lack else "which interface is not known"
                yield self._named(replace(one, differs=why))
            else:
                yield self._judged(one, self._place(nic))

    def _place(self, nic: str) -> Standpoint:
        if nic not in self._places:
            found = self._estate.resources.nics[ResourceId(nic)]
            self._places[nic] = Standpoint(self._network, found)
        return self._places[nic]

    def _judged(self, one: Decision, place: Standpoint) -> Decision:
        said = self._causes.spelt(one.said)
        verdict = evaluate_at(place, one.direction, one.packet)
        found = replace(one, said=said, nic=place.nic, verdict=verdict)
        kind, why = self._causes.of(said, verdict, place)
        if kind not in AGREEMENTS:
            told = decision_text(verdict) + (f": {why}" if why else "")
            return self._named(replace(found, differs=f"the log says {said}; the estate, {told}"))
        step = next((one for one in verdict.trace if said.is_of(one)), verdict.decided_by)
        if step is None or step.rule is None:
            return found
        return replace(found, rule=step.rule, layer=step.layer)

    def _named(self, one: Decision) -> Decision:
        """Returns a decision with the rule that has the name, though it may be another one now."""
        nsg = one.said.nsg and self._estate.resources.nsgs.get(one.said.nsg)
        rules = nsg.rules if nsg else self._estate.every_admin_rule
        own = {rule.id: rule for rule in rules if one.said.names(rule, is_admin=nsg is None)}
        if len(own) != 1:
            return one
        (rule,) = own.values()
        layer = "admin" if nsg is None else one.layer
        if nsg is not None and one.nic is not None:
            layer = "nic" if one.nic.nsg == nsg.id else "subnet"
        return replace(one, rule=rule, layer=layer)


def moment(time: datetime) -> str:
    """Returns a time in UTC as JSON answers have it."""
    text = time.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
