"""Lets ``python -m flowverdict`` start the command line."""

from flowverdict.cli.program import run

if __name__ == "__main__":
    run()
