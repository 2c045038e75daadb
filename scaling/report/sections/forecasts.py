"""The forecast table as records: one study at one target, with every law's quantiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from scaling.document.format import clean
from scaling.io.json_files import as_map, as_number

ENSEMBLE = "ensemble"
LEVELS = (0.5, 0.8, 0.9, 0.95)
Quantiles = Mapping[float, float]


@dataclass(frozen=True)
class TargetForecast:
    """One study at one target. ``laws`` maps a law, or the ensemble, to its quantiles."""

    study: str
    target: str
    params: float | None
    tokens: float | None
    flops: float | None
    laws: Mapping[str, Quantiles]

    @property
    def ensemble(self) -> Quantiles:
        """Quantiles of the ensemble; empty when the forecast has none."""
        return self.laws.get(ENSEMBLE, {})

    @property
    def members(self) -> dict[str, Quantiles]:
        """Quantiles of each law, by name."""
        return {name: self.laws[name] for name in sorted(self.laws) if name != ENSEMBLE}


def quantile(quantiles: Quantiles, level: float) -> float | None:
    """The quantile at ``level``, matched to six digits, or None."""
    return quantiles.get(round(level, 6))


def interval(quantiles: Quantiles, level: float) -> tuple[float | None, float | None]:
    """Both ends of the central interval that holds ``level`` of the probability."""
    tail = (1 - level) / 2
    return quantile(quantiles, tail), quantile(quantiles, 1 - tail)


def width(quantiles: Quantiles, level: float) -> float | None:
    """Width of the central interval, or None."""
    low, high = interval(quantiles, level)
    return None if low is None or high is None else high - low


def order(names: Any, chosen: Mapping[str, Any]) -> list[str]:
    """Names in the order of params.yaml, then the others in alphabetical order."""
    found = sorted(set(names))
    return [name for name in chosen if name in found] + [n for n in found if n not in chosen]


def records(frame: pl.DataFrame, params: Mapping[str, Any]) -> list[TargetForecast]:
    """All forecasts, by target then study in the order of params.yaml."""
    targets = as_map(as_map(params.get("forecast")).get("targets"))
    studies = as_map(params.get("studies"))
    cells: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        cells.setdefault((str(row["target"]), str(row["study"])), []).append(row)
    return [
        _record(study, target, cells[target, study])
        for target in order((target for target, _ in cells), targets)
        for study in order((study for _, study in cells), studies)
        if (target, study) in cells
    ]


def _record(study: str, target: str, rows: list[dict[str, Any]]) -> TargetForecast:
    laws: dict[str, dict[float, float]] = {}
    for row in rows:
        level, value = as_number(row["quantile"]), as_number(row["value"])
        if level is not None and value is not None:
            laws.setdefault(clean(row["law"]), {})[round(level, 6)] = value
    scale = {name: as_number(rows[0][name]) for name in ("params", "tokens", "flops")}
    return TargetForecast(clean(study), clean(target), laws=laws, **scale)
