"""What a team's names and units mean in ours: a mapping, remembered and versioned per source.

A mapping says for every column, configuration key and metric that comes in what it is here, or
that it is ignored. ``mapping.yaml`` of a source lists all versions; a version is never edited,
what was added under one is always read with that one, and the last one reads what follows.

How one is written on the command line:

    --map OURS=THEIRS[:UNIT]          a column; THEIRS may be a product, step*config.batch*2048,
                                      or for a text a join, model+seed
    --metric THEIRS=ID:UNIT[:TO]      a metric; ID is KIND@DATASET, TO the unit to turn it into
                                      (a loss in perplexity is turned into nats/token)
    --set OURS=VALUE[:UNIT]           the same value in every row; without a value, none
    --ignore NAME                     a name, or a pattern like config.*
    --rows every | final              which checkpoints of a tracker's run
    --sheet, --header, --decimal, --date-format    how a file is read, see `ReadOptions`
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from scaling.errors import InputError, nearest
from scaling.io import atomic
from scaling.runs import counts
from scaling.runs.formats import AS_IT_IS, ReadOptions, days, flag
from scaling.runs.schema import RUN, by_name
from scaling.runs.units import (
    COMPUTE,
    COUNTS,
    ENTROPY,
    LOSSES,
    PERPLEXITY,
    SHARES,
    units_of,
    value_in,
)

FILE = "mapping.yaml"
ROWS = ("every", "final")
_KNOWN = by_name(RUN)
_KINDS = _KNOWN["metric_kind"].allowed
# Filled in by ingest; nobody else knows them.
_OURS_ALONE = ("source", "recorded", "payload")
_FROM_METRIC = ("metric", "metric_kind", "dataset", "unit")
# Constants that hold for all files of a source. All others are facts of the file they were said of.
RULES = (
    *("metric", "metric_kind", "dataset", "tokenizer", "unit", "axis_name"),
    *("flops_method", "origin", "training_data", "split"),
)


@dataclass(frozen=True)
class From:
    """Where a column comes from: names (and, in a product, numbers) and the unit they are in."""

    parts: tuple[str, ...]
    unit: str | None = None

    def __str__(self) -> str:
        return "*".join(self.parts) + (f":{self.unit}" if self.unit else "")


@dataclass(frozen=True)
class Metric:
    """A metric here: its id, the unit that it comes in and the unit that it is turned into."""

    id: str
    unit: str
    to: str

    def __str__(self) -> str:
        return f"{self.id}:{self.unit}" + (f":{self.to}" if self.to != self.unit else "")

    @property
    def kind(self) -> str:
        """The part of the id before '@'."""
        return self.id.partition("@")[0]

    @property
    def dataset(self) -> str:
        """The part of the id after '@'."""
        return self.id.partition("@")[2]


@dataclass(frozen=True)
class Mapping:
    """One version."""

    columns: dict[str, From] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    rows: str = "every"
    bytes_per_token: float | None = None
    reading: ReadOptions = AS_IT_IS


@dataclass(frozen=True)
class Options:
    """What the command line says of a mapping, as it stands there."""

    maps: Sequence[str] = ()
    metrics: Sequence[str] = ()
    sets: Sequence[str] = ()
    ignore: Sequence[str] = ()
    rows: str | None = None
    bytes_per_token: float | None = None
    reading: ReadOptions = AS_IT_IS


def amended(mapping: Mapping, options: Options) -> Mapping:
    """The mapping with the options laid over it.

    Raises:
        InputError: an option that cannot be read, or a name or unit that does not exist.
    """
    columns = dict(mapping.columns)
    constants = dict(mapping.constants)
    for text in options.maps:
        ours, source = _map_option(text)
        columns[ours] = source
        constants.pop(ours, None)
    for text in options.sets:
        ours, value = set_option(text)
        columns.pop(ours, None)
        constants.pop(ours, None)
        if value:
            constants[ours] = value
    made = replace(
        mapping,
        columns=columns,
        constants=constants,
        metrics=mapping.metrics | dict(map(_metric_option, options.metrics)),
        ignore=tuple(dict.fromkeys((*mapping.ignore, *options.ignore))),
        rows=options.rows or mapping.rows,
        bytes_per_token=options.bytes_per_token or mapping.bytes_per_token,
        reading=replace(mapping.reading, **options.reading.given()),
    )
    return checked(made)


def without_names(mapping: Mapping, names: Iterable[str]) -> Mapping:
    """The mapping without what it says of these names: columns of ours, metrics and ignored names
    of theirs.

    Raises:
        InputError: a name of which it says nothing.
    """
    said = (*mapping.columns, *mapping.constants, *mapping.metrics, *mapping.ignore)
    out = set(names)
    for name in sorted(out.difference(said)):
        allowed = ", ".join(dict.fromkeys(said))
        raise InputError("the mapping does not speak of it", value=name, allowed=allowed)
    return replace(
        mapping,
        columns={name: one for name, one in mapping.columns.items() if name not in out},
        constants={name: one for name, one in mapping.constants.items() if name not in out},
        metrics={name: one for name, one in mapping.metrics.items() if name not in out},
        ignore=tuple(name for name in mapping.ignore if name not in out),
    )


def as_options(mapping: Mapping) -> list[str]:
    """The mapping as the options of `scaling add` that say it."""
    metrics = mapping.metrics.items()
    said = [("--map", f"{ours}={source}") for ours, source in mapping.columns.items()]
    said += [("--metric", f"{theirs}={one}") for theirs, one in metrics]
    said += [("--set", f"{ours}={value}") for ours, value in mapping.constants.items()]
    said += [("--ignore", name) for name in mapping.ignore]
    said += [("--rows", mapping.rows)] * (mapping.rows != ROWS[0])
    rate = mapping.bytes_per_token
    said += [] if rate is None else [("--bytes-per-token", f"{rate!r}")]
    said += [(flag(name), value) for name, value in mapping.reading.given().items()]
    return [f"{option} {shlex.quote(value)}" for option, value in said]


def checked(mapping: Mapping) -> Mapping:
    """The mapping, if what it says is possible.

    Raises:
        InputError: names what is not.
    """
    for metric in mapping.metrics.values():
        value_in(pl.col("value"), metric.unit, metric.to, mapping.bytes_per_token)
    if mapping.rows not in ROWS:
        raise InputError("no such choice of rows", value=mapping.rows, allowed=" | ".join(ROWS))
    rate = mapping.bytes_per_token
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise InputError("not a rate", column="bytes_per_token", value=rate, allowed="> 0")
    if mapping.reading.date_format is not None:
        days.checked_format(mapping.reading.date_format)
    for name in (*mapping.columns, *mapping.constants):
        if mapping.metrics and name in (*_FROM_METRIC, "value"):
            hint = "Give the metric with --metric, or its columns with --map and --set, not both."
            raise InputError("stated twice", column=name, hint=hint)
    return mapping


def _map_option(text: str) -> tuple[str, From]:
    ours, _, theirs = text.partition("=")
    _check_ours(ours, f"--map {text}", "OURS=THEIRS[:UNIT]", bool(theirs))
    name, colon, unit = theirs.rpartition(":")
    if not colon or unit not in units_of(ours):
        name, unit = theirs, ""
    sign = "+" if _KNOWN[ours].dtype == pl.String else "*"
    parts = tuple(part.strip() for part in name.split(sign))
    if not all(parts):
        raise InputError("cannot be read", value=f"--map {text}", allowed="OURS=THEIRS[:UNIT]")
    return ours, From(parts, unit or None)


def set_option(text: str) -> tuple[str, str]:
    """Column and value of a --set; the value is empty where it is to have none."""
    ours, sign, value = text.partition("=")
    _check_ours(ours, f"--set {text}", "OURS=VALUE", bool(sign))
    if value and units_of(ours) in (COUNTS, COMPUTE):
        counts.count(value, ours, place=f"--set {ours}=")
    return ours, value


def facts(mapping: Mapping) -> dict[str, str]:
    """What the mapping says of one file only, as options by column: not to be said of another."""
    numbers = {
        ours: f"--map {ours}={source}"
        for ours, source in mapping.columns.items()
        if all(map(is_number, source.parts))
    }
    constants = mapping.constants.items()
    return numbers | {k: f"--set {k}={v}" for k, v in constants if k not in RULES}


def without(mapping: Mapping, columns: Iterable[str]) -> Mapping:
    """The mapping without what it says of these columns."""
    gone = set(columns)
    return replace(
        mapping,
        columns={k: v for k, v in mapping.columns.items() if k not in gone},
        constants={k: v for k, v in mapping.constants.items() if k not in gone},
    )


def with_facts(mapping: Mapping, own: Mapping) -> Mapping:
    """The mapping with the facts of a file that ``own`` read."""
    said = facts(own)
    bare = without(mapping, (*facts(mapping), *said))
    columns = {k: v for k, v in own.columns.items() if k in said}
    constants = {k: v for k, v in own.constants.items() if k in said}
    return replace(bare, columns=bare.columns | columns, constants=bare.constants | constants)


def is_number(text: str) -> bool:
    """Whether a part of a product is a number and no name."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_ours(ours: str, option: str, form: str, complete: bool) -> None:
    if not ours or not complete:
        raise InputError("cannot be read", value=option, allowed=form)
    if ours in _OURS_ALONE:
        raise InputError(f"{ours!r} is filled in here", value=option)
    if ours not in _KNOWN:
        hint = nearest(ours, _KNOWN) or f"Columns: {', '.join(_KNOWN)}."
        raise InputError(f"no column {ours!r} in the run schema", value=option, hint=hint)


