"""Why what a flow log says of a packet is not what the rules say, as far as the rules can tell."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple

from flowverdict.model import ResourceId
from flowverdict.policy import rule_name
from flowverdict.policy.matching import missed
from flowverdict.policy.worlds import Undecided, World

if TYPE_CHECKING:
    from flowverdict.model import Estate, Rule
    from flowverdict.net import Packet
    from flowverdict.policy import Standpoint, Step, Verdict

AGREES: Final = "agrees"
BOTH_ALLOW: Final = "both-allow"
NO_RULE_LOGGED: Final = "no-rule-logged"
PLATFORM: Final = "platform"
ENCRYPTION: Final = "encryption"
UNKNOWN: Final = "unknown"
OTHER_DECISION: Final = "other-decision"
OTHER_RULE: Final = "other-rule"
RULE_MISSING: Final = "rule-missing"
STALE_GROUP: Final = "stale-network-group"

AGREEMENTS: Final = (AGREES, BOTH_ALLOW, NO_RULE_LOGGED)
DISAGREEMENTS: Final = (OTHER_DECISION, RULE_MISSING, STALE_GROUP, OTHER_RULE)

_NSG: Final = "microsoft.network/networksecuritygroups"
_ACCESS: Final = {"A": "Allow", "D": "Deny"}
_PASSES: Final = ("Allow", "AlwaysAllow")


class Said(NamedTuple):
    """What a flow log says decided a packet; the words are those of the columns of ``flows``."""

    decision: str
    rule: str | None
    rule_kind: str
    acl: str | None

    @property
    def access(self) -> str:
        """The decision as a verdict has it."""
        return _ACCESS[self.decision]

    @property
    def nsg(self) -> ResourceId | None:
        """The NSG; None where the log names none, or names it by a GUID."""
        found = ResourceId(self.acl or "")
        return found if found.type == _NSG else None

    def __str__(self) -> str:
        """Says it as a verdict is said."""
        if self.rule is None:
            return f"{self.access} by a rule without a name"
        prefix = {"default": "defaultSecurityRules/", "user": "securityRules/"}
        of = f" of {self.nsg.name}" if self.nsg else ""
        return f"{self.access} by {prefix.get(self.rule_kind, '')}{self.rule}{of}"

    def names(self, rule: Rule, *, is_admin: bool) -> bool:
        """Reports whether a rule has the name and is of the kind; whose it is does not count."""
        if self.rule is None or rule.name.lower() != self.rule.lower():
            return False
        if self.rule_kind == "admin" or is_admin:
            return is_admin and self.rule_kind in ("admin", "unknown")
        return self.rule_kind == "unknown" or rule.is_default == (self.rule_kind == "default")

    def is_of(self, step: Step) -> bool:
        """Reports whether a step of a trace is what the log names."""
        is_admin = step.layer == "admin"
        if step.rule is None or not self.names(step.rule, is_admin=is_admin):
            return False
        return is_admin or self.nsg in (None, step.resource)


class Cause(NamedTuple):
    """What kind of agreement or disagreement it is, and why."""

    kind: str
    why: str = ""


class Causes:
    """Compares what logs say with verdicts."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._admin: dict[str, list[Rule]] = defaultdict(list)
        self._of_nsgs: dict[str, list[Rule]] = defaultdict(list)
        for rule in estate.every_admin_rule:
            self._admin[rule.name.lower()].append(rule)
        for nsg in estate.resources.nsgs.values():
            for rule in nsg.rules:
                self._of_nsgs[rule.name.lower()].append(rule)

    def of(self, said: Said, verdict: Verdict, place: Standpoint) -> Cause:
        """Returns why they agree or not; the reason of what cannot be judged is in ``why``."""
        if verdict.access == "Unknown":
            return Cause(UNKNOWN, "; ".join(verdict.missing))
        if verdict.access == said.access:
            found = _agreement(said, verdict)
            if found is not None:
                return found
        return self._disagreement(said, verdict, place)

    def spelt(self, said: Said) -> Said:
        """Returns what a log says with the NSG's id as the estate spells it: logs vary its case."""
        nsg = said.nsg and self._estate.resources.nsgs.get(said.nsg)
        return said._replace(acl=str(nsg.id)) if nsg else said

    def _disagreement(self, said: Said, verdict: Verdict, place: Standpoint) -> Cause:
        same = verdict.access == said.access
        kind = OTHER_RULE if same else OTHER_DECISION
        if said.rule is None:
            return Cause(kind, "the log names no rule")
        rules = self._named(said, place)
        if not rules:
            return Cause(RULE_MISSING, self._why_missing(said))
        rule = next((one for one in rules if _stands(one, place)), rules[0])
        if group := _group_of(verdict, place) or _group_left(rule, verdict, place):
            frozen = "Azure froze its addresses at the commit"
            return Cause(STALE_GROUP, f"network group `{group.name}` may have changed: {frozen}")
        return Cause(kind, _why(said, rule, verdict, place))

    def _named(self, said: Said, place: Standpoint) -> list[Rule]:
        """Returns the rules that a log may mean."""
        name = (said.rule or "").lower()
        admin = [one for one in self._admin[name] if said.names(one, is_admin=True)]
        others = [one for one in self._of_nsgs[name] if said.names(one, is_admin=False)]
        if said.nsg is not None:
            return [one for one in others if one.id.parent == said.nsg]
        before = [one for one in others if _stands(one, place)]
        return [*admin, *(before or others)]

    def _why_missing(self, said: Said) -> str:
        if said.nsg is None:
            what = "network manager" if said.rule_kind == "admin" else "NSG"
            return f"no {what} of the estate has `{said.rule}`: deleted, renamed or new"
        if said.nsg not in self._estate.resources.nsgs:
            return f"the estate has no NSG `{said.nsg.name}`: deleted, renamed or not exported"
        return f"`{said.nsg.name}` has no `{said.rule}`: deleted, renamed or new"


