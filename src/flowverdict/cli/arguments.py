"""Arguments that several commands share."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flowverdict.cli.errors import Refused, show_what_is_wrong
from flowverdict.load import load_estate
from flowverdict.model import Direction
from flowverdict.policy import IP_FLOW_VERIFY, PROTOCOLS, Options, RequestError, read_packet

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowverdict.model import Estate

F = TypeVar("F", bound="Callable[..., Any]")


def estate_arguments(command: F) -> F:
    """Adds ``ESTATE`` and what goes with it."""
    argument = click.argument("estate", nargs=-1, required=True, type=click.Path())
    return argument(estate_options(command))


def estate_options(command: F) -> F:
    """Adds the options of how an estate is read."""
    for add in reversed(
        (
            click.option(
                "--service-tags",
                type=click.Path(path_type=Path),
                help="Microsoft's service-tag file or REST answer; otherwise a packaged one.",
            ),
            click.option(
                "--internet-tag",
                type=click.Path(path_type=Path),
                help="What the Internet tag stands for, as effective rules list it; otherwise a "
                "packaged recording.",
            ),
            click.option(
                "--assume-deployed",
                is_flag=True,
                help="Evaluate security admin configurations as if they were deployed.",
            ),
            click.option(
                "--option",
                "settings",
                multiple=True,
                metavar="NAME=VALUE",
                help="How a question is answered that Azure's documents leave open.",
            ),
        )
    ):
        command = add(command)
    return command


def part_argument(command: F) -> F:
    """Adds ``--change``."""
    return click.option(
        "--change",
        type=click.Path(),
        multiple=True,
        help="A part of an estate that is laid over ESTATE, such as what `detect --respond` "
        "writes, or a Terraform plan: files or folders. Several count as one change.",
    )(command)


def nic_arguments(command: F) -> F:
    """Adds ``--vm`` and ``--nic``."""
    command = click.option("--nic", metavar="NAME_OR_ID", help="The network interface.")(command)
    return click.option("--vm", metavar="NAME_OR_ID", help="The virtual machine.")(command)


def packet_arguments(command: F) -> F:
    """Adds the words of ``az network watcher test-ip-flow``."""
    for add in reversed(
        (
            click.option(
                "--direction",
                required=True,
                type=click.Choice([one.value for one in Direction], case_sensitive=False),
                metavar="Inbound|Outbound",
                help="Inbound if the interface is the destination.",
            ),
            click.option(
                "--protocol",
                required=True,
                type=click.Choice(PROTOCOLS, case_sensitive=False),
                metavar="|".join(PROTOCOLS),
            ),
            click.option(
                "--local",
                required=True,
                metavar="IP[:PORT]",
                help="The interface's side; IPv6 with a port is [2001:db8::1]:443.",
            ),
            click.option(
                "--remote",
                required=True,
                metavar="IP[:PORT]",
                help="The other side; `*` is any port, on the originator's side.",
            ),
            click.option(
                "--expect",
                type=click.Choice(["allow", "deny"], case_sensitive=False),
                help="Exit with 1 if the verdict is the other one, with 3 if it is Unknown.",
            ),
            click.option(
                "--compat",
                type=click.Choice(["ip-flow-verify"]),
                help="Answer as close to Azure's IP flow verify as is known.",
            ),
        )
    ):
        command = add(command)
    return command


def output_argument(command: F) -> F:
    """Adds ``--output table|json``."""
    return click.option(
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="A text for people, or one JSON object.",
    )(command)


def load(
    estate: tuple[str, ...],
    service_tags: Path | None,
    internet_tag: Path | None,
    *,
    prior: bool = False,
    change: tuple[str, ...] = (),
) -> Estate:
    """Loads the estate, of plans with ``prior`` the one before, and prints what is not read."""
    settings: dict[str, Any] = {"service_tags": service_tags, "internet": internet_tag}
    loaded = load_estate(estate, prior=prior, change=change, **settings)
    show_what_is_wrong(loaded)
    return loaded


def read_options(
    settings: tuple[str, ...], compat: str | None, *, assume_deployed: bool
) -> Options:
    """Returns the options from ``NAME=VALUE`` texts."""
    options = IP_FLOW_VERIFY if compat else Options()
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise Refused(f"--option `{setting}`: expected NAME=VALUE")
        try:
            options = options.with_setting(name, value)
        except ValueError as problem:
            raise Refused(f"--option `{setting}`: {problem}") from None
    return replace(options, assume_deployed=assume_deployed)


def question(words: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments of the library's ``verify`` and ``explain`` from a command's words."""
    compat = words.pop("compat")
    options = read_options(
        words.pop("settings"), compat, assume_deployed=words.pop("assume_deployed")
    )
    if compat and words["protocol"].upper() not in ("TCP", "UDP"):
        raise RequestError("IP flow verify takes TCP and UDP alone", "protocol")
    if words["vm"] is None and words["nic"] is None:
        raise Refused("no interface named: expected --vm or --nic")
    read_packet(
        Direction(words["direction"]), words["protocol"], words["local"], words["remote"]
    )  # what is wrong with the packet is said before the estate is read
    files, change = words.pop("estate"), words.pop("change")
    estate = load(files, words.pop("service_tags"), words.pop("internet_tag"), change=change)
    gc.freeze()  # the estate stays until the end: no use in looking through it, then least of all
    return {"estate": estate, "options": options, **words}
