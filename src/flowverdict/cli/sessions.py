"""``flowverdict sessions``: what the tuples of a lake tell of one flow, stitched together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from flowverdict.cli.flows import select
from flowverdict.cli.lakes import lake_option
from flowverdict.cli.period import period_options, read_period
from flowverdict.cli.rows import print_answer, read_output, row_options
from flowverdict.traffic import DENIED_ATTEMPTS, SESSIONS, SESSIONS_ONCE

if TYPE_CHECKING:
    from pathlib import Path

_FLOW: Final = "src_ip, src_port, dst_ip, dst_port, protocol, direction"
_COUNTED: Final = (
    f"first_time, last_time, {_FLOW}, opened, closed, bytes_sent, bytes_received, rule, mac"
)
_SHOWN: Final = {
    SESSIONS.name: _COUNTED,
    SESSIONS_ONCE.name: _COUNTED,
    DENIED_ATTEMPTS.name: f"first_time, last_time, {_FLOW}, tuples, rule, mac",
}
_ORDER: Final = f"first_time, last_time, mac, schema, {_FLOW}"


@click.command("sessions")
@lake_option
@click.option("--where", metavar="SQL", help="Which of them, as the condition of a SQL query.")
@click.option(
    "--view",
    type=click.Choice(list(_SHOWN)),
    default=SESSIONS.name,
    show_default=True,
    help="sessions_once has one observer for each flow, for totals; denied_attempts has what was "
    "denied.",
)
@period_options
@row_options
def command(
    location: str,
    where: str | None,
    view: str,
    since: str | None,
    until: str | None,
    output: str | None,
    to: Path | None,
    limit: int | None,
) -> None:
    """Print sessions: what was logged of each flow from its begin to its end.

    Counters are summed over the session's tuples. Where the log lacks the begin or the end, the
    session says so; --since and --until cut likewise, as only rows between them are stitched.
    """
    chosen = read_output(output, to, limit, location)
    columns = _SHOWN[view] if chosen.form == "table" else "*"
    asked = select(columns, view, where, _ORDER, chosen.most)
    print_answer(location, asked, read_period(since, until), chosen)
