"""``flowverdict judge``: many packets, each row with its verdict."""

# pyarrow ships no types: what comes out of it is unknown to the checker.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownParameterType=false, reportUnknownVariableType=false
# pyright: reportUnknownLambdaType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import pyarrow as pa

from flowverdict.cli.arguments import estate_options, load, read_options
from flowverdict.cli.errors import BAD_INPUT, UNKNOWN, Refused
from flowverdict.cli.flows import select
from flowverdict.cli.lakes import open_lake, told
from flowverdict.cli.period import period_options, read_period
from flowverdict.cli.progress import progress
from flowverdict.cli.rows import read_output, row_options, write_rows
from flowverdict.lake import query
from flowverdict.model.words import counted
from flowverdict.packets import Judge, joined_schema, numbered, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from flowverdict.cli.rows import Output
    from flowverdict.packets import Judged, Piece, Reject

_OF_LAKE: Final = frozenset(
    "time src_ip src_port dst_ip dst_port protocol direction decision rule".split()
)
"""What a table shows of flow rows."""
_WIDE: Final = "rule_id"
"""What no table shows: an ARM id is wider than a terminal."""
_MOST_REASONS: Final = 5


@click.command("judge")
@click.argument("words", nargs=-1, required=True, type=click.Path(), metavar="ESTATE... [PACKETS]")
@click.option(
    "--lake",
    metavar="LAKE",
    help="Judge the flow rows of a lake instead of PACKETS: a folder, or "
    "az://ACCOUNT/CONTAINER/PREFIX.",
)
@click.option("--where", metavar="SQL", help="Which rows of a lake, as the condition of a query.")
@period_options
@click.option(
    "--lenient", is_flag=True, help="Go on behind rows that are no packets; needs --quarantine."
)
@click.option(
    "--quarantine",
    type=click.Path(path_type=Path),
    help="With --lenient: the file that takes rows that are no packets, with line and reason, as "
    "JSON Lines.",
)
@estate_options
@row_options
def command(
    words: tuple[str, ...],
    lake: str | None,
    output: str | None,
    to: Path | None,
    limit: int | None,
    **others: Any,
) -> None:
    """Judge many packets, of a file or of a lake: each row with its verdict.

    PACKETS is CSV, JSON Lines or Parquet, told apart by what is in it; `-` is standard input; a
    lake does as well. Columns: direction, protocol, src_ip, dst_ip, dst_port and, if it matters,
    src_port; or direction, protocol, local and remote, as `verify` takes them. A column nic or vm
    says where; without, it is the interface that owns the local address.

    All rows and columns come out, in their order, with access, rule_name, rule_id and layer behind,
    and missing: what an Unknown hangs on. A table leaves rule_id out.

    Exit code 2 is bad input; 3 means that not one row has another verdict than Unknown.
    """
    quarantine: Path | None = others["quarantine"]
    if others["lenient"] != (quarantine is not None):
        raise Refused("--lenient and --quarantine FILE: expected both or none")
    estate, packets, location = _split(words, lake)
    chosen = read_output(output, to, limit, location)
    options = read_options(others["settings"], None, assume_deployed=others["assume_deployed"])
    with ExitStack() as stack:
        schema, pieces, size = stack.enter_context(_opened(packets, location, others))
        network = load(estate, others["service_tags"], others["internet_tag"])
        reject = stack.enter_context(_quarantined(quarantine, packets)) if quarantine else None
        judge = Judge(network, options, packets, reject)
        seen = stack.enter_context(progress(size))
        done = told(lambda: _write(judge, schema, _counted(pieces, seen), chosen, location))
    sys.exit(_sum_up(judge.count, quarantine, whole=done))


