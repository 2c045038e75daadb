"""A frame as a file or tracker has it, turned into run rows by a mapping.

Every name that comes in is mapped or ignored; whatever is neither, or is ambiguous, is a fault.
One error lists all faults of a file, each with its remedy.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from scaling.errors import InputError, meaning, nearest, placed, shorten
from scaling.runs import counts, unit_cells, unit_checks
from scaling.runs.formats import days, settled, to_schema
from scaling.runs.formats._raw import RAW, run_left_out
from scaling.runs.inbox.mapping import From, Mapping, is_number
from scaling.runs.inbox.remarks import left_out_runs
from scaling.runs.schema import RUN, by_name
from scaling.runs.units import COMPUTE, COUNTS, ENTROPY, in_full, units_of, value_in

_KNOWN = by_name(RUN)
# Columns of a tracker's frame that are ours already, or serve the account of a run.
TRACKER_OWN = ("run", "step")
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
_LIKE_METRIC = re.compile(r"loss|ppl|perplex|bpb|nll|entropy|acc|error|score", re.IGNORECASE)
_MOST_TOLD = 12
_EXAMPLE = {
    "run": "run=COLUMN (a text that names the run; a join like model+seed will do)",
    "observed": "observed=COLUMN, or --set observed=YYYY-MM-DD",
    "value": "value=COLUMN, or --metric COLUMN=loss@DATASET:nats/token",
}


def run_rows(
    cells: pl.DataFrame,
    mapping: Mapping,
    *,
    raw: bool,
    ordered: bool = True,
    entering: bool = False,
) -> pl.DataFrame:
    """Rows in the run schema with ``row`` (data rows of the frame, from 1) and ``unparsed``.

    Rows of a tracker also have `META`, and those that do not count say why in ``_left_out``. A row
    makes one result for each mapped metric that it has. With ``entering``, units that are not
    stated are checked; what was added once is read as it is.

    Raises:
        InputError: lists all that is unmapped, missing or ambiguous.
    """
    nothing = raw and cells.select(run_left_out().all()).item()
    if nothing and entering:
        raise InputError("no run counts:\n  " + "\n  ".join(left_out_runs(cells)))
    faults = [] if nothing else _faults(cells, mapping, raw)
    if faults:
        raise InputError("the mapping leaves questions open:\n  " + "\n  ".join(faults))
    frame = cells.with_row_index("_row", offset=1).with_columns(pl.col("_row").cast(pl.Int64))
    if raw:
        frame = settled(identified(frame, mapping), ordered=ordered).with_columns(_gap())
    frame = _of_metrics(frame, mapping, raw) if mapping.metrics else frame
    given = _under_our_names(frame, mapping, raw)
    given = _with_days(given, mapping, strict=entering)
    made = _in_schema(given, frame, mapping, raw)
    if entering and (found := doubtful(given, made, mapping)):
        raise InputError("units are missing:\n  " + "\n  ".join(found))
    return made


# What is there, and whether the mapping settles it ----------------------------------------------


def names_in(cells: pl.DataFrame, raw: bool) -> list[str]:
    """Every name that the file brought: columns, or a tracker's metrics and configuration keys.

    Runs that the tracker itself leaves out bring no names.
    """
    if not raw:
        return cells.columns
    counted = cells.filter(~run_left_out())
    logged = counted["metric"].unique(maintain_order=True).to_list()
    others = [name for name in cells.columns if name not in RAW and not name.startswith("_")]
    if counted.height < cells.height:
        others = [
            name
            for name in others
            if counted[name].count() or cells[name].null_count() == cells.height
        ]
    return [*logged, *others]


def _faults(cells: pl.DataFrame, mapping: Mapping, raw: bool) -> list[str]:
    there = names_in(cells, raw)
    # A metric of a run that is left out may be mapped, and must not be.
    left = [] if not raw else [*cells["metric"].drop_nulls().unique(), *cells.columns]
    usable = list(dict.fromkeys([*there, *left]))
    used = {part for source in mapping.columns.values() for part in source.parts}
    used |= set(mapping.metrics)
    faults = [*_absent(mapping, usable), *_ambiguous(cells, used, raw)]
    unsettled = [
        name
        for name in there
        if name not in used
        and not _is_ignored(name, mapping)
        and (raw or not _is_ours(name, mapping))
    ]
    faults += [_unmapped(name, cells, raw) for name in unsettled[:_MOST_TOLD]]
    if len(unsettled) > _MOST_TOLD:
        rest = shorten(unsettled[_MOST_TOLD:], 400)
        many = " Patterns will do: --ignore 'config.*' leaves what is mapped." if raw else ""
        faults.append(f"and {len(unsettled) - _MOST_TOLD} more are not mapped: {rest}.{many}")
    return faults + _missing(there, mapping, raw)


def _absent(mapping: Mapping, usable: Sequence[str]) -> list[str]:
    """Names that the mapping asks for and that are not there."""
    faults = []
    for ours, source in mapping.columns.items():
        for part in source.parts:
            if part in usable or (_KNOWN[ours].dtype != pl.String and is_number(part)):
                continue
            units = f" Units of {ours}: {', '.join(units_of(ours))}." if ":" in part else ""
            hint = nearest(part, usable) or f"There are: {shorten(list(usable), 200)}."
            faults.append(f"--map {ours}={source}: there is no {part!r}. {hint}{units}")
    if mapping.metrics and not set(mapping.metrics) & set(usable):
        names = shorten(list(usable), 200)
        faults.append(
            f"none of the metrics {shorten(list(mapping.metrics))} is there, but: {names}"
        )
    return faults


def _ambiguous(cells: pl.DataFrame, used: set[str], raw: bool) -> list[str]:
    """Names that are both a tracker's metric and a column of its frame."""
    if not raw:
        return []
    logged = set(cells["metric"].unique().to_list()) & set(cells.columns) & used
    return [f"{name!r} is both a metric and a column of the tracker" for name in sorted(logged)]


