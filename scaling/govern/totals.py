"""Each run's compute under each way of counting: its own, the model's earlier runs, its base.

For a regime of ``counts.csv``, with w its weights and P the parents outside the model
(`scaling.govern.lineage`):

    total(run) = own(run) + sum of own(earlier runs of the model) + sum over P of w total(P)

at the low, central and high end. A parent's total is what ``parent_flop`` states, else that of its
own row. What is not known makes the total open: it is then a lower bound. Figures next to a
threshold are settled by fractions (`scaling.govern.exact`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.compute.estimate import Z90
from scaling.govern import exact
from scaling.govern.ledger import ENDS, cumulative, described, weigh, wide
from scaling.govern.lineage import OTHERS, OWN, Parent, parents

_SPREAD = {"low": -Z90, "central": 0.0, "high": Z90}
# Above the error that the Guidelines (Annex A) allow an estimate, two figures are no longer one.
DIFFERS = 1.3
_WHOSE: dict[tuple[str, ...], str] = {
    (OWN,): "the original run of the same developer",
    (OTHERS,): "the run of another developer that its weights are from",
}
EARLIER = "flop of an earlier run of the model"


@dataclass(frozen=True)
class Counting:
    """What totals are made of: the runs in order, their ledger, the weights, and the parents."""

    runs: pl.DataFrame
    ledger: pl.DataFrame | None
    counts: pl.DataFrame
    parents: Mapping[int, tuple[Parent, ...]]

    @property
    def regimes(self) -> list[str]:
        """The ways of counting, in the order of the file."""
        return self.counts["counts"].unique(maintain_order=True).to_list()

    def weights(self, regime: str) -> dict[str, dict[str, float]]:
        """Category -> low, central and high weight."""
        rows = self.counts.filter(pl.col("counts") == regime).to_dicts()
        return {row["category"]: {end: row[end] for end in ENDS} for row in rows}


def totals(
    runs: pl.DataFrame, ledger: pl.DataFrame | None, counts: pl.DataFrame, rules: pl.DataFrame
) -> pl.DataFrame:
    """The runs with the figures of each regime, in FLOP.

    Args:
        runs: sorted by `scaling.govern.lineage.ordered`, with ``best`` and ``sigma``.
        rules: whose thresholds decide where a figure is settled exactly.

    Returns:
        The runs with, for each regime,

        - ``<regime>_own_<end>``, ``<regime>_<end>``: the run's own compute, its total
        - ``<regime>_base_central``: what the parents add to the total
        - ``<regime>_original_central``: total of the run's own parent, before its weight
        - ``<regime>_ratio_central``: the run's own compute over that
        - ``<regime>_open``: what is missing of the total, which is then a lower bound
        - ``<regime>_ledger``: categories of its ledger that count
        - ``<regime>_unclear``: categories of its ledger that the text does not settle
        - ``<regime>_absent``: categories that count, or may, and that the ledger does not have

        and ``earlier_runs``, the number of the model's earlier runs, and ``origin``, whose the
        parents outside the model are, in words.
    """
    based: set[str] = set()
    if ledger is not None:  # its rows go before the columns of the parent
        based.update(ledger.filter(pl.col("category").is_in([OWN, OTHERS]))["run"])
    counting = Counting(runs, ledger, counts, parents(runs, based))
    own = _own(counting)
    named = pl.col("model").is_not_null()
    earlier = pl.int_range(pl.len()).over("entity", "model")
    gap = pl.col(f"{counting.regimes[0]}_own_central").is_null().cast(pl.Int64)
    before = gap.cum_sum().over("entity", "model") - gap
    made = own.with_columns(
        earlier_runs=pl.when(named).then(earlier).otherwise(0),
        origin=_origin(counting),
        _open=pl.when(named & (before > 0)).then(pl.lit(EARLIER)),
    )
    for regime in counting.regimes:
        made = _regime(made, counting, regime, rules)
    made = made.with_columns(flags=_disagreement(made, counting.regimes))
    return described(made.drop("_open"), ledger, counts)


def _origin(counting: Counting) -> pl.Series:
    """Whose the parents are, null where there are none."""
    words: list[str | None] = [None] * counting.runs.height
    for i, listed in counting.parents.items():
        whose = dict.fromkeys(
            _WHOSE.get(one.categories, "what it was trained from") for one in listed
        )
        words[i] = " and ".join(whose)
    return pl.Series("origin", words, dtype=pl.String)


def _own(counting: Counting) -> pl.DataFrame:
    """``<regime>_own_<end>``: weighed by the ledger, else the best figure in full."""
    runs, ledger = counting.runs, counting.ledger
    if ledger is not None:
        weighed = wide(weigh(ledger, counting.counts), counting.regimes)
        runs = runs.join(weighed, on="run", how="left", maintain_order="left")
    figures = []
    for regime in counting.regimes:
        for end, z in _SPREAD.items():
            name = f"{regime}_{end}"
            known = pl.col(name) if name in runs.columns else pl.lit(None, pl.Float64)
            value = pl.coalesce(known, pl.col("best")) * (z * pl.col("sigma")).exp()
            figures.append(value.alias(f"{regime}_own_{end}"))
    return runs.with_columns(figures)


def _regime(
    made: pl.DataFrame, counting: Counting, regime: str, rules: pl.DataFrame
) -> pl.DataFrame:
    """The figures of one regime."""
    inner = made.with_columns(
        (pl.col(f"{regime}_own_{end}") + cumulative(f"{regime}_own_{end}")).alias(f"{regime}_{end}")
        for end in ENDS
    )
    within = np.stack([_floats(inner[f"{regime}_{end}"]) for end in ENDS])
    base, original, open_ = _bases(counting, regime, within, made["_open"].to_list())
    whole = within + base
    limits, shares = _limits(rules.filter(pl.col("counts") == regime))
    fractions = Fractions(counting, regime)
    own = _floats(made[f"{regime}_own_central"])
    ratio = exact.snap(own / original, shares, fractions.ratio)
    own = exact.snap(own, limits, fractions.own)
    whole[1] = exact.snap(whole[1], limits, fractions.total)
    named = {f"{regime}_{end}": whole[k] for k, end in enumerate(ENDS)} | {
        f"{regime}_own_central": own,
        f"{regime}_base_central": base[1],
        f"{regime}_original_central": original,
        f"{regime}_ratio_central": ratio,
    }
    return made.with_columns(
        *(pl.Series(name, value, nan_to_null=True) for name, value in named.items()),
        pl.Series(f"{regime}_open", open_, dtype=pl.String),
    )


def _disagreement(made: pl.DataFrame, regimes: Iterable[str]) -> pl.Series:
    """The flags, with a word where a parent's stated compute is not what its own row gives under
    any regime."""
    every = [f"{regime}_central" for regime in regimes]
    ends = made.select(least=pl.min_horizontal(every), most=pl.max_horizontal(every))
    of = ends.select(pl.all().gather(made["parent_at"]))
    stated = pl.col("parent_flop")
    apart = pl.max_horizontal(stated / of["most"], of["least"] / stated)
    word = pl.when(apart > DIFFERS).then(
        pl.format("parent_flop and the parent's own row are a factor {} apart", apart.round(1))
    )
    flags = pl.concat_str(["flags", word], separator="; ", ignore_nulls=True)
    return made.select(flags=pl.when(flags != "").then(flags))["flags"]


def _limits(rules: pl.DataFrame) -> tuple[list[Fraction], list[Fraction]]:
    """Thresholds in FLOP, and those of modification over original."""
    ratio = pl.col("quantity") == "modification_ratio"
    listed = rules.filter(pl.col("value").is_not_null()).unique(["value", "exact", "quantity"])
    of = (listed.filter(~ratio), listed.filter(ratio))
    flop, shares = ([exact.threshold(rule) for rule in part.to_dicts()] for part in of)
    return flop, shares


def _bases(
    counting: Counting, regime: str, within: Array, open_: list[str | None]
) -> tuple[Array, Array, list[str | None]]:
    """Weighed compute of all parents (3, n), that of the run's own parent, and what is missing.

    Every parent's place is before that of what was trained from it.
    """
    weights, runs = counting.weights(regime), counting.runs
    stated = _floats(runs["parent_flop"])
    base, open_ = np.zeros_like(within), list(open_)
    for i in sorted(counting.parents):
        gaps = dict.fromkeys(gap for gap in [open_[i]] if gap)
        for one in counting.parents[i]:
            low, central, high = _weight(weights, one.categories)
            if one.stated is not None:
                amount, gap = np.full(3, stated[one.stated]), None
            elif one.run is not None:
                amount, gap = within[:, one.run] + base[:, one.run], open_[one.run]
            else:
                amount, gap = np.full(3, np.nan), None
            if np.isnan(amount).any():
                amount, gap = np.zeros(3), "parent_flop"
            base[:, i] += np.array([low, central, high]) * amount
            if gap and high > 0:
                gaps[gap] = None
        open_[i] = ", ".join(gaps) or None
    at = runs["parent_at"]
    whole = pl.Series((within + base)[1]).gather(at).fill_null(float("nan")).to_numpy()
    known = pl.Series(open_, dtype=pl.String).gather(at).is_null().to_numpy()
    return base, np.where(np.isnan(stated), np.where(known, whole, np.nan), stated), open_


def _weight(
    weights: Mapping[str, Mapping[str, float]], categories: Iterable[str]
) -> tuple[float, float, float]:
    """Low, central and high weight; of two categories the lower centre, so that the total is sure
    to be reached, and the widest ends."""
    each = [weights.get(category, dict.fromkeys(ENDS, 0.0)) for category in categories]
    low, central = (min(one[end] for one in each) for end in ("low", "central"))
    return low, central, max(one["high"] for one in each)


def _floats(column: pl.Series) -> Array:
    return np.asarray(column.fill_null(float("nan")).to_numpy(), dtype=np.float64)


# --------------------------------------------------------------------------- exact totals


class Fractions:
    """The central figures of one regime as fractions, for the few runs next to a threshold."""

    def __init__(self, counting: Counting, regime: str) -> None:
        self._counting, self._regime = counting, regime
        self._bases: dict[int, Fraction | None] = {}

    def own(self, i: int) -> Fraction | None:
        """Of the run alone."""
        row = self._counting.runs.row(i, named=True)
        ledger = self._counting.ledger
        parts = [] if ledger is None else ledger.filter(pl.col("run") == row["run"]).to_dicts()
        if not parts:
            return best(row)
        weights = self._counting.weights(self._regime)
        return _sum(
            exact.product(
                Fraction(repr(weights[part["category"]]["central"])), exact.cell(part, "flop")
            )
            for part in parts
            if part["category"] in weights
        )

    def total(self, i: int) -> Fraction | None:
        """Of the run, the model's earlier runs, and all parents."""
        for j in sorted(self._counting.parents):
            if j <= i and j not in self._bases:
                self._bases[j] = self._base(j)
        return _sum([self._within(i), self._bases.get(i, Fraction(0))])

    def ratio(self, i: int) -> Fraction | None:
        """The run's own compute over its parent's total."""
        row = self._counting.runs.row(i, named=True)
        original, at = exact.cell(row, "parent_flop"), row["parent_at"]
        if original is None and at is not None:
            original = self.total(at)
        own = self.own(i)
        return own / original if own is not None and original else None

    def _within(self, i: int) -> Fraction | None:
        runs = self._counting.runs
        entity, model = runs["entity"][i], runs["model"][i]
        if model is None:
            return self.own(i)
        same = (runs["entity"][: i + 1] == entity) & (runs["model"][: i + 1] == model)
        # A run without a figure counts for nothing here; the total is open then.
        return _sum(self.own(j) or Fraction(0) for j in same.arg_true().to_list())

    def _base(self, i: int) -> Fraction | None:
        weights = self._counting.weights(self._regime)
        parts: list[Fraction | None] = []
        for one in self._counting.parents[i]:
            weight = Fraction(repr(_weight(weights, one.categories)[1]))
            amount: Fraction | None = None
            if one.stated is not None:
                amount = exact.cell(self._counting.runs.row(one.stated, named=True), "parent_flop")
            elif one.run is not None:
                amount = _sum([self._within(one.run), self._bases.get(one.run, Fraction(0))])
            parts.append(weight * (amount or 0))
        return _sum(parts)


def best(row: Mapping[str, Any]) -> Fraction | None:
    """The best figure of a run: as its cell states it, or as a product of cells; that of fleets,
    counted architectures and means as the float has it."""
    if row["flop"] is not None:
        return exact.cell(row, "flop")
    if row["best_method"] == "6ND":
        size = "params" if row["params_active"] is None else "params_active"
        return exact.product(Fraction(6), exact.cell(row, size), exact.cell(row, "tokens"))
    if row["best_method"] == "hardware" and row["flop_fleets"] is None:
        hours = exact.cell(row, "chip_hours")
        if hours is None:
            hours = exact.product(exact.cell(row, "chips"), exact.cell(row, "hours"))
        rate = (exact.cell(row, "peak_flops"), exact.cell(row, "utilisation"))
        return exact.product(hours, Fraction(3600), *rate)
    return None if row["best"] is None else Fraction(repr(float(row["best"])))


def _sum(parts: Iterable[Fraction | None]) -> Fraction | None:
    """None where a part is missing."""
    total = Fraction(0)
    for part in parts:
        if part is None:
            return None
        total += part
    return total
