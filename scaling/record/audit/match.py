"""Which outcome answers which target, by rules that can be read.

An outcome answers a target when all of these hold:

1. same selection as the study that the version fitted: source, metric (whose name says on which
   data) and exclusions; N in the column that the study read, total or without embeddings, never
   the other;
2. N and D within the tolerance of the target's (and C, where the outcome's C was counted as 6ND);
   a target without N and D is answered by its metric alone;
3. it is later than what the version knew: observed after its as-of day, and for an ordinary
   version after the day of its issue too; in a replay that reveals a source by size, larger than
   the largest run that was known;
4. it is final: not an intermediate checkpoint, not before the end of its learning-rate schedule.

Of several, one that the version did not fit answers before one that it did; then the nearest in
N and D, then the earliest, then the first by name. The number of others is kept. Outcomes are
revised: a target is matched with what was on record when its version was issued, and again after
each revision, so that a score by an old figure stays, marked as revised.

A run observed on the very day of issue is paired with its target, but answers nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError

Places = NDArray[np.int64]

AHEAD = "ahead"
PAIR = {
    "place": pl.Int64,
    "outcome": pl.Int64,
    "distance": pl.Float64,
    "observed": pl.Date,
    "run": pl.String,
    "same_day": pl.Boolean,
}
ANSWER = {
    "place": pl.Int64,
    "outcome": pl.Int64,
    "distance": pl.Float64,
    "others": pl.Int64,
    "fitted": pl.Boolean,
    "revised": pl.Boolean,
}
GROUP = ("selection", "params_column")
N_COLUMNS = ("params", "params_non_embedding", "params_active")


@dataclass(frozen=True)
class Rules:
    """Tolerances: the largest |ln(outcome / target)| in N, D and C."""

    params: float
    tokens: float
    flops: float

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Rules:
        """From the ``audit`` entry of params.yaml."""
        given = (params.get("audit") or {}).get("tolerance") or {}
        for name in ("params", "tokens", "flops"):
            value = given.get(name)
            if not isinstance(value, int | float) or not value > 0:
                raise InputError(
                    "no tolerance",
                    file="params.yaml",
                    column=f"audit.tolerance.{name}",
                    value=value,
                    allowed="a number above 0, such as 0.05 for 5 %",
                )
        return cls(**{name: float(np.log1p(given[name])) for name in given})


def match(targets: pl.DataFrame, outcomes: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """`pairs` and `answers` of them, where nothing that answers was fitted."""
    return answers(pairs(targets, outcomes, rules), targets, outcomes)


def pairs(targets: pl.DataFrame, outcomes: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Every target with every outcome within the rules.

    Args:
        targets: one row a target of a version, as `scaling.record.audit.read.forecasts` gives.
        outcomes: one row a result, as `scaling.record.audit.read.outcomes` gives.

    Returns:
        ``place`` and ``outcome`` (row numbers of the two tables), ``distance`` (largest log
        difference in N and D), ``observed``, ``run`` and ``same_day`` (observed on the day of
        issue, so it answers nothing).
    """
    numbered = outcomes.with_row_index("outcome").filter("final")
    results = numbered.partition_by("selection", as_dict=True)
    parts = [pl.DataFrame(schema=PAIR)]
    for key, asked in targets.with_row_index("place").partition_by(*GROUP, as_dict=True).items():
        there = results.get(key[:1])
        if there is not None:
            parts.append(_pairs(asked, there, str(key[1]), rules).cast(pl.Schema(PAIR)))
    return pl.concat(parts)


