"""What `prove` calls the answers."""

from flowverdict.prove.results import FAILS, HOLDS, UNKNOWN

VERDICTS = {"exposed": FAILS, "closed": HOLDS, "unknown": UNKNOWN}
