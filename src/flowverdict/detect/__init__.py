"""Detections: what was done in a network, by whom and to whom, out of its flow logs."""

from flowverdict.detect.attempts import TABLES
from flowverdict.detect.detection import Detection, Setting, packaged, read_detections
from flowverdict.detect.finding import SEVERITIES, Finding
from flowverdict.detect.run import Detected, detect

__all__ = [
    "SEVERITIES",
    "TABLES",
    "Detected",
    "Detection",
    "Finding",
    "Setting",
    "detect",
    "packaged",
    "read_detections",
]
