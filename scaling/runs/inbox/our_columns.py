"""The cells that fill our columns: renamed, joined, multiplied, as days, in our units."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from scaling.errors import placed
from scaling.runs import counts, unit_cells, unit_checks
from scaling.runs.formats import days, to_schema
from scaling.runs.formats._raw import RAW
from scaling.runs.inbox.mapping import From, Mapping, is_number
from scaling.runs.inbox.mapping_faults import TRACKER_OWN, is_ours
from scaling.runs.inbox.tracker_frame import beside
from scaling.runs.schema import RUN, by_name
from scaling.runs.units import COMPUTE, COUNTS, in_full, units_of

_KNOWN = by_name(RUN)
_META_FROM = {
    "_expected": "expected_last_step",
    "_reached": "reached_step",
    "_gap": "_gap",
    "_status": "status",
    "_ended": "ended",
    "_truncated": "truncated",
    "_wall": "wall_time",
    "_left_out": "left_out",
}
META = {name: RAW.get(theirs, pl.Float64) for name, theirs in _META_FROM.items()}


def under_our_names(frame: pl.DataFrame, mapping: Mapping, raw: bool) -> pl.DataFrame:
    """The cells that fill our columns, before they are parsed."""
    # A tracker's rows have the run that the mapping names already (`identified`).
    columns = {k: v for k, v in mapping.columns.items() if not (raw and k == "run")}
    cells = {ours: _cell(frame, ours, source) for ours, source in columns.items()}
    own = TRACKER_OWN if raw else [name for name in frame.columns if is_ours(name, mapping)]
    cells |= {name: frame[name] for name in own if name not in cells}
    for ours, value in mapping.constants.items():
        cells[ours] = _constant(ours, value).new_from_index(0, frame.height)
    if mapping.metrics:
        cells |= {name: frame[f"_{name}"] for name in ("metric", "metric_kind", "unit")}
        if "dataset" not in cells:
            cells["dataset"] = frame["_dataset"]
        cells["value"] = _value_or_text(frame)
    return pl.DataFrame([series.alias(name) for name, series in cells.items()])


def with_days(given: pl.DataFrame, mapping: Mapping, *, strict: bool) -> pl.DataFrame:
    """The cells with the days of the stated format as YYYY-MM-DD.

    Raises:
        InputError: ``strict``, and a cell is no such day.
    """
    form = mapping.reading.date_format
    named = [name for name in given.columns if _KNOWN[name].dtype == pl.Date]
    if form is None or not named:
        return given
    return given.with_columns(days.in_format(given[name], form, strict=strict) for name in named)


def day_columns(cells: pl.DataFrame, mapping: Mapping) -> list[pl.Series]:
    """A table's columns of texts that fill a column of days of ours."""
    wanted = [name for name, column in _KNOWN.items() if column.dtype == pl.Date]
    theirs = {
        mapping.columns[ours].parts[0] if ours in mapping.columns else ours for ours in wanted
    }
    return [cells[name] for name in theirs if name in cells.columns]


def _constant(ours: str, value: str) -> pl.Series:
    """One cell: a count in full, if its unit was set too; else as it was set."""
    has_units = units_of(ours) in (COUNTS, COMPUTE)
    text, unit = unit_cells.split(value, ours) if has_units else (value, None)
    cell = pl.Series(ours, [text], dtype=pl.String)
    return cell if unit is None else counts.converted(cell, ours, unit)


def in_schema(
    given: pl.DataFrame, frame: pl.DataFrame, mapping: Mapping, raw: bool
) -> pl.DataFrame:
    """The cells in the dtypes of the run schema and in our units, a tracker's with `META`."""
    made = to_schema(given, RUN).with_columns(
        pl.col(ours) * units_of(ours)[source.unit or "1"]
        for ours, source in mapping.columns.items()
        if source.unit in units_of(ours) and _KNOWN[ours].dtype == pl.Float64
    )
    made = made.with_columns(frame["_row"].alias("row"))
    if not raw:
        return made
    flags = pl.concat_str("flags", frame["defect"], separator=";", ignore_nulls=True)
    meta = [frame[name].alias(meta) for meta, name in _META_FROM.items()]
    return made.with_columns(*meta, flags=pl.when(flags != "").then(flags))