def _is_ignored(name: str, mapping: Mapping) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in mapping.ignore)


def _is_ours(name: str, mapping: Mapping) -> bool:
    """Whether a table's column stands for the one of ours that has its name.

    Not if that is filled from elsewhere, if the column as a whole is mapped to another or to a
    metric, or if it is ignored; '*' ignores the rest only.
    """
    rest = replace(mapping, ignore=tuple(one for one in mapping.ignore if one != "*"))
    elsewhere = {*mapping.columns, *mapping.constants, *mapping.metrics}
    elsewhere |= {one.parts[0] for one in mapping.columns.values() if len(one.parts) == 1}
    return name in _KNOWN and name not in elsewhere and not _is_ignored(name, rest)


def _unmapped(name: str, cells: pl.DataFrame, raw: bool) -> str:
    """What is there, the nearest of ours, and the options that would settle it."""
    metric = raw and name not in cells.columns
    logged = cells.filter(pl.col("metric") == name) if metric else cells
    text = metric and logged["value"].null_count() == logged.height
    values = logged.select(as_written())["_written"] if metric else cells[name]
    some = ", ".join(map(str, values.drop_nulls().unique(maintain_order=True).head(3).to_list()))
    if name in _KNOWN and not metric:
        return f"{name!r} is mapped or set from elsewhere too: --ignore '{name}', or map it alone"
    ours = _nearest(name)
    if text and ours and _KNOWN[ours].dtype == pl.Float64:
        ours = None
    near = f"nearest of ours {ours!r}" if ours else "nothing of ours is near"
    if metric and name in _KNOWN:
        near, option = "it has a name of ours", f"--map '{name}={name}'"
    elif text:
        near = f"text; {near}" if ours else "text, which may name the run"
        option = f"--map '{ours or 'run'}={name}'"
    elif metric or _LIKE_METRIC.search(name):
        near = "a metric of the tracker" if metric else "it looks like a metric"
        option = f"--metric '{name}=loss@DATASET:nats/token'"
    else:
        option = f"--map '{ours or 'OURS'}={name}'"
    return f"{name!r} ({shorten(some, 40)}) is not mapped; {near}: {option} or --ignore '{name}'"


def _nearest(name: str) -> str | None:
    """The column of ours that a name may mean: a suggestion, never taken by itself."""
    last = re.split(r"[./]", name)[-1].lower()
    meant = meaning(last)
    if meant in _KNOWN:
        return meant
    close = nearest(last, _KNOWN)
    return close.split("'")[1] if close else None


def _missing(there: Sequence[str], mapping: Mapping, raw: bool) -> list[str]:
    """Required columns that nothing fills."""
    filled = {*mapping.columns, *mapping.constants, "source"}
    filled |= {"metric", "metric_kind", "unit", "value"} if mapping.metrics else set()
    filled |= set(TRACKER_OWN) if raw else {name for name in there if _is_ours(name, mapping)}
    wanted = [column.name for column in RUN if column.required and column.name not in filled]
    if raw and not mapping.metrics:
        return ["no metric is mapped: --metric 'NAME=loss@DATASET:nats/token'", *_lines(wanted)]
    return _lines(wanted)


def _lines(wanted: Sequence[str]) -> list[str]:
    # With --metric the value brings its id, kind and unit along.
    if "value" in wanted:
        wanted = [name for name in wanted if name not in ("metric", "metric_kind", "unit")]
    return [
        f"nothing fills {name!r} ({_KNOWN[name].meaning}): --map "
        + _EXAMPLE.get(name, f"{name}=COLUMN, or --set {name}=VALUE")
        for name in wanted
    ]


# Rows of one result each -------------------------------------------------------------------------