def answers(found: pl.DataFrame, targets: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """The outcomes that answer targets: ``place``, ``outcome``, ``distance``, ``others`` (further
    outcomes within the rules), ``fitted`` and ``revised`` (another answers now).

    ``found`` is of `pairs`, and may say of each pair whether the version ``fitted`` the run.
    """
    if "fitted" not in found.columns:
        found = found.with_columns(fitted=pl.lit(value=False))
    later = found.filter(~pl.col("same_day"))
    later = later.with_columns(
        outcomes["born"].gather(later["outcome"]), outcomes["died"].gather(later["outcome"])
    ).sort("place", "fitted", "distance", "observed", "run", "outcome")
    near: dict[int, list[_Near]] = {}
    for place, *one in later.select("place", *_Near._fields).iter_rows():
        near.setdefault(place, []).append(_Near(*one))
    issued = targets["issued_at"].to_list()
    rows = [
        (place, *row) for place, some in near.items() for row in _over_time(some, issued[place])
    ]
    return pl.DataFrame(rows, schema=ANSWER, orient="row")


class _Near(NamedTuple):
    """An outcome within the rules of one target, and from when to when it was on record."""

    outcome: int
    distance: float
    fitted: bool
    born: datetime | None
    died: datetime | None

    def known(self, now: datetime) -> bool:
        """Whether it was on record at a time."""
        return (self.born is None or self.born <= now) and (self.died is None or now < self.died)


def _over_time(near: Sequence[_Near], issued: datetime) -> list[tuple[Any, ...]]:
    """The answer of one target at its issue and after each later change, each outcome once.

    ``near`` has the best first.
    """
    times = {time for one in near for time in (one.born, one.died) if time and time > issued}
    found: dict[int, tuple[Any, ...]] = {}
    last = -1
    for now in (issued, *sorted(times)):
        known = [one for one in near if one.known(now)]
        last = known[0].outcome if known else -1
        if known:
            found[last] = last, known[0].distance, len(known) - 1, known[0].fitted
    return [(*row, outcome != last) for outcome, row in found.items()]


def _pairs(asked: pl.DataFrame, there: pl.DataFrame, column: str, rules: Rules) -> pl.DataFrame:
    """All pairs of one study within the rules."""
    place, outcome, distance = _near(asked, there, column, rules)
    left, right = asked[place], there[outcome].rename({"flops": "counted"})
    pairs = pl.concat(
        [
            left.select("place", "kind", "flops", "after", "cut_column", "cut"),
            right.select(
                "outcome", "run", "observed", "counted", "flops_method", *N_COLUMNS, "tokens"
            ),
            pl.DataFrame({"distance": distance}, schema={"distance": pl.Float64}),
        ],
        how="horizontal",
    )
    apart = (pl.col("counted") / pl.col("flops")).log().abs()
    counted = (pl.col("flops_method") == "6ND") & apart.is_not_null()
    same_day = (pl.col("kind") == AHEAD) & (pl.col("observed") == pl.col("after"))
    return (
        pairs.with_columns(same_day=same_day)
        .filter(
            _later() | pl.col("same_day"),
            ~counted.fill_null(value=False) | (apart.fill_null(0.0) <= rules.flops),
        )
        .select(*PAIR)
    )


def _later() -> pl.Expr:
    """Rule 3."""
    by_size = pl.lit(value=False)
    for name, column in {"flops": "counted", "tokens": "tokens"}.items() | {
        (name, name) for name in N_COLUMNS
    }:
        larger = (pl.col("cut_column") == name) & (pl.col(column) > pl.col("cut"))
        by_size = by_size | larger.fill_null(value=False)
    by_day = pl.col("cut_column").is_null() & (pl.col("observed") > pl.col("after"))
    return by_day | by_size


def _near(
    asked: pl.DataFrame, there: pl.DataFrame, column: str, rules: Rules
) -> tuple[Places, Places, Array]:
    """Rows of both tables within the tolerances of N and D, and how far apart they are."""
    complete = asked["params"].is_not_null() & asked["tokens"].is_not_null()
    if not complete.any():
        count = asked.height, there.height
        pairs = np.indices(count).reshape(2, -1)
        return pairs[0], pairs[1], np.zeros(pairs.shape[1])
    from scipy.spatial import cKDTree

    known = np.flatnonzero((there[column].is_not_null() & there["tokens"].is_not_null()).to_numpy())
    wanted = np.flatnonzero(complete.to_numpy())
    width = np.array([rules.params, rules.tokens])
    a = np.log(asked.select("params", "tokens").to_numpy()[wanted]) / width
    b = np.log(there.select(column, "tokens").to_numpy()[known]) / width
    if not len(a) or not len(b):
        return wanted[:0], known[:0], np.zeros(0)
    found = cKDTree(b).query_ball_point(a, 1.0, p=np.inf, return_sorted=True)
    counts = np.array([len(each) for each in found])
    left = np.repeat(np.arange(len(a)), counts)
    right = np.array([one for each in found for one in each], dtype=np.int64)
    distance = np.abs((a[left] - b[right]) * width).max(axis=1) if len(left) else np.zeros(0)
    return wanted[left], known[right], distance
