"""What the scaling laws forecast for a model at a threshold: loss and benchmark error.

The Commission's Guidelines (section 2.3.3) let a provider argue with "actual or forecasted
benchmark results (for example based on scaling analyses)". Each study spends the threshold's
compute as its own model says is optimal, and the quantiles are those of that model, as in every
forecast and plan.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.forecasting import stored_model
from scaling.forecasting.display import Forecast
from scaling.forecasting.distance import distance
from scaling.forecasting.engine import forecast, forecast_table
from scaling.forecasting.model_surface import compute_optimal
from scaling.io import library
from scaling.runs.formats import read_cells, run_table, to_schema
from scaling.runs.schema import RUN
from scaling.runs.studies import get_study, load_params, select

LEVELS = (0.05, 0.5, 0.95)
# The benchmark with the widest range of compute in the library (1.5e18 to 3.6e25 FLOP).
BENCHMARK = ("obs-scaling", "accuracy@MMLU", "error@MMLU, five-shot")

# Compute at which benchmark error is forecast: from the smallest model of the benchmark's runs to
# the largest threshold that a registry can hold, four points a power of ten.
GRID: Array = 10.0 ** np.arange(18.0, 32.01, 0.25)


def model_hash(root: Path, study: str) -> str:
    """The start of the hash of a study's model: its name where no version has it."""
    stored = (root / "data" / "models" / f"{study}.json").read_bytes()
    return f"model {hashlib.sha256(stored).hexdigest()[:12]}"


def at_thresholds(
    values: Sequence[float],
    root: Path = Path(),
    version_of: Callable[[Path, str], str] = model_hash,
) -> pl.DataFrame:
    """One row per study and threshold: ``study``, ``metric``, ``threshold`` (FLOP), ``p05``,
    ``p50``, ``p95``, ``beyond`` (decades outside the runs by the input that lies farthest; below
    the smallest where negative), ``outside`` (each input in words), ``version``.

    ``version_of(root, study)`` names the version that has a study's model. Empty where the
    project has no models.
    """
    points = sorted(set(values))
    parts = [
        _study(path, points, root, version_of)
        for path in sorted((root / "data" / "models").glob("*.json"))
    ]
    made = [part for part in parts if part is not None]
    # A workspace may have neither the source nor the library.
    validated = root / "data" / "validated" / f"{BENCHMARK[0]}.parquet"
    here = validated.exists() or _published(root, BENCHMARK[0]).exists()
    made += [_benchmark(points, root)] if points and here else []
    return pl.concat(made) if made else pl.DataFrame()


def _study(
    path: Path, points: list[float], root: Path, version_of: Callable[[Path, str], str]
) -> pl.DataFrame | None:
    """Loss at each threshold by one study's model; None where it has none."""
    stored, params = stored_model.read(path), load_params(root / "params.yaml")
    if stored.model is None or path.stem not in params["studies"] or not points:
        return None
    study = get_study(params, path.stem)
    placed = [compute_optimal(stored.model, value) for value in points]
    n, d = zip(*placed, strict=True)
    at = pl.DataFrame({"threshold": points, "params": n, "tokens": d})
    runs, _ = select(_rows(study["source"], root), study)
    known = runs.drop_nulls([*stored_model.INPUTS, "loss"])
    made = forecast_table(stored.model, at, LEVELS).described(
        distance(known, at, stored_model.INPUTS), ()
    )
    return _wide(made, at, path.stem, str(study["metric"]), version_of(root, path.stem))


def _benchmark(points: list[float], root: Path) -> pl.DataFrame:
    """Benchmark error (1 - accuracy) at each threshold, over the library's models by compute.

    Each quantile is forecast on one grid of compute, put in order along it and read off between:
    the curve at one threshold does not depend on which others are asked for, and the error does not
    rise with compute where that of the models falls. Over the whole curve such a rearrangement is
    never farther from a monotone truth, and covers it no less (Chernozhukov, Fernandez-Val and
    Galichon 2009, doi:10.1093/biomet/asp030).
    """
    source, metric, name = BENCHMARK
    rows = _rows(source, root).filter(
        pl.col("metric") == metric, pl.col("flops").is_not_null(), pl.col("value") > 0
    )
    runs = rows.select("flops", "value")
    made = forecast(
        runs, pl.DataFrame({"flops": GRID}), inputs=("flops",), target="value", quantiles=LEVELS
    )
    accuracy = made["value"].to_numpy().reshape(len(GRID), len(LEVELS))
    falls = bool(runs.select(pl.corr("flops", "value", method="spearman")).item() > 0)
    error = in_order(1.0 - accuracy[:, ::-1], falls=falls)
    read = [np.interp(np.log(points), np.log(GRID), column) for column in error.T]
    at = pl.DataFrame({"threshold": points, "flops": points})
    turned = Forecast(
        pl.DataFrame(
            {
                "threshold": np.tile(points, len(LEVELS)),
                "quantile": np.repeat(LEVELS, len(points)),
                "value": np.concatenate(read),
            }
        )
    ).described(distance(runs, at, ("flops",)), ())
    digest = hashlib.sha256(runs.write_csv().encode()).hexdigest()[:12]
    return _wide(turned, at, source, name, f"data {digest}")


def in_order(error: Array, *, falls: bool) -> Array:
    """Errors (compute, level) within 0 and 1, each level falling, or rising, with compute."""
    ordered = np.sort(np.clip(error, 0.0, 1.0), axis=0)
    return ordered[::-1] if falls else ordered


def _wide(made: Forecast, at: pl.DataFrame, study: str, metric: str, version: str) -> pl.DataFrame:
    far = made.distance
    if far is None:
        raise ValueError("a forecast of numbers has a distance")
    outside = at.select(
        "threshold",
        beyond=pl.Series(far.farthest),
        outside=pl.Series(["; ".join(one) for one in far.words()]),
    )
    named = made.with_columns(
        name=pl.format(
            "p{}", (100 * pl.col("quantile")).round().cast(pl.Int64).cast(pl.String).str.zfill(2)
        )
    )
    table = named.pivot("name", index="threshold", values="value").join(outside, on="threshold")
    return table.select(
        pl.lit(study).alias("study"),
        pl.lit(metric).alias("metric"),
        "threshold",
        "p05",
        "p50",
        "p95",
        "beyond",
        "outside",
        pl.lit(version).alias("version"),
    )


def _rows(source: str, root: Path) -> pl.DataFrame:
    """Validated rows, or the library's as they stand where nothing was validated yet."""
    done = root / "data" / "validated" / f"{source}.parquet"
    if done.exists():
        return pl.read_parquet(done)
    return to_schema(read_cells(run_table(_published(root, source))), RUN)


def _published(root: Path, source: str) -> Path:
    return library.found(root / "data" / "published" / source)


def beside(crossed: pl.DataFrame, forecasts: pl.DataFrame) -> pl.DataFrame:
    """Crossings with the forecast at their threshold: loss by the first study (by name) and
    benchmark error, each with 5, 50 and 95 % points and the version behind it."""
    if forecasts.is_empty():
        return crossed
    named = {
        "loss": pl.col("metric").str.starts_with("loss"),
        "error": pl.col("metric").str.starts_with("error"),
    }
    for name, chosen in named.items():
        rows = forecasts.filter(chosen)
        one = rows.filter(pl.col("study") == rows["study"].min())
        columns = {c: f"{name}_{c}" for c in ("metric", "p05", "p50", "p95", "version")}
        part = one.select("threshold", *columns).rename(columns)
        crossed = crossed.join(part, on="threshold", how="left", maintain_order="left")
    return crossed
