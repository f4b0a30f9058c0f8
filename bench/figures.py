"""What a benchmark reports, and how it is printed."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        name: the key in the JSON object; ends in its unit (`_s`, `_ms`, `_mb`) or says `_vs_`.
        value: the number itself.
        meaning: what was measured, in a few words.
        at_most: the promise, where there is one.
    """

    name: str
    value: float
    meaning: str
    at_most: float | None = None

    @property
    def unit(self) -> str:
        """The unit that the name tells."""
        for suffix, unit in (("_per_s", "/s"), ("_s", "s"), ("_ms", "ms"), ("_mb", "MB")):
            if self.name.endswith(suffix):
                return unit
        return "x" if "_vs_" in self.name else ""

    @property
    def promise(self) -> str:
        """The promise and whether it was kept, or nothing."""
        if self.at_most is None:
            return ""
        kept = "kept" if self.value <= self.at_most else "MISSED"
        return f"<= {self.at_most:g} {self.unit}  {kept}"


@dataclass(frozen=True, slots=True)
class AtLeast(Figure):
    """A figure that is to be large."""

    at_least: float = 0.0

    @property
    def promise(self) -> str:
        """The promise and whether it was kept."""
        kept = "kept" if self.value >= self.at_least else "MISSED"
        return f">= {self.at_least:g} {self.unit}  {kept}"


def print_table(rows: Sequence[tuple[str, Figure]]) -> None:
    """Print figures as one aligned table, a line each, under the benchmark that they come from."""
    cells = [
        (
            module,
            figure.name,
            f"{figure.value:,.3f} {figure.unit:<2}",
            figure.promise,
            figure.meaning,
        )
        for module, figure in rows
    ]
    header = ("bench", "figure", "value   ", "promise", "meaning")
    widths = [max(len(row[column]) for row in [header, *cells]) for column in range(len(header))]
    for row in [header, *cells]:
        module, name, value, promise, meaning = (
            cell.rjust(width) if column == 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        print(f"{module}  {name}  {value}  {promise}  {meaning}".rstrip())


def run(name: str, measure: Callable[[], list[Figure]]) -> None:
    """Be the command line of one benchmark: a table, or with `--json` one JSON object."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=measure.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object of figures")
    wants_json: bool = parser.parse_args().json
    figures = measure()
    if wants_json:
        print(json.dumps({figure.name: round(figure.value, 6) for figure in figures}))
    else:
        print_table([(name, figure) for figure in figures])
