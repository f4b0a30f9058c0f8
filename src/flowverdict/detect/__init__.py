"""Detections: what was done in a network, by whom and to whom, out of its flow logs."""

from flowverdict.detect.finding import SEVERITIES, Finding

__all__ = ["SEVERITIES", "Finding"]
