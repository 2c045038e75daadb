"""What repeated tokens and routed experts are worth.

Effective data of U unique tokens seen e times (`data_constrained`):

    D' = U (1 + R_D* (1 - exp(-(e - 1) / R_D*))),   worth of one more epoch  exp(-(e - 1) / R_D*)

Effective params of a routed model (`routed`): the dense model of the same loss,

    log10 N' = (log10 L(N, E) - d - b log10 E_start) / (a + c log10 E_start),

and the cut-off log10 N = -b/c beyond which routing no longer helps.

Sources: Muennighoff et al. 2023, arXiv:2305.16264, equation 5; Clark et al. 2022, arXiv:2202.01169,
section 5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import Interval, column, from_draws, need
from scaling.fitting.result import Fit

EPOCHS = (1.0, 2.0, 4.0, 8.0, 16.0, 44.0)


def effective_data(
    made: Fit, unique: float, epochs: Sequence[float] = EPOCHS, level: float = 0.9
) -> pl.DataFrame:
    """One row a number of epochs: tokens seen, effective tokens, and the worth of one more epoch
    as a share of a fresh one, each with its interval."""
    need(made, "data_constrained")
    wrong = [e for e in epochs if not e >= 1.0]
    if wrong or not unique > 0:
        raise InputError(
            "epochs or tokens", value=wrong or unique, allowed="epochs >= 1, tokens > 0"
        )
    return pl.DataFrame([_at_epochs(made, unique, e, level) for e in epochs])


def _at_epochs(made: Fit, unique: float, epochs: float, level: float) -> dict[str, float]:
    def total(theta: Array) -> Array:
        scale = column(made, theta, "RD")
        return np.asarray(unique * (1.0 - scale * np.expm1(-(epochs - 1.0) / scale)))

    def worth(theta: Array) -> Array:
        return np.asarray(np.exp(-(epochs - 1.0) / column(made, theta, "RD")))

    return (
        {"epochs": epochs, "tokens": unique * epochs}
        | _named("effective", from_draws(made, total, level))
        | _named("next_epoch", from_draws(made, worth, level))
    )


def routed_params(made: Fit, params: float, experts: float, level: float = 0.9) -> Interval:
    """Params of the dense model that reaches the loss of a routed one."""
    need(made, "routed")
    x = {"params": np.array([params]), "experts": np.array([experts])}

    def dense(theta: Array) -> Array:
        loss = np.log10(made.law(theta, x)[:, 0])
        start = np.log10(column(made, theta, "E_start"))
        a, b, c, d = (column(made, theta, name) for name in "abcd")
        return np.asarray(10.0 ** ((loss - d - b * start) / (a + c * start)))

    return from_draws(made, dense, level)


def routed_cutoff(made: Fit, level: float = 0.9) -> Interval:
    """Params at which more experts no longer lower the loss (infinite where they always do)."""
    need(made, "routed")

    def cutoff(theta: Array) -> Array:
        b, c = column(made, theta, "b"), column(made, theta, "c")
        return np.where((c > 0) & (b < 0), 10.0 ** np.minimum(-b / c, 300.0), np.inf)

    return from_draws(made, cutoff, level)


def _named(name: str, one: Interval) -> dict[str, float]:
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
