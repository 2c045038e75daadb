"""The answer of an allocation without a loss: N* = G C^a, D* = C / (6 N*).

An allocation is what envelopes and isoFLOP curves give, and what some papers print alone. It says
how to divide a budget; what a run reaches, how flat the optimum is and what a wrong N costs need a
law of the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import Interval, column, from_draws
from scaling.fitting.result import Fit
from scaling.forecasting.model_surface import MODEL
from scaling.laws._surface import is_allocation, log_optimal_params, planning_law
from scaling.plan.answer import FLOPS, Answer, Figure, basis_of, exact, warnings_of, within
from scaling.plan.stored import Sheet

NO_LOSS = (
    "This is an allocation: it has no loss, so the loss, the sizes near the optimum and the price "
    "of a wrong N are left out."
)


def allocation_fit(sheet: Sheet, law: str | None) -> Fit | None:
    """The allocation that answers: the one named, else the sheet's lead, else the first where no
    law of the loss can; None where a law of the loss answers."""
    chosen = law or sheet.lead
    if chosen:
        made = sheet.get(chosen)
        return made if is_allocation(made.law) else None
    if MODEL in sheet.fits or planning_law(sheet.fits) is not None:
        return None
    return next((made for made in sheet.fits.values() if is_allocation(made.law)), None)


def allocated(made: Fit, budget: float, level: float) -> dict[str, Interval]:
    """N*, D* and D*/N* at a budget of 6ND."""

    def params(theta: Array) -> Array:
        return np.exp(log_optimal_params(made.law, theta, float(np.log(budget))))

    return {
        "params": from_draws(made, params, level),
        "tokens": from_draws(made, lambda t: budget / 6.0 / params(t), level),
        "tokens_per_param": from_draws(made, lambda t: budget / 6.0 / params(t) ** 2, level),
    }


def allocation_answer(
    sheet: Sheet,
    made: Fit,
    flops: float | None,
    counting: str,
    level: float,
    again: Callable[[float, float], Sequence[Figure]],
) -> Answer:
    """How an allocation divides ``flops``; ``again`` asks the study's model, which
    also says what these params and tokens reach.

    Raises:
        InputError: no budget, one out of range, or another way to count operations than 6ND.
    """
    other = planning_law(name for name in sheet.fits if name != MODEL)
    hint = f"--law {other} has a loss." if other else None
    if flops is None:
        raise InputError(
            "an allocation has no loss to reach",
            value=made.law.name,
            allowed="a budget in FLOP, or a law of the loss in params and tokens",
            hint=hint,
        )
    if counting != "6ND":
        raise InputError(
            "an allocation counts operations as 6ND", value=counting, allowed="6ND", hint=hint
        )
    within("compute budget", flops, FLOPS, "FLOP", "FLOP in all, not FLOP per second.")
    found = allocated(made, flops, level)
    distance = sheet.beyond(params=found["params"].value, tokens=found["tokens"].value, flops=flops)
    units = {"params": "params", "tokens": "tokens", "tokens_per_param": "tokens/param"}
    power = from_draws(made, lambda t: column(made, t, "a"), level)
    return Answer(
        f"Compute-optimal training for {flops:.4g} FLOP, operations counted as 6ND",
        [
            ("flops", exact(flops, level), "FLOP"),
            *((name, found[name], unit) for name, unit in units.items()),
            ("exponent", power, "N* ~ C^exponent, D* ~ C^(1 - exponent)"),
        ],
        f"{sheet.name}, {made.law.name}",
        sheet.version,
        basis_of(sheet, made, lambda: again(found["params"].value, found["tokens"].value)),
        {},
        distance,
        [f"{made.law.formula}: {made.law.assumes}.", "Training operations: 6ND."],
        [NO_LOSS, *warnings_of(sheet, made, distance)],
    )