def _value_or_text(frame: pl.DataFrame) -> pl.Series:
    """Values as numbers, or as text if some are none, which then go to quarantine as they came."""
    if frame["_text"].null_count() == frame.height:
        return frame["_value"].alias("value")
    made = pl.coalesce(pl.col("_value").cast(pl.String), "_text")
    return frame.select(made.alias("value")).to_series()


def _cell(frame: pl.DataFrame, ours: str, source: From) -> pl.Series:
    """The cells of one column of ours, before they are parsed."""
    dtype = _KNOWN[ours].dtype
    if dtype == pl.String:
        parts = [pl.col(part).cast(pl.String) for part in source.parts]
        return frame.select(pl.concat_str(parts, separator="/").alias(ours)).to_series()
    if dtype == pl.Date and source.unit in ("unix", "unix-ms"):
        return _day(frame[source.parts[0]], source.unit)
    if len(source.parts) == 1 and source.parts[0] in frame.columns:
        return _plain(frame, source.parts[0], ours, source)
    return _product(frame, ours, source)


def with_products(frame: pl.DataFrame, texts: Sequence[str]) -> pl.DataFrame:
    """A tracker's frame with a column for each text such as ``step*2048``.

    Its parts are columns, numbers (190M is one) and metrics logged at the same step. Texts with
    another part get no column.
    """
    for text in texts:
        parts = tuple(_in_full(part.strip()) for part in text.split("*"))
        logged = set(frame["metric"].unique().to_list())
        if text in frame.columns or not all(
            part in logged or part in frame.columns or is_number(part) for part in parts
        ):
            continue
        wide = beside(frame, Mapping(columns={"params": From(parts)}))
        made = _product(wide, "params", From(parts))
        frame = frame.with_columns(made.alias(text))
    return frame


def _in_full(part: str) -> str:
    """190M as a number that Python reads; anything else as it is."""
    return str(pl.select(in_full(pl.lit(part), "params")).item())


def _plain(frame: pl.DataFrame, theirs: str, ours: str, source: From) -> pl.Series:
    """A column as it is; its cells state no unit, if the mapping does."""
    if source.unit is not None and units_of(ours) is COUNTS:
        with placed(rows=frame["_row"].to_list()):
            unit_checks.refuse_two_units(frame[theirs], ours, source.unit)
    return frame[theirs]


def _product(frame: pl.DataFrame, ours: str, source: From) -> pl.Series:
    """The product of columns and numbers; where a factor is not a number, the text of it all."""
    product = pl.Series(ours, [1.0]).new_from_index(0, frame.height)
    for part in source.parts:
        if part in frame.columns:
            product = product * unit_cells.numbers(frame[part]).cast(pl.Float64, strict=False)
        else:
            product = product * float(part)
    columns = [part for part in source.parts if part in frame.columns]
    if not columns:
        return product
    text = pl.concat_str((pl.col(name).cast(pl.String) for name in columns), separator=" * ")
    made = frame.select(product=product, text=text)
    if made.filter(pl.col("product").is_null() & pl.col("text").is_not_null()).is_empty():
        return made["product"]
    return made.select(pl.coalesce(pl.col("product").cast(pl.String), "text")).to_series()


def _day(moments: pl.Series, unit: str) -> pl.Series:
    """Seconds or milliseconds since 1970 as the day in UTC."""
    seconds = moments.cast(pl.Float64, strict=False) * (1e-3 if unit == "unix-ms" else 1.0)
    far = seconds.abs() < 2.0**36
    whole = pl.when(far).then(seconds * 1e6).cast(pl.Int64)
    return pl.select(pl.from_epoch(whole, "us").dt.date()).to_series()
