"""Shared set-up: tests read the library in data/published from the project's root."""

from __future__ import annotations

import os

from tests.support import ROOT

os.chdir(ROOT)
