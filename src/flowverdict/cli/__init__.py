"""The command line: one module a command. It translates and renders, and decides nothing."""

from flowverdict.cli.main import main

__all__ = ["main"]
