"""The verbs of the command line as functions, with the same words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowverdict.load import load_estate
from flowverdict.model import InputError
from flowverdict.policy import (
    DEFAULTS,
    Network,
    NoNsgError,
    Options,
    RequestError,
    Standpoint,
    Verdict,
    ask,
    evaluate_at,
    find_nic,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowverdict.detect import Detection
    from flowverdict.impact.attacks import Attacks
    from flowverdict.impact.audit_findings import Audit
    from flowverdict.impact.exceptions import Exceptions
    from flowverdict.impact.usage import Usage
    from flowverdict.impact.what_if import WhatIf
    from flowverdict.lake import Lake, Period
    from flowverdict.model import Estate
    from flowverdict.policy import Explanation

__all__ = [
    "InputError",
    "NoNsgError",
    "Options",
    "RequestError",
    "audit",
    "exceptions",
    "explain",
    "find_attacks",
    "judge",
    "load_estate",
    "rules",
    "usage",
    "verify",
    "what_if",
]


def verify(
    estate: Estate,
    *,
    vm: str | None = None,
    nic: str | None = None,
    direction: str,
    protocol: str,
    local: str,
    remote: str,
    options: Options = DEFAULTS,
) -> Verdict:
    """Judges one packet at one network interface, as ``flowverdict verify`` does.

    Args:
        estate: the network.
        vm: name or id of a virtual machine; of its interfaces the one with the local address.
        nic: name or id of a network interface.
        direction: ``Inbound`` or ``Outbound``, seen from the interface.
        protocol: ``TCP``, ``UDP``, ``ICMP``, ``ESP`` or ``AH``.
        local: ``IP[:PORT]`` of the interface's side; IPv6 with a port is ``[2001:db8::1]:443``.
        remote: ``IP[:PORT]`` of the other side; ``*`` is any port, on the originator's side.
        options: how open questions are answered.

    Raises:
        RequestError: the words make no question about this estate.
        NoNsgError: with the option ``no_nsg="error"``, where no NSG is attached.
    """
    asked = ask(estate, vm, nic, direction, protocol, local, remote, options)
    verdict = evaluate_at(asked.place, asked.direction, asked.packet)
    return replace(verdict, warnings=(*asked.warnings, *verdict.warnings))


def explain(
    estate: Estate,
    *,
    vm: str | None = None,
    nic: str | None = None,
    direction: str,
    protocol: str,
    local: str,
    remote: str,
    options: Options = DEFAULTS,
) -> Explanation:
    """Explains the verdict that ``verify`` gives; takes the same arguments."""
    from flowverdict.policy import explain_at  # noqa: PLC0415 a verdict does without

    asked = ask(estate, vm, nic, direction, protocol, local, remote, options)
    told = explain_at(asked.place, asked.direction, asked.packet)
    warnings = (*asked.warnings, *told.verdict.warnings)
    return replace(told, verdict=replace(told.verdict, warnings=warnings))


def rules(
    estate: Estate,
    *,
    vm: str | None = None,
    nic: str | None = None,
    options: Options = DEFAULTS,
) -> dict[str, Any]:
    """Returns the effective rules of an interface, in the shape of Azure's answer.

    Raises:
        RequestError: the interface is not in the estate, or not the only one of that name.
    """
    from flowverdict.policy import effective_rules  # noqa: PLC0415 a verdict does without

    return effective_rules(Standpoint(Network(estate, options), find_nic(estate, vm=vm, nic=nic)))


def judge(
    estate: Estate,
    packets: Any,
    *,
    options: Options = DEFAULTS,
) -> Any:
    """Judges many packets, as ``flowverdict judge`` does; needs the extra ``flows``.

    Args:
        estate: the network.
        packets: the path of a file of CSV, JSON Lines or Parquet; or a table, batch or reader of
            pyarrow with such columns, such as ``flowverdict.lake.query`` returns.
        options: how open questions are answered.

    Returns:
        A table of pyarrow: the rows with ``access``, ``rule_name``, ``rule_id``, ``layer`` and
        ``missing`` behind.

    Raises:
        InputError: a row is no packet, or a column is missing.
        NoNsgError: with the option ``no_nsg="error"``, where no NSG is attached.
    """
    from flowverdict.packets import judge_packets  # noqa: PLC0415 the gate has no pyarrow

    return judge_packets(estate, packets, options)


def what_if(
    estate: Estate,
    changed: Estate,
    lake: Lake,
    *,
    period: Period | None = None,
    options: Options = DEFAULTS,
) -> WhatIf:
    """Judges recorded flows before and after a change, as ``flowverdict what-if`` does.

    Needs the extra ``flows``. A part of an estate is laid over the rest by
    ``load_estate(..., change=...)``.

    Args:
        estate: the network as it is.
        changed: the network as it would be.
        lake: recorded flows: ``flowverdict.lake.Lake(folder)``.
        period: ``flowverdict.lake.Period``, the time of the tuples; None for all.
        options: how open questions are answered.

    Returns:
        Counts; ``breaks()`` and ``opens()`` are the flows with both verdicts, ``broken_rows`` and
        ``opened_rows`` the same flows as batches of pyarrow.

    Raises:
        LakeError: the lake cannot be read.
        NoNsgError: with the option ``no_nsg="error"``, where no NSG is attached.
    """
    from flowverdict.impact.what_if import what_if as judged  # noqa: PLC0415 the gate has no pyarrow
    from flowverdict.lake import ALWAYS  # noqa: PLC0415 likewise

    return judged(estate, changed, lake, period=period or ALWAYS, options=options)


def exceptions(
    estate: Estate,
    changed: Estate,
    lake: Lake,
    keep: str,
    *,
    period: Period | None = None,
    options: Options = DEFAULTS,
) -> Exceptions:
    """Finds the fewest admin rules that keep flows from a Deny, as ``flowverdict exceptions`` does.

    Takes what ``what_if`` takes, and raises what it raises.

    Args:
        estate: the network as it is.
        changed: the network with the Deny.
        lake: recorded flows.
        keep: a condition in SQL: which of the flows that break are meant.
        period: the time of the tuples; None for all.
        options: how open questions are answered.
    """
    from flowverdict.impact.exceptions import exceptions as found  # noqa: PLC0415 the gate has no pyarrow
    from flowverdict.lake import ALWAYS  # noqa: PLC0415 likewise

    return found(estate, changed, lake, keep, period=period or ALWAYS, options=options)


def audit(
    estate: Estate,
    lake: Lake,
    *,
    period: Period | None = None,
    options: Options = DEFAULTS,
) -> Audit:
    """Holds what flow logs say was decided against the rules, as ``flowverdict audit`` does.

    Takes what ``what_if`` takes, and raises what it raises.
    """
    from flowverdict.impact.audit import audit as compared  # noqa: PLC0415 the gate has no pyarrow
    from flowverdict.lake import ALWAYS  # noqa: PLC0415 likewise

    return compared(estate, lake, period=period or ALWAYS, options=options)


def usage(
    estate: Estate,
    lake: Lake,
    *,
    period: Period | None = None,
    options: Options = DEFAULTS,
) -> Usage:
    """Counts which rules recorded flows used, as ``flowverdict usage`` does.

    Takes what ``what_if`` takes, and raises what it raises.
    """
    from flowverdict.impact.usage import usage as counted  # noqa: PLC0415 the gate has no pyarrow
    from flowverdict.lake import ALWAYS  # noqa: PLC0415 likewise

    return counted(estate, lake, period=period or ALWAYS, options=options)


def find_attacks(
    lake: Lake,
    estate: Estate | None = None,
    *,
    detections: Sequence[Detection] | None = None,
    period: Period | None = None,
    options: Options = DEFAULTS,
) -> Attacks:
    """Looks for attacks in recorded flows, as ``flowverdict detect`` does.

    Needs the extra ``flows``.

    Args:
        lake: recorded flows: ``flowverdict.lake.Lake(folder)``.
        estate: the network; without one the rules are those that the log names, and nothing is
            known to stop them.
        detections: what to look for: of ``flowverdict.detect.packaged()``, or of
            ``flowverdict.detect.read_detections(paths)``; None for all that are packaged.
        period: ``flowverdict.lake.Period``, the time of the tuples; None for all.
        options: how open questions are answered.

    Returns:
        ``found``: each with its ``finding``, its ``cause`` and its ``cure``, the severest first;
        ``respond()`` is what is recommended against the severe ones as one change.

    Raises:
        LakeError: the lake cannot be read, or a query is wrong.
    """
    from flowverdict.impact.attacks import find_attacks as found  # noqa: PLC0415 the gate has no pyarrow
    from flowverdict.lake import ALWAYS  # noqa: PLC0415 likewise

    return found(lake, estate, detections=detections, period=period or ALWAYS, options=options)
