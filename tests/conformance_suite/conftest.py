"""The cases, written once, and their estates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from conformance.cases import read_cases
from conformance.write import tag_file, write
from flowverdict.load import load_estate
from flowverdict.model import Estate


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conformance")
    write(read_cases(), folder)
    return folder


@pytest.fixture(scope="session")
def estates(written: Path) -> Mapping[str, Estate]:
    """What FlowVerdict reads of the REST answers, by the id of the case."""
    found: dict[str, Estate] = {}
    for case in read_cases():
        tags = tag_file(written, case)
        path = written / "azure" / case.theme / case.id
        found[case.id] = load_estate(path, service_tags=tags if tags.exists() else None)
    return found
