"""What a named check between cells is, and the words in which checks are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import polars as pl

Severity = Literal["error", "warning"]
# What a check looks at: the cells of its row, all rows of the source, or those of all sources.
Reach = Literal["row", "source", "library"]
Find = Callable[[pl.DataFrame], pl.Series]

# Kinds of metric that fall with training and are no shares of a few examples.
LOSSES = ("loss", "bits_per_byte", "perplexity")
# Units in which a loss of zero or less cannot be.
ENTROPY_UNITS = ("nats/token", "bits/token", "nats/byte", "bits/byte")
# What is measured, and where on a curve.
METRIC = ("metric", "dataset")
POINT = ("step", "tokens", "checkpoint", "examples", "shots", "axis")
# Rows with one key are results of one measurement.
KEY = ("source", "run", *METRIC, "seed", *POINT)
# Results that lie on one curve.
CURVE = ("source", "run", *METRIC, "seed", "shots", "series", "split")


@dataclass(frozen=True)
class Rule:
    """What must hold between the cells of a row, or between rows.

    ``find`` gives, for each row of a table, null where the row keeps the rule and otherwise the
    text of what was found: a polars expression, or a function where an expression would not read.
    It may use the helper column ``folder``, the source that the table is read as; NaN has become
    null before. ``means`` is the sentence that documents and Data Docs print, ``allowed`` what
    reasons say after "allowed:". A ``firm`` rule cannot be released.
    """

    name: str
    column: str
    severity: Severity
    means: str
    allowed: str
    find: pl.Expr | Find
    reach: Reach = "row"
    firm: bool = False


def where(broken: pl.Expr, found: pl.Expr) -> pl.Expr:
    """The finding ``found`` in rows for which ``broken`` is true; unknown counts as unbroken."""
    return pl.when(broken).then(found.fill_null("nothing"))


def number(name: str) -> pl.Expr:
    """The cell as text."""
    return pl.col(name).cast(pl.String)


def short(value: pl.Expr) -> pl.Expr:
    """A computed number as text, to 6 digits."""
    return value.round_sig_figs(6).cast(pl.String)


def is_loss() -> pl.Expr:
    """Whether the row's metric is a loss with a logarithm."""
    return (
        pl.col("metric_kind").is_in(LOSSES) & pl.col("value").is_finite() & (pl.col("value") > 0.0)
    )


def sizes() -> tuple[str, ...]:
    """The columns that may say how large a model is."""
    return ("params", "params_non_embedding", "params_active")


def nothing(table: pl.DataFrame) -> pl.Series:
    """No finding in any row."""
    return pl.Series("nothing", [None], dtype=pl.String).new_from_index(0, table.height)


def digits(name: str) -> pl.Expr:
    """How many significant digits the number is written with at its shortest."""
    text = pl.col(name).cast(pl.String).str.replace("[eE].*$", "")
    bare = text.str.replace_all(r"[-+.]", "").str.strip_chars_start("0").str.strip_chars_end("0")
    return bare.str.len_chars()
