"""``terraform show -json`` of plans and states: what is planned, and what was there before."""

from flowverdict.load.terraform.read import removed, resources
from flowverdict.load.terraform.types import TYPES

__all__ = ["TYPES", "removed", "resources"]
