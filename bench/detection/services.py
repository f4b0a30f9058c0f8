"""What machines do on an ordinary day, as a table: who asks whom, how often, for how much.

How often and how regular is from captures of Azure's own services (flow-log specification, section
9.6: load balancer probes every 5 to 15 seconds, agents every minute) and from what such software
does by default; amounts are rough.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bench.detection.enterprise import ADMIN, PLATFORM, PROBE, VNET, WEB
from bench.detection.flows import TCP, UDP, Shape
from flowverdict.demo.day.rhythm import CUSTOMERS, NIGHT, OFFICE, STEADY

HOUR_S: Final = 3_600.0
_REQUEST = Shape(2, 2_400, 18_000, 4)
_QUERY = Shape(4, 3_000, 9_000, 5)
_NAME = Shape(0.02, 45, 120, 1.5)
_HEARTBEAT = Shape(0.5, 1_200, 600, 1.3)


class Service(NamedTuple):
    """One thing that clients ask of servers.

    Attributes:
        a_day: how often each client does on a working day.
        fan: how many servers each client ever asks; 0 for all of them.
        weekend: how much of it there is on a Saturday or Sunday.
    """

    about: str
    clients: tuple[str, ...]
    servers: tuple[str, ...]
    port: int
    a_day: float
    rhythm: tuple[int, ...]
    shape: Shape
    rule: int = VNET
    protocol: int = TCP
    fan: int = 2
    weekend: float = 1.0


class Regular(NamedTuple):
    """What clients do at a fixed distance, each from a moment of its own on.

    `wobble_s` is the standard deviation of each.
    """

    about: str
    clients: tuple[str, ...]
    servers: tuple[str, ...]
    port: int
    period_s: float
    wobble_s: float
    shape: Shape
    rule: int = VNET
    protocol: int = TCP
    fan: int = 1


EVERYBODY: Final = (
    "dc", "jump", "monitor", "scanner", "web", "app", "sql", "file", "worker", "desktop", "build",
    "dev",
)  # fmt: skip
_SERVERS = ("web", "app", "sql", "file", "worker")
_WINDOWS = ("jump", "file", "sql", "desktop")

SERVICES: Final = (
    Service("customers", ("customers",), ("web",), 443, 7, CUSTOMERS, _REQUEST, WEB, fan=3),
    Service("customers, plain", ("customers",), ("web",), 80, 0.5, CUSTOMERS, _REQUEST, WEB),
    Service("customers, IPv6", ("customers6",), ("web6",), 443, 6, CUSTOMERS, _REQUEST, WEB),
    Service("downloads", ("customers",), ("web",), 443, 0.2, CUSTOMERS,
            Shape(90, 9_000, 40_000_000, 5), WEB),
    Service("connections that the load balancer makes again", ("customers",), ("web",), 443, 0.1,
            CUSTOMERS, Shape(0, 60, 20, 1.2), PLATFORM),
    Service("behind the web", ("web",), ("app",), 8443, 300, CUSTOMERS, _QUERY, fan=4),
    Service("pooled SQL", ("app",), ("sql",), 1433, 30, CUSTOMERS,
            Shape(2_400, 900_000, 6_000_000, 2), fan=2),
    Service("batch", ("worker",), ("sql", "app"), 8080, 60, STEADY, _QUERY, fan=3),
    Service("batch's SQL", ("worker",), ("sql",), 1433, 12, NIGHT,
            Shape(300, 400_000, 90_000_000, 3)),
    Service("names", EVERYBODY, ("dc",), 53, 110, STEADY, _NAME, protocol=UDP),
    Service("tickets", ("desktop", "jump", "file", "sql"), ("dc",), 88, 30, OFFICE,
            Shape(0.1, 1_500, 1_600, 1.5), weekend=0.1),
    Service("directory", ("desktop", "jump", "file", "sql", "app"), ("dc",), 389, 20, OFFICE,
            Shape(3, 2_500, 9_000, 3), weekend=0.1),
    Service("group policy", _WINDOWS, ("dc",), 445, 12, OFFICE, Shape(4, 6_000, 20_000, 3)),
    Service("endpoint mapper", _WINDOWS, ("dc",), 135, 4, OFFICE, Shape(1, 700, 600, 1.5)),
    Service("files", ("desktop",), ("file",), 445, 14, OFFICE,
            Shape(1_800, 3_000_000, 20_000_000, 6), weekend=0.1),
    Service("shared files", ("app", "sql"), ("file",), 445, 8, STEADY,
            Shape(200, 400_000, 3_000_000, 4)),
    Service("the web", ("desktop", "dev"), ("sites",), 443, 220, OFFICE,
            Shape(8, 6_000, 90_000, 6), fan=40, weekend=0.05),
    Service("the web, plain", ("desktop",), ("sites",), 80, 4, OFFICE, _REQUEST, weekend=0.05),
    Service("calls, TCP", ("desktop",), ("teams",), 443, 10, OFFICE,
            Shape(1_200, 300_000, 900_000, 3), fan=6, weekend=0.05),
    Service("calls", ("desktop",), ("teams",), 3480, 5, OFFICE,
            Shape(1_700, 300_000_000, 420_000_000, 2.5), protocol=UDP, fan=0, weekend=0.02),
    Service("builds", ("build",), ("sites",), 443, 260, OFFICE, Shape(25, 20_000, 9_000_000, 8),
            fan=30, weekend=0.2),
    Service("artefacts", ("build",), ("azure-storage",), 443, 25, OFFICE,
            Shape(40, 60_000_000, 300_000, 4), weekend=0.2),
    Service("deployments", ("build",), ("app", "web"), 22, 6, OFFICE,
            Shape(60, 900_000, 90_000, 3), fan=8, weekend=0.1),
    Service("databases' backup", ("sql",), ("azure-storage",), 443, 6, NIGHT,
            Shape(1_800, 9_000_000_000, 12_000_000, 2)),
    Service("files' backup", ("file",), ("azure-storage",), 443, 4, NIGHT,
            Shape(3_000, 14_000_000_000, 20_000_000, 2)),
    Service("machines' backup", ("app", "web", "worker", "dc"), ("azure-storage",), 443, 1, NIGHT,
            Shape(400, 350_000_000, 900_000, 3)),
    Service("partners", ("app",), ("partners",), 443, 30, CUSTOMERS,
            Shape(2, 9_000, 6_000, 4), fan=2),
    Service("activation", _WINDOWS, ("activation",), 1688, 1, STEADY, Shape(0.4, 900, 700, 1.2)),
    Service("administrators", ("jump",), _SERVERS, 3389, 9, OFFICE,
            Shape(1_500, 900_000, 9_000_000, 3), fan=0, weekend=0.1),
    Service("administrators, SSH", ("jump",), _SERVERS, 22, 9, OFFICE,
            Shape(900, 80_000, 500_000, 3), fan=0, weekend=0.1),
    Service("into the jump host", ("offices",), ("jump",), 3389, 18, OFFICE,
            Shape(2_500, 3_000_000, 30_000_000, 2), ADMIN, weekend=0.1),
)  # fmt: skip

REGULAR: Final = (
    Regular("agent", EVERYBODY, ("probe",), 80, 60, 0.2, _HEARTBEAT),
    Regular("extensions", EVERYBODY, ("probe",), 32526, 300, 0.5, _HEARTBEAT),
    Regular("identity", ("app", "worker"), ("imds",), 80, 1_800, 3, _HEARTBEAT),
    Regular("Azure Monitor", EVERYBODY, ("azure-monitor",), 443, 300, 2, _HEARTBEAT),
    Regular("protection", EVERYBODY, ("edr",), 443, 300, 1, Shape(1, 3_000, 900, 2)),
    Regular("clock", EVERYBODY, ("time",), 123, 1_024, 4, Shape(0.05, 48, 48, 1.01),
            protocol=UDP),
    Regular("licences", ("desktop",), ("licences",), 443, 900, 5, _HEARTBEAT),
    Regular("replicas", ("sql",), ("sql",), 5022, 3_600, 9,
            Shape(3_500, 40_000_000, 900_000, 1.2)),
    Regular("events", _WINDOWS, ("monitor",), 5985, 900, 20, Shape(1, 9_000, 2_000, 2)),
)  # fmt: skip

PROBES: Final = Regular("load balancer", ("web",), ("probe",), 443, 15, 0.05,
                        Shape(0.05, 120, 120, 1.1), PROBE)  # fmt: skip
"""The one that asks is the load balancer: the ends are exchanged."""
SCRAPES: Final = Regular("metrics", EVERYBODY, ("monitor",), 9100, 6 * HOUR_S, 30,
                         Shape(6 * HOUR_S - 200, 500_000, 9_000_000, 1.003))  # fmt: skip
"""Connections that are kept open; again the ends are exchanged."""
