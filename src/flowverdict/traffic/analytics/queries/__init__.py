"""Questions that many ask of Traffic Analytics, as data: a file each, with its SQL."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa

if TYPE_CHECKING:
    from flowverdict.model import Estate

ESTATE: Final = "estate"
NETWORK: Final = "network"


class Query(NamedTuple):
    """One question.

    Attributes:
        name: the file's, by which it is called.
        title: what is asked, in a few words.
        about: what the answer tells, and what it does not.
        source: where it is asked.
        sql: the question, over Azure's tables and the views of them.
        needs: ``estate`` if it asks for rules too, ``network`` if it has no answer where nothing
            is known of the network; else empty.
    """

    name: str
    title: str
    about: str
    source: str
    sql: str
    needs: str = ""


@cache
def queries() -> dict[str, Query]:
    """Returns the questions by name."""
    found: dict[str, Query] = {}
    for one in sorted(files(__name__).iterdir(), key=lambda file: file.name):
        if one.name.endswith(".toml"):
            name = one.name.removesuffix(".toml")
            found[name] = Query(name, **tomllib.loads(one.read_text("utf-8")))
    return found


RULES: Final = pa.schema(
    [
        pa.field("AclGroup", pa.string()),
        pa.field("AclRule", pa.string()),
        pa.field("Direction", pa.string()),
        pa.field("Access", pa.string()),
        pa.field("Priority", pa.int32()),
        pa.field("IsDefault", pa.bool_()),
    ]
)
"""The rules of an estate's network security groups, spelt as in Traffic Analytics."""


def rules_of(estate: Estate) -> pa.Table:
    """Returns the rules of the network security groups of an estate, by ``RULES``."""
    return pa.Table.from_pylist(
        [
            {
                "AclGroup": f"{nsg.id.subscription}/{nsg.id.resource_group}/{nsg.id.name}",
                "AclRule": rule.name,
                "Direction": rule.direction.value,
                "Access": rule.access.value,
                "Priority": rule.priority,
                "IsDefault": rule.is_default,
            }
            for nsg in sorted(estate.resources.nsgs.values(), key=lambda one: one.id)
            for rule in nsg.rules
        ],
        RULES,
    )
