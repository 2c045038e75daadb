"""Units: slips of a thousand, and names that disagree with cells."""

from __future__ import annotations

import math

import polars as pl

from scaling.runs.validation.rules._rule import METRIC, Rule, number, short, where

_SLIPS = (1e3, 1e6, 1e9, 1e12)
# In decades. Families of models step by up to a factor of 14 (GPT-3: 13B, 175B).
_APART = 1.5
_COLUMNS = ("params", "params_non_embedding", "params_active", "tokens", "tokens_unique", "flops")
# A size within a name: -7b, _410m, 8x7B. Names of more than one size are left alone.
_SIZE = r"(?:^|[-/ ]|[^0-9]_)(?:(\d+)x)?(\d+(?:\.\d+)?[bB]|\d{2,}[mM])(?:$|[-_/ ])"


def _slipped(values: pl.Series) -> list[float]:
    """The values that lie apart from the others, and among them when divided by a thousand.

    Apart means by a factor of 30 or more from the nearest other value; at most a twentieth of the
    distinct values (or one of five and more) may lie apart.
    """
    filled = values.filter(values.is_finite() & (values > 0.0))
    distinct = filled.unique().sort().to_list()
    most = max(1, len(distinct) // 20)
    if len(distinct) < 5:
        return []
    found: list[float] = []
    for sign in (1, -1):
        ordered = distinct[::sign]
        for count in range(1, most + 1):
            apart, rest = ordered[-count:], ordered[:-count]
            gap = abs(math.log10(apart[0]) - math.log10(rest[-1]))
            low, high = min(rest), max(rest)
            slip = any(low <= apart[0] / factor**sign <= high for factor in _SLIPS)
            if gap >= _APART and slip:
                found += apart
    return found


def _unit_slip(table: pl.DataFrame) -> pl.Series:
    """Counts, and values of a metric, that are a thousand times (or a thousandth of) the others."""
    broken = pl.col("value").is_null() & False
    shown = pl.lit(None, dtype=pl.String)
    for name in _COLUMNS:
        values = _slipped(table[name])
        if values:
            broken |= pl.col(name).is_in(values)
            shown = pl.coalesce(
                shown,
                pl.when(pl.col(name).is_in(values)).then(pl.format(f"{name} {{}}", number(name))),
            )
    found = table.select(where(broken, shown)).to_series()
    return (
        table.select(_f=found, _v=_slipped_values(table))
        .select(pl.coalesce("_f", "_v"))
        .to_series()
    )


def _slipped_values(table: pl.DataFrame) -> pl.Series:
    """Losses that are a thousand times the nearest others of their metric."""
    loss = table.select(
        "metric",
        "dataset",
        value=pl.when(pl.col("metric_kind").is_in(["loss", "perplexity"])).then("value"),
    )
    spread = loss.group_by(METRIC).agg(pl.col("value").max() / pl.col("value").median())
    wide = spread.filter(pl.col("value") >= 100.0)
    broken = pl.col("value").is_null() & False
    for metric, dataset in wide.select(METRIC).rows():
        own = pl.col("metric").eq_missing(metric) & pl.col("dataset").eq_missing(dataset)
        values = _slipped(loss.filter(own)["value"])
        broken |= own & pl.col("value").is_in(values)
    return table.select(where(broken, pl.format("value {}", number("value")))).to_series()


def _named() -> pl.Expr:
    """The size that a name states, in parameters; null for none or several."""
    groups = pl.col("run").str.extract_groups(_SIZE)
    one = pl.col("run").str.count_matches(_SIZE) == 1
    times = groups.struct.field("1").cast(pl.Float64, strict=False).fill_null(1.0)
    size = groups.struct.field("2").str.to_lowercase()
    unit = pl.when(size.str.ends_with("b")).then(1e9).otherwise(1e6)
    return pl.when(one).then(times * size.str.head(-1).cast(pl.Float64, strict=False) * unit)


def _off_name() -> pl.Expr:
    """The smallest |log(given / named)| over the sizes that the row gives."""
    return pl.min_horizontal((pl.col(name) / _named()).log().abs() for name in _COLUMNS[:3])


def _unlike_per_step(table: pl.DataFrame) -> pl.Series:
    """Rows that see other numbers of tokens a step than nine of ten rows of the source do."""
    per_step = pl.when((pl.col("step") > 0) & pl.col("batch_tokens").is_null()).then(
        pl.col("tokens") / pl.col("step")
    )
    off = (per_step / per_step.median()).log().abs() > 0.05
    return table.select(
        where(off & (off.mean() <= 0.1), pl.format("{} a step", short(per_step)))
    ).to_series()


RULES: tuple[Rule, ...] = (
    Rule(
        "unit_slip",
        "tokens",
        "warning",
        means="No count is a thousand times, or a thousandth of, the others of its source.",
        allowed="no value that stands alone and would stand among the others divided by 1,000",
        find=_unit_slip,
        reach="source",
    ),
    Rule(
        "params_not_as_named",
        "params",
        "warning",
        means="A run whose name states a size has that size.",
        allowed="half to twice the size in the name of the run (AxB: A experts of B)",
        find=where(
            _off_name() > math.log(2.0),
            pl.format(
                "{} in {}",
                number("params").fill_null(number("params_active")),
                pl.col("run"),
            ),
        ),
    ),
    Rule(
        "tokens_per_step_unlike",
        "tokens",
        "warning",
        means="Runs of a source see as many tokens a step, or their batch is given.",
        allowed="the tokens per step that nine of ten rows of the source have, or batch_tokens",
        find=_unlike_per_step,
        reach="source",
    ),
)
