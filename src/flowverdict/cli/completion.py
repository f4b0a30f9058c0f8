"""``flowverdict completion``: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    For bash: flowverdict completion bash > ~/.local/share/bash-completion/completions/flowverdict
    """
    from flowverdict.cli.main import main

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(main, {}, "flowverdict", "_FLOWVERDICT_COMPLETE").source())
