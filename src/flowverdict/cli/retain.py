"""``flowverdict retain``: how long flow rows are kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from flowverdict.cli.arguments import output_argument
from flowverdict.cli.lakes import lake_option, open_lake, told
from flowverdict.cli.render import as_json
from flowverdict.lake import retain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.lake import Retained


@click.command("retain")
@lake_option
@click.option("--days", required=True, type=int, help="1 to 365; 0 keeps everything.")
@click.option("--dry-run", is_flag=True, help="Tell what would be deleted, and delete nothing.")
@output_argument
def command(location: str, days: int, output: str, *, dry_run: bool) -> None:
    """Delete flow rows older than a number of days, and the files they were in.

    Days are those of the rows' own time, in UTC; a day goes as a whole. What was deleted does not
    come back when its blobs are read again.
    """
    lake = open_lake(location)
    done = told(lambda: retain(lake, days, datetime.now(UTC), dry_run=dry_run))
    if output == "json":
        answer = {
            "before": done.before.isoformat() if done.before else None,
            "days": [{"day": day.isoformat(), "rows": rows} for day, rows in done.days],
            "rows": done.rows,
            "files": done.files,
            "dryRun": dry_run,
        }
        click.echo(as_json(answer))
        return
    for line in _lines(done, dry_run=dry_run):
        click.echo(line)


def _lines(done: Retained, *, dry_run: bool) -> Iterator[str]:
    if done.before is None:
        yield "everything is kept"
        return
    for day, rows in done.days:
        yield f"{day}  {rows:,} rows"
    verb = "would be deleted" if dry_run else "deleted"
    yield f"{done.rows:,} rows of {len(done.days)} days before {done.before} {verb}"
