"""Every published figure within its tolerance; the page says what the entries say."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.parity import Entry, load
from tests.support.needs import SHARED
from tests.support.shared import shared

PAGE = Path("docs/parity.md")
ENTRIES = [
    pytest.param(entry, id=key, marks=[pytest.mark.slow] if entry.slow else [])
    for key, entry in load().items()
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_figures_hold(entry: Entry) -> None:
    if entry.shared and shared(entry.shared) is None:
        SHARED.skip(entry.shared)
    figures = entry.measure()
    assert figures
    wrong = [f"{one.what}: {one.ours} is not {one.published}" for one in figures if not one.holds]
    assert not wrong


def test_page_has_every_entry() -> None:
    """`python -m benchmarks.parity` writes it."""
    text = PAGE.read_text(encoding="utf-8")
    assert [key for key in load() if f"**{key}**" not in text] == []
