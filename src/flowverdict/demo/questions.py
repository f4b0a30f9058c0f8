"""Questions to the flow logs of a day, as data: what is said before, and what to type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flowverdict.demo.day.outside import CLEARING_HOUSE, INTRUDER

LOGS, LAKE = "{logs}", "{lake}"
"""Stand in a command for the folder with the blobs and for the lake."""
ESTATE, DENY, KEEP = "{estate}", "{deny}", "{keep}"
"""Likewise for the bank, for what its platform team would like, and for the exception from it."""
RESPONSE = "{response}"
"""Likewise for what is done against the intruder."""


@dataclass(frozen=True, slots=True)
class Question:
    """One command. `prose` is lines that fit a terminal; the name of the program is left out.

    `into` stands for the file that takes what it prints, if one does.
    """

    prose: tuple[str, ...]
    command: tuple[str, ...]
    into: str = ""

    def arguments(self, places: Mapping[str, str]) -> tuple[str, ...]:
        """The arguments with the files and folders filled in."""
        return tuple(places.get(word, word) for word in self.command)


def _in_sql(*prose: str, sql: str) -> Question:
    return Question(prose, ("flows", "--lake", LAKE, "--sql", sql))


ASKED = (
    Question(
        ("One command reads them into a lake, every tuple exactly once.",),
        ("ingest", LOGS, "--lake", LAKE),
    ),
    _in_sql(
        "What came: the logs of virtual networks, and of NSGs where nobody has moved yet.",
        "`A` is allowed, `D` is denied.",
        sql="SELECT schema, decision, count(*) AS rows FROM flows GROUP BY ALL ORDER BY ALL",
    ),
    _in_sql(
        "Who moves the most? Both ends of a flow may have logged it, so only what went",
        "out of an interface is counted.",
        sql="SELECT src_ip, dst_ip, dst_port, sum(bytes_sent + bytes_received) AS bytes FROM flows "
        "WHERE direction = 'O' GROUP BY ALL ORDER BY bytes DESC NULLS LAST LIMIT 5",
    ),
    _in_sql(
        "Who is turned away most often? Most of them know what they look for;",
        "one tried hundreds of ports.",
        sql="SELECT src_ip, count(*) AS denied, count(DISTINCT dst_port) AS ports FROM flows "
        "WHERE decision = 'D' GROUP BY ALL ORDER BY denied DESC LIMIT 5",
    ),
    _in_sql(
        "When is it busiest? Flows that began, by the hour (UTC).",
        sql="SELECT hour(time) AS hour, count(*) AS begun FROM flows "
        "WHERE state = 'B' AND decision = 'A' GROUP BY ALL ORDER BY begun DESC LIMIT 3",
    ),
)
"""Asked in this order."""


_OVER = (ESTATE, "--change", DENY, "--part", "--lake", LAKE)
_MEANT = ("--keep", f"src_ip = '{CLEARING_HOUSE}'")

DENIED = (
    Question(
        (
            "The platform team wants no SSH from the internet, in any network. A Deny for all",
            "of them is written and not deployed. Whom would it have hit on this day?",
        ),
        ("what-if", *_OVER),
    ),
    Question(
        (
            "The clearing house fetches its files by SFTP: that is meant. Two engineers",
            "who work from home should come through the bastion. So one exception:",
        ),
        ("exceptions", *_OVER, *_MEANT),
    ),
    Question(
        ("It names one source, one machine and one port. The rule goes into a file,",),
        ("exceptions", *_OVER, *_MEANT, "--output", "change"),
        into=KEEP,
    ),
    Question(
        ("and both together break what they are meant to break, and nothing else.",),
        (
            *("what-if", ESTATE, "--change", DENY, "--change", KEEP, "--part", "--lake", LAKE),
            *("--accept", "dst_port = 22 AND src_ip LIKE '203.0.113.%'"),
        ),
    ),
)
"""Behind that: a change before it is deployed, against the same day."""


_LOOKED_FOR = ("detect", "--lake", LAKE, "--estate", ESTATE)

ATTACKED = (
    Question(
        (
            "All night somebody knocked at the management machine. `detect` knows what",
            "attacks look like in flow logs, which rule let them in, and what stops them:",
        ),
        (*_LOOKED_FOR, "--only", "rdp-brute-force", "--respond", RESPONSE),
    ),
    Question(
        (
            "The first finding is the crowd, of which the rule DenyRdp denied all but one.",
            "The second is that one: AllowRdpMigration, meant to be temporary, stands before",
            "DenyRdp and has the intruder's address in its range. Behind the guesses came a",
            "session. The Deny that would stop it is in a file now. What else does it break?",
        ),
        (
            *("what-if", ESTATE, "--change", RESPONSE, "--part", "--lake", LAKE),
            *("--accept", f"src_ip = '{INTRUDER}'"),
        ),
    ),
    Question(
        ("Nothing but the intruder, who is denied with it:",),
        (
            *("verify", ESTATE, "--change", RESPONSE, "--vm", "mgmt-vm-01"),
            *("--direction", "Inbound", "--protocol", "TCP"),
            *("--local", "10.17.1.4:3389", "--remote", INTRUDER),
        ),
    ),
)
"""At last: who was at work in that night, by which rule, and what stops them."""


LEFT_TO_YOU = (
    Question(
        ("What did the intruder do next, from the machine on the inside?",),
        (*_LOOKED_FOR, "--severity", "high", "--skip", "rdp-brute-force"),
    ),
    _in_sql(
        "Who comes in from the internet by SSH?",
        sql="SELECT src_ip, dst_ip, rule, count(*) AS times FROM flows WHERE dst_port = 22 "
        "AND decision = 'A' AND state = 'B' AND src_ip NOT LIKE '10.%' GROUP BY ALL ORDER BY ALL",
    ),
    _in_sql(
        "Is encrypted what should be? `X` is; `NX`, and what begins with it, is not.",
        sql="SELECT encryption, count(*) AS rows FROM flows GROUP BY ALL ORDER BY ALL",
    ),
)
"""What the reader is asked to try."""
