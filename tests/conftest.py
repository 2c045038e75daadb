"""Shared set-up: tests read the library in data/published from the project's root."""

from __future__ import annotations

import os

from tests.support import ROOT

os.chdir(ROOT)


def pytest_configure() -> None:
    """Examples that hypothesis makes are given all the time that a busy machine takes."""
    from hypothesis import HealthCheck, settings

    usual = settings.get_profile(settings.get_current_profile_name())
    slow = [HealthCheck.too_slow]
    settings.register_profile("no clock", usual, deadline=None, suppress_health_check=slow)
    settings.load_profile("no clock")
