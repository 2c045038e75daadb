"""A frame as a file or tracker has it, turned into run rows by a mapping.

Every name that comes in is mapped or ignored; whatever is neither, or is ambiguous, is a fault.
One error lists all faults of a file, each with its remedy.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence

import polars as pl

from scaling.errors import InputError, nearest, placed, shorten
from scaling.runs import counts
from scaling.runs.formats import to_schema
from scaling.runs.formats._raw import RAW
from scaling.runs.inbox.mapping import From, Mapping
from scaling.runs.schema import RUN, by_name
from scaling.runs.units import COMPUTE, COUNTS, ENTROPY, units_of, value_in

_KNOWN = by_name(RUN)
# Columns of a tracker's frame that are ours already, or serve the account of a run.
TRACKER_OWN = ("run", "step")
META = {"_expected": pl.Float64, "_status": pl.String, "_truncated": pl.Boolean}
_META_FROM = {"_expected": "expected_last_step", "_status": "status", "_truncated": "truncated"}
# What people call things; a suggestion in a message, never taken by itself.
_CUSTOMARY = {
    **dict.fromkeys(("n", "n_params", "num_params", "parameters", "model_size"), "params"),
    **dict.fromkeys(("d", "n_tokens", "num_tokens", "tokens_seen", "train_tokens"), "tokens"),
    **dict.fromkeys(("c", "compute", "total_flos", "gflop", "gflops", "pf_days"), "flops"),
    **dict.fromkeys(("date", "day", "timestamp", "created_at", "_timestamp"), "observed"),
    **dict.fromkeys(("name", "id", "model", "run_id", "run_name", "experiment"), "run"),
    **dict.fromkeys(("learning_rate", "max_lr", "peak_lr"), "lr"),
    **dict.fromkeys(("d_model", "n_embd", "hidden_size"), "width"),
    **dict.fromkeys(("n_layer", "n_layers", "num_layers", "num_hidden_layers"), "depth"),
    **dict.fromkeys(("seq_len", "sequence_length", "block_size", "n_ctx"), "context"),
}
_LIKE_METRIC = re.compile(r"loss|ppl|perplex|bpb|nll|entropy|acc|error|score", re.IGNORECASE)
_MOST_TOLD = 12
_EXAMPLE = {
    "run": "run=COLUMN (a text that names the run; a join like model+seed will do)",
    "observed": "observed=COLUMN, or --set observed=YYYY-MM-DD",
    "value": "value=COLUMN, or --metric COLUMN=loss@DATASET:nats/token",
}


def run_rows(
    cells: pl.DataFrame, mapping: Mapping, *, raw: bool, entering: bool = False
) -> pl.DataFrame:
    """Rows in the run schema with ``row`` (data rows of the frame, from 1) and ``unparsed``.

    Rows of a tracker also have `META`. A row makes one result for each mapped metric that it has.
    With ``entering``, units that are not stated are checked; what was added once is read as it is.

    Raises:
        InputError: lists all that is unmapped, missing or ambiguous.
    """
    faults = _faults(cells, mapping, raw)
    if faults:
        raise InputError("the mapping leaves questions open:\n  " + "\n  ".join(faults))
    frame = cells.with_row_index("_row", offset=1).with_columns(pl.col("_row").cast(pl.Int64))
    frame = _of_metrics(frame, mapping, raw) if mapping.metrics else frame
    given = _under_our_names(frame, mapping, raw)
    made = _in_schema(given, frame, mapping, raw)
    if entering and (doubtful := _doubtful(given, made, mapping)):
        raise InputError("units are missing:\n  " + "\n  ".join(doubtful))
    return made


# What is there, and whether the mapping settles it ----------------------------------------------


def names_in(cells: pl.DataFrame, raw: bool) -> list[str]:
    """Every name that the file brought: columns, or a tracker's metrics and configuration keys."""
    if not raw:
        return cells.columns
    logged = cells["metric"].unique(maintain_order=True).to_list()
    return [*logged, *(name for name in cells.columns if name not in RAW)]


def _faults(cells: pl.DataFrame, mapping: Mapping, raw: bool) -> list[str]:
    there = names_in(cells, raw)
    usable = [*there, *RAW] if raw else there
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
            if part in usable or (_KNOWN[ours].dtype != pl.String and _is_number(part)):
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


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_ignored(name: str, mapping: Mapping) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in mapping.ignore)


def _is_ours(name: str, mapping: Mapping) -> bool:
    """Whether a table's column stands for the one of ours that has its name."""
    return name in _KNOWN and name not in mapping.columns and name not in mapping.constants


