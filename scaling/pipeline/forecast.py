"""Stage ``forecast``: stored fits and the targets of params.yaml become quantiles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling import laws
from scaling.errors import InputError, about
from scaling.fitting.data import column_of, law_inputs
from scaling.fitting.study_record import FitRecord, StudyFits, read
from scaling.forecasting.backtest import MIN_RUNS, naive
from scaling.forecasting.engine import predictive
from scaling.forecasting.law_choice import joins
from scaling.forecasting.named_law import law_quantiles
from scaling.io import atomic
from scaling.io.tables import csv_text
from scaling.laws import Law
from scaling.laws._surface import compute_optimal, planning_law
from scaling.runs.schema import FORECAST, dtypes
from scaling.runs.studies import get_study, load_params, select

FITS = Path("data/fits")
VALIDATED = Path("data/validated")
INPUTS = ("params", "tokens")
SCALE = (*INPUTS, "flops")
OUT = Path("data/forecasts/forecast.csv")
BASELINES = OUT.with_name("baselines.csv")


def main() -> None:
    """Write data/forecasts/forecast.csv, one row per study, target, law and quantile, and the
    points of the naive methods, in the same columns, to baselines.csv."""
    params = load_params()
    levels = np.array(params["forecast"]["quantiles"], dtype=np.float64)
    parts, points = [], []
    for study in sorted(params["studies"]):
        record = read(FITS / f"{study}.json")
        draws = pl.read_parquet(FITS / f"{study}.parquet")
        rows = pl.read_parquet(VALIDATED / f"{record.source}.parquet")
        with about(f"study {study}"):
            targets = place_targets(params["forecast"]["targets"], record)
            runs, _ = select(rows, get_study(params, study))
            parts.append(study_rows(record, runs, draws, targets, levels, params["seed"]))
            points.append(baseline_rows(study, runs, targets))
    atomic.write(BASELINES, csv_text(pl.concat(points)).encode())
    table = pl.concat(parts).cast(pl.Schema(dtypes(FORECAST)))
    atomic.write(OUT, csv_text(table).encode())
    print(f"{table.height} quantiles of {len(parts)} stud{'y' if len(parts) == 1 else 'ies'}")


def place_targets(targets: dict[str, Any], record: StudyFits) -> pl.DataFrame:
    """Params, tokens and FLOP of each target; a budget is spent as the study's own fit says.

    A study without a fit that could spend a budget has no forecast for targets that are budgets.
    """
    spends = planning_law(record.laws) is not None
    rows: list[dict[str, Any]] = [
        {"target": name} | place(name, target, record)
        for name, target in targets.items()
        if spends or "flops" not in target
    ]
    empty = {"target": pl.String, **dict.fromkeys(SCALE, pl.Float64)}
    return pl.DataFrame(rows, infer_schema_length=None) if rows else pl.DataFrame(schema=empty)


def place(name: str, target: dict[str, float], record: StudyFits) -> dict[str, float]:
    """One target as params, tokens, flops, and any other input that params.yaml gives it."""
    more = {key: float(value) for key, value in target.items() if key not in SCALE}
    if "flops" not in target:
        n, d = float(target["params"]), float(target["tokens"])
        return {"params": n, "tokens": d, "flops": 6.0 * n * d} | more
    law = planning_law(record.laws)
    spending = None if law is None else record.fit(law)
    if spending is None:
        raise InputError(
            f"target {name} is a budget, and study {record.study} has no law to spend it by",
            file="params.yaml",
            value=", ".join(record.laws),
            allowed="a law of the loss in params and tokens, or a target with both",
        )
    n_best, d_best = compute_optimal(
        laws.get(spending.law), spending.values, float(target["flops"])
    )
    spent = {"params": float(n_best), "tokens": float(d_best), "flops": float(target["flops"])}
    return spent | more


def study_rows(
    record: StudyFits,
    runs: pl.DataFrame,
    draws: pl.DataFrame,
    targets: pl.DataFrame,
    levels: Any,
    seed: int,
) -> pl.DataFrame:
    """Quantiles of `scaling.forecast` in N and D ("ensemble") and of each law alone.

    A law has rows for the targets that name all its inputs; laws that predict something else than
    the metric have none.
    """
    made = []
    in_both = any(joins(laws.get(one.law), INPUTS) for one in record.fits)
    if in_both and targets.height:
        together = predictive(runs, targets, INPUTS, "loss").quantiles(levels)
        made.append(("ensemble", targets, together))
    for one in record.fits:
        law = laws.get(one.law).bound(runs, "loss")
        at = _with_inputs(law, targets)
        if at.height:
            with about(f"law {law.name}"):
                made.append((law.name, at, alone(one, law, draws, at, (levels, seed))))
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
    """Quantiles (levels, targets) of one stored fit: its draws and its own noise."""
    own = draws.filter(pl.col("law") == law.name)
    theta = np.stack(
        [own.filter(pl.col("parameter") == name)["value"].to_numpy() for name in law.names], axis=1
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
