"""``flowverdict ingest``: flow logs into a lake."""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final

import click

from flowverdict.cli.arguments import output_argument
from flowverdict.cli.errors import BAD_INPUT, Refused
from flowverdict.cli.interrupting import interval_option, until_interrupted
from flowverdict.cli.lakes import lake_option, open_lake
from flowverdict.cli.render import as_json
from flowverdict.lake import (
    Account,
    Address,
    LakeError,
    SourceError,
    Summary,
    compact,
    find_blobs,
    ingest,
    list_blobs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from flowverdict.lake import Blob, Lake

_MEGA: Final = 1_000_000
_MOST_LINES: Final = 20


@click.command("ingest")
@click.argument("source", nargs=-1, required=True)
@lake_option
@click.option("--watch", is_flag=True, help="Go on until it is interrupted, and read what comes.")
@interval_option("--watch")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a storage account may be silent before it is asked again, twice.",
)
@output_argument
def command(
    source: tuple[str, ...],
    location: str,
    interval: float,
    timeout: float,
    output: str,
    *,
    watch: bool,
) -> None:
    """Read flow logs into a lake, every tuple exactly once.

    SOURCE is files, folders, patterns such as 'logs/**/*.json', containers of a storage account as
    az://ACCOUNT/CONTAINER[/PREFIX], or `-` for standard input: blobs of NSG and VNet flow logs as
    Azure writes them, gzip or not, cut short or not. Run it again whenever you like: what the lake
    has already is left, and a blob that has grown is read on.

    A storage account is opened by AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_KEY or
    AZURE_STORAGE_SAS_TOKEN, or by what `az login` or a managed identity gives. It is only read.
    """
    lake = open_lake(location, timeout_s=timeout)
    read = 0
    with until_interrupted() if watch else nullcontext() as stop:
        while True:
            started = time.monotonic()
            summary = _run(source, lake, timeout)
            read += summary.blobs - len(summary.not_flow_logs)
            if not watch or summary.rows or summary.unread:
                _print(summary, time.monotonic() - started, output, watch=watch)
            if stop is None or stop.wait(interval):
                break
    sys.exit(0 if read > 0 else BAD_INPUT)


def _run(source: Iterable[str], lake: Lake, timeout_s: float) -> Summary:
    """Reads once what there is."""
    unread: list[str] = []
    try:
        with ExitStack() as opened:

            def listed(text: str) -> Iterator[Blob]:
                address = Address.parse(text)
                account = Account.of(address.account, os.environ, timeout_s=timeout_s)
                opened.callback(account.close)
                return list_blobs(account, address)

            blobs = find_blobs(source, sys.stdin.buffer, unread.append, listed)
            seen, say = opened.enter_context(_progress())
            summary = ingest(blobs, lake, seen=seen, say=say)
        if summary.rows:
            compact(lake)
    except (SourceError, LakeError) as problem:
        raise Refused(str(problem)) from None
    summary.unread = unread + summary.unread
    return summary


@contextmanager
def _progress() -> Generator[tuple[Callable[[Summary, int], None], Callable[[str], None]]]:
    """Gives what draws a progress bar, on a terminal's stderr only, and what says a line above."""
    if not sys.stderr.isatty():
        yield (lambda _summary, _size: None), (lambda text: click.echo(text, err=True))
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    started = time.monotonic()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def seen(summary: Summary, size: int) -> None:
            spent = max(time.monotonic() - started, 1e-3)
            rows = f"{summary.seen_rows:,} rows, {summary.seen_rows / spent:,.0f}/s"
            speed = f"{summary.bytes / spent / _MEGA:.1f} MB/s"
            bar.update(
                task,
                total=max(size, summary.bytes),
                completed=summary.bytes,
                description=f"{summary.blobs:,} blobs, {rows}, {speed}",
            )

        yield seen, lambda text: console.print(text, highlight=False, markup=False)


def _print(summary: Summary, seconds: float, output: str, *, watch: bool) -> None:
    answer = _answer(summary, seconds)
    if output == "json":
        click.echo(as_json(answer))
    else:
        for line in _lines(answer, summary):
            click.echo(line)
    for line in _complaints(summary):
        click.echo(line, err=True)
    if watch:
        sys.stdout.flush()


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


def _lines(answer: dict[str, Any], summary: Summary) -> Iterator[str]:
    speed = answer["bytes"] / _MEGA
    yield (
        f"{_many(answer['rows'], 'row')} from {_many(answer['records'], 'record')} of "
        f"{_many(answer['blobs'], 'blob')}, {speed:.1f} MB in {answer['seconds']:.1f} s"
    )
    if summary.unchanged:
        yield f"not changed since they were read: {_many(summary.unchanged, 'blob')}"
    if answer["duplicate_records"]:
        yield f"in the lake already: {_many(answer['duplicate_records'], 'record')}"
    if answer["quarantined"]:
        yield f"in the table `quarantine`: {answer['quarantined']:,} that could not be read"
    if summary.empty:
        yield f"without records so far: {_many(len(summary.empty), 'blob')}"
    for code, times in answer["warnings"].items():
        yield f"warning {code}: {times:,}"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _complaints(summary: Summary) -> Iterator[str]:
    lines = [
        *summary.unread,
        *(f"{name}: is no flow log: passed over" for name in summary.not_flow_logs),
        *(
            f"{name}: was replaced: what the lake has of it stays, and what is new was added"
            for name in summary.replaced
        ),
    ]
    if not summary.blobs and not summary.unread:
        lines.append("nothing to read: expected files named *.json, *.jsonl or *.ndjson, or .gz")
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"and {len(lines) - _MOST_LINES} more such lines"