def _metric_option(text: str) -> tuple[str, Metric]:
    theirs, _, ours = text.rpartition("=")
    name, *units = ours.split(":")
    if not theirs or not 1 <= len(units) <= 2 or not all((name, *units)):
        known = " | ".join((*LOSSES, *SHARES))
        allowed = f"THEIRS=KIND@DATASET:UNIT[:TO], with UNIT one of {known} or a word for a score"
        raise InputError("cannot be read", value=f"--metric {text}", allowed=allowed)
    option, kind = f"--metric {text}", name.partition("@")[0]
    if kind == "perplexity" and set(units) & set(ENTROPY):
        loss = f"{theirs}=loss{name.removeprefix('perplexity')}:{PERPLEXITY}"
        hint = f"--metric {loss} turns it into nats per token."
        raise InputError(
            "a perplexity is in no such unit", value=option, allowed=PERPLEXITY, hint=hint
        )
    to = "nats/token" if units == [PERPLEXITY] and kind == "loss" else units[-1]
    return theirs, _checked_metric(Metric(name, units[0], to), option)


def _checked_metric(metric: Metric, option: str) -> Metric:
    """A metric of a kind that there is, in a unit that its kind can have."""
    if metric.kind not in _KINDS or not metric.dataset:
        allowed = f"KIND@DATASET, with KIND one of {' | '.join(_KINDS)}"
        raise InputError("not the id of a metric", value=option, allowed=allowed)
    given = {"loss": LOSSES, "bits_per_byte": LOSSES, "accuracy": SHARES, "error": SHARES}
    kept = given | {"loss": ENTROPY, "bits_per_byte": ("bits/byte",)}
    for unit, possible in ((metric.unit, given), (metric.to, kept)):
        allowed_units = possible.get(metric.kind, (unit,))
        if unit not in allowed_units:
            allowed = " | ".join(allowed_units)
            hint = nearest(unit, allowed_units)
            raise InputError(
                f"{unit!r}: no unit of {metric.kind}", value=option, allowed=allowed, hint=hint
            )
    return metric


