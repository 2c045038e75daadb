"""The audit: read published forecasts and outcomes, score, summarise, write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.io import atomic
from scaling.io.json_files import json_text
from scaling.io.tables import csv_text
from scaling.record.audit import read, table
from scaling.record.audit.match import Rules
from scaling.record.audit.page import page
from scaling.record.audit.summary import summarise
from scaling.runs.studies import load_params

OUT = Path("reports/audit")
VALIDATED = Path("data/validated")
SCORES, OPEN, SUMMARY, PAGE = "scores.csv", "open.csv", "audit.json", "audit.md"


@dataclass(frozen=True)
class Audit:
    """Scores of answered targets, the targets that are open, and what both say."""

    scores: pl.DataFrame
    still_open: pl.DataFrame
    summary: dict[str, Any]

    def _repr_markdown_(self) -> str:
        """How a notebook shows it: the audit's page."""
        return page(self.summary)


def audit(root: Path = Path()) -> Audit:
    """Score every published version by the validated runs of today.

    Raises InputError when params.yaml has no tolerances, or no run was validated here.
    """
    from scaling.record.audit.trends import outcomes as trend_outcomes

    if not (root / VALIDATED).is_dir():
        hint = "`dvc repro validate` makes it; without it every outcome would look withdrawn"
        raise InputError("is missing", file=root / VALIDATED, hint=hint)
    rules = Rules.of(load_params(root / "params.yaml"))
    targets, forecasts = read.forecasts(read.versions(root))
    results = read.outcomes(root / VALIDATED, targets["selection"].unique().sort())
    results = pl.concat([results, trend_outcomes(root, targets["selection"].unique())])
    new, still_open = table.scored(targets, forecasts, results, rules)
    before = table.read(root / OUT / SCORES)
    scores = table.merged(before, new)
    return Audit(scores, still_open, summarise(scores, still_open))


def write(audit: Audit, root: Path = Path()) -> list[Path]:
    """Write the tables, the summary and the page; returns their paths."""
    folder = root / OUT
    folder.mkdir(parents=True, exist_ok=True)
    open_targets = audit.still_open.drop("selection", "after", "cut_column", "cut")
    files = {
        SCORES: csv_text(_short(audit.scores)).encode(),
        OPEN: csv_text(open_targets).encode(),
        SUMMARY: json_text(dated(audit.summary)).encode(),
        PAGE: page(audit.summary).encode(),
    }
    with atomic.locked(folder):
        for name, content in files.items():
            atomic.write(folder / name, content)
    return [folder / name for name in files]


def _short(scores: pl.DataFrame) -> pl.DataFrame:
    """Seven digits: what a reader and the next audit need."""
    return scores.with_columns(pl.col(pl.Float64).round_sig_figs(7))


def dated(value: Any) -> Any:
    """Days as text, for JSON."""
    if isinstance(value, dict):
        return {key: dated(item) for key, item in value.items()}
    if isinstance(value, list):
        return [dated(item) for item in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
