"""The verdict of a rule on each run, by numbers and by conditions, and why one is unknown.

A verdict by numbers rests on the central estimate E, the value T and the accuracy a of the estimate
(the run's own, else what the rule allows, else .3 as the EU's Guidelines ask):

    above            E > T / (1 - a): above wherever in its band the truth lies
    may cross        T / (1 + a) < E <= T / (1 - a)
    planned above    as above, but the run has not used that much yet
    below as stated  E <= T / (1 + a), but what is not stated or not settled could carry it over
    not reached      otherwise

With a = 0 the comparator of the rule alone decides. A condition that is not met makes the rule not
applicable. One that is unknown makes the verdict unknown, unless the value is not reached anyway;
so does "below as stated". ``because`` says why. Of a bill that was passed and is not law the
verdict is "would apply".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.compute.estimate import Z90, Z95
from scaling.govern import columns, conditions, reasons
from scaling.govern.course import floats
from scaling.govern.registry import PASSED
from scaling.govern.trajectory import EXACT, exceeds

ABOVE, MAY, PLANNED, NOT_REACHED = "above", "may cross", "planned above", "not reached"
NOT_APPLICABLE, UNKNOWN, WOULD_APPLY = "not applicable", "unknown", "would apply"
VERDICTS = (ABOVE, MAY, PLANNED, NOT_REACHED, NOT_APPLICABLE, UNKNOWN, WOULD_APPLY)
# Of ``by_compute`` alone: the verdict is then unknown.
BELOW = "below as stated"
# Guidelines, Annex A: the error that an estimate may have.
ACCURACY = 0.3


_CELLS = {
    "training_cost": "cost_usd is missing",
    "cluster_peak": "chips or peak_flops is missing",
}


def open_above(table: pl.DataFrame, runs: pl.DataFrame, rule: dict[str, Any]) -> NDArray[np.bool_]:
    """Whether the upper end is over the threshold, or a part of the total is missing."""
    equality, high = rule["comparator"] == ">=", floats(table, pl.col("high"))
    open_ = exceeds(high, rule["value"], equality=equality)
    open_[floats(table, pl.col("sigma_used")) <= EXACT] = False
    if rule["quantity"] == "training_compute" and rule["cumulative"] == "yes":
        open_[runs[f"{rule['counts']}_open"].is_not_null().to_numpy()] = True
    return open_


def by_compute(
    runs: pl.DataFrame, rule: dict[str, Any], final: Array, by_now: Array, open_: NDArray[np.bool_]
) -> NDArray[np.str_]:
    """The verdict that the numbers give, whatever the conditions."""
    equality = rule["comparator"] == ">="
    allowed = ACCURACY if rule["accuracy"] is None else rule["accuracy"]
    a = floats(runs, pl.col("accuracy").fill_null(allowed))
    lower, upper = rule["value"] / (1.0 + a), rule["value"] / (1.0 - a)
    over = exceeds(final, upper, equality=equality)
    near = exceeds(final, lower, equality=equality)
    used = exceeds(by_now, rule["value"], equality=equality)
    below = np.where(open_, BELOW, NOT_REACHED)
    verdict = np.where(over, np.where(used, ABOVE, PLANNED), np.where(near, MAY, below))
    return np.where(np.isnan(final), UNKNOWN, verdict)


def judged(
    table: pl.DataFrame, runs: pl.DataFrame, rule: dict[str, Any], counts: pl.DataFrame
) -> pl.DataFrame:
    """What applies, what is missing, the verdict, and whether the estimate is good enough."""
    terms = [
        term for name in columns.CONDITIONS for term in conditions.terms(rule[name], runs.columns)
    ]
    applies, missing = conditions.judge(terms)
    judged = runs.select(applies.alias("applies"), missing.alias("_cells"))
    allowed = ACCURACY if rule["accuracy"] is None else rule["accuracy"]
    ninety_five = 1.0 - (-Z95 * runs["sigma"]).exp()
    by_numbers = pl.lit(WOULD_APPLY) if rule["status"] == PASSED else pl.col("by_compute")
    table = table.hstack(judged.get_columns()).with_columns(
        verdict=pl.when(pl.col("applies") == conditions.NOT_MET)
        .then(pl.lit(NOT_APPLICABLE))
        .when(pl.col("by_compute") == NOT_REACHED)
        .then(pl.lit(NOT_REACHED))
        .when(
            (pl.col("applies") == conditions.UNKNOWN) | pl.col("by_compute").is_in([BELOW, UNKNOWN])
        )
        .then(pl.lit(UNKNOWN))
        .otherwise(by_numbers),
        accuracy_asked=pl.lit(allowed),
        accuracy_95=ninety_five,
        margin=pl.when(ninety_five <= allowed + 0.005)
        .then(pl.lit("within"))
        .otherwise(pl.lit("wider")),
    )
    return table.with_columns(_why(table, runs, rule, counts)).drop("_cells")


def _why(
    table: pl.DataFrame, runs: pl.DataFrame, rule: dict[str, Any], counts: pl.DataFrame
) -> list[pl.Series]:
    """``missing`` (names) and ``because`` (reasons) of the verdicts that are unknown."""
    number = "compute" if rule["quantity"] == "training_compute" else rule["quantity"]
    estimated = pl.lit(rule["quantity"] not in ("training_cost", "cluster_peak"))
    spread = (Z90 * pl.col("sigma")).exp()
    whole = runs.with_columns(table.select("verdict", "by_compute", "central", "_cells"))
    error = estimated & (pl.col("sigma") > EXACT) & (pl.col("central") * spread >= rule["value"])
    without = _CELLS.get(rule["quantity"], "flop is missing, and what it can be estimated from")
    parts = [(pl.col("by_compute") == UNKNOWN, pl.lit(number), pl.lit(without))]
    parts += [
        (may & (pl.col("by_compute") == BELOW), what, why)
        for may, what, why in reasons.over_by(rule, counts, error)
    ]
    cells = pl.col("_cells")
    parts.append((cells.is_not_null(), cells, reasons.missing_cells(cells)))
    unknown = pl.col("verdict") == UNKNOWN
    missing = reasons.joined([(true, what) for true, what, _ in parts], ", ")
    because = reasons.joined([(true, why) for true, _, why in parts], "; ")
    return whole.select(
        pl.when(unknown).then(missing).alias("missing"),
        pl.when(unknown).then(because).alias("because"),
    ).get_columns()
