"""Shared set-up: tests read the library in data/published from the project's root."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

os.chdir(ROOT)
