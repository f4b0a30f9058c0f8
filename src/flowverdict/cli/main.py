"""The ``flowverdict`` command."""

from __future__ import annotations

import importlib
import os
import sys
from typing import IO, Any, Final

import click

from flowverdict import __version__
from flowverdict.cli.errors import Refused, reported

COMMANDS: Final = {
    "demo": "Make the network of a bank, tell three stories on it, and sum up a day of it.",
    "verify": "Tell whether a packet passes a network interface, and which rule decides.",
    "explain": "Tell why a packet passes or not, what nearly matched, and what would help.",
    "rules": "Print the rules of every layer before a network interface.",
    "prove": "Prove claims about all packets, or show a packet that breaks them.",
    "diff": "Tell which packets get another verdict by another estate: all of them.",
    "reach": "Tell who can talk to whom, and on what: all packets.",
    "lint": "Find rules that do nothing, hide something, or break Azure's limits.",
    "judge": "Judge many packets, of a file or of a lake: each row with its verdict.",
    "ingest": "Read flow logs into a lake, every tuple exactly once.",
    "flows": "Print flow rows, or the answer to a query over them.",
    "sessions": "Print sessions: what was logged of each flow, stitched together.",
    "traffic": "Print the rows of Traffic Analytics, made of flow rows and an estate.",
    "coverage": "Tell which interfaces and minutes have flow logs, and which have none.",
    "detect": "Find attacks in recorded flows, and the rule that let them in.",
    "what-if": "Tell which recorded flows a change of policy breaks, and which it lets through.",
    "audit": "Tell how far flow logs agree with the rules, and explain where they do not.",
    "exceptions": "Find the fewest rules that keep the flows that are meant from a wanted Deny.",
    "usage": "Tell which rules recorded flows used, and what of them nothing used.",
    "report": "Write traffic and findings as one HTML file.",
    "retain": "Delete flow rows older than a number of days.",
    "completion": "Print the completion script of a shell.",
}
"""Each command and what it does. ``flowverdict.cli.{name}`` has it as ``command``, and is imported
when it is called: the others cost no start-up time, and may lack what they need."""


_OF_FLOWS: Final = (
    "numpy",
    "numba",
    "pyarrow",
    "deltalake",
    "duckdb",
    "iptocc",
    "maxminddb",
    "azure",
    "obstore",
    "rich",
)
_OF_REPORTS: Final = ("altair", "vl_convert", "jinja2", "markupsafe")
_EXTRAS: Final = {**dict.fromkeys(_OF_FLOWS, "flows"), **dict.fromkeys(_OF_REPORTS, "report")}
"""The extra that brings a module."""
_HELP: Final = {"help_option_names": ["-h", "--help"]}
_INTERRUPTED: Final = 130
_NOT_WRITTEN: Final = 2


class Commands(click.Group):
    """A group whose commands are imported one at a time: the others cost no start-up time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """Returns the commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 click's signature
        """Lists the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command, or None for a name that is none."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        name = f"flowverdict.cli.{cmd_name.replace('-', '_')}"
        try:
            command: click.Command = importlib.import_module(name).command
        except ModuleNotFoundError as problem:
            extra = _EXTRAS.get((problem.name or "").partition(".")[0])
            if extra is None:
                raise
            needs = f"`{cmd_name}` needs the extra `{extra}` (`{problem.name}` is not installed)"
            raise Refused(f"{needs}: expected pip install 'flowverdict[{extra}]'") from None
        command.context_settings.update(_HELP)
        return command

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:  # noqa: ARG002 click's signature
        """Runs the program; what is wrong with its words or input ends in one clear line each."""
        for stream in (sys.stdout, sys.stderr):
            _never_fail_on_characters(stream)
        try:
            with reported():
                try:
                    return super().main(*args, standalone_mode=False, **extra)
                finally:
                    _flush(sys.stdout)
        except click.UsageError as problem:
            command = problem.ctx.command_path if problem.ctx else "flowverdict"
            said = " ".join(problem.format_message().split()).rstrip(".").replace("'", "`")
            click.echo(f"{command}: {said}: expected what `{command} --help` says", err=True)
            sys.exit(problem.exit_code)
        except click.ClickException as problem:
            problem.show()
            sys.exit(problem.exit_code)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(_INTERRUPTED)
        except BrokenPipeError:
            _silence(sys.stdout)  # whoever read the output has gone
            sys.exit(1)
        except OSError as problem:
            _silence(sys.stdout)
            click.echo(f"cannot write the answer: {problem.strerror or problem}", err=True)
            sys.exit(_NOT_WRITTEN)


def _flush(stream: IO[str] | None) -> None:
    """Writes what is left now, where a failure can still be told."""
    if stream is not None and not stream.closed:
        stream.flush()


def _silence(stream: IO[str]) -> None:
    """Lets what is still to be written at exit go nowhere rather than fail."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _never_fail_on_characters(stream: IO[str]) -> None:
    """Lets a console that lacks a character show a stand-in rather than fail."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


@click.group(cls=Commands, context_settings=_HELP)
@click.version_option(__version__, prog_name="flowverdict")
def main() -> None:
    """Azure network verdicts, offline: which rule lets a packet through, and why.

    Exit codes: 0 the answer is good; 1 findings, such as an --expect that is not met; 2 bad usage
    or bad input; 3 the verdict is Unknown.
    """
