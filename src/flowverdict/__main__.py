"""Lets ``python -m flowverdict`` start the command line."""

from flowverdict.cli import main

if __name__ == "__main__":
    main(prog_name="flowverdict")