def _agreement(said: Said, verdict: Verdict) -> Cause | None:
    """Returns how far a log and a verdict with the same decision agree; None where they do not."""
    deciding = verdict.decided_by
    if said.rule is None:
        return Cause(NO_RULE_LOGGED, "the log names no rule")
    if deciding is not None and said.is_of(deciding):
        return Cause(AGREES)
    passing = [one for one in verdict.trace if one.access in _PASSES and said.is_of(one)]
    if passing and verdict.access == "Allow":
        return Cause(BOTH_ALLOW, _both(passing[0], deciding))
    if verdict.rule is None and any(one.access == "Unknown" or one.note for one in verdict.trace):
        told = [one for one in verdict.warnings if one.startswith("another rule may")]
        if told:
            return Cause(UNKNOWN, f"which rule decides: {told[0]}")
    return None


def _both(step: Step, deciding: Step | None) -> str:
    if step.layer == "admin":
        return "an admin Allow leaves the decision to NSGs, and the log names the admin rule"
    other = f"`{deciding.resource.name}`" if deciding and deciding.resource else "another one"
    own = f"`{step.resource.name}`" if step.resource else "this one"
    return f"both {own} and {other} have to allow it, and the log names one of them"


def _why(said: Said, rule: Rule, verdict: Verdict, place: Standpoint) -> str:
    """Says what of a recorded rule, which the estate has, cannot have decided so."""
    own = f"`{rule.name}`"
    if rule.direction is not verdict.direction:
        return f"{own} is a rule for {rule.direction.value.lower()} traffic now"
    if not _stands(rule, place):
        if said.rule_kind == "admin":
            return f"{own} does not reach `{place.vnet_id.name if place.vnet_id else '?'}` now"
        return f"`{rule.id.parent.name}` is not before the interface or its subnet now"
    fields = _missed(rule, verdict.packet, place)
    if fields is None:
        return f"it is not known whether {own} matches"
    if fields:
        return f"{own} does not match now, by its {' and '.join(fields)}"
    access = "Allow" if rule.access.value in _PASSES else "Deny"
    if access != said.access:
        return f"{own} is {rule.access.value} now"
    deciding = verdict.decided_by
    if deciding is None or deciding.rule is None:
        return f"{own} is not what decides now"
    name = f"`{deciding.rule.name}`"
    if deciding.rule.id.parent == rule.id.parent:
        return f"{name}, priority {deciding.rule.priority}, stands before {own}, {rule.priority}"
    of = f" of `{deciding.resource.name}`" if deciding.resource else ""
    return f"{own} matches, and {name}{of} decides"


def _stands(rule: Rule, place: Standpoint) -> bool:
    """Reports whether a rule stands before an interface."""
    if any(layer.nsg is not None and layer.nsg.id == rule.id.parent for layer in place.layers):
        return True
    return place.admin is not None and any(True for _ in place.admin.entries_of(rule))


def _committed(rule: Rule, place: Standpoint) -> str:
    entries = place.admin.entries_of(rule) if place.admin else ()
    return next((one.committed for one in entries), "")


def _missed(rule: Rule, packet: Packet, place: Standpoint) -> list[str] | None:
    """Returns the fields in which a rule does not match; None where that is not known."""
    try:
        return list(missed(rule, packet, place, World(), _committed(rule, place)))
    except Undecided:
        return None


def _group_of(verdict: Verdict, place: Standpoint) -> ResourceId | None:
    """Returns the network group that alone lets the deciding rule match; None for none."""
    rule, packet = verdict.rule, verdict.packet
    if rule is None:
        return None
    for endpoint, address in ((rule.source, packet.src), (rule.destination, packet.dst)):
        if address in endpoint.prefixes:
            continue
        for group in endpoint.groups:
            if address in place.network.group(group, _committed(rule, place)).sure:
                return group
    return None


def _group_left(rule: Rule, verdict: Verdict, place: Standpoint) -> ResourceId | None:
    """Returns the network group for want of which a rule in force does not match; None for none."""
    sides = {"source": rule.source, "destination": rule.destination}
    if rule.direction is not verdict.direction or not _stands(rule, place):
        return None
    fields = _missed(rule, verdict.packet, place) or []
    groups = [sides[one].groups[:1] if one in sides else () for one in fields]
    return next((one for few in groups for one in few), None) if all(groups) else None


def decision_text(verdict: Verdict) -> str:
    """Says in a line what the rules decide, as ``Said`` says what the log does."""
    step, access = verdict.decided_by, verdict.access
    if step is None:
        return f"{access}, no rule stands in the way" if access == "Allow" else access
    if step.rule is None:
        return f"{access}, {step.note or step.layer}"
    of = f" of {step.resource.name}" if step.resource else ""
    return f"{access} by {rule_name(step.layer, step.rule)}{of}"
