"""Questions to the flow logs of a day, as data: what is said before, and what to type."""

from __future__ import annotations

from dataclasses import dataclass

LOGS, LAKE = "{logs}", "{lake}"
"""Stand in a command for the folder with the blobs and for the lake."""


@dataclass(frozen=True, slots=True)
class Question:
    """One command. `prose` is lines that fit a terminal; the name of the program is left out."""

    prose: tuple[str, ...]
    command: tuple[str, ...]

    def arguments(self, logs: str, lake: str) -> tuple[str, ...]:
        """The arguments with the two folders filled in."""
        folders = {LOGS: logs, LAKE: lake}
        return tuple(folders.get(word, word) for word in self.command)


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


LEFT_TO_YOU = (
    _in_sql(
        "All night somebody tried RDP. Did anybody get in, and by which rule?",
        sql="SELECT src_ip, dst_ip, decision, rule, count(*) AS rows FROM flows "
        "WHERE dst_port = 3389 GROUP BY ALL ORDER BY rows DESC LIMIT 5",
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
