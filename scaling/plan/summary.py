"""What a study's fits say about a few training budgets, small enough for a page: plain values.

    from scaling.plan import stored
    from scaling.plan.summary import planning_summary

    sheet = stored.load("gemstones")        # data/fits/gemstones.json with its draws
    section = planning_summary(sheet.fits, sheet.ranges)

For each budget C the compute-optimal N*, D* and loss of the law that answers (closed form in
`scaling.plan.allocation`), each with the interval of the joint draws, the range of N that stays
within 1 % of the least loss, and how many decades all that lies beyond the fitted runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scaling.errors import InputError
from scaling.fitting.result import Fit
from scaling.plan.allocation import (
    SIX_ND,
    answering_fit,
    assumptions,
    loss_at_best,
    side_by_side,
    valley,
)
from scaling.plan.answer import FLOPS, Batch, Row, batch, ends, warnings_of, within
from scaling.plan.stored import FAR, Sheet

# The budgets of the forecasts' targets (params.yaml): a small study, a large one, a frontier.
BUDGETS = (1e21, 1e23, 1e25)
SHARE = 0.01


def planning_summary(
    fits: Mapping[str, Fit],
    ranges: Mapping[str, tuple[float, float]] | None = None,
    budgets: Sequence[float] = BUDGETS,
    *,
    law: str | None = None,
    level: float = 0.9,
) -> dict[str, Any]:
    """The planning section of one study, for JSON.

    Args:
        fits: law -> fit with its draws (`stored.load(STUDY).fits`, or fits made now).
        ranges: "params", "tokens", "flops" -> smallest and largest of the fitted runs; without it,
            the fit's own.
        budgets: FLOP of 6ND, each within 1e3 to 1e36.
        law: the one that answers; without it the study's model, else the first law by role.
        level: of the intervals.

    Returns:
        ``law``, ``formula``, ``level``, ``near_share``, ``far_beyond`` (decades from which a row is
        a far extrapolation), ``assumptions`` and ``warnings`` (sentences), and ``budgets``, one row
        each: ``flops``; ``params``, ``tokens``, ``tokens_per_param`` and ``loss``, each with
        ``_low`` and ``_high`` (None where a fit has no draws); ``near_params_low`` and
        ``near_params_high``; ``decades_beyond``; ``approaches``, rows of the same figures by law.
        Without a law in N and D, or for a target that rises: ``law`` None, no rows and a warning.

    Raises:
        InputError: a budget or the level out of range, or a law that the study lacks.
    """
    for flops in budgets:
        within("compute budget", flops, FLOPS, "FLOP", "FLOP in all, not FLOP per second.")
    sheet = Sheet("", fits, "", ranges or {})
    try:
        made = answering_fit(sheet, law)
    except InputError as error:
        if law is not None:
            raise
        return {"law": None, "budgets": [], "warnings": [str(error)]}
    sheet = Sheet("", fits, "", ranges or made.ranges)
    drawn = batch(made, level)
    notes = [] if len(made.draws) > 1 else ["No draws: no intervals."]
    return {
        "law": made.law.name,
        "formula": made.law.formula,
        "unit": made.target_unit,
        "level": level,
        "near_share": SHARE,
        "far_beyond": FAR,
        "assumptions": assumptions(made, SIX_ND),
        "warnings": [*notes, *warnings_of(sheet, made, {})],
        "budgets": [_budget(sheet, made, drawn, float(flops)) for flops in budgets],
    }


def _budget(sheet: Sheet, made: Fit, drawn: Batch, flops: float) -> Row:
    """One budget's row."""
    found = valley(drawn.one, SIX_ND, flops=flops)
    n, d = np.exp(found.log_n), np.exp(found.log_d)
    near = np.exp(found.near(SHARE))[:, 0]
    row: Row = {"flops": flops}
    for name, values in (("params", n), ("tokens", d), ("tokens_per_param", d / n)):
        row |= ends(name, drawn.interval(values))
    row |= ends("loss", loss_at_best(made, found, drawn))
    row |= {"near_params_low": float(near[0]), "near_params_high": float(near[1])}
    far = sheet.beyond(params=float(n[0]), tokens=float(d[0]), flops=flops)
    row["decades_beyond"] = max(far.values(), default=None)
    row["approaches"] = [_plain(one) for one in side_by_side(sheet, flops, drawn.level)]
    return _plain(row)


def _plain(row: Row) -> Row:
    """Six figures; None for what is not finite, which JSON lacks."""
    return {k: _number(v) if isinstance(v, float) else v for k, v in row.items()}


def _number(value: float) -> float | None:
    return float(f"{value:.6g}") if np.isfinite(value) else None
