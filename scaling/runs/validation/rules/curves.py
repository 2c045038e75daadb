"""Curves: order of steps, spikes, divergence."""

from __future__ import annotations

import polars as pl

from scaling.runs.validation.rules._rule import (
    CURVE,
    METRIC,
    Rule,
    is_loss,
    nothing,
    number,
    short,
    where,
)

# Times the usual departure from the neighbours' mean that makes a spike, and the least departure.
_TIMES, _LEAST = 10.0, 0.015
# A loss e^0.3 = 1.35 times the best before it, or the median of runs of its size.
_DIVERGED = 0.3


def _not_monotone(table: pl.DataFrame) -> pl.Series:
    """Steps that turn back in the order of the file, in a curve that otherwise goes one way."""
    if table["step"].null_count() == table.height:
        return nothing(table)
    # Some list the end of a run before its checkpoints.
    table = table.select("step", _curve=pl.struct(*CURVE, "checkpoint").hash()).with_columns(
        _change=pl.col("step").diff().over("_curve")
    )
    change = pl.col("_change")
    ups, downs = ((part).sum().over("_curve") for part in (change > 0, change < 0))
    before = pl.col("step") - change
    back = pl.when(ups >= downs).then(change < 0).otherwise(change > 0)
    # Where many turn back, the file is in another order, such as that of the alphabet.
    few = pl.min_horizontal(ups, downs) * 10 <= pl.max_horizontal(ups, downs).clip(10)
    return table.select(
        where(
            back & few & (ups + downs >= 3),
            pl.format("step {} after step {}", number("step"), before.cast(pl.String)),
        )
    ).to_series()


def _tokens_fall(table: pl.DataFrame) -> pl.Series:
    """Later checkpoints of a run that saw fewer tokens."""
    if table["step"].null_count() == table.height:
        return nothing(table)
    run = pl.struct("source", "run", *METRIC, "seed", "shots").hash()
    most = pl.col("tokens").cum_max().shift(1).over("_run", order_by="step")
    return (
        table.select("step", "tokens", _run=run)
        .select(
            where(
                pl.col("step").is_not_null() & (pl.col("tokens") < most * (1 - 1e-9)),
                pl.format(
                    "{} at step {}, {} before", number("tokens"), number("step"), short(most)
                ),
            )
        )
        .to_series()
    )


def _place() -> pl.Expr:
    return pl.coalesce("step", "tokens", "axis")


def _on_curves(table: pl.DataFrame) -> pl.DataFrame:
    """The logarithm of losses as ``_log``, its neighbours' on the curve, and its points."""
    looked = table.with_columns(
        _curve=pl.struct(*CURVE).hash(),
        _x=_place(),
        _log=pl.when(is_loss()).then(pl.col("value").log()),
    )
    log = pl.col("_log")
    return looked.with_columns(
        _before=log.shift(1).over("_curve", order_by="_x"),
        _after=log.shift(-1).over("_curve", order_by="_x"),
        _best=log.cum_min().shift(1).over("_curve", order_by="_x"),
        _points=pl.col("_x").n_unique().over("_curve"),
    )


def _spike(table: pl.DataFrame) -> pl.Series:
    """Points above both neighbours by far more than the curve's own roughness."""
    if not table.select(is_loss().any()).item():
        return nothing(table)
    looked = _on_curves(table)
    off = pl.col("_log") - (pl.col("_before") + pl.col("_after")) / 2.0
    above = pl.col("_log") - pl.max_horizontal("_before", "_after")
    rough = off.abs().median().over("_curve")
    both = pl.col("_before").is_not_null() & pl.col("_after").is_not_null()
    return looked.select(
        where(
            both & (pl.col("_points") >= 5) & (above > pl.max_horizontal(_LEAST, _TIMES * rough)),
            pl.format(
                "{} between {} and {}",
                number("value"),
                short(pl.col("_before").exp()),
                short(pl.col("_after").exp()),
            ),
        )
    ).to_series()


def _diverged(table: pl.DataFrame) -> pl.Series:
    """Losses far above the run's own best, or above those of runs of its size."""
    if not table.select(is_loss().any()).item():
        return nothing(table)
    size = pl.coalesce("params_active", "params", "params_non_embedding").alias("_size")
    same = ("source", "family", "series", "training_data", *METRIC, "tokens", "shots")
    looked = _on_curves(table).with_columns(size, _cell=pl.struct(*same, size).hash())
    cell = "_cell"
    log = pl.col("_log")
    median = log.median().over(cell)
    spread = (log - median).abs().median().over(cell)
    of_cell = (
        pl.col("_size").is_not_null()
        & pl.col("tokens").is_not_null()
        & (pl.len().over(cell) >= 5)
        & (log - median > pl.max_horizontal(_DIVERGED, 8.0 * spread))
    )
    of_run = (pl.col("_points") >= 5) & (log - pl.col("_best") > _DIVERGED)
    usual = pl.when(of_run).then(pl.col("_best")).otherwise(median).exp()
    return looked.select(
        where(of_cell | of_run, pl.format("{} where {} is usual", number("value"), short(usual)))
    ).to_series()


RULES: tuple[Rule, ...] = (
    Rule(
        "steps_not_monotone",
        "step",
        "warning",
        means="The steps of a curve go one way through the file.",
        allowed="a step beyond the one before it",
        find=_not_monotone,
        reach="source",
    ),
    Rule(
        "tokens_fall_with_steps",
        "tokens",
        "warning",
        means="A later checkpoint has seen no fewer tokens.",
        allowed=">= tokens of earlier steps of the run",
        find=_tokens_fall,
        reach="source",
    ),
    Rule(
        "loss_spike",
        "value",
        "warning",
        means="A loss lies near its neighbours on the curve.",
        allowed="at most 1.5 %, or 10 times the curve's usual roughness, above both neighbours",
        find=_spike,
        reach="source",
    ),
    Rule(
        "diverged",
        "value",
        "warning",
        means="A loss stays near the best of its run, and near those of runs of its size.",
        allowed="at most 35 % above the run's best so far, and the median of its size and tokens",
        find=_diverged,
        reach="source",
    ),
)
