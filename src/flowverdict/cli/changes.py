"""What commands that judge a change have in common: how it is given, and how it is read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flowverdict.cli.errors import Refused, show_what_is_wrong
from flowverdict.load import is_plan, load_estate

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.model import Estate

F = TypeVar("F", bound="Callable[..., Any]")


def change_arguments(command: F) -> F:
    """Adds ``--change`` and ``--part/--whole``."""
    for add in (
        click.option(
            "--part/--whole",
            default=None,
            help="Whether --change is laid over ESTATE, or stands in its place. Without either it "
            "is a part if it has no network interface, or is a Terraform plan.",
        ),
        click.option(
            "--change",
            type=click.Path(),
            multiple=True,
            help="The estate as it would be, or the part of it that changes: files or folders. "
            "Several count as one change. Not needed if ESTATE is a Terraform plan: it has both.",
        ),
    ):
        command = add(command)
    return command


def has_both(others: dict[str, Any]) -> bool:
    """Reports whether ESTATE is a plan that has the changed estate too: no change is given.

    Raises:
        Refused: a change is needed and not given.
    """
    if others.get("change", True):
        return False
    if not all(is_plan(one) for one in others["estate"]):
        what = "no --change: expected what changes"
        raise Refused(f"{what}, or a Terraform plan as ESTATE, which has both")
    return True


def read_change(estate: Estate, others: dict[str, Any]) -> tuple[Estate, str]:
    """Returns the changed estate, and in a line how the change was read if nobody said how."""
    settings = {"service_tags": others["service_tags"], "internet": others["internet_tag"]}
    change, is_part = others["change"], others["part"]
    if not change:
        changed = load_estate(others["estate"], **settings)
        _show_new(estate, changed)
        return changed, "before and after the plan"
    is_planned = all(is_plan(one) for one in change)
    if is_part is None and is_planned:
        is_part = True  # a plan knows what it changes, and seldom is all there is
    changed = None if is_part else load_estate(change, **settings)
    if is_part is None and changed is not None:
        is_part = not changed.resources.nics
    if is_part or changed is None:
        changed = load_estate(others["estate"], change=change, **settings)
    _show_new(estate, changed)
    if others["part"] is not None:
        return changed, ""
    how = "a part, laid over the estate" if is_part else "the whole estate"
    if is_part and is_planned:
        how = "what the plan changes, laid over the estate"
    return changed, f"the change was read as {how}"


def _show_new(estate: Estate, changed: Estate) -> None:
    """Prints what is wrong with a changed estate, and was not with the one before."""
    known = {str(one) for one in estate.diagnostics}
    new = tuple(one for one in changed.diagnostics if str(one) not in known)
    show_what_is_wrong(replace(changed, diagnostics=new))
