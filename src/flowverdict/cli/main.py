"""The ``flowverdict`` command."""

from __future__ import annotations

import importlib
import os
import sys
from typing import IO, Any, Final

import click

from flowverdict import __version__
from flowverdict.cli.errors import reported

COMMANDS: Final = {
    "demo": "flowverdict.cli.demo",
    "verify": "flowverdict.cli.verify",
    "explain": "flowverdict.cli.explain",
    "rules": "flowverdict.cli.rules",
    "completion": "flowverdict.cli.completion",
}
"""Each command and the module that has it as ``command``; imported when it is called."""


_HELP: Final = {"help_option_names": ["-h", "--help"]}
_INTERRUPTED: Final = 130
_NOT_WRITTEN: Final = 2


class Commands(click.Group):
    """A group whose commands are imported one at a time: the others cost no start-up time."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """Returns the commands in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Returns a command, or None for a name that is none."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
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
