"""Traffic Analytics' tables, made offline of flow rows and an estate."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from flowverdict.traffic.analytics.asking import AZURE_VIEWS, ask

if TYPE_CHECKING:
    from flowverdict.traffic.analytics.countries import Countries, Database, Registered
    from flowverdict.traffic.analytics.live import analyse_lake
    from flowverdict.traffic.analytics.places import Places
    from flowverdict.traffic.analytics.table import Updated, days_behind, update
    from flowverdict.traffic.analytics.threat_files import read_threats
    from flowverdict.traffic.analytics.threats import Threat, Threats

__all__ = [
    "AZURE_VIEWS",
    "Countries",
    "Database",
    "Places",
    "Registered",
    "Threat",
    "Threats",
    "Updated",
    "analyse_lake",
    "ask",
    "days_behind",
    "read_threats",
    "update",
]

_WHEN_ASKED: Final = {
    **dict.fromkeys(("Countries", "Database", "Registered"), "countries"),
    "analyse_lake": "live",
    "Places": "places",
    **dict.fromkeys(("Updated", "days_behind", "update"), "table"),
    "read_threats": "threat_files",
    **dict.fromkeys(("Threat", "Threats"), "threats"),
}
"""What asking a lake does not need, and where it is: imported when it is first used."""


def __getattr__(name: str) -> Any:
    """Imports what most commands do without."""
    if name not in _WHEN_ASKED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"{__name__}.{_WHEN_ASKED[name]}"), name)
    return globals()[name]
