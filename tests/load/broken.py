"""A small good estate, ways to break it, and what the loader says about it."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import flowverdict
from flowverdict.load import line_and_column
from flowverdict.model import Diagnostic, InputError, Severity
from tests.conformance.sketch import Form, expand

Json = dict[str, Any]

SKETCH: Json = {
    "vnets": {
        "vnet1": {
            "space": ["10.1.0.0/16"],
            "tags": {"env": "prod"},
            "subnets": {"s1": {"prefixes": ["10.1.0.0/24"], "nsg": "web"}},
        }
    },
    "nics": {"nic1": {"subnet": "vnet1/s1", "ip": ["10.1.0.4"], "vm": "vm1"}},
    "nsgs": {
        "web": [
            "in 100 Allow Tcp 203.0.113.0/24 -> *:443 name=https",
            "in 200 Deny * * -> * name=rest",
        ]
    },
    "managers": {
        "M": {
            "scope": ["sub:main"],
            "groups": {"G": {"members": ["vnet1"]}},
            "configurations": {
                "cfg": {
                    "collections": {
                        "c1": {"groups": ["G"], "rules": ["in 10 Deny Tcp * -> *:22 name=ssh"]}
                    }
                }
            },
            "deployments": [{"regions": ["eastus"], "configurations": ["cfg"]}],
        }
    },
}


def good(form: Form = "rest") -> Json:
    """The files of the good estate."""
    return deepcopy(expand(SKETCH, form))


def nsg(files: Json) -> Json:
    """The properties of the only NSG."""
    return files["nsgs.json"]["value"][0]["properties"]


def rule(files: Json, at: int = 0) -> Json:
    """The properties of one of its rules."""
    return nsg(files)["securityRules"][at]["properties"]


def admin_rule(files: Json) -> Json:
    """The properties of the only admin rule."""
    return files["rules.json"]["value"][0]["properties"]


def write(folder: Path, files: Json) -> None:
    """Writes files; bytes as they are."""
    for name, content in files.items():
        raw = content if isinstance(content, bytes) else json.dumps(content, indent=1).encode()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)


def diagnostics(*paths: Path, service_tags: Path | None = None) -> tuple[Diagnostic, ...]:
    """What the loader says, whether it refuses the input or not."""
    try:
        return flowverdict.load_estate(paths, service_tags=service_tags).diagnostics
    except InputError as problem:
        return problem.diagnostics


def said(folder: Path, *paths: Path, service_tags: Path | None = None) -> list[str]:
    """The errors as lines, without the folder they stand in; places are checked to be places."""
    found = diagnostics(*(paths or (folder,)), service_tags=service_tags)
    for one in found:
        assert "\n" not in str(one)
        if one.where.path:
            assert line_and_column(one.where) is not None, one
    lines = [str(one) for one in found if one.severity is Severity.ERROR]
    return [line.replace(f"{folder}/", "").replace(str(folder), "folder") for line in lines]
