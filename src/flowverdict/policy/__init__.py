"""One packet against the rules before one network interface, with the whole reason."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from flowverdict.policy.evaluate import NoNsgError, evaluate, evaluate_at
from flowverdict.policy.network import Network
from flowverdict.policy.options import DEFAULTS, IP_FLOW_VERIFY, Options
from flowverdict.policy.request import (
    PROTOCOLS,
    Question,
    RequestError,
    ask,
    check_local_address,
    find_nic,
    read_endpoint,
    read_packet,
)
from flowverdict.policy.standpoint import Layer, Standpoint
from flowverdict.policy.verdict import Step, Verdict, rule_name

if TYPE_CHECKING:
    from flowverdict.policy.cure import Cure, as_az_command, find_cure
    from flowverdict.policy.effective import effective_rules
    from flowverdict.policy.explain import Explanation, Gate, NearMiss, describe_side, explain_at

__all__ = [
    "DEFAULTS",
    "IP_FLOW_VERIFY",
    "PROTOCOLS",
    "Cure",
    "Explanation",
    "Gate",
    "Layer",
    "NearMiss",
    "Network",
    "NoNsgError",
    "Options",
    "Question",
    "RequestError",
    "Standpoint",
    "Step",
    "Verdict",
    "as_az_command",
    "ask",
    "check_local_address",
    "describe_side",
    "effective_rules",
    "evaluate",
    "evaluate_at",
    "explain_at",
    "find_cure",
    "find_nic",
    "read_endpoint",
    "read_packet",
    "rule_name",
]

_WHEN_ASKED: Final = {
    **dict.fromkeys(("Cure", "as_az_command", "find_cure"), "cure"),
    "effective_rules": "effective",
    **dict.fromkeys(("Explanation", "Gate", "NearMiss", "describe_side", "explain_at"), "explain"),
}
"""What a verdict does not need, and where it is: imported when it is first used."""


def __getattr__(name: str) -> Any:
    """Imports what is not in every verdict."""
    if name not in _WHEN_ASKED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"{__name__}.{_WHEN_ASKED[name]}"), name)
    return globals()[name]
