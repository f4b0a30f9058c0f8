"""``flowverdict ingest``: flow logs into a lake."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import output_argument
from flowverdict.cli.errors import BAD_INPUT, Refused
from flowverdict.cli.render import as_json
from flowverdict.lake import Lake, LakeError, SourceError, Summary, find_blobs, ingest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowverdict.lake import Blob

_MEGA: Final = 1_000_000
_MOST_LINES: Final = 20


@click.command("ingest")
@click.argument("source", nargs=-1, required=True)
@click.option("--lake", "location", required=True, metavar="LAKE", help="The folder of the lake.")
@output_argument
def command(source: tuple[str, ...], location: str, output: str) -> None:
    """Read flow logs into a lake, every tuple exactly once.

    SOURCE is files, folders, or `-` for standard input: blobs of NSG and VNet flow logs as Azure
    writes them, gzip or not, cut short or not. Run it again whenever you like: what the lake has
    already is left, and a blob that has grown is read on.
    """
    started = time.monotonic()
    try:
        lake = Lake(location)
        blobs = list(find_blobs(source, sys.stdin.buffer.read))
        with _progress(sum(one.size or 0 for one in blobs)) as bar:

            def seen(blob: Blob, summary: Summary) -> None:
                if bar is not None:
                    spent = max(time.monotonic() - started, 1e-9)
                    rate = f"{summary.bytes / spent / _MEGA:.1f} MB/s"
                    bar.label = f"{summary.blobs} blobs, {summary.rows:,} rows, {rate}"
                    bar.update(blob.size or 0)

            summary = ingest(blobs, lake, seen=seen)
    except (SourceError, LakeError) as problem:
        raise Refused(str(problem)) from None
    answer = _answer(summary, time.monotonic() - started)
    if output == "json":
        click.echo(as_json(answer))
    else:
        for line in _lines(answer):
            click.echo(line)
    for line in _complaints(summary):
        click.echo(line, err=True)
    read = summary.blobs - len(summary.not_flow_logs)
    sys.exit(0 if read > 0 else BAD_INPUT)


def _progress(size: int) -> Any:
    """Returns a progress bar on a terminal's stderr, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    return click.progressbar(length=size, file=sys.stderr)


def _answer(summary: Summary, seconds: float) -> dict[str, Any]:
    return {
        "blobs": summary.blobs,
        "records": summary.records,
        "rows": summary.rows,
        "quarantined": summary.quarantined,
        "duplicate_records": summary.duplicate_records,
        "bytes": summary.bytes,
        "seconds": round(seconds, 3),
        "warnings": dict(sorted(summary.warnings.items())),
    }


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{answer['rows']:,} rows from {answer['records']:,} records of {answer['blobs']:,} blobs, "
        f"{answer['bytes'] / _MEGA:.1f} MB in {answer['seconds']:.1f} s"
    )
    if answer["duplicate_records"]:
        yield f"{answer['duplicate_records']:,} records were in the lake already"
    if answer["quarantined"]:
        yield f"{answer['quarantined']:,} tuples could not be read: see the table `quarantine`"
    for code, times in answer["warnings"].items():
        yield f"warning {code}: {times:,}"


def _complaints(summary: Summary) -> Iterator[str]:
    lines = [
        *(f"{name}: {reason}: expected a readable file" for name, reason in summary.unread),
        *(f"{name}: is no flow log: passed over" for name in summary.not_flow_logs),
        *(
            f"{name}: has fewer records than the lake has of it: replaced"
            for name in summary.shrunk
        ),
    ]
    if not summary.blobs and not summary.unread:
        lines.append("nothing to read: expected files named *.json, *.jsonl or *.ndjson, or .gz")
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"and {len(lines) - _MOST_LINES} more such lines"