def _of_metrics(frame: pl.DataFrame, mapping: Mapping, raw: bool) -> pl.DataFrame:
    """One row per result of a mapped metric, with our id, unit and value in ``_`` columns."""
    if raw:
        frame = _beside(frame, mapping)
        chosen = [frame.filter(pl.col("metric") == name) for name in mapping.metrics]
        text = pl.when(pl.col("value").is_null()).then("value_text")
        parts = [part.with_columns(_value=pl.col("value"), _text=text) for part in chosen]
    else:
        there = [name for name in mapping.metrics if name in frame.columns]
        values = {name: to_schema(frame.select(value=name), RUN) for name in there}
        # An empty cell is no result, unless no metric of the row has one: then the row would go.
        empty = pl.all_horizontal(pl.col(name).is_null() for name in there)
        parts = [
            frame.with_columns(
                _value=values[name]["value"],
                _text=pl.when(values[name]["value"].is_null()).then(pl.col(name).cast(pl.String)),
            ).filter(pl.col(name).is_not_null() | (empty if name == there[0] else pl.lit(False)))
            for name in there
        ]
        return _joined(parts, there, mapping)
    return _joined(parts, list(mapping.metrics), mapping)


def _joined(parts: list[pl.DataFrame], names: list[str], mapping: Mapping) -> pl.DataFrame:
    """The parts of the metrics one after the other, in order of their rows."""
    made = []
    for name, part in zip(names, parts, strict=True):
        metric = mapping.metrics[name]
        value = value_in(pl.col("_value"), metric.unit, metric.to, mapping.bytes_per_token)
        made.append(
            part.with_columns(
                _value=value,
                _metric=pl.lit(metric.id),
                _metric_kind=pl.lit(metric.kind),
                _dataset=pl.lit(metric.dataset),
                _unit=pl.lit(metric.to),
            )
        )
    return pl.concat(made).sort("_row", maintain_order=True)


def _beside(frame: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
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


def _gap() -> pl.Expr:
    """How far apart a run logs at most."""
    steps = pl.col("step").unique().sort().diff().max()
    return steps.over("run").fill_null(0.0).alias("_gap")


# Our columns -------------------------------------------------------------------------------------


def _under_our_names(frame: pl.DataFrame, mapping: Mapping, raw: bool) -> pl.DataFrame:
    """The cells that fill our columns, before they are parsed."""
    # A tracker's rows have the run that the mapping names already (`identified`).
    columns = {k: v for k, v in mapping.columns.items() if not (raw and k == "run")}
    cells = {ours: _cell(frame, ours, source) for ours, source in columns.items()}
    own = TRACKER_OWN if raw else [name for name in frame.columns if _is_ours(name, mapping)]
    cells |= {name: frame[name] for name in own if name not in cells}
    for ours, value in mapping.constants.items():
        cells[ours] = _constant(ours, value).new_from_index(0, frame.height)
    if mapping.metrics:
        cells |= {name: frame[f"_{name}"] for name in ("metric", "metric_kind", "unit")}
        if "dataset" not in cells:
            cells["dataset"] = frame["_dataset"]
        cells["value"] = _value_or_text(frame)
    return pl.DataFrame([series.alias(name) for name, series in cells.items()])


def _with_days(given: pl.DataFrame, mapping: Mapping, *, strict: bool) -> pl.DataFrame:
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


def _in_schema(
    given: pl.DataFrame, frame: pl.DataFrame, mapping: Mapping, raw: bool
) -> pl.DataFrame:
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
        beside = _beside(frame, Mapping(columns={"params": From(parts)}))
        made = _product(beside, "params", From(parts))
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


def doubtful(given: pl.DataFrame, made: pl.DataFrame, mapping: Mapping) -> list[str]:
    """Columns that do not look as if they were in the unit that is stated, or in ours.

    ``given`` has the cells under our names, ``made`` the run rows that they make.
    """
    if "_left_out" in made.columns:
        counting = made["_left_out"].is_null()
        given, made = given.filter(counting), made.filter(counting)
    found = []
    for ours in given.columns:
        source = mapping.columns.get(ours, From((ours,)))
        # A factor written as a number, as in step*2048, states the scale.
        written = source.unit is not None or any(map(is_number, source.parts))
        if written or ours in mapping.constants:
            continue
        theirs = "*".join(source.parts)
        try:
            with placed(rows=made["row"].to_list()):
                say = unit_cells.map_flag(ours, theirs)
                unit_checks.refuse(given[ours].alias(theirs), ours, say, made)
        except InputError as error:
            found.append(f"{ours}: {error}")
    by_metric = made.group_by("metric", "unit", "metric_kind", maintain_order=True)
    for (name, unit, kind), own in by_metric:
        try:
            _refuse_metric(own, unit, kind)
        except InputError as error:
            found.append(f"{name}: {error}")
    return found


def _refuse_metric(rows: pl.DataFrame, unit: Any, kind: Any) -> None:
    """Refuse perplexities that are said to be in nats or bits."""
    if kind == "perplexity" and unit in ENTROPY:
        raise InputError("a perplexity is in no such unit", value=unit, allowed="perplexity")
    if kind == "loss" and unit is not None:
        with placed(rows=rows["row"].to_list()):
            unit_checks.refuse_perplexities(rows["value"], unit)
