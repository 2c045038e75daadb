"""A study's model as a file: data/models/STUDY.json, which every answer about the study reads."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling.errors import InputError, placed
from scaling.fitting.conventions import refuse_mixed_columns
from scaling.fitting.data import unit_of_target
from scaling.forecasting.model_surface import ModelFit, model_fit, refuse_rising
from scaling.forecasting.study_model import StudyModel, TwoInputModel, study_model
from scaling.forecasting.two_inputs import CoupledModel
from scaling.io.json_files import as_list, as_map

# Of the arrangement below.
FORMAT = 1
INPUTS = ("params", "tokens")
ARRAYS = ("smallest", "largest", "theta", "covariance", "weight")
NUMBERS = ("low", "noise")


@dataclass(frozen=True)
class StoredModel:
    """A model with what plans need beside it.

    Attributes:
        model: None where the runs allow none; ``reason`` says why.
        unit: of the target.
        rows: of the runs.
        ranges: size -> smallest and largest of the runs.
    """

    model: StudyModel | None
    reason: str
    unit: str
    rows: int
    ranges: Mapping[str, tuple[float, float]]

    def fit(self) -> ModelFit | None:
        """The model as a fit of params and tokens; None without one."""
        if self.model is None:
            return None
        return model_fit(self.model, self.unit, self.ranges, self.rows)


def model_of_runs(runs: pl.DataFrame, target: str = "loss") -> StoredModel:
    """The model of runs in params and tokens; a table that allows none says why."""
    try:
        return _modelled(runs, target)
    except InputError as error:
        unit = unit_of_target(runs, target) if target in runs.columns else ""
        return StoredModel(None, str(error), unit, runs.height, {})


def fit_of_model(runs: pl.DataFrame, target: str = "loss", mixed: Sequence[str] = ()) -> ModelFit:
    """The model of runs in params and tokens, as a fit.

    Raises:
        InputError: rows of several conventions, of which ``mixed`` are allowed, no model, or a
            target that rises with size.
    """
    refuse_mixed_columns(runs, (*INPUTS, target), mixed)
    made = _modelled(runs, target).fit()
    assert made is not None
    refuse_rising(made)
    return made


def _modelled(runs: pl.DataFrame, target: str) -> StoredModel:
    """As `model_of_runs`; a table that allows no model is an error that names its row."""
    columns = (*INPUTS, target)
    missing = [name for name in columns if name not in runs.columns]
    if missing:
        raise InputError("no model", value=f"no {' and no '.join(missing)}")
    known = runs.with_row_index("\0row", offset=1).drop_nulls(columns)
    with placed(rows=known["\0row"].to_list()):
        model = study_model(known.drop("\0row"), INPUTS, target)
    sizes = known.select(*INPUTS, flops=6.0 * pl.col("params") * pl.col("tokens"))
    ranges = {
        name: (float(sizes[name].min()), float(sizes[name].max()))  # type: ignore[arg-type]
        for name in sizes.columns
    }
    return StoredModel(model, "", unit_of_target(runs, target), known.height, ranges)


def to_json(stored: StoredModel, runs: pl.DataFrame, target: str = "loss") -> dict[str, Any]:
    """Plain values. The model of any table is kept by its runs, from which it is fitted again."""
    found: dict[str, Any] = {
        "format": FORMAT,
        "unit": stored.unit,
        "rows": stored.rows,
        "ranges": {name: list(ends) for name, ends in stored.ranges.items()},
    }
    model = stored.model
    if model is None:
        return found | {"kind": "none", "reason": stored.reason}
    if isinstance(model, TwoInputModel):
        law = {name: getattr(model.law, name).tolist() for name in ARRAYS}
        law |= {name: getattr(model.law, name) for name in NUMBERS}
        return found | {"kind": "coupled", "increasing": model.rises, "law": law}
    known = runs.drop_nulls([*INPUTS, target]).select(*INPUTS, target)
    return found | {"kind": "table", "target": target, "runs": known.to_dict(as_series=False)}


def from_json(document: Any) -> StoredModel:
    """The model of a parsed file."""
    found = as_map(document)
    ranges = {
        name: (float(ends[0]), float(ends[1]))
        for name, ends in as_map(found.get("ranges")).items()
        if len(as_list(ends)) == 2
    }
    unit, rows, kind = str(found.get("unit", "")), int(found.get("rows", 0)), found.get("kind")
    model: StudyModel | None = None
    if kind == "coupled":
        stored = as_map(found["law"])
        parts: dict[str, Any] = {name: np.array(stored[name], np.float64) for name in ARRAYS}
        parts |= {name: float(stored[name]) for name in NUMBERS}
        law = CoupledModel(**parts)
        model = TwoInputModel(INPUTS, law, bool(found.get("increasing", False)))
    elif kind == "table":
        runs = pl.DataFrame(as_map(found["runs"]))
        model = study_model(runs, INPUTS, str(found["target"]))
    return StoredModel(model, str(found.get("reason", "")), unit, rows, ranges)


def read(path: Path) -> StoredModel:
    """The model in a file.

    Raises:
        InputError: the file is missing or not what the stage writes.
    """
    try:
        return from_json(json.loads(path.read_bytes()))
    except FileNotFoundError:
        raise InputError(
            "no model of this study", file=path, hint="`scaling refit` makes it."
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"not a model ({error})", file=path, allowed="a file of the model stage"
        ) from None
