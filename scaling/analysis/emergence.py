"""Did an ability emerge, or does a smooth law under a sharp metric say the same?

Every law is fitted to all scales but the largest few and predicts those; the held-out error
decides, with an interval from resampled held-out rows:

    smooth   emergent      sigmoid in log scale
             exact_match   p^k of a smooth per-token p
             straight      a straight line in log scale
    break    broken_power  an error 1 - y whose power law changes its exponent
             step          one level up to a scale, another line after it

Differences below one point count as none. The held-out scales are those above the ``held_out``
share of log scale. An ability that appears only in the held-out part cannot be forecast by any of
them: then both sides do badly, the verdict is "undecided", and that is the finding; so it is where
nothing changes and carrying the last scores on does as well. Neighbouring
checkpoints of one run share errors, and intervals are then too narrow.

Sources: Wei et al. 2022, arXiv:2206.07682; Schaeffer et al. 2023, arXiv:2304.15004.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling import laws
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.nested import parameters
from scaling.fitting.solver.objective import Objective

SQUARES = Objective("least_squares", "linear")
FEWEST_FITTED, FEWEST_HELD = 6, 2
RESAMPLES = 2000
SMOOTH = ("emergent", "exact_match", "straight")
BREAKS = ("broken_power", "step")
# Scores of 0 and 1 have no logarithm.
MIN_SCORE = 1e-4
# Differences of mean absolute error below this are no verdict: the tests behind scores have
# hundreds of questions, so a point is within their noise.
MARGIN = 0.01


class Verdict(enum.StrEnum):
    """What the held-out error says."""

    SMOOTH = "smooth"
    BREAK = "break"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Emergence:
    """The verdict with its evidence.

    ``errors`` is the mean absolute error on the held-out rows by law, ``smooth`` and ``broken``
    the best law of each side *on the fitted rows' own held-out part* (chosen without looking at the
    rows that judge), ``difference`` error of the break minus error of the smooth law with the ends
    of its interval (above 0: the smooth law is better).
    """

    verdict: Verdict
    smooth: str
    broken: str
    errors: dict[str, float]
    difference: tuple[float, float, float]
    fitted: int
    held_out: int
    sentence: str


def emergence(
    x: Sequence[float] | Array,
    y: Sequence[float] | Array,
    *,
    answer_tokens: float = 1.0,
    held_out: float = 0.3,
    level: float = 0.9,
    seed: int = 0,
) -> Emergence:
    """The verdict on scores ``y`` (0 to 1) at scales ``x`` (compute or params).

    ``answer_tokens`` is k of exact_match: tokens that must all be right.

    Raises:
        InputError: scores outside 0 to 1, scales that are not positive, or too few of them.
    """
    scale, score = _checked(x, y)
    if not 0 < held_out < 1:
        raise InputError("held_out out of range", value=held_out, allowed="between 0 and 1")
    late = _largest_scales(scale, held_out)
    # The same split once more, within the fitted rows, chooses one law of each side.
    inner = _largest_scales(scale[~late], held_out)
    early_x, early_y = scale[~late], score[~late]
    chosen = {
        side: _best(names, early_x, early_y, inner, answer_tokens)
        for side, names in (("smooth", SMOOTH), ("break", BREAKS))
    }
    misses = {
        name: np.abs(_predict(name, early_x, early_y, scale[late], answer_tokens) - score[late])
        for name in (*SMOOTH, *BREAKS, "carry")
    }
    gap = misses[chosen["break"]] - misses[chosen["smooth"]]
    low, high = _interval(gap, level, seed)
    found = (float(np.mean(gap)), low, high)
    errors = {name: float(np.mean(miss)) for name, miss in misses.items()}
    verdict = _verdict(found, errors, chosen)
    return Emergence(
        verdict,
        chosen["smooth"],
        chosen["break"],
        errors,
        found,
        int((~late).sum()),
        int(late.sum()),
        _sentence(verdict, chosen, errors, found),
    )


def _verdict(
    found: tuple[float, float, float], errors: dict[str, float], chosen: dict[str, str]
) -> Verdict:
    """A side wins beyond doubt, by a margin, over every law of the other (which of them was chosen
    must not decide) and over carrying on what was there (else there was nothing to forecast)."""
    mean, low, high = found
    if not (low > 0 or high < 0) or abs(mean) <= MARGIN:
        return Verdict.UNDECIDED
    winner = chosen["smooth"] if mean > 0 else chosen["break"]
    others = BREAKS if mean > 0 else SMOOTH
    beaten = all(errors[winner] < errors[name] for name in others)
    if not beaten or errors[winner] > errors["carry"] - MARGIN:
        return Verdict.UNDECIDED
    return Verdict.SMOOTH if mean > 0 else Verdict.BREAK


def _checked(x: Sequence[float] | Array, y: Sequence[float] | Array) -> tuple[Array, Array]:
    scale, score = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(scale) != len(score):
        raise InputError("lengths differ", value=(len(scale), len(score)), allowed="one length")
    bad = np.flatnonzero(~(np.isfinite(scale) & (scale > 0) & (score >= 0) & (score <= 1)))
    if len(bad):
        at = int(bad[0])
        raise InputError(
            "value out of range",
            row=at + 1,
            value=(float(scale[at]), float(score[at])),
            allowed="scale > 0 and a score from 0 to 1",
        )
    order = np.argsort(scale, kind="stable")
    return scale[order], score[order]


def _largest_scales(scale: Array, share: float) -> NDArray[np.bool_]:
    """Rows above the share of log scale, at least two scales, with enough rows left below."""
    logs = np.log(scale)
    levels = np.unique(scale)
    edge = np.exp(logs.max() - share * np.ptp(logs))
    if len(levels) > FEWEST_HELD:
        edge = min(edge, levels[-FEWEST_HELD])
    late: NDArray[np.bool_] = scale >= edge
    fewest = min(FEWEST_FITTED, max(3, len(scale) // 2))
    if (~late).sum() < fewest:
        late = np.arange(len(scale)) >= fewest
    if len(levels) < 4 or not late.any() or len(np.unique(scale[~late])) < 3:
        raise InputError(
            "too few scales to hold any out", value=len(levels), allowed=f">= {FEWEST_FITTED + 2}"
        )
    return late


def _best(names: tuple[str, ...], x: Array, y: Array, late: NDArray[np.bool_], k: float) -> str:
    """The law of least error on the later part of the fitted rows."""
    errors = {
        name: float(np.mean(np.abs(_predict(name, x[~late], y[~late], x[late], k) - y[late])))
        for name in names
    }
    return min(errors, key=lambda name: errors[name])


def _predict(name: str, x: Array, y: Array, at: Array, k: float) -> Array:
    """Predictions of one law at ``at``, held between 0 and 1."""
    own = {"straight": _straight, "step": _step, "broken_power": _broken, "carry": _carry}
    if name in own:
        made = own[name](x, y, at)
    else:
        law = laws.get(name)
        theta = parameters(law, _inputs(x, k), y, np.ones_like(y), SQUARES)
        made = law(theta[None], _inputs(at, k))[0]
    return np.asarray(np.clip(np.nan_to_num(made, nan=float(y.mean())), 0.0, 1.0))


def _inputs(x: Array, k: float) -> dict[str, Array]:
    return {"x": x, "answer_tokens": np.full(len(x), k)}


def _broken(x: Array, y: Array, at: Array) -> Array:
    law = laws.get("broken_power")
    theta = parameters(law, {"x": x}, np.maximum(1.0 - y, MIN_SCORE), np.ones_like(y), SQUARES)
    return np.asarray(1.0 - law(theta[None], {"x": at})[0])


def _straight(x: Array, y: Array, at: Array) -> Array:
    slope, level = np.polyfit(np.log(x), y, 1)
    return np.asarray(level + slope * np.log(at))


def _carry(x: Array, y: Array, at: Array) -> Array:
    """The mean of the largest third of the fitted rows."""
    return np.full(len(at), float(y[np.argsort(x, kind="stable")][-max(1, len(y) // 3) :].mean()))


def _step(x: Array, y: Array, at: Array) -> Array:
    """A level, then a straight line in log scale that begins at the best place."""
    z, where = np.log(x), np.log(at)
    best, least = np.full(len(at), float(y.mean())), np.inf
    for place in np.unique(z)[:-1]:
        table = np.stack([np.ones_like(z), np.maximum(z - place, 0.0)], axis=1)
        line, *_ = np.linalg.lstsq(table, y, rcond=None)
        total = float(np.sum((table @ line - y) ** 2))
        if total < least:
            best, least = line[0] + line[1] * np.maximum(where - place, 0.0), total
    return best


def _interval(gap: Array, level: float, seed: int) -> tuple[float, float]:
    """Ends of the interval of the mean gap from resampled held-out rows."""
    rng = np.random.default_rng([seed, 4])
    means = gap[rng.integers(0, len(gap), (RESAMPLES, len(gap)))].mean(axis=1)
    low, high = np.quantile(means, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def _sentence(
    verdict: Verdict,
    chosen: dict[str, str],
    errors: dict[str, float],
    gap: tuple[float, float, float],
) -> str:
    smooth, broken = chosen["smooth"], chosen["break"]
    both = f"{smooth} misses the largest scales by {errors[smooth]:.3f}, {broken} by "
    both += f"{errors[broken]:.3f}"
    words = {
        Verdict.SMOOTH: "A smooth law forecasts them better",
        Verdict.BREAK: "A break forecasts them better",
        Verdict.UNDECIDED: "Neither side clearly forecasts them better",
    }[verdict]
    return f"{both}. {words} (difference {gap[0]:.3f}, {gap[1]:.3f} to {gap[2]:.3f})."