# Versions on disk --------------------------------------------------------------------------------


def read_versions(folder: Path) -> list[Mapping]:
    """All versions, oldest first; none where there is no file.

    Raises:
        InputError: a file that is not as `write_versions` makes it.
    """
    file = folder / FILE
    if not file.is_file():
        return []
    try:
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
        listed = given["versions"]
        numbers = [item["version"] for item in listed]
        if numbers != list(range(1, len(listed) + 1)):
            raise InputError("versions are not 1, 2, 3, ...", file=file, value=numbers)
        return [checked(_from_plain(item)) for item in listed]
    except InputError as error:
        raise error.at(file) from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"not a mapping: {error!r}", file=file) from None


def write_versions(folder: Path, versions: Sequence[Mapping]) -> None:
    """All versions, oldest first, whole."""
    plain = [{"version": n, **_plain(one)} for n, one in enumerate(versions, start=1)]
    head = "# Written by `scaling add`. A version is never edited; the last one reads what comes.\n"
    text = head + yaml.safe_dump({"versions": plain}, sort_keys=False, allow_unicode=True)
    atomic.write(folder / FILE, text.encode())


def _plain(mapping: Mapping) -> dict[str, Any]:
    columns = {
        ours: {"from": list(source.parts), **({"unit": source.unit} if source.unit else {})}
        for ours, source in mapping.columns.items()
    }
    return {
        "columns": columns,
        "metrics": {theirs: asdict(metric) for theirs, metric in mapping.metrics.items()},
        "set": dict(mapping.constants),
        "ignore": list(mapping.ignore),
        "rows": mapping.rows,
        "bytes_per_token": mapping.bytes_per_token,
        **({"read": mapping.reading.given()} if mapping.reading.given() else {}),
    }


def _from_plain(given: dict[str, Any]) -> Mapping:
    for ours in (*given["columns"], *given["set"]):
        _check_ours(ours, ours, "a column of the run schema", True)
    columns = {ours: _from(ours, item) for ours, item in given["columns"].items()}
    return Mapping(
        columns=columns,
        metrics={
            str(theirs): _checked_metric(Metric(**item), theirs)
            for theirs, item in given["metrics"].items()
        },
        constants={ours: str(value) for ours, value in given["set"].items()},
        ignore=_texts(given["ignore"]),
        rows=given["rows"],
        bytes_per_token=given["bytes_per_token"],
        reading=ReadOptions(**given.get("read", {})),
    )


def _from(ours: str, item: dict[str, Any]) -> From:
    unit = item.get("unit")
    if unit is not None and unit not in units_of(ours):
        allowed = " | ".join(units_of(ours)) or "none"
        raise InputError("unknown unit", column=ours, value=unit, allowed=allowed)
    return From(_texts(item["from"]), unit)


def _texts(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(map(str, values))
