"""Traffic Analytics' tables, made offline of flow rows and an estate."""

from flowverdict.traffic.analytics.asking import AZURE_VIEWS, analyse_lake, ask
from flowverdict.traffic.analytics.countries import Countries, Database, Registered
from flowverdict.traffic.analytics.places import Places
from flowverdict.traffic.analytics.queries import Query, queries
from flowverdict.traffic.analytics.table import Updated, days_behind, update
from flowverdict.traffic.analytics.threat_files import read_threats
from flowverdict.traffic.analytics.threats import Threat, Threats

__all__ = [
    "AZURE_VIEWS",
    "Countries",
    "Database",
    "Places",
    "Query",
    "Registered",
    "Threat",
    "Threats",
    "Updated",
    "analyse_lake",
    "ask",
    "days_behind",
    "queries",
    "read_threats",
    "update",
]
