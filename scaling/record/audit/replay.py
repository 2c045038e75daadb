"""What would have been forecast on past days: the plan in history.yaml, replayed.

On a day a study knows the rows observed by then; one that published everything at once knows the
rows up to a size (`ReplayedStudy.cut_on`). Every method forecasts the larger runs that it still had
to reveal, by their N and D alone, as `scaling.forecasting.backtest` does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.forecasting.backtest import methods
from scaling.forecasting.distribution import Predictive
from scaling.runs.schema import FORECAST, dtypes
from scaling.runs.studies import select

FILE = Path("history.yaml")


@dataclass(frozen=True)
class ReplayedStudy:
    """One study of the plan; ``cut`` is empty where the days of the rows tell what was known."""

    name: str
    source: str
    metric: str
    inputs: tuple[str, ...]
    params_column: str = "params"
    exclude: Sequence[Mapping[str, str]] = ()
    cut: Mapping[str, Any] = field(default_factory=dict)

    def rows(self, validated: Path) -> pl.DataFrame:
        """Its runs, N in ``params``, with ``flops`` (6ND where the source states none)."""
        file = validated / f"{self.source}.parquet"
        if not file.is_file():
            hint = "`dvc repro validate` makes it from data/published"
            raise InputError("is missing", file=file, hint=hint)
        table = pl.read_parquet(file)
        runs, _ = select(table, {"metric": self.metric, "exclude": list(self.exclude)})
        size = pl.col(self.params_column)
        runs = runs.with_columns(n_stated=size).drop("params").rename({"n_stated": "params"})
        stated = pl.col("flops").fill_null(6.0 * pl.col("params") * pl.col("tokens"))
        needed = [pl.col(name).is_not_null() for name in ("params", "tokens")]
        return runs.with_columns(flops=stated).filter(*needed, pl.col("loss") > 0)

    def cut_on(self, day: date, days: Sequence[date], published: date) -> dict[str, Any] | None:
        """Column and largest value known on a day; None where days tell, or all is known."""
        past = [one for one in days if published <= one <= day]
        steps = self.cut.get("at_most", ())
        if not past or len(past) > len(steps):
            return None
        return {"column": self.cut["column"], "at_most": float(steps[len(past) - 1])}


@dataclass(frozen=True)
class ReplayPlan:
    """history.yaml."""

    days: tuple[date, ...]
    most_targets: int
    levels: Array
    studies: tuple[ReplayedStudy, ...]
    trends: Mapping[str, Any]
    text: Mapping[str, Any]


def read_plan(file: Path = FILE) -> ReplayPlan:
    """The plan; raises InputError when it cannot be read or names what there is not."""
    if not file.is_file():
        raise InputError("is missing", file=file, hint="It says which past days to replay")
    given = yaml.safe_load(file.read_text(encoding="utf-8"))
    try:
        studies = tuple(
            ReplayedStudy(name, **{**one, "inputs": tuple(one["inputs"])})
            for name, one in given["studies"].items()
        )
        days = tuple(sorted(given["as_of"]))
        levels = np.array(given["quantiles"], dtype=np.float64)
        plan = ReplayPlan(days, int(given["most_targets"]), levels, studies, given["trends"], given)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"cannot be read: {error}", file=file) from error
    if not days or any(type(day) is not date for day in days):
        raise InputError("not days", file=file, column="as_of", allowed="YYYY-MM-DD, one or more")
    return plan


def replay(
    study: ReplayedStudy, day: date, plan: ReplayPlan, validated: Path
) -> tuple[pl.DataFrame, dict[str, Any]] | None:
    """The study's forecasts on the day (columns of FORECAST, naive methods too), and its facts.

    None when nothing was known yet, too little to forecast from, or nothing is left to come.
    """
    rows = study.rows(validated)
    published = rows["observed"].min()
    if not isinstance(published, date):
        raise InputError("no runs are left", file=FILE, column=f"studies.{study.name}", value=0)
    cut = study.cut_on(day, plan.days, published)
    known = (pl.col(cut["column"]) <= cut["at_most"]) if cut else (pl.col("observed") <= day)
    if cut and cut["column"] == study.params_column:
        known = pl.col("params") <= cut["at_most"]
    if published > day:
        return None
    small, large = rows.filter(known), rows.filter(~known)
    points = _targets(large, plan.most_targets)
    if not points.height:
        return None
    table = _table(study, small, points, plan.levels)
    return None if table is None else (table, _facts(study, small, cut))


def _targets(large: pl.DataFrame, most: int) -> pl.DataFrame:
    """The distinct sizes still to come, at most so many, evenly by rank of compute."""
    distinct = large.select("params", "tokens", "flops").unique().sort("flops", "params", "tokens")
    wanted = np.unique(np.linspace(0, distinct.height - 1, min(most, distinct.height)).round())
    chosen = distinct[wanted.astype(int).tolist()] if distinct.height else distinct
    names = [f"N{row['params']:.4g}-D{row['tokens']:.4g}" for row in chosen.to_dicts()]
    return chosen.with_columns(target=pl.Series(names, dtype=pl.String)).unique(
        "target", keep="first", maintain_order=True
    )


def _table(
    study: ReplayedStudy, small: pl.DataFrame, points: pl.DataFrame, levels: Array
) -> pl.DataFrame | None:
    columns = [*study.inputs, "loss"]
    if small.height == 0:
        return None
    method_forecasts = methods(
        small.select(columns),
        points.select(study.inputs).with_columns(loss=pl.lit(1.0)),
        study.inputs,
        "loss",
    )
    parts = [_long(study.name, name, points, one, levels) for name, one in method_forecasts]
    return pl.concat(parts).cast(pl.Schema(dtypes(FORECAST))) if parts else None


def _long(
    study: str, law: str, points: pl.DataFrame, forecast: Predictive | Array, levels: Array
) -> pl.DataFrame:
    """Rows of one method; a method without a distribution has its point as the median."""
    if isinstance(forecast, Predictive):
        values = forecast.quantiles(levels)
    else:
        levels, values = np.array([0.5]), np.exp(forecast)[None]
    index = np.repeat(np.arange(points.height), len(levels))
    return points[index].select(
        pl.lit(study).alias("study"),
        pl.col("target", "params", "tokens", "flops"),
        pl.lit(law).alias("law"),
        pl.Series("quantile", np.tile(levels, points.height)),
        pl.Series("value", values.T.reshape(-1)),
    )


def _facts(study: ReplayedStudy, small: pl.DataFrame, cut: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "study": study.name,
        "source": study.source,
        "metric": study.metric,
        "inputs": list(study.inputs),
        "params_column": study.params_column,
        "excluded": [dict(rule) for rule in study.exclude],
        "cut": cut,
        "rows": small.height,
        "ranges": {
            name: [small[name].min(), small[name].max()] for name in ("params", "tokens", "flops")
        },
    }
