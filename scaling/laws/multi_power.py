"""Multi-power law: the loss along a run under any learning-rate schedule.

    L(t) = L0 + A S1(t)^-alpha - B sum_(k <= t) (eta_(k-1) - eta_k) G(eta_k^-gamma S_k(t))
    G(x) = 1 - (1 + C x)^-beta

S1(t) is the sum of the learning rate over the steps up to t, with those of the warm-up, and S_k(t)
that over steps k to t. Rises count with the other sign, those of the warm-up too: a constant rate
eta thus stays B eta above what a decay to 0 would reach. The law needs the whole schedule: columns
step and lr (or lr_schedule), by run.

Source: Luo et al. 2025, "A Multi-Power Law for Loss Curve Prediction Across Learning Rate
Schedules", arXiv:2503.12811. The constants are those of the authors' repository
(thu-yao-01-luo/MultiPowerLaw, README); the paper's table is of older runs. On its 18 test curves
they have here R2 .9987, .9981, .9978 and mean absolute error .0040, .0048, .0048; the README
prints .9988, .9983, .9978 and .0038, .0044, .0048. The rest is rounding: the constants are printed
to .001, and others that round to them give all figures of the README as printed
(tests/unit/laws/test_schedule_laws.py). They are no optimum: at 25M a fit to the same three curves
has half their Huber loss, with other C, beta and gamma, and forecasts the other schedules less well
(R2 .9976). Three curves hardly tell these three apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws._falls import Falls, falls
from scaling.laws._law import Input, Law, Param, Published, Solve
from scaling.laws._rates import of_runs, steps
from scaling.runs.schedules import SHAPES, plan


class Runs:
    """The schedules of the runs that a law has read, each under a number."""

    def __init__(self) -> None:
        self._known: list[tuple[str, Falls]] = []

    def read(self, runs: pl.DataFrame) -> Array:
        """The number of each row's run (rows,), whose schedule that table holds."""
        step, number = steps(runs), np.empty(runs.height)
        for name, rows, schedule in of_runs(runs):
            cut = falls(schedule, float(step[rows].max()), warmup=True)
            self._known.append((name, cut))
            number[rows] = len(self._known) - 1
        return number

    def falls(self, number: float) -> Falls:
        """The schedule of that number."""
        return self._known[int(number)][1]


def loss(p: Mapping[str, float], cut: Falls, step: Array) -> Array:
    """The law along one run, at steps (n,)."""
    drop = cut.by_sum(step, p["C"], p["gamma"], p["beta"])
    return np.asarray(p["L0"] + p["A"] * cut.sums(step) ** -p["alpha"] - p["B"] * drop)


def make(known: Runs) -> Law:
    """The law of these runs."""

    def predict(p: Any, x: Any) -> Array:
        theta = np.concatenate([getattr(p, name) for name in NAMES], axis=-1)
        value = np.empty((len(theta), len(x.step)))
        for number in np.unique(x.run):
            here, cut = x.run == number, known.falls(number)
            for one, row in zip(theta, value, strict=True):
                row[here] = loss(dict(zip(NAMES, one, strict=True)), cut, x.step[here])
        return value

    def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Solve) -> Array:
        return _fit(known, x, y, w)

    return Law(
        name="multi_power",
        title="Multi-power law",
        formula="L = L0 + A S1^-alpha - B sum_k (eta_(k-1) - eta_k) G(eta_k^-gamma S_k)",
        citation="Luo et al. 2025, arXiv:2503.12811",
        params=PARAMS,
        inputs=("run", "step"),
        question="rates",
        predict=predict,
        estimate=estimate,
        needs=(
            Input(
                "run",
                "",
                "the run, for its schedule",
                read=known.read,
                labels=True,
                low=0.0,
                open_low=False,
            ),
            Input("step", "steps", "optimiser step", typical=(2e3, 5e4)),
        ),
        span=(-float("inf"), float("inf")),
        kinds=("loss",),
        bind=bind,
        example=example,
        published=PUBLISHED,
        assumes="one model, data set and batch size; schedules between those of the fit",
        fails="one run alone: without two schedules B, C, beta and gamma are not told apart",
    )


