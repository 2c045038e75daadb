"""What the explorer's page computes with: a study's model and laws as plain numbers.

The page holds no forecasts but what makes them, so that it answers at any size as
`scaling forecast` and the version's own table do:

- the coupled law: its optima, and the 1,000 constants and deviations of its draws;
- a law of the form E + (A N^-alpha + B D^-beta)^gamma: its resamples and the noise of single runs;
- any other model: quantiles on a grid of sizes, on which the page's handles then move.

Arrays are float64 in base64, little-endian.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.result import Fit
from scaling.forecasting import distance, two_inputs
from scaling.forecasting.model_surface import MODEL, ModelFit
from scaling.forecasting.named_law import NOISE_PER_DRAW, run_noise
from scaling.forecasting.study_model import StudyModel, TwoInputModel
from scaling.govern import registry
from scaling.laws._surface import PowerSurface, has_surface, surface
from scaling.plan import costs
from scaling.plan.stored import SIZES, Sheet

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
# Points an axis of a grid: a step of a twelfth of a decade over seven.
POINTS = 85
# Decades that the handles go below the smallest and beyond the largest run.
BELOW, BEYOND = 1.0, 4.0


def study(sheet: Sheet, seed: int, target: str = "loss", title: str = "") -> dict[str, Any]:
    """A study as the page reads it.

    Args:
        sheet: its model and fits, with its runs where they are at hand.
        seed: of the noise of laws, as in params.yaml.
        target: the column of the runs that is forecast.
        title: what people call the study; its name without.

    Raises:
        InputError: no model or law of params and tokens.
    """
    ranges = {name: sheet.ranges[name] for name in SIZES if name in sheet.ranges}
    if not {"params", "tokens"} <= set(ranges):
        raise InputError("nothing to explore", value=sheet.name, allowed="runs in params, tokens")
    models, left_out = [], dict(sheet.refused)
    for name, fit in sheet.fits.items():
        try:
            models.append({"name": name, "title": _title(fit)} | _numbers(fit, ranges, seed))
        except InputError as error:
            left_out[name] = str(error)
    if not models:
        raise InputError("no model to explore", value=sheet.name, hint=" ".join(left_out.values()))
    return {
        "name": sheet.name,
        "title": title or sheet.name,
        "version": sheet.version,
        "metric": sheet.metric or target,
        "unit": next((fit.unit for fit in sheet.fits.values() if fit.unit), ""),
        "models": models,
        "left_out": left_out,
        "ranges": ranges,
        "ends": {name: _ends(ranges[name]) for name in ("params", "tokens")},
        **_runs(sheet.table, target),
    }


def _title(fit: Fit) -> str:
    return "Model of the study" if fit.law.name == MODEL else fit.law.title


def _ends(known: tuple[float, float]) -> tuple[float, float]:
    low, high = np.log10(known)
    return float(low - BELOW), float(high + BEYOND)


def _numbers(fit: Fit, ranges: Mapping[str, tuple[float, float]], seed: int) -> dict[str, Any]:
    """How the page computes one model.

    Raises:
        InputError: no resamples, or a form that the page does not know.
    """
    if isinstance(fit, ModelFit):
        assert fit.model is not None
        if isinstance(fit.model, TwoInputModel):
            return coupled(fit.model)
        return grid(fit.model, ranges)
    if not has_surface(fit.law) or fit.law.link != "log":
        raise InputError("no law of the loss in params and tokens alone")
    if not len(fit.resampled):
        raise InputError("no resamples, so no interval")
    made = surface(fit.law, fit.resampled)
    if not isinstance(made, PowerSurface):
        raise InputError("its form is not one of the page's")
    return power(made, fit, seed)


def coupled(model: TwoInputModel) -> dict[str, Any]:
    """The coupled law: what `scaling.forecasting.two_inputs.CoupledModel.draws` computes with."""
    law, numbers = model.law, two_inputs._numbers()
    chosen, constants = law._drawn
    return {
        "kind": "coupled",
        "rises": model.rises,
        "smallest": law.smallest.tolist(),
        "largest": law.largest.tolist(),
        "low": law.low,
        "noise": law.noise,
        "scale": list(two_inputs.SCALE_WEIGHTS),
        "theta": packed(law.theta),
        "weight": packed(law.weight),
        "chosen": packed(chosen.astype(np.float64)),
        "constants": packed(constants),
        "offset": packed(numbers.offset),
        "noises": packed(numbers.noise),
        "tails": packed(numbers.tails),
    }


def power(made: PowerSurface, fit: Fit, seed: int) -> dict[str, Any]:
    """A law in closed form: what `scaling.forecasting.named_law.law_quantiles` computes with."""
    noise = run_noise(fit.residuals, len(fit.law.names)) if len(fit.residuals) else np.zeros(1)
    rng = np.random.default_rng([seed, 2])
    drawn = rng.choice(noise, size=len(made.e) * NOISE_PER_DRAW)
    names = ("e", "log_a", "log_b", "alpha", "beta", "gamma")
    return {
        "kind": "power",
        "copies": NOISE_PER_DRAW,
        "noises": packed(drawn),
        **{name: packed(getattr(made, name)) for name in names},
    }


def grid(model: StudyModel, ranges: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Quantiles (levels, N, D) on a grid of sizes, for a model of another form."""
    (low_n, high_n), (low_d, high_d) = (_ends(ranges[name]) for name in ("params", "tokens"))
    axes = np.linspace(low_n, high_n, POINTS), np.linspace(low_d, high_d, POINTS)
    n, d = np.meshgrid(10.0 ** axes[0], 10.0 ** axes[1], indexing="ij")
    at = pl.DataFrame({"params": n.ravel(), "tokens": d.ravel()})
    found = model.quantiles(at, np.array(LEVELS))
    return {"kind": "grid", "points": POINTS, "values": packed(found)}


