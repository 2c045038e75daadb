"""A tracker's frame: which run a value is of, and what was logged beside it."""

from __future__ import annotations

import polars as pl

from scaling.runs.inbox.mapping import Mapping
from scaling.runs.schema import RUN, by_name

_KNOWN = by_name(RUN)


def as_written() -> pl.Expr:
    """A logged value as text, ``_written``: whole numbers without a point."""
    value = pl.col("value")
    whole = (value == value.round()) & (value.abs() < 2.0**53)
    number = pl.when(whole).then(value.cast(pl.Int64, strict=False).cast(pl.String))
    return pl.coalesce("value_text", number, value.cast(pl.String)).alias("_written")


def identified(frame: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """A tracker's frame with the runs that the mapping names, where it does.

    A name that was logged counts for the values of its logging call or, if the tracker's run has
    no other, for the whole run. Values that have none are left out.
    """
    source = mapping.columns.get("run")
    if source is None:
        return frame
    names = pl.DataFrame({f"_{i}": _named(frame, part) for i, part in enumerate(source.parts)})
    run = names.select(pl.concat_str(pl.all(), separator="/").alias("run")).to_series()
    missing = pl.lit(f"no run in {'+'.join(source.parts)!r}")
    return frame.with_columns(
        run=pl.coalesce(run, "run"),
        left_out=pl.coalesce("left_out", pl.when(run.is_null()).then(missing)),
    )


def _named(frame: pl.DataFrame, part: str) -> pl.Series:
    """The text of a column, or of a metric of the same logging call or of the whole run."""
    if part in frame.columns:
        return frame[part].cast(pl.String)
    logged = frame.filter(pl.col("metric") == part).select("run", "record", as_written())
    by_call = logged.unique("record", keep="last").select("record", "_written")
    only = logged.group_by("run").agg(
        _only=pl.when(pl.col("_written").n_unique() == 1).then(pl.col("_written").first())
    )
    joined = frame.select("run", "record").join(
        by_call, on="record", how="left", maintain_order="left"
    )
    joined = joined.join(only, on="run", how="left", maintain_order="left")
    return joined.select(pl.coalesce("_written", "_only")).to_series()


def beside(frame: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """Metrics that a column of ours comes from, beside the results of the same run and step."""
    wanted = {
        part: _KNOWN[ours].dtype == pl.String
        for ours, source in mapping.columns.items()
        for part in source.parts
        if ours != "run"
    }
    logged = set(frame["metric"].unique().to_list())
    for name in sorted(wanted.keys() & logged - set(frame.columns)):
        cells = frame.filter(
            (pl.col("metric") == name) & ~pl.col("value").is_nan().fill_null(False)
        )
        text = wanted[name] or cells["value"].null_count() > 0
        cell = as_written() if text else pl.col("value").alias("_written")
        cells = cells.select("run", "step", "record", "left_out", cell)
        counted = cells.filter(pl.col("left_out").is_null())
        for keys, known in ((["run", "step"], counted), (["record"], cells)):
            last = known.unique(keys, keep="last").select(*keys, pl.col("_written").alias(name))
            frame = frame.join(last, on=keys, how="left", maintain_order="left", suffix=" here")
        # What the same logging call says is nearer than what another says of the step.
        frame = frame.with_columns(pl.coalesce(f"{name} here", name).alias(name))
        frame = frame.drop(f"{name} here")
    return frame


def gap() -> pl.Expr:
    """How far apart a run logs at most."""
    steps = pl.col("step").unique().sort().diff().max()
    return steps.over("run").fill_null(0.0).alias("_gap")
