"""Rows held back, in words: every source, the check that holds most, and what to do."""

from __future__ import annotations

import json
from pathlib import Path

from scaling.runs.held_back import ADVICE, sentences


def test_every_source_with_rows_held_back_is_named(tmp_path: Path) -> None:
    failed = [
        {"name": "required", "column": "value", "severity": "error", "failed": 9},
        {"name": "seed_unstated", "column": "seed", "severity": "warning", "failed": 40},
    ]
    report = {
        "fine": {"rows": 10, "valid": 10, "quarantined": 0},
        "team": {"rows": 8, "valid": 5, "quarantined": 3, "held_by": {"share": 2, "copy": 1}},
        # As it was written before rows were counted by check.
        "older": {"rows": 90, "valid": 81, "quarantined": 9, "expectations": failed},
    }
    assert sentences(tmp_path) == []
    (tmp_path / "data").mkdir()
    (tmp_path / "data/validation.json").write_text(json.dumps(report))
    assert sentences(tmp_path) == [
        "team: 3 of 8 rows held back (37.5 %), by share (2) and 1 other check",
        "older: 9 of 90 rows held back (10 %), by required:value (9)",
        ADVICE,
    ]
