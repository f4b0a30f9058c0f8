"""Which column of a file says what: our names, and those of others that mean the same."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from flowverdict.packets.pieces import refuse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NAMES: Final = {
    "nic": ("nic",),
    "vm": ("vm",),
    "direction": ("direction", "flowdirection"),
    "protocol": ("protocol", "l4protocol"),
    "src_ip": ("srcip",),
    "dst_ip": ("dstip", "destip"),
    "src_port": ("srcport",),
    "dst_port": ("dstport", "destport"),
    "local": ("local",),
    "remote": ("remote",),
    "mac": ("mac", "macaddress"),
    "target": ("target", "targetresourceid"),
    "acl": ("acl", "aclid"),
}
"""Each column, and what else it may be called, without underscores and in lower case.

``local`` and ``remote`` are the words of ``verify`` and of ``az network watcher test-ip-flow``; the
others of flow logs and Traffic Analytics, whose tables in a workspace add ``_s``, ``_d`` or ``_g``
for the type.
"""
VERDICT: Final = ("access", "rule_name", "rule_id", "layer", "missing")
_TYPE: Final = re.compile(r"_[sdg]$")
_ENDS: Final = ("src_ip", "dst_ip")
_OWN: Final = ("local", "remote")


def read_columns(file: str, names: Sequence[str], *, line: int = 0) -> Mapping[str, str]:
    """Returns which column of a file says what.

    Raises:
        InputError: one that is needed is missing, or two say the same.
    """
    if twice := [name for at, name in enumerate(names) if name in names[:at]]:
        raise refuse(file, f"two columns are named `{twice[0]}`", "names that differ", line=line)
    found: dict[str, str] = {}
    for meaning, words in NAMES.items():
        fitting = [name for name in names if _plain(name) in words]
        if meaning in fitting:
            fitting = [meaning]
        if len(fitting) > 1:
            both = " and ".join(f"`{name}`" for name in fitting)
            raise refuse(file, f"{both} both stand for `{meaning}`", "one of them", line=line)
        if fitting:
            found[meaning] = fitting[0]
    _check(file, names, found, line)
    return found


def _check(file: str, names: Sequence[str], found: Mapping[str, str], line: int) -> None:
    own = any(one in found for one in _OWN)
    if own and any(one in found for one in _ENDS):
        what = "has columns for source and destination, and for local and remote"
        raise refuse(file, what, "one pair of them", line=line)
    needed = ("direction", "protocol", *(_OWN if own else (*_ENDS, "dst_port")))
    if lacking := [name for name in needed if name not in found]:
        has = ", ".join(f"`{name}`" for name in names[:12])
        what = f"lacks the column `{'`, `'.join(lacking)}` (it has {has})"
        raise refuse(file, what, f"{', '.join(needed)}", line=line)
    if taken := [name for name in names if name in VERDICT]:
        what = f"has a column `{taken[0]}` already"
        raise refuse(file, what, "another name for it, as a verdict has that one", line=line)


def _plain(name: str) -> str:
    return _TYPE.sub("", name.strip()).replace("_", "").lower()
