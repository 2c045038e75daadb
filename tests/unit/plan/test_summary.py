"""The planning section of a page, from fits alone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from scaling import laws
from scaling.errors import InputError
from scaling.plan import stored
from scaling.plan.allocation import optimal
from scaling.plan.summary import BUDGETS, planning_summary
from tests.unit.plan.test_allocation import study


def test_summary_is_what_plan_optimal_says(tmp_path: Path) -> None:
    sheet = study(tmp_path)
    made = planning_summary(sheet.fits, sheet.ranges)
    assert [row["flops"] for row in made["budgets"]] == list(BUDGETS)
    for row in made["budgets"]:
        known = optimal(sheet, flops=row["flops"])
        for name in ("params", "tokens", "tokens_per_param", "loss"):
            one = known.value(name)
            assert [row[name], row[f"{name}_low"], row[f"{name}_high"]] == pytest.approx(
                [one.value, one.low, one.high], rel=1e-5
            )
        assert row["near_params_low"] < row["params"] < row["near_params_high"]
    assert made["budgets"][-1]["decades_beyond"] == pytest.approx(4.0, abs=1e-5)
    text = json.dumps(made, allow_nan=False)
    assert len(text) < 5000


def test_summary_without_draws_or_law(tmp_path: Path) -> None:
    sheet = study(tmp_path, draws=False)
    made = planning_summary(sheet.fits, sheet.ranges, [1e22])
    assert made["budgets"][0]["params_low"] is None
    assert any("no intervals" in line for line in made["warnings"])
    fit = replace(sheet.fits["chinchilla"], law=laws.get("power_law"))
    empty = planning_summary({"power_law": fit})
    assert empty["law"] is None
    assert empty["budgets"] == []
    with pytest.raises(InputError, match="compute budget"):
        planning_summary(sheet.fits, sheet.ranges, [0.0])


def test_stored_fits_do_not_look_at_what_was_published(tmp_path: Path) -> None:
    study(tmp_path)
    assert stored.load("toy", tmp_path).version.startswith("fit ")


def test_a_plan_shows_itself_in_a_notebook(tmp_path: Path) -> None:
    made = optimal(study(tmp_path), flops=1e23)
    nasty = replace(made, question="<script>|*", warnings=[*made.warnings, "a < b | c"])
    page, text = nasty._repr_html_(), nasty._repr_markdown_()
    assert "<script" not in page + text
    for title in made.tables:
        assert f"<caption>{title.split(' at')[0]}" in page
    for name, one, _ in made.figures:
        assert name in page
        assert f"{one.value:.4g}" in page
        assert f"{one.value:.4g}".replace("+", "") in text.replace("+", "")
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in tables[:7]}) == 1
    assert made.version in page
    assert "a &lt; b" in page
