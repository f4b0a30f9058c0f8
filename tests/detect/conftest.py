"""Loads the profile of the property tests."""

from __future__ import annotations

from tests.net import profiles

profiles.load()
