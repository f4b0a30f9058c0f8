"""Azure network verdicts, offline: which rule decides a packet, and why."""

__version__ = "0.1.0"
