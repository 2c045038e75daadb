"""Rows that say one thing twice, or two things of one measurement."""

from __future__ import annotations

import polars as pl

from scaling.runs.schema import RUN
from scaling.runs.validation.rules._rule import (
    KEY,
    LOSSES,
    METRIC,
    POINT,
    Rule,
    digits,
    number,
    where,
)

_NAMES = [column.name for column in RUN]
_SAME_ROW = pl.struct(*_NAMES, "unparsed")
# What a person sets before a run starts, and what tells two results of one run apart.
_TUNING = ("batch_tokens", "batch_size", "lr", "utd", "width", "depth", "context")
_SETUP = (
    *("family", "series", "params", "params_non_embedding", "params_active", "experts"),
    *("experts_active", "streams", "tokens_unique", "mixture", "training_data", "split", "parent"),
    *("schedule_complete", *_TUNING, "axis_name", "flops", "gmacs"),
)
_CONFIGURATION = ("source", *_SETUP, *METRIC, "seed", *POINT)
# With fewer digits, equal values of different runs are no wonder.
_MANY_DIGITS = 6
# Runs of one seed are equal before the first step.
_TRAINED = pl.col("value").is_not_null() & (pl.col("step").fill_null(1.0) > 0.0)


def _repeated_point(table: pl.DataFrame) -> pl.Series:
    """Rows that differ from an earlier one in nothing but flags, notes and when they came."""
    cells = [name for name in _NAMES if name not in ("flags", "note", "recorded", "payload")]
    same = pl.struct(*cells)
    exact = ~_SAME_ROW.is_first_distinct()
    found = pl.format("the cells of row {}", pl.col("row").first().over(same))
    return table.select(where(~same.is_first_distinct() & ~exact, found)).to_series()


def _duplicate_configuration(table: pl.DataFrame) -> pl.Series:
    """Results of different runs that are set up alike in all that the table says."""
    said = pl.any_horizontal(pl.col(name).is_not_null() for name in _TUNING)
    sized = pl.any_horizontal(
        pl.col(name).is_not_null() for name in ("params", "params_non_embedding", "params_active")
    )
    key = list(_CONFIGURATION)
    return table.select(
        where(
            said
            & sized
            & pl.col("tokens").is_not_null()
            & (pl.col("run").n_unique().over(key) > 1)
            & (pl.col("value").drop_nulls().n_unique().over(key) > 1),
            pl.format(
                "{} in {}; {} to {} in runs set up alike",
                number("value"),
                pl.col("run"),
                pl.col("value").min().over(key).cast(pl.String),
                pl.col("value").max().over(key).cast(pl.String),
            ),
        )
    ).to_series()


def _near_duplicate(table: pl.DataFrame) -> pl.Series:
    """Final results of different runs of one size whose tokens differ by less than 0.2 %."""
    size = pl.coalesce("params_active", "params", "params_non_embedding")
    setup = [name for name in _SETUP if name != "flops"]
    # Points read off a figure differ in the last digits of their size too.
    rounded = size.log().mul(1e3).round(0)
    group = ["source", *[c for c in setup if not c.startswith("params")], *METRIC, "seed", "_size"]
    gap = (pl.col("tokens") / pl.col("tokens").shift(1).over(group, order_by="tokens")).log()
    after = (pl.col("tokens").shift(-1).over(group, order_by="tokens") / pl.col("tokens")).log()
    near = gap.is_between(1e-12, 2e-3) | after.is_between(1e-12, 2e-3)
    plain = pl.col("step").is_null() & pl.col("axis").is_null() & pl.col("examples").is_null()
    looked = table.with_columns(_size=rounded)
    return looked.select(
        where(near & plain & pl.col("_size").is_not_null(), number("tokens"))
    ).to_series()


def _copied_value(table: pl.DataFrame) -> pl.Series:
    """Equal losses of different runs, to six digits or more.

    A few runs must have the value: many equal ones are a ceiling or a grid. By chance, n values
    of d digits spread over a decade or so agree in about n^2 / (2 x 10^d) pairs; where that makes
    a hundredth of a pair or more expected, nothing is said.
    """
    key = [*METRIC, "value"]
    chance = pl.len().over(METRIC).cast(pl.Float64).pow(2) / 2.0 / pl.lit(10.0).pow(digits("value"))
    runs = pl.struct("run", "seed").n_unique().over(key)
    return table.select(
        where(
            pl.col("metric_kind").is_in(LOSSES)
            & _TRAINED
            & (digits("value") >= _MANY_DIGITS)
            & (pl.col("value").n_unique().over(METRIC) * 2 > pl.len().over(METRIC))
            & runs.is_between(2, 3)
            & (chance < 0.2),
            pl.format("{} in {} runs", number("value"), runs),
        )
    ).to_series()


