"""How long property tests look: every run the same few examples, at night many fresh ones.

`HYPOTHESIS_PROFILE=nightly python -m pytest` looks longer. The tests of several folders share
this; each folder's `conftest.py` loads it.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "quick", max_examples=12, deadline=None, derandomize=True, suppress_health_check=_SLOW
)
settings.register_profile(
    "nightly", max_examples=1_000, deadline=None, suppress_health_check=_SLOW, print_blob=True
)


def load() -> None:
    """Load the profile that the environment asks for."""
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def times(factor: int) -> settings:
    """Settings for a test that is cheap (or dear): a multiple of the profile's examples."""
    load()
    return settings(max_examples=settings().max_examples * factor)
