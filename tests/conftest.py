"""What tests of several folders need."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.azurite.server import Azurite, running


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """A storage account on loopback, by a real Azurite."""
    with running(tmp_path_factory.mktemp("azurite")) as server:
        yield server


def pytest_sessionfinish() -> None:
    """Give back what commands froze: each of them runs to the end of its process, but not here."""
    gc.unfreeze()