def packed(values: Array) -> str:
    """Float64 numbers as text."""
    return base64.b64encode(np.ascontiguousarray(values, "<f8").tobytes()).decode("ascii")


def _runs(table: pl.DataFrame | None, target: str) -> dict[str, Any]:
    """The runs, as points of the figure and as what distances are counted from."""
    needed = ("params", "tokens", target)
    if table is None or not set(needed) <= set(table.columns):
        return {"runs": None, "usual": 0.0}
    known = table.drop_nulls(needed).select(pl.col(needed).cast(pl.Float64))
    far = distance.distance(known, known.head(1), ("params", "tokens"))
    return {
        "runs": packed(known.to_numpy()),
        "usual": float(far.usual[0]),
    }


def page(
    studies: Iterable[Mapping[str, Any]], day: date, folder: Path = registry.FOLDER
) -> dict[str, Any]:
    """Everything on the page: studies, what compute costs, and the thresholds of a day."""
    by = costs.hardware(folder=folder)
    one = costs.figures(costs.FactorRange(1.0, 1.0, 1.0), by)
    return {
        "studies": list(studies),
        "levels": list(LEVELS),
        "far": distance.FAR,
        "empty": distance.EMPTY,
        "day": day.isoformat(),
        "cost": {
            "chip": by.chip,
            "assumes": costs._assumptions(by)[0],
            **{name: [band.low, band.central, band.high] for name, band in one.items()},
        },
        "thresholds": thresholds(day, folder),
    }


def thresholds(day: date, folder: Path = registry.FOLDER) -> list[dict[str, Any]]:
    """Rules on training compute that hold on a day, smallest first."""
    rules = registry.load(folder).rules
    known = registry.holding(registry.believed(rules, day), day).filter(
        pl.col("quantity") == "training_compute",
        pl.col("comparator").is_in([">", ">="]),
        pl.col("status").is_in(registry.EVALUATED_STATUSES),
    )
    names = ("rule", "jurisdiction", "instrument", "provision", "comparator", "value")
    return known.sort("value", "rule").select(names).to_dicts()
