"""How sparse to train: the sparsity of least loss for a number of non-zero params and a budget.

    L(N, D, S) = (a_S (1 - S)^b_S + c_S) / N^b_N + B / D^b_D + c      (law `sparse_connected`)
    D = C (1 - S) / (6 N)

A model of N non-zero params at sparsity S is trained as the dense model of N / (1 - S) params, so
sparsity is paid for in tokens. The optimum has a closed form
(`scaling.laws.sparse_connected.optimal_sparsity`).

Source: Frantar et al. 2023, arXiv:2309.08520. Their schedule of gradual pruning may cost less than
the dense model does.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import Interval, of_values
from scaling.fitting.result import Fit
from scaling.laws.sparse_connected import optimal_sparsity
from scaling.plan.answer import FLOPS, PARAMS, Answer, Row, ends, exact, warnings_of, within
from scaling.plan.calibrated import forecasts
from scaling.plan.stored import Sheet

LAW = "sparse_connected"
SPARSITIES = (0.0, 0.5, 0.75, 0.875)
# The sparsest runs of Frantar et al.
SPARSEST = 0.875


def sparsity(sheet: Sheet, *, params: float, flops: float, level: float = 0.9) -> Answer:
    """The best sparsity for non-zero ``params`` at ``flops`` FLOP of training.

    Raises:
        InputError: a figure out of range, too little compute for a token a param, or a sheet
            without the law.
    """
    within("non-zero params", params, PARAMS, "params")
    within("compute budget", flops, FLOPS, "FLOP", "FLOP in all, not FLOP per second.")
    if flops < 6.0 * params**2:
        least = f">= {6.0 * params**2:.3g} FLOP, a token a param of the dense model"
        raise InputError("too little compute for these params", value=flops, allowed=least)
    made = sheet.get(LAW)
    theta = np.concatenate([made.theta[None], made.draws])
    p = {name: theta[:, i] for i, name in enumerate(made.law.names)}
    best = optimal_sparsity(p, params, flops)
    found = of_values(float(best[0]), best[1:], level)
    run = {"params_nonzero": params, "tokens": _tokens(params, flops, found.value)}
    run["sparsity"] = found.value
    gain = (p["a_S"] * (1.0 - best) ** p["b_S"] + p["c_S"]) / (p["a_S"] + p["c_S"])
    dense = params * gain ** (-1.0 / p["b_N"])
    distance = sheet.beyond(tokens=run["tokens"], flops=flops)
    return Answer(
        f"Sparsity of {params:.4g} non-zero params at {flops:.4g} FLOP",
        [
            ("sparsity", found, "share of weights that are zero"),
            ("tokens", exact(run["tokens"], level), "tokens"),
            ("loss", _loss(made, theta, params, flops, best, level), made.target_unit),
            (
                "dense_params",
                of_values(float(dense[0]), dense[1:], level),
                "params of a dense model that lacks as little",
            ),
        ],
        f"{sheet.name}, {LAW}",
        sheet.version,
        forecasts(sheet, made, run, level),
        {"By sparsity": [_row(made, theta, params, flops, one, level) for one in SPARSITIES]},
        distance,
        [
            f"{made.law.formula}: {made.law.assumes}.",
            "Training costs that of the dense model, 6 N D / (1 - S); gradual pruning may cost "
            "less.",
        ],
        [*warnings_of(sheet, made, distance), *_too_sparse(made, found.value)],
    )


def _tokens(params: float, flops: float, at: float) -> float:
    return flops * (1.0 - at) / (6.0 * params)


def _loss(
    made: Fit, theta: Array, params: float, flops: float, at: Array, level: float
) -> Interval:
    """The loss at each draw's sparsity (B,)."""
    p = SimpleNamespace(**{name: theta[:, i] for i, name in enumerate(made.law.names)})
    x = SimpleNamespace(params_nonzero=params, sparsity=at, tokens=flops * (1 - at) / (6 * params))
    value = made.law.predict(p, x)
    return of_values(float(value[0]), value[1:], level)


def _row(made: Fit, theta: Array, params: float, flops: float, at: float, level: float) -> Row:
    each = np.full(len(theta), at)
    row: Row = {"sparsity": at, "tokens": _tokens(params, flops, at)}
    return row | ends("loss", _loss(made, theta, params, flops, each, level))


def _too_sparse(made: Fit, best: float) -> list[str]:
    """A warning where the optimum is sparser than every run."""
    known = float(np.max(made.x["sparsity"])) if "sparsity" in made.x else SPARSEST
    if best <= known:
        return []
    return [f"The sparsest of the runs has {known:g}: beyond it the law is an extrapolation."]