def _unmapped(name: str, cells: pl.DataFrame, raw: bool) -> str:
    """What is there, the nearest of ours, and the options that would settle it."""
    metric = raw and name not in cells.columns
    values = cells.filter(pl.col("metric") == name)["value"] if metric else cells[name]
    some = ", ".join(map(str, values.drop_nulls().unique(maintain_order=True).head(3).to_list()))
    if name in _KNOWN:
        return f"{name!r} is mapped or set from elsewhere too: --ignore '{name}', or map it alone"
    ours = _nearest(name)
    near = f"nearest of ours {ours!r}" if ours else "nothing of ours is near"
    if metric or _LIKE_METRIC.search(name):
        near = "a metric of the tracker" if metric else "it looks like a metric"
        option = f"--metric '{name}=loss@DATASET:nats/token'"
    else:
        option = f"--map '{ours or 'OURS'}={name}'"
    return f"{name!r} ({shorten(some, 40)}) is not mapped; {near}: {option} or --ignore '{name}'"


def _nearest(name: str) -> str | None:
    """The column of ours that a name may mean."""
    last = re.split(r"[./]", name)[-1].lower()
    if last in _CUSTOMARY:
        return _CUSTOMARY[last]
    close = nearest(last, _KNOWN)
    return close.split("'")[1] if close else None


def _missing(there: Sequence[str], mapping: Mapping, raw: bool) -> list[str]:
    """Required columns that nothing fills."""
    filled = {*mapping.columns, *mapping.constants, "source"}
    filled |= {"metric", "metric_kind", "unit", "value"} if mapping.metrics else set()
    filled |= set(TRACKER_OWN) if raw else {name for name in there if name in _KNOWN}
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
    wanted = {part for source in mapping.columns.values() for part in source.parts}
    logged = set(frame["metric"].unique().to_list())
    for name in sorted(wanted & logged - set(frame.columns)):
        beside = (
            frame.filter(pl.col("metric") == name)
            .group_by("run", "step", maintain_order=True)
            .agg(pl.col("value").last().alias(name))
        )
        frame = frame.join(beside, on=["run", "step"], how="left", maintain_order="left")
    return frame


# Our columns -------------------------------------------------------------------------------------


def _under_our_names(frame: pl.DataFrame, mapping: Mapping, raw: bool) -> pl.DataFrame:
    """The cells that fill our columns, before they are parsed."""
    cells = {ours: _cell(frame, ours, source) for ours, source in mapping.columns.items()}
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


def _constant(ours: str, value: str) -> pl.Series:
    """One cell: a count in full, if its unit was set too; else as it was set."""
    text, unit = counts.split(value, ours) if units_of(ours) in (COUNTS, COMPUTE) else (value, None)
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
    meta = [frame[name].alias(meta) for meta, name in _META_FROM.items()] if raw else []
    return made.with_columns(frame["_row"].alias("row"), *meta)


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


def _plain(frame: pl.DataFrame, theirs: str, ours: str, source: From) -> pl.Series:
    """A column as it is; its cells state no unit, if the mapping does."""
    if source.unit is not None and units_of(ours) is COUNTS:
        with placed(rows=frame["_row"].to_list()):
            counts.refuse_two_units(frame[theirs], ours, source.unit)
    return frame[theirs]


def _product(frame: pl.DataFrame, ours: str, source: From) -> pl.Series:
    """The product of columns and numbers; where a factor is not a number, the text of it all."""
    product = pl.Series(ours, [1.0]).new_from_index(0, frame.height)
    for part in source.parts:
        if part in frame.columns:
            product = product * counts.numbers(frame[part]).cast(pl.Float64, strict=False)
        else:
            product = product * float(part)
    columns = [part for part in source.parts if part in frame.columns]
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


def _doubtful(given: pl.DataFrame, made: pl.DataFrame, mapping: Mapping) -> list[str]:
    """Columns that do not look as if they were in the unit that is stated, or in ours."""
    found = []
    for ours in given.columns:
        source = mapping.columns.get(ours, From((ours,)))
        # A factor written as a number, as in step*2048, states the scale.
        written = source.unit is not None or any(map(_is_number, source.parts))
        if written or ours in mapping.constants:
            continue
        theirs = "*".join(source.parts)
        try:
            with placed(rows=made["row"].to_list()):
                counts.refuse(given[ours].alias(theirs), ours, counts.map_flag(ours, theirs), made)
        except InputError as error:
            found.append(f"{ours}: {error}")
    for name, unit, kind in made.select("metric", "unit", "metric_kind").unique().rows():
        try:
            own = made.filter(pl.col("metric") == name, pl.col("unit") == unit)
            _refuse_metric(own, unit, kind)
        except InputError as error:
            found.append(f"{name}: {error}")
    return found


def _refuse_metric(rows: pl.DataFrame, unit: str | None, kind: str | None) -> None:
    """Refuse perplexities that are said to be in nats or bits."""
    if kind == "perplexity" and unit in ENTROPY:
        raise InputError("a perplexity is in no such unit", value=unit, allowed="perplexity")
    if kind == "loss" and unit is not None:
        with placed(rows=rows["row"].to_list()):
            counts.refuse_perplexities(rows["value"], unit)
