"""What a mapping leaves open of the names that a file brings, each with its remedy."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from scaling.errors import meaning, nearest, shorten
from scaling.runs.formats._raw import RAW, run_left_out
from scaling.runs.inbox.mapping import Mapping, is_number
from scaling.runs.inbox.tracker_frame import as_written
from scaling.runs.schema import RUN, by_name
from scaling.runs.units import units_of

_KNOWN = by_name(RUN)
# Columns of a tracker's frame that are ours already, or serve the account of a run.
TRACKER_OWN = ("run", "step")
_LIKE_METRIC = re.compile(r"loss|ppl|perplex|bpb|nll|entropy|acc|error|score", re.IGNORECASE)
_MOST_TOLD = 12
_EXAMPLE = {
    "run": "run=COLUMN (a text that names the run; a join like model+seed will do)",
    "observed": "observed=COLUMN, or --set observed=YYYY-MM-DD",
    "value": "value=COLUMN, or --metric COLUMN=loss@DATASET:nats/token",
}


def mapping_faults(cells: pl.DataFrame, mapping: Mapping, raw: bool) -> list[str]:
    """Names that are neither mapped nor ignored, ambiguous or missing, a sentence each."""
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
        and (raw or not is_ours(name, mapping))
    ]
    faults += [_unmapped(name, cells, raw) for name in unsettled[:_MOST_TOLD]]
    if len(unsettled) > _MOST_TOLD:
        rest = shorten(unsettled[_MOST_TOLD:], 400)
        many = " Patterns will do: --ignore 'config.*' leaves what is mapped." if raw else ""
        faults.append(f"and {len(unsettled) - _MOST_TOLD} more are not mapped: {rest}.{many}")
    return faults + _missing(there, mapping, raw)


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


def is_ours(name: str, mapping: Mapping) -> bool:
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
    filled |= set(TRACKER_OWN) if raw else {name for name in there if is_ours(name, mapping)}
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
