"""`plan next` as an answer: a target, a budget, a sequence of runs, and what other studies of the
same FLOP would give (`scaling.plan.design` has the mathematics)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scaling.errors import InputError
from scaling.fitting.intervals import Interval, at_place
from scaling.fitting.result import Fit
from scaling.forecasting.model_surface import MODEL
from scaling.laws._surface import surface
from scaling.plan import design, trust
from scaling.plan.allocation import answering_fit
from scaling.plan.answer import (
    FLOPS,
    PARAMS,
    TOKENS,
    Answer,
    Row,
    basis_of,
    exact,
    warnings_of,
    within,
)
from scaling.plan.run_grid import Cells
from scaling.plan.stored import Sheet
from scaling.plan.trust import Belief

NO_RUNS = "The fitted runs are not at hand, so nothing tells whether the law holds: not trusted."


def recommend(
    sheet: Sheet,
    *,
    budget: float,
    params: float | None = None,
    tokens: float | None = None,
    flops: float | None = None,
    narrow: float | None = None,
    law: str | None = None,
    repeats: int = 2,
    most: int = design.MAX_RUNS,
    holds: float | None = None,
    doubt: float = design.WRONG_LAW_ERROR,
    level: float = 0.9,
) -> Answer:
    """The runs, within ``budget`` FLOP, that narrow the loss forecast at a target the most.

    The target is ``params`` on ``tokens``, or the compute-optimal run of ``flops``. The sequence
    stops when the interval's width, as a share of the loss, is ``narrow``, or after ``most`` runs.
    ``holds`` is the probability that the law holds; without it the fitted runs tell, where the
    sheet has them. ``doubt`` is a wrong law's error in sds of noise.

    Raises:
        InputError: no target, a figure out of range, a fit without draws, or a budget below the
            cheapest candidate.
    """
    within("budget of the runs", budget, FLOPS, "FLOP", "All runs together.")
    if narrow is not None:
        within("width", narrow, (1e-6, 1.0), "of the loss")
    if not 1 <= repeats <= 100:
        raise InputError("repeats out of range", value=repeats, allowed="1 to 100")
    if not 1 <= most <= 200:
        raise InputError("number of runs out of range", value=most, allowed="1 to 200")
    within("doubt", doubt, (0.0, 1000.0), "sds of noise")
    asked = answering_fit(sheet, law)
    made = law_of_design(sheet, law)
    if len(made.draws) < 2:
        allowed = "a fit whose resamples give intervals"
        raise InputError("a design needs draws", value=0, allowed=allowed)
    known = _belief(sheet, made, holds)
    place = _target(asked, params, tokens, flops)
    now = _forecast(asked, place, level)
    cells = design.grid(sheet.ranges or made.ranges, budget)
    ways = design.models(made, design.joined(cells, *place), known, doubt)
    width = (now.high - now.low) / now.value
    enough = 0.0 if narrow is None else float(ways[0].s[-1, -1]) * (narrow / width) ** 2
    found = design.choose(
        ways, cells.flops, known.noise, budget, enough=enough, repeats=repeats, most=most
    )
    if not found.order:
        raise InputError(
            "the interval is that narrow already", value=narrow, allowed=f"below {width:.3g}"
        )
    ratio = float(np.sqrt(found.end / found.start))
    spent = float(cells.flops[list(found.order)].sum())
    by = f", by {made.law.name}"
    distance = sheet.beyond(params=place[0], tokens=place[1], flops=6.0 * place[0] * place[1])
    return Answer(
        f"Next runs for the loss of {place[0]:.4g} params on {place[1]:.4g} tokens, "
        f"{budget:.4g} FLOP at most",
        [
            ("forecast", now, made.target_unit),
            ("width", exact(width, level), "of the loss, now"),
            (
                "width_after",
                exact(width * ratio, level),
                f"of the loss, expected after the runs{by}",
            ),
            ("runs", exact(float(len(found.order)), level), "runs"),
            ("spent", exact(spent, level), "FLOP"),
            ("noise", exact(known.noise, level), "sd of ln loss about the law"),
            ("holds", exact(known.holds, level), f"probability that {made.law.name} does"),
        ],
        f"{sheet.name}, forecast by {asked.law.name}, design by {made.law.name}",
        sheet.version,
        basis_of(
            sheet,
            asked,
            lambda: [("forecast", _forecast(sheet.get(MODEL), place, level), made.target_unit)],
        ),
        {
            "Train, in this order": _rows(cells, found, width),
            "The same FLOP otherwise": _others(made, place, spent, width, known.noise),
        },
        distance,
        [
            f"How much runs tell is by one law: {made.law.formula} holds with probability "
            f"{known.holds:.2g}, else it is wrong by {doubt:g} sds of noise within decades of N "
            "and D; noise is equal at all sizes.",
            f"At most {most} runs; candidates: the fitted sizes and up to ten times beyond, "
            f"each {repeats} times at most, {design.RATIO[0]:g} to {design.RATIO[1]:g} tokens a "
            "param.",
            "Widths are first-order expectations if the law holds; refit after some runs and plan "
            "again: the first runs tell whether it does. A third of a budget a round was tested.",
        ],
        [*warnings_of(sheet, made, distance), *([] if sheet.runs is not None else [NO_RUNS])],
    )


def _target(
    made: Fit, params: float | None, tokens: float | None, flops: float | None
) -> tuple[float, float]:
    if flops is not None and params is None and tokens is None:
        within("compute of the target", flops, FLOPS, "FLOP")
        log_n = surface(made.law, made.theta[None]).log_params(float(np.log(flops)))
        n = float(np.exp(log_n[0]))
        return n, flops / 6.0 / n
    if flops is not None or params is None or tokens is None:
        raise InputError(
            "no target", value=(params, tokens, flops), allowed="params and tokens, or flops"
        )
    within("params", params, PARAMS, "params")
    return params, within("tokens", tokens, TOKENS, "tokens", "Tokens, not trillions.")


def _forecast(made: Fit, place: tuple[float, float], level: float) -> Interval:
    x = Cells(np.array([place[0]]), np.array([place[1]])).x
    if len(made.resampled) < 2:
        raise InputError("a design needs draws", value=0, allowed="a fit with resamples")
    return at_place(made, x, level)


def law_of_design(sheet: Sheet, law: str | None) -> Fit:
    """The law that says how much a run would tell: the one named, else the first by role. The
    design weighs it against its being wrong, which a study's model cannot be asked."""
    fits = {name: one for name, one in sheet.fits.items() if name != MODEL}
    return answering_fit(replace(sheet, fits=fits), law)


