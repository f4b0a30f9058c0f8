"""One packet against the rules before one network interface, with the whole reason."""

from flowverdict.policy.evaluate import NoNsgError, evaluate, evaluate_at
from flowverdict.policy.options import DEFAULTS, IP_FLOW_VERIFY, Options
from flowverdict.policy.standpoint import Layer, Standpoint
from flowverdict.policy.verdict import Step, Verdict, rule_name

__all__ = [
    "DEFAULTS",
    "IP_FLOW_VERIFY",
    "Layer",
    "NoNsgError",
    "Options",
    "Standpoint",
    "Step",
    "Verdict",
    "evaluate",
    "evaluate_at",
    "rule_name",
]
