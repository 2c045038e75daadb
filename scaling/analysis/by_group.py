"""Compute-optimal exponents of several groups of runs, side by side, and whether they differ.

Each group is fitted by itself. Of an approach, with a_g the exponent of group g and s_g half the
distance between the 16 % and 84 % points of its resamples (a standard deviation that single odd
resamples do not move),

    difference   a_g - a_1,  its interval from independent draws of both
    Q            sum_g (a_g - a)^2 / s_g^2,  a = mean weighted by 1/s_g^2,

and Q is chi-squared with (groups - 1) degrees where all exponents are equal.

Source: Cochran 1954, "The combination of estimates from different experiments", Biometrics 10:101.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.special import chdtrc

from scaling.analysis.optimum import exponent_draws, fits_of, largest_budget, row_of
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import of_values
from scaling.fitting.result import Fit

# Where a normal distribution is one standard deviation from its middle.
NORMAL = (0.158655, 0.841345)


@dataclass(frozen=True)
class Group:
    """The runs of one value of the column, and the study's model of them."""

    runs: pl.DataFrame
    model: Fit | None = None


def common_budget(groups: Mapping[str, Group]) -> float:
    """The largest compute that every group reaches, FLOP."""
    return min(largest_budget(group.runs) for group in groups.values())


def exponents_by_group(
    groups: Mapping[str, Group],
    *,
    budget: float | None = None,
    target: str = "loss",
    resamples: int = 300,
    seed: int = 0,
    level: float = 0.9,
    mixed: Sequence[str] = (),
) -> pl.DataFrame:
    """One row an approach and group, as `scaling.analysis.optimum.exponents` gives them.

    Three columns more: ``difference`` is a less that of the first group, with its interval;
    ``p_equal`` is the probability of exponents this far apart, over all groups of that approach,
    where all are equal (missing where fewer than two groups have an interval).

    Raises:
        InputError: fewer than two groups, rows of several conventions in one, or no compute.
    """
    if len(groups) < 2:
        found = ", ".join(groups) or "none"
        raise InputError("too few groups to compare", value=found, allowed="two values or more")
    budget = common_budget(groups) if budget is None else budget
    fitted: dict[str, dict[str, Fit | str]] = {}
    for place, (name, group) in enumerate(groups.items()):
        try:
            how = resamples, seed + place  # draws of two groups must not be of the same rows
            fitted[name] = dict(fits_of(group.runs, target, how, mixed, group.model))
        except InputError as error:
            raise error.of(name) from error
    rows: list[dict[str, object]] = []
    for law in dict.fromkeys(law for of_group in fitted.values() for law in of_group):
        of_law = {name: found[law] for name, found in fitted.items() if law in found}
        compared = _compared(of_law, budget, level)
        rows += [
            {"group": name} | row_of(law, made, budget, level) | compared[name]
            for name, made in of_law.items()
        ]
    return pl.DataFrame(rows, infer_schema_length=None)


def _compared(
    of_law: Mapping[str, Fit | str], budget: float, level: float
) -> dict[str, dict[str, object]]:
    """Of each group the difference to the first, and the probability that all are equal."""
    known = {name: exponent_draws(m, budget) for name, m in of_law.items() if isinstance(m, Fit)}
    equal = p_equal(list(known.values()))
    first = next(iter(of_law))
    found: dict[str, dict[str, object]] = {}
    for name in of_law:
        found[name] = {"p_equal": equal}
        if name == first or name not in known or first not in known:
            continue
        (value, drawn), (other, others) = known[name], known[first]
        count = min(len(drawn), len(others))
        apart = of_values(value - other, drawn[:count] - others[:count], level)
        ends = {"difference_low": apart.low, "difference_high": apart.high}
        found[name] |= {"difference": apart.value} | ends
    return found


def p_equal(exponents: Sequence[tuple[float, Array]]) -> float | None:
    """The probability of Q or more where the exponents are equal; None without two that can be
    compared. Each is (value, draws)."""
    usable = [(value, drawn[np.isfinite(drawn)]) for value, drawn in exponents]
    usable = [(value, drawn) for value, drawn in usable if len(drawn) > 1 and np.isfinite(value)]
    if len(usable) < 2:
        return None
    values = np.array([value for value, _ in usable])
    ends = np.array([np.quantile(drawn, NORMAL) for _, drawn in usable])
    weights = 1.0 / np.maximum(0.5 * (ends[:, 1] - ends[:, 0]), 1e-150) ** 2
    centre = float((weights * values).sum() / weights.sum())
    q = float((weights * (values - centre) ** 2).sum())
    return float(chdtrc(len(usable) - 1, q))
