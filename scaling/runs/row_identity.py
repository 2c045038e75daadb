"""Which result a row is: its run, and where in training it stands.

Two exports of one result have one place, and so has a result that was corrected. The list of the
rows that a study fitted is published by it, so that two versions can say which runs came, which
went and which were revised.
"""

from __future__ import annotations

import polars as pl

# Said of every row of a list, varying or not.
_ALWAYS = ("run", "at", "observed", "recorded")
_OF_PLACE = ("seed", "split", "axis_name")
# What checks and people remark on a row, which is no part of the result.
_REMARKS = ("flags", "note", "origin", "payload")


def point() -> pl.Expr:
    """Where in training a result stands: the end, else the step, else what the axis is."""
    others = pl.format(
        "{}|{}|{}|{}",
        *(
            pl.col(name).cast(pl.String).fill_null("")
            for name in ("tokens", "examples", "axis", "epochs")
        ),
    )
    return (
        pl.when(pl.col("step").is_not_null())
        .then(pl.format("step {}", pl.col("step").cast(pl.String).fill_null("")))
        .when(pl.col("checkpoint") == "final")
        .then(pl.lit("final"))
        .otherwise(others)
    )


def in_words(at: str) -> str:
    """A `point` as a person reads it: "step 200", "2000000 tokens", "final"."""
    if "|" not in at:
        return at.removesuffix(".0")
    cells = zip(("tokens", "examples", "axis", "epochs"), at.split("|"), strict=False)
    return ", ".join(f"{cell.removesuffix('.0')} {name}" for name, cell in cells if cell)


def place() -> list[pl.Expr]:
    """The columns that tell results of one source apart."""
    text = ("run", "metric", "dataset", "task_version", "seed", "split", "axis_name")
    return [
        *(pl.col(name).fill_null("") for name in text),
        pl.col("shots").fill_null(-1.0),
        point().alias("_point"),
    ]


def listed(runs: pl.DataFrame) -> pl.DataFrame:
    """The rows of one study as they are published: what names a row, and what a law may read.

    Columns: ``run``; ``at``, the rest of the row's place within the study's metric; days; every
    number; and the texts that vary. Rows are in the order of ``runs``.
    """
    shots = pl.format("{} shots", pl.col("shots"))
    at = pl.concat_str(*_OF_PLACE, shots, point(), separator="; ", ignore_nulls=True)
    table = runs.with_columns(at=at)
    other = [name for name in table.columns if name not in (*_ALWAYS, *_REMARKS)]
    kept = [name for name in other if _tells(table[name])]
    days = [name for name in _ALWAYS[2:] if name in table.columns]
    return table.select("run", "at", *days, *kept)


def _tells(column: pl.Series) -> bool:
    if column.null_count() == len(column):
        return False
    return column.dtype.is_numeric() or column.n_unique() > 1