def _copied_results(table: pl.DataFrame) -> pl.Series:
    """Runs or families that share three results or more, to the last of at least six digits.

    Results count at equal points only, and must be a quarter of all that a run has with so many
    digits: shares of few questions agree by chance now and then.
    """
    who = pl.when(pl.col("axis").is_not_null()).then("family").otherwise("run")
    point = [*METRIC, *POINT, "params", "value"]
    looked = table.with_columns(_who=who.fill_null(pl.col("run")))
    long = (digits("value") >= _MANY_DIGITS) & _TRAINED
    twin = pl.col("_who").n_unique().over(point).eq(2)
    # The twins' names, the same in both rows: results are counted by pair.
    pair = pl.when(long & twin).then(
        pl.concat_str(
            pl.col("_who").min().over(point), pl.col("_who").max().over(point), separator=" = "
        )
    )
    counted = looked.with_columns(_pair=pair).with_columns(
        _shared=pl.when(pl.col("_pair").is_not_null()).then(pl.len().over("_pair", "_who")),
        _all=(digits("value") >= _MANY_DIGITS).sum().over("_who"),
    )
    enough = (pl.col("_shared") >= 3) & (pl.col("_shared") * 4 >= pl.col("_all"))
    found = pl.format("{} shared: {}", pl.col("_shared"), pl.col("_pair"))
    return counted.select(where(enough, found)).to_series()


RULES: tuple[Rule, ...] = (
    Rule(
        "copy",
        "run",
        "error",
        means="No row stands twice.",
        allowed="a row once",
        find=where(
            ~_SAME_ROW.is_first_distinct(),
            pl.format(
                "every cell as in row {} of {}",
                pl.col("row").first().over(_SAME_ROW),
                pl.col("file").first().over(_SAME_ROW),
            ),
        ),
        reach="source",
    ),
    Rule(
        "repeated_point",
        "run",
        "warning",
        means="No row repeats another but for its flags and notes.",
        allowed="a result once",
        find=_repeated_point,
        reach="source",
    ),
    Rule(
        "conflicting_values",
        "value",
        "warning",
        means="One measurement has one value.",
        allowed="one value for one run, metric, data set and point of training",
        find=where(
            pl.col("value").drop_nulls().n_unique().over([*KEY, "observed"]) > 1, number("value")
        ),
        reach="source",
    ),
    Rule(
        "restated_value",
        "value",
        "warning",
        means="A result of an earlier day is not restated on a later one.",
        allowed="within 1 % of what the same measurement was given as before",
        find=where(
            (pl.col("observed").n_unique().over(KEY) > 1)
            & (
                (pl.col("value") / pl.col("value").sort_by("observed").first().over(KEY))
                .log()
                .abs()
                > 0.01
            ),
            pl.format(
                "{}, {} before",
                number("value"),
                pl.col("value").sort_by("observed").first().over(KEY).cast(pl.String),
            ),
        ),
        reach="source",
    ),
    Rule(
        "duplicate_configuration",
        "run",
        "warning",
        means="Runs that are set up alike, seed included, have one result.",
        allowed="a column that tells the runs apart, or one result",
        find=_duplicate_configuration,
        reach="source",
    ),
    Rule(
        "near_duplicate",
        "tokens",
        "warning",
        means="No point is read twice.",
        allowed="more than 0.2 % from the tokens of another run of that size",
        find=_near_duplicate,
        reach="source",
    ),
    Rule(
        "copied_value",
        "value",
        "warning",
        means="Different runs have different losses.",
        allowed="no loss of six digits or more that another run has too",
        find=_copied_value,
        reach="source",
    ),
    Rule(
        "copied_results",
        "value",
        "warning",
        means="No run has the results of another.",
        allowed="fewer than three results of six digits or more shared with one other run",
        find=_copied_results,
        reach="source",
    ),
)