def _rows(cells: Cells, found: design.Chosen, width: float) -> list[Row]:
    """One row a step; equal neighbours share one."""
    rows: list[Row] = []
    spent = 0.0
    for j, variance in zip(found.order, found.variance, strict=True):
        n, d = float(cells.params[j]), float(cells.tokens[j])
        spent += 6.0 * n * d
        after = width * float(np.sqrt(variance / found.start))
        same = rows and rows[-1]["params"] == n and rows[-1]["tokens"] == d
        count = rows.pop()["runs"] + 1 if same else 1
        row: Row = {"params": n, "tokens": d, "runs": count, "flops_each": 6.0 * n * d}
        rows.append(row | {"flops_so_far": spent, "width_after": after})
    return rows


def _others(
    made: Fit, place: tuple[float, float], spent: float, width: float, noise: float
) -> list[Row]:
    """What an isoFLOP grid and one largest run of the same FLOP are expected to give."""
    studies = {
        "isoFLOP grid, 3 budgets of 5 sizes": design.isoflop_grid(made, spent),
        "one compute-optimal run": design.isoflop_grid(made, spent, 1, 1),
    }
    rows = []
    for name, cells in studies.items():
        s = design.covariance(made, design.joined(cells, *place))
        ratio = float(np.sqrt(design.variance_after(s, noise) / s[-1, -1]))
        rows.append({"study": name, "runs": len(cells), "width_after": width * ratio})
    return rows


def _belief(sheet: Sheet, made: Fit, holds: float | None) -> Belief:
    """What the fitted runs tell of the law, or what the person says."""
    runs = sheet.runs
    found = trust.prior_belief(made) if runs is None else trust.belief_of(made, runs)
    if holds is None:
        return found
    return Belief(within("probability that the law holds", holds, (0.0, 1.0), ""), found.noise)
