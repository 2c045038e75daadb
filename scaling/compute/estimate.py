"""Training compute from what is known of a run. Tables in, tables out; nothing is read or written.

Conventions: a fused multiply-add is two operations, whatever the precision (Commission Guidelines
on general-purpose AI, Annex A.2); peak rates are dense; training takes three forward passes' worth
of operations (backward : forward = 2 : 1). Errors are log-normal, ``sigma`` of ln(estimate/truth).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from scaling.errors import InputError

# From the median to the 5 and 95 % points of a normal, and to the 2.5 and 97.5 % points.
Z90, Z95 = 1.6448536269514722, 1.959963984540054
# Rows that a reference needs before a score says anything.
FEWEST_SCORES = 8


def six_nd() -> pl.Expr:
    """6 N D, with N the parameters used for one token where the table has them.

    Source: Guidelines, Annex A.2.2; active parameters for routed models are own reading of its
    general formula (forward passes x operations of a pass).
    """
    return 6.0 * pl.coalesce("params_active", "params") * pl.col("tokens")


def chip_flop() -> pl.Expr:
    """Chips x seconds x peak dense rate x utilisation (Guidelines, Annex A.2.1)."""
    hours = pl.coalesce("chip_hours", pl.col("chips") * pl.col("hours"))
    return hours * 3600.0 * pl.col("peak_flops") * pl.col("utilisation")


def hardware(fleets: pl.DataFrame) -> pl.DataFrame:
    """Compute of each ``run``, added up over its fleets and periods.

    Args:
        fleets: one row per run, kind of chip and period of constant number, with ``run``,
            ``chip_hours`` or ``chips`` and ``hours``, ``peak_flops``, ``utilisation``.

    Returns:
        ``run``, ``flop``; null where a factor of any of its rows is missing.
    """
    have = [name for name in ("chips", "hours", "chip_hours") if name in fleets.columns]
    missing = [
        pl.lit(None, pl.Float64).alias(n) for n in ("chips", "hours", "chip_hours") if n not in have
    ]
    one = fleets.with_columns(missing).with_columns(flop=chip_flop())
    whole = pl.col("flop").null_count() == 0
    return one.group_by("run", maintain_order=True).agg(pl.when(whole).then(pl.col("flop").sum()))


def transformer(models: pl.DataFrame) -> pl.DataFrame:
    """Exact count for dense and routed transformers, attention, vocabulary and context included.

    Per token and layer: projections 2 d h e + 2 d g e (h heads, g key-value heads, e wide), the
    feed-forward m d f (k + s) with k active and s shared experts and m matrices, the router d E;
    once per token the output matrix d V. A weight is one multiply-add. Attention adds 4 n h e / 2
    operations per token and layer over n tokens of context, half of which a causal mask leaves
    (Kaplan et al. 2020, arXiv:2001.08361, table 1; EU Guidelines, footnote 13).

    Args:
        models: ``layers``, ``width`` (d), ``heads``, ``head_width`` (e), ``kv_heads`` (g), ``ffn``
            (f), ``ffn_matrices`` (m: 2, gated 3), ``experts`` (E, 0 if dense), ``experts_active``
            (k), ``experts_shared`` (s), ``vocabulary`` (V), ``context`` (n), ``tokens``.

    Returns:
        The table with ``weights`` (used per token, without the input embedding),
        ``weights_total`` (with both embeddings, untied) and ``flop`` (training).
    """
    d, wide = pl.col("width"), pl.col("heads") * pl.col("head_width")
    routed = pl.col("experts") > 0
    used = pl.when(routed).then(pl.col("experts_active") + pl.col("experts_shared")).otherwise(1.0)
    held = pl.when(routed).then(pl.col("experts") + pl.col("experts_shared")).otherwise(1.0)
    attention = 2 * d * wide + 2 * d * pl.col("kv_heads") * pl.col("head_width")
    expert = pl.col("ffn_matrices") * d * pl.col("ffn")
    router, output = d * pl.col("experts"), d * pl.col("vocabulary")
    scores = 2.0 * pl.col("context") * wide
    per_token = 2.0 * pl.col("weights") + pl.col("layers") * scores
    return models.with_columns(
        weights=pl.col("layers") * (attention + expert * used + router) + output,
        weights_total=pl.col("layers") * (attention + expert * held + router) + 2 * output,
    ).with_columns(flop=3.0 * per_token * pl.col("tokens"))


def combined(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Geometric mean of two estimates, or the one that there is (Epoch AI's practice)."""
    return pl.coalesce((one * other).sqrt(), one, other)


def combined_sigma(one: pl.Expr, other: pl.Expr, sigma: float) -> pl.Expr:
    """Error of `combined`: half the log distance of the two, and at least that of their mean."""
    apart = (one / other).log().abs() / 2.0
    return pl.max_horizontal(apart, pl.lit(sigma / math.sqrt(2.0)))


def factor_apart(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """By what factor (1 or more) two estimates differ."""
    return (one / other).log().abs().exp()


@dataclass(frozen=True)
class Benchmark:
    """ln(flop) = intercept + slope logit(score), with the scatter about it."""

    intercept: float
    slope: float
    sigma: float
    rows: int

    def flop(self, score: pl.Expr) -> pl.Expr:
        """Estimate from a score between 0 and 1."""
        return (self.intercept + self.slope * (score / (1.0 - score)).log()).exp()


def benchmark(reference: pl.DataFrame) -> Benchmark:
    """The last resort: compute as scores suggest it.

    ``reference`` has ``score`` (a share) and ``flop`` of models whose compute is known; the
    scatter is that of a new model (least squares, n - 2). Raises InputError on too few of them.
    """
    rows = reference.filter(pl.col("score").is_between(0.01, 0.99), pl.col("flop") > 0)
    if rows.height < FEWEST_SCORES:
        raise InputError(
            "too few scores", value=rows.height, allowed=f">= {FEWEST_SCORES} between 0.01 and 0.99"
        )
    score = rows["score"].to_numpy()
    x, y = np.log(score / (1.0 - score)), np.log(rows["flop"].to_numpy())
    slope, intercept = np.polyfit(x, y, 1)
    left = y - intercept - slope * x
    scatter = float(np.sqrt(left @ left / (len(x) - 2) * (1.0 + 2.0 / len(x))))
    return Benchmark(float(intercept), float(slope), scatter, rows.height)


def two_figures(flop: pl.Expr) -> pl.Expr:
    """Two significant figures, as the Guidelines (section 2.3.2) and the documentation form ask."""
    return flop.round_sig_figs(2)


def sigma_of_band(low: pl.Expr, high: pl.Expr) -> pl.Expr:
    """Sigma of a log-normal with these 5 and 95 % points."""
    return (high / low).log() / (2.0 * Z90)


def sigma_of_accuracy(share: pl.Expr) -> pl.Expr:
    """Sigma of a log-normal of which 95 % lies within a share of the estimate.

    The band 1 - a to 1 + a is lopsided in logs; the mean of both sides is taken (.16 for a = .3).
    """
    return ((1.0 + share).log() - (1.0 - share).log()) / (2.0 * Z95)
