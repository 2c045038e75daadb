"""Stage ``forecast``: stored models, fits and the targets of params.yaml become quantiles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling import laws
from scaling.errors import InputError
from scaling.fitting.data import column_of, law_inputs
from scaling.fitting.study_record import FitRecord, StudyFits, read
from scaling.forecasting import stored_model
from scaling.forecasting.backtest import MIN_RUNS, naive
from scaling.forecasting.model_surface import compute_optimal
from scaling.forecasting.named_law import law_quantiles
from scaling.forecasting.stored_model import StoredModel
from scaling.io import atomic
from scaling.io.tables import csv_text
from scaling.laws import Law
from scaling.runs.counts import count
from scaling.runs.schema import FORECAST, dtypes
from scaling.runs.studies import get_study, load_params, of_study, select

FITS = Path("data/fits")
MODELS = Path("data/models")
VALIDATED = Path("data/validated")
INPUTS = ("params", "tokens")
SCALE = (*INPUTS, "flops")
OUT = Path("data/forecasts/forecast.csv")
BASELINES = OUT.with_name("baselines.csv")
FAN = OUT.with_name("fan.csv")
# Budgets along which a page draws the forecast, from this far below the largest run (as a factor)
# to the largest target: enough that straight lines between them look like a curve.
FAN_BUDGETS = 12
FAN_BELOW = 100.0
# The median and the ends of the 50 and 90 % intervals.
FAN_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
FAN_COLUMNS = {"study": pl.String, **dict.fromkeys((*SCALE, "quantile", "value"), pl.Float64)}


def main() -> None:
    """Write data/forecasts/forecast.csv, one row per study, target, law and quantile, and the
    points of the naive methods, in the same columns, to baselines.csv; and to fan.csv the quantiles
    of each study's model at a dozen compute-optimal budgets."""
    params = load_params()
    levels = np.array(params["forecast"]["quantiles"], dtype=np.float64)
    parts, points, fans = [], [], []
    for study in sorted(params["studies"]):
        chosen = get_study(params, study)
        with of_study(study, chosen):
            record = read(FITS / f"{study}.json")
            draws = pl.read_parquet(FITS / f"{study}.parquet")
            model = stored_model.read(MODELS / f"{study}.json")
            targets = place_targets(params["forecast"]["targets"], model)
            rows = pl.read_parquet(VALIDATED / f"{record.source}.parquet")
            runs, _ = select(rows, chosen)
            parts.append(study_rows(record, model, runs, draws, targets, levels, params["seed"]))
            points.append(baseline_rows(study, runs, targets))
            fans.append(fan_rows(study, model, targets))
    atomic.write(FAN, csv_text(pl.concat(fans)).encode())
    atomic.write(BASELINES, csv_text(pl.concat(points)).encode())
    table = pl.concat(parts).cast(pl.Schema(dtypes(FORECAST)))
    atomic.write(OUT, csv_text(table).encode())
    print(f"{table.height} quantiles of {len(parts)} stud{'y' if len(parts) == 1 else 'ies'}")


def place_targets(targets: dict[str, Any], model: StoredModel) -> pl.DataFrame:
    """Params, tokens and FLOP of each target; a budget is spent as the study's model says.

    A study without a model has no forecast for targets that are budgets.
    """
    rows: list[dict[str, Any]] = [
        {"target": name} | place(target, model)
        for name, target in targets.items()
        if model.model is not None or "flops" not in target
    ]
    empty = {"target": pl.String, **dict.fromkeys(SCALE, pl.Float64)}
    return pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema=empty)


def place(target: dict[str, float], model: StoredModel) -> dict[str, float]:
    """One target as params, tokens, flops, and any other input that params.yaml gives it."""
    more = {key: float(value) for key, value in target.items() if key not in SCALE}
    if "flops" not in target:
        n, d = (count(target[name], name, place=f"target {name}:") for name in INPUTS)
        return {"params": n, "tokens": d, "flops": 6.0 * n * d} | more
    assert model.model is not None
    n, d = compute_optimal(model.model, float(target["flops"]))
    return {"params": n, "tokens": d, "flops": float(target["flops"])} | more


