"""The registry of compute thresholds and the runs that a report holds against it, as read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.govern import tables
from scaling.govern.columns import RUN
from scaling.govern.crossings import Asked
from scaling.govern.models import MODELS, runs_of_models
from scaling.govern.registry import Registry, load
from scaling.govern.trends import COPIES, read_copies

RULES, OWN = "data/thresholds/rules.csv", "data/declared/runs.csv"
TARGETS = "params.yaml#forecast.targets"
TARGET = "a target of this forecast"


@dataclass(frozen=True)
class ThresholdInputs:
    """The registry, the runs by where they come from, and the day that is reported on; dated copies
    of the table of models where there are any."""

    registry: Registry
    runs: pl.DataFrame
    places: Mapping[str, str]
    asked: Asked
    copies: pl.DataFrame | None = None


def read_threshold_inputs(root: Path, params: Mapping[str, Any]) -> ThresholdInputs | None:
    """Registry and runs below ``root``; None without a ``govern`` entry in params.yaml.

    Raises:
        InputError: a file or row that `scaling govern` would refuse.
    """
    chosen = params.get("govern") or {}
    if not chosen or not (root / RULES).is_file():
        return None
    on = _day(chosen)
    parts = [(TARGETS, _targets(params))]
    if (root / OWN).is_file():
        parts.append((f"{OWN}#run", tables.read(root / OWN, RUN)))
    if (root / MODELS).is_file():
        parts.append((f"{MODELS}#model", _largest(root / MODELS, int(chosen.get("largest", 0)))))
    places = {run: place for place, part in parts for run in part["run"].to_list()}
    runs = pl.concat([part for _, part in parts], how="diagonal_relaxed")
    copies = read_copies(root / COPIES) if (root / COPIES).is_file() else None
    return ThresholdInputs(load(root / Path(RULES).parent), runs, places, Asked(on, on), copies)


def _day(chosen: Mapping[str, Any]) -> date:
    try:
        return date.fromisoformat(str(chosen.get("day")))
    except ValueError:
        raise InputError(
            "is no day", file="params.yaml", column="govern.day", value=chosen.get("day"),
            allowed="YYYY-MM-DD",
        ) from None  # fmt: skip


def _targets(params: Mapping[str, Any]) -> pl.DataFrame:
    """The targets as planned runs."""
    targets = (params.get("forecast") or {}).get("targets") or {}
    names = ("params", "tokens", "flops")
    rows = [
        {"run": str(name), "entity": TARGET, "state": "planned"}
        | {("flop" if key == "flops" else key): at.get(key) for key in names}
        for name, at in targets.items()
    ]
    cells = pl.DataFrame(
        rows,
        schema={"run": pl.String, "entity": pl.String, "state": pl.String}
        | dict.fromkeys(("params", "tokens", "flop"), pl.Float64),
    )
    return tables.typed(cells, RUN)


def _largest(path: Path, most: int) -> pl.DataFrame:
    """The public models of most compute."""
    known = runs_of_models(path).filter(pl.col("flop").is_not_null())
    return known.sort("flop", "run", descending=[True, False]).head(most)
