"""Resources as Terraform's configuration language writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def resource(
    kind: str,
    name: str,
    fields: Mapping[str, Any],
    blocks: Iterable[tuple[str, Mapping[str, Any]]] = (),
) -> str:
    """Returns a resource as text.

    Args:
        kind: its type, such as ``azurerm_network_security_rule``.
        name: its name in Azure, of which its label is made.
        fields: its arguments: texts, numbers, and lists of them.
        blocks: what is nested in it, in order.
    """
    label = "".join(one if one.isalnum() or one in "-_" else "_" for one in name)
    lines = _arguments(fields, "  ")
    for block, inner in blocks:
        lines += [f"  {block} {{", *_arguments(inner, "    "), "  }"]
    return "\n".join([f'resource "{kind}" "{label}" {{', *lines, "}"])


def _arguments(fields: Mapping[str, Any], indent: str) -> list[str]:
    width = max(map(len, fields))
    return [f"{indent}{name.ljust(width)} = {_value(one)}" for name, one in fields.items()]


def _value(value: Any) -> str:
    """Returns a value; what looks like a template in a text is one no longer."""
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