def study_rows(
    record: StudyFits,
    model: StoredModel,
    runs: pl.DataFrame,
    draws: pl.DataFrame,
    targets: pl.DataFrame,
    levels: Any,
    seed: int,
) -> pl.DataFrame:
    """Quantiles of the study's model ("ensemble") and of each law alone.

    A law has rows for the targets that name all its inputs; laws that predict something else than
    the metric have none, nor has a fit without resamples.
    """
    made = []
    if model.model is not None and targets.height:
        made.append(("ensemble", targets, model.model.quantiles(targets, levels)))
    for one in record.fits:
        law = laws.get(one.law).bound(runs, "loss")
        at = _with_inputs(law, targets)
        own = draws.filter(pl.col("law") == law.name)
        if own.is_empty():
            print(
                f"{record.study} {law.name}: no forecast of this law alone. {' '.join(one.notes)}"
            )
        elif at.height:
            made.append((law.name, at, alone(one, law, own, at, (levels, seed))))
    parts = [_long(record.study, *one, levels) for one in made]
    return pl.concat(parts) if parts else pl.DataFrame(schema=dtypes(FORECAST))


def baseline_rows(study: str, runs: pl.DataFrame, targets: pl.DataFrame) -> pl.DataFrame:
    """Carrying the last value on and the tail's power law, as medians."""
    empty = pl.DataFrame(schema=dtypes(FORECAST))
    whole = runs.drop_nulls([*INPUTS, "loss"]).filter(pl.col("loss") > 0)
    if not targets.height or whole.height < MIN_RUNS:
        return empty
    middle = np.array([0.5])
    made = naive(whole, targets, INPUTS, "loss")
    parts = [_long(study, name, targets, np.exp(z)[None], middle) for name, z in made]
    return pl.concat(parts).cast(empty.schema)


def fan_rows(study: str, model: StoredModel, targets: pl.DataFrame) -> pl.DataFrame:
    """Quantiles of the study's model along the compute-optimal path, from well inside the runs to
    the largest target (FLOP of 6ND); nothing without a model."""
    empty = pl.DataFrame(schema=FAN_COLUMNS)
    if model.model is None or "flops" not in model.ranges:
        return empty
    low, high = model.ranges["flops"]
    reach = targets["flops"].max() if targets.height else None
    end = max(high, float(reach)) if isinstance(reach, float) else high
    budgets = np.geomspace(max(low, high / FAN_BELOW), end, FAN_BUDGETS)
    sizes = [compute_optimal(model.model, float(budget)) for budget in budgets]
    at = pl.DataFrame(sizes, schema=INPUTS, orient="row").with_columns(flops=budgets)
    levels = np.array(FAN_LEVELS)
    rows = _long(
        study, "", at.with_columns(target=pl.lit("")), model.model.quantiles(at, levels), levels
    )
    return rows.select(empty.columns).cast(empty.schema)


def _long(study: str, label: str, targets: pl.DataFrame, values: Any, levels: Any) -> pl.DataFrame:
    """Rows of one law from quantiles (levels, targets)."""
    index = np.repeat(np.arange(targets.height), len(levels))
    return targets[index].select(
        pl.lit(study).alias("study"),
        pl.col("target", *SCALE),
        pl.lit(label).alias("law"),
        pl.Series("quantile", np.tile(levels, targets.height)),
        pl.Series("value", values.T.reshape(-1)),
    )


def alone(
    one: FitRecord, law: Law, draws: pl.DataFrame, at: pl.DataFrame, how: tuple[Any, int]
) -> Any:
    """Quantiles (levels, targets) of one stored fit: its own ``draws`` and its own noise."""
    theta = np.stack(
        [draws.filter(pl.col("parameter") == name)["value"].to_numpy() for name in law.names],
        axis=1,
    )
    x = law_inputs(at, law, to_fit=False)
    return law_quantiles(law, theta, np.array(one.residuals), x, how)


def _with_inputs(law: Law, targets: pl.DataFrame) -> pl.DataFrame:
    """The targets that name all inputs of a law; none for a law that predicts something else."""
    at = targets.with_columns(x=pl.col("flops")) if law.inputs == ("x",) else targets
    if law.output:
        return at.clear()
    for each in law.all_inputs:
        column = column_of(each, at.columns)
        if column is not None:
            at = at.filter(pl.col(column).is_not_null())
        elif not each.only_fit and each.default is None:
            return at.clear()
    return at


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