def _fit(known: Runs, x: Mapping[str, Array], y: Array, w: Array) -> Array:
    """The parameters (7,) of least Huber loss of the log residuals.

    Starts from the authors' constants for 100M params, scaled to the losses: with several schedules
    there is one basin, with one the law says too much anyway.
    """
    from scipy.optimize import least_squares

    parts = [(known.falls(one), np.flatnonzero(x["run"] == one)) for one in np.unique(x["run"])]
    root = np.sqrt(w)

    def error(u: Array) -> Array:
        p = dict(zip(NAMES, np.exp(u), strict=True))
        value = np.empty_like(y)
        for cut, rows in parts:
            value[rows] = loss(p, cut, x["step"][rows])
        return np.asarray(root * (np.log(np.maximum(value, 1e-3)) - np.log(y)))

    start = np.array([PUBLISHED[1].values[name] for name in NAMES])
    factor = float(np.median(y)) / 3.0
    start[[0, 1, 3]] *= factor
    u = np.log(start)
    best = least_squares(
        error, u, bounds=(u - REACH, u + REACH), loss="huber", f_scale=DELTA, x_scale="jac"
    )
    return np.asarray(np.exp(best.x))


def bind(runs: Any, target: str) -> Law:
    """The law that knows the schedules of a table."""
    return replace(make(Runs()), bind=None)


def example(rng: np.random.Generator) -> tuple[pl.DataFrame, Mapping[str, float]]:
    """The authors' 100M model under ten schedules, with .1 % noise."""
    top = "peak=3e-4,warmup=2160"
    texts = [f"cosine:{top},floor=10%,end={end}" for end in (12000, 24000, 36000)]
    texts += [f"wsd:{top},floor=10%,end=24000,decay=4000,shape={one}" for one in SHAPES]
    steps_to = "points:0=0,2160=3e-4,8000=3e-4,8000={0},16000={0}"
    texts += [steps_to.format(rate) for rate in ("3e-5", "9e-5")] + [f"constant:{top},end=24000"]
    parts = []
    for text in texts:
        schedule = plan(text)
        step = np.arange(2176.0, schedule.x[-1], 256.0)
        cut = falls(schedule, float(step[-1]), warmup=True)
        noise = np.exp(1e-3 * rng.standard_normal(len(step)))
        part = pl.DataFrame({"step": step, "loss": loss(PUBLISHED[1].values, cut, step) * noise})
        parts.append(part.with_columns(run=pl.lit(text), lr_schedule=pl.lit(text)))
    return pl.concat(parts), {"L0": 2.651, "A": 0.601, "alpha": 0.453}


PARAMS = (
    Param("L0", "nats/token", "loss that is left at rate 0", start=(1.5, 4.0)),
    Param("A", "nats/token", "size of the power term at S1 = 1", start=(0.2, 2.0)),
    Param("alpha", "1", "exponent of the summed rate", start=(0.2, 1.0)),
    Param("B", "nats/token by rate", "gain by a fall of the rate", start=(50.0, 2000.0)),
    Param("C", "1", "pace at which a fall shows", start=(0.3, 20.0)),
    Param("beta", "1", "exponent of that pace", start=(0.3, 1.2)),
    Param("gamma", "1", "exponent of the rate in it", start=(0.3, 1.2)),
)

NAMES = tuple(one.name for one in PARAMS)
# Huber's corner of log residuals: the authors'. And how far the logs of the parameters may go from
# the start: exponents by a factor of 4, the others of 50.
DELTA = 1e-3
REACH = np.log([50.0, 50.0, 4.0, 50.0, 50.0, 4.0, 4.0])


def _published(size: str, *values: float) -> Published:
    return Published(
        paper="luo2025",
        variant=size,
        citation="README of thu-yao-01-luo/MultiPowerLaw @ 8da9f190, MIT",
        data=f"{size} params: cosine and constant over 24,000 steps, and two steps",
        values=dict(zip(("L0", "A", "alpha", "B", "C", "beta", "gamma"), values, strict=True)),
        note="fitted by the authors with log-Huber loss; rates in full, steps of the optimiser",
    )


PUBLISHED = (
    _published("25m", 3.040, 0.525, 0.508, 363.788, 2.066, 0.583, 0.641),
    _published("100m", 2.651, 0.601, 0.453, 437.946, 2.132, 0.598, 0.655),
    _published("400m", 2.375, 0.654, 0.429, 523.425, 2.025, 0.594, 0.635),
)
LAW = make(Runs())
