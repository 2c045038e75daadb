"""What tests and benchmarks share: small projects, tables, a browser, the command line."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
