"""Terraform plans and states, as ``terraform show -json`` prints them, into Azure's resources."""

from flowverdict.load.terraform.azurerm import READ_AS
from flowverdict.load.terraform.over import lay_over, take
from flowverdict.load.terraform.plan import is_plan

__all__ = ["READ_AS", "is_plan", "lay_over", "take"]