@contextmanager
def _opened(
    packets: str, location: str | None, others: dict[str, Any]
) -> Generator[tuple[pa.Schema, Iterator[Piece], int | None]]:
    """Gives the columns of what is judged, its rows, and its size in bytes where that is known."""
    choice = others["where"], others["since"], others["until"]
    if location is None:
        if choice != (None, None, None):
            raise Refused("--where, --since and --until choose rows of a lake: expected a lake")
        with opened(packets, sys.stdin.buffer) as (pieces, size):
            first = next(pieces)  # there always is one, which tells the columns
            yield first.rows.schema, chain([first], pieces), size
        return
    asked = select("*", "flows", others["where"])
    period = read_period(others["since"], others["until"])
    rows = told(lambda: query(open_lake(location), asked, period=period))
    try:
        yield rows.schema, numbered(rows), None
    finally:
        rows.close()


def _split(words: tuple[str, ...], lake: str | None) -> tuple[tuple[str, ...], str, str | None]:
    """Returns the estate, what is judged, and the lake if it is one."""
    if lake is not None:
        return words, lake, lake
    if len(words) < 2:
        raise Refused(
            f"`{''.join(words)}` alone: expected ESTATE and PACKETS, or ESTATE and --lake LAKE"
        )
    packets = words[-1]
    is_lake = packets.startswith("az://") or (Path(packets) / "flows" / "_delta_log").is_dir()
    return words[:-1], packets, packets if is_lake else None


def _counted(pieces: Iterable[Piece], seen: Any) -> Iterator[Piece]:
    size = rows = 0
    for piece in pieces:
        yield piece
        size += piece.size
        rows += len(piece.rows)
        seen(size, rows)


def _write(
    judge: Judge, schema: pa.Schema, pieces: Iterable[Piece], output: Output, location: str | None
) -> bool:
    """Writes what comes out; returns whether that is all of it."""
    batches = judge.judge(schema, pieces)
    whole = joined_schema(schema)
    shown = whole
    if output.form == "table":
        left = set(schema.names) - _OF_LAKE if location is not None else set[str]()
        shown = pa.schema([one for one in whole if one.name not in left | {_WIDE}])
    chosen = (batch.select(shown.names) for batch in batches)
    write_rows(pa.RecordBatchReader.from_batches(shown, chosen), output)
    if output.limit is not None:
        return False
    for _ in batches:  # a table shows the first; all are judged and counted
        pass
    return True


@contextmanager
def _quarantined(to: Path, file: str) -> Generator[Callable[[Reject], None]]:
    """Gives what takes the rows that are no packets.

    Raises:
        Refused: the file cannot be written.
    """
    try:
        with to.open("w", encoding="utf-8", errors="backslashreplace") as out:

            def reject(one: Reject) -> None:
                row = {
                    "file": file, "line": one.line, "column": one.column or None,
                    "problem": f"{one.what}: expected {one.expected}", "raw": one.raw,
                }  # fmt: skip
                out.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")

            yield reject
    except OSError as problem:
        said = (problem.strerror or str(problem)).lower()
        raise Refused(f"--quarantine {to}: {said}: expected a file to write") from None


def _sum_up(count: Judged, quarantine: Path | None, *, whole: bool) -> int:
    """Says on stderr what came out; returns the exit code."""
    told_of = ", ".join(
        f"{count.accesses[one]:,} {one}"
        for one in ("Allow", "Deny", "Unknown")
        if count.accesses[one]
    )
    first = "" if whole else "the first "
    click.echo(
        f"{first}{counted(count.rows, 'row')} judged{': ' if told_of else ''}{told_of}", err=True
    )
    for text, times in count.missing.most_common(_MOST_REASONS):
        click.echo(f"unknown, {counted(times, 'row')}: {text}", err=True)
    if (more := len(count.missing) - _MOST_REASONS) > 0:
        click.echo(f"unknown for {more:,} more reasons: see the column `missing`", err=True)
    if count.rejected:
        click.echo(
            f"{quarantine}: {counted(count.rejected, 'row')} that could not be judged", err=True
        )
    if count.rejected and not count.rows:
        return BAD_INPUT
    return UNKNOWN if count.rows and count.accesses["Unknown"] == count.rows else 0
