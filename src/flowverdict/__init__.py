"""Azure network verdicts, offline: which rule decides a packet, and why.

The verbs of the command line for programs and notebooks::

    import flowverdict

    estate = flowverdict.load_estate(["estate/"])
    verdict = flowverdict.verify(
        estate,
        vm="dev-vm",
        direction="Outbound",
        protocol="TCP",
        local="10.10.1.4",
        remote="10.10.2.4:8080",
    )
    print(verdict.access, verdict.rule.name, verdict.layer)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from flowverdict.api import (
        InputError,
        NoNsgError,
        Options,
        RequestError,
        audit,
        exceptions,
        explain,
        find_attacks,
        judge,
        load_estate,
        rules,
        usage,
        verify,
        what_if,
    )

__all__ = [
    "InputError",
    "NoNsgError",
    "Options",
    "RequestError",
    "__version__",
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


def __getattr__(name: str) -> Any:
    """Imports a verb when it is first used: ``import flowverdict`` costs nothing."""
    if name in __all__:
        from flowverdict import api  # noqa: PLC0415 that is the point

        globals()[name] = getattr(api, name)
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
