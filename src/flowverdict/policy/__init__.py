"""One packet against the rules before one network interface, with the whole reason."""

from flowverdict.policy.cure import Cure, as_az_command, find_cure
from flowverdict.policy.effective import effective_rules
from flowverdict.policy.evaluate import NoNsgError, evaluate, evaluate_at
from flowverdict.policy.explain import Explanation, Gate, NearMiss, describe_side, explain_at
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
