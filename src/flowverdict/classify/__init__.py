"""Many packets against the policies of an estate: one function from Arrow batch to Arrow batch."""

from flowverdict.classify.classifier import Classifier, compile_estate
from flowverdict.classify.packets import PacketError
from flowverdict.classify.verdicts import SCHEMA

__all__ = ["SCHEMA", "Classifier", "PacketError", "compile_estate"]
