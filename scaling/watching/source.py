"""A log as a series: the one place where observations of a run under way come in.

`observations` reads every file and folder that `scaling add` reads, as it stands now: the last line
of a text file counts once it has its end, values that a restart left behind do not count. Another
source (a tracker's server) is another function that returns a `Series`.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError, counted, meaning, nearest, shorten
from scaling.runs.formats import ReadOptions, format_of, read_cells, read_table, settled
from scaling.watching.series import Series

# Names of the column of steps of a table, in small letters.
STEPS = ("step", "steps", "global_step", "_step", "iter", "iteration", "iterations", "update")
# Settings that say how many steps a run takes, by the last part of their names. HF Trainer,
# Lightning, torchtitan, fairseq: max_steps, max_update; nanoGPT: max_iters; Megatron-LM:
# train_iters; llm.c: num_iterations, max_steps.
PLANNED = (
    *("max_steps", "max_iters", "max_update", "max_updates", "train_iters", "train_steps"),
    *("num_iterations", "num_training_steps", "num_train_steps", "total_steps", "total_iters"),
)
EVERY_RUN = ("log", "logs", "metrics", "history", "train", "training", "loss", "losses")
WALL = ("wall_time", "_timestamp")
OURS = ("step", "tokens", "lr", "wall_time")
_EVALUATION = re.compile(r"(?:^|[^a-z])(?:val|valid|validation|eval|evaluation|test|dev)(?![a-z])")
_LOSS = re.compile(r"loss|nll|bpb|perplexity|ppl|(?:^|[^a-z])ce(?![a-z])|cross.?entropy")
# Text files that grow by lines, of which tables are read by what follows.
_LINES = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson")
# What readers say of files in which a run has not logged anything yet.
_EMPTY = ("the file is empty", "the table has no rows", "no line with a metric")
# Later than any run ends: of a run whose end is not stated.
_UNKNOWN_END = 1e30
# A tracker's times are Unix seconds: between 2001 and 2096.
_UNIX = (1e9, 4e9)


@dataclass(frozen=True)
class Wanted:
    """What is to be read of a log.

    Attributes:
        run: its name, where the log has several.
        metric: its name, where the log has several losses.
        steps, tokens: the planned end; None for that of the log.
        maps: step, tokens, lr or wall_time -> the log's name for it, or a product such as
            ``step*2048``.
        options: how the file is read.
    """

    run: str | None = None
    metric: str | None = None
    steps: float | None = None
    tokens: float | None = None
    maps: Mapping[str, str] = field(default_factory=dict)
    options: ReadOptions = field(default_factory=ReadOptions)


class NothingYet(InputError):
    """The log has no value so far: a run that starts has not written one yet."""


class Absent(NothingYet):
    """No such file or metric so far."""


class Unclear(InputError):
    """What is wanted has to be said: a run or metric of several, or the planned end."""


def local(place: str) -> Path:
    """The file or folder of a path or of an MLflow URI, ``file:`` or ``sqlite:``.

    Raises:
        InputError: a server's address.
    """
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme == "sqlite":
        # sqlite:///relative and sqlite:////absolute, as SQLAlchemy has it.
        return Path(unquote(parts.path.removeprefix("/")))
    if "://" in place:
        raise InputError(
            "a server's address is not watched",
            value=f"{parts.scheme}://{parts.hostname or ''}",
            allowed="a file, a folder, file:///.../mlruns or sqlite:///mlflow.db",
        )
    return Path(place)


def observations(place: Path, wanted: Wanted) -> Series:
    """One metric of one run, as the log has it now.

    Raises:
        NothingYet: no such file so far, or no value in it.
        Unclear: several runs or losses, no planned end, or names that the log does not have.
        InputError: the file cannot be read, or a cell of the metric is no number.
    """
    unknown = [name for name in wanted.maps if name not in OURS]
    if unknown:
        raise Unclear("--map cannot be read", value=unknown[0], allowed=", ".join(OURS))
    log, notes = _log(place, wanted)
    return _series(_of_run(log, wanted.run, place), notes, wanted, place)


def finished(place: Path, wanted: Wanted) -> tuple[list[tuple[Series, float | None]], list[str]]:
    """Every run of a log that has ended, with its params, and a sentence on each that is left out.

    A run ends where its log says that it was to end, else at its last value. ``wanted`` has the
    metric and what is mapped; a run or a planned end in it is not read.

    Raises:
        InputError: as `observations`, but for what one run alone lacks.
    """
    log, _ = _log(place, wanted)
    found, left = [], []
    for name in log["run"].unique(maintain_order=True):
        own = log.filter(pl.col("run") == name)
        try:
            series = _whole(own, wanted, place)
        except InputError as error:
            left.append(f"{name} of {place} is left out: {error}")
            continue
        if series.complete:
            found.append((series, _params(own)))
        else:
            left.append(
                f"{name} of {place} is left out: it is at {series.unit[:-1]} {series.last:,.0f} of "
                f"{series.planned:,.0f}"
            )
    return found, left


def _whole(log: pl.DataFrame, wanted: Wanted, place: Path) -> Series:
    """The series of one run up to its end: the stated one, in steps, else the last value."""
    stated = [] if wanted.tokens is not None else list(_stated(log))
    if len(stated) == 1:
        return _series(log, [], replace(wanted, steps=stated[0]), place)
    tokens = None if wanted.tokens is None else _UNKNOWN_END
    series = _series(log, [], replace(wanted, steps=_UNKNOWN_END, tokens=tokens), place)
    return replace(series, planned=series.last)


def _params(log: pl.DataFrame) -> float | None:
    """The params of a run, where its log has them as a metric, a column or a setting."""
    for name in log["metric"].unique(maintain_order=True):
        if meaning(re.split(r"[/.]", name)[-1]) == "params":
            value = log.filter(pl.col("metric") == name)["value"].drop_nulls()
            return float(value[0]) if len(value) else None
    for column in (one for one in log.columns if one.startswith("config.")):
        if meaning(re.split(r"[./]", column)[-1]) == "params":
            return _whole_number(log[column].drop_nulls().first())
    return None


def _series(log: pl.DataFrame, notes: list[str], wanted: Wanted, place: Path) -> Series:
    """One metric of a log of one run."""
    metric, said = _metric(log, wanted.metric, place)
    rows = _values(log, metric, place)
    unit = "steps" if wanted.tokens is None else "tokens"
    planned, from_where = _planned(log, wanted, place)
    at = rows["step"] if unit == "steps" else _tokens(log, rows, wanted, place)
    made = rows.with_columns(at=at, lr=_beside(log, rows, _lr_name(log, wanted)))
    made = made.filter(pl.col("at").is_not_null()).sort("at", maintain_order=True)
    zero = made.filter(pl.col("at") <= 0).height
    made = made.filter(pl.col("at") > 0)
    if made.is_empty():
        raise NothingYet("no value after step 0 so far", file=place)
    if zero:
        notes.append(f"{counted(zero, 'value')} at step 0 left out: nothing was trained yet")
    last = float(made["at"].to_numpy()[-1])
    if last > planned + max(1.0, last - float(made["at"].to_numpy()[:-1].max(initial=0.0))):
        raise Unclear(
            "the log goes on beyond the planned end",
            file=place,
            value=f"{unit[:-1]} {last:,.0f}, planned end {planned:,.0f}",
            allowed=f"--{unit} {last:,.0f} or more",
        )
    return Series(
        run=str(log["run"][0]),
        metric=metric,
        evaluation=bool(_EVALUATION.search(metric.lower())),
        unit=unit,
        at=_array(made["at"]),
        value=_array(made["value"]),
        wall=_array(made["wall_time"]),
        lr=_array(made["lr"]),
        planned=planned,
        ended=log["ended"].drop_nulls().last() if log["ended"].count() else None,  # type: ignore[arg-type]
        notes=(*notes, *said, from_where),
    )


def _array(column: pl.Series) -> Array:
    return column.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def _log(place: Path, wanted: Wanted) -> tuple[pl.DataFrame, list[str]]:
    """The values that count, a row each, and what the reader said."""
    _refuse_empty(place)
    form = format_of(place)
    notes: dict[str, None] = {}
    options = ReadOptions(**wanted.options.given(), say=lambda text: notes.update({text: None}))
    try:
        if form.raw:
            frame = read_cells(place, options)
        else:
            with _whole_lines(place) as file:
                frame = _as_tracked(read_table(file, options), place, wanted)
    except InputError as error:
        if error.problem in _EMPTY:
            raise NothingYet(error.problem, file=place, value=error.value) from error
        raise
    frame = settled(frame, ordered=form.ordered)
    for reason, count in frame["left_out"].drop_nulls().value_counts(sort=True).iter_rows():
        notes[f"{counted(count, 'value')} left out: {reason}"] = None
    frame = frame.filter(pl.col("left_out").is_null() & pl.col("step").is_not_null())
    if frame.is_empty():
        raise NothingYet("no value with a step so far", file=place)
    # Only such logs count to a last step that is still to come; trackers keep the present one.
    if form.name != "training-log":
        frame = frame.with_columns(expected_last_step=pl.lit(None, pl.Float64))
    return frame, list(notes)


def _refuse_empty(place: Path) -> None:
    """Raise NothingYet where no run has written anything."""
    if not place.exists():
        raise Absent("no such file", file=place)
    if place.is_dir() and not any(place.iterdir()):
        raise NothingYet("the folder is empty", file=place)
    if place.is_file() and place.stat().st_size == 0:
        raise NothingYet("the file is empty", file=place)


@contextmanager
def _whole_lines(place: Path) -> Iterator[Path]:
    """The table without a last line that has no end yet; a copy where there is one."""
    if not place.is_file() or place.suffix.lower() not in _LINES:
        yield place
        return
    data = place.read_bytes()
    if not data.rstrip(b"\0").endswith(b"\n"):
        data = data[: data.rfind(b"\n") + 1]
    elif len(data) == place.stat().st_size:
        yield place
        return
    if not data.strip():
        raise NothingYet("no whole line so far", file=place)
    with tempfile.TemporaryDirectory(prefix="scaling-") as folder:
        copy = Path(folder, place.name)
        copy.write_bytes(data)
        try:
            yield copy
        except InputError as error:
            raise (error if error.file != copy else error.about(place)) from None


def _as_tracked(table: pl.DataFrame, place: Path, wanted: Wanted) -> pl.DataFrame:
    """A table of one row a step as a tracker's frame: one row a value."""
    table = table.with_row_index("record", offset=1)
    if {"metric", "value"} <= set(table.columns):
        long = table.rename({_step_column(table, place, wanted): "step"})
        long = long.with_columns(pl.col("value").cast(pl.String).alias("value_text"))
    else:
        step = _step_column(table, place, wanted)
        own = [name for name in ("run", "run_id") if name in table.columns][:1]
        values = [name for name in table.columns if name not in (step, "record", *own)]
        long = table.with_columns(pl.col(values).cast(pl.String)).unpivot(
            values, index=["record", step, *own], variable_name="metric", value_name="value_text"
        )
        long = long.rename({step: "step", **({own[0]: "run"} if own else {})})
        # Call by call, as a log is written.
        long = long.sort("record", maintain_order=True)
    long = long.filter(pl.col("value_text").is_not_null() & (pl.col("value_text") != ""))
    name = pl.col("run").cast(pl.String) if "run" in long.columns else pl.lit(_run_name(place))
    return _with_wall(
        long.select(
            name.alias("run"),
            pl.col("record").cast(pl.Int64),
            pl.col("step").cast(pl.Float64, strict=False),
            "metric",
            pl.col("value_text").cast(pl.Float64, strict=False).alias("value"),
            "value_text",
            ended=pl.lit(None, pl.Boolean),
            truncated=pl.lit(value=False),
            left_out=pl.lit(None, pl.String),
            expected_last_step=pl.lit(None, pl.Float64),
        ),
        wanted,
    )


def _run_name(place: Path) -> str:
    """After the file, or after its folder where the file has a name that every run has."""
    return place.absolute().parent.name if place.stem.lower() in EVERY_RUN else place.stem


def _step_column(table: pl.DataFrame, place: Path, wanted: Wanted) -> str:
    named = wanted.maps.get("step")
    found = [n for n in table.columns if n == named or (not named and n.lower() in STEPS)]
    if wanted.tokens is not None and not found and not named:
        found = [wanted.maps.get("tokens", "tokens")]
        found = [n for n in found if n in table.columns]
    if len(found) == 1:
        return found[0]
    raise Unclear(
        "which column is the step?" if found else "no column of steps",
        file=place,
        value=named,
        allowed=f"a column: {', '.join(table.columns[1:31])}",
        hint="--map step=COLUMN names it.",
    )


def _with_wall(long: pl.DataFrame, wanted: Wanted) -> pl.DataFrame:
    """The times of a table's rows: a column of Unix seconds of that name."""
    names = [wanted.maps["wall_time"]] if "wall_time" in wanted.maps else WALL
    times = long.filter(pl.col("metric").is_in(names) & pl.col("value").is_between(*_UNIX))
    times = times.unique("record", keep="first").select("record", wall_time="value")
    return long.filter(~pl.col("metric").is_in(names)).join(
        times, on="record", how="left", maintain_order="left"
    )


def _of_run(log: pl.DataFrame, run: str | None, place: Path) -> pl.DataFrame:
    """The rows of one run, by its id or its name."""
    names = ["run", *(["run_name"] if "run_name" in log.columns else [])]
    if run is not None:
        found = log.filter(pl.any_horizontal(pl.col(one) == run for one in names))
        found = found.filter(pl.col("run") == pl.col("run").first())
        if found.height:
            return found
    known = log["run"].unique(maintain_order=True).cast(pl.String).to_list()
    if run is None and len(known) == 1:
        return log
    raise Unclear(
        "no such run" if run is not None else f"{len(known)} runs",
        file=place,
        value=run,
        allowed=f"--run with one of {shorten(known, 300)}",
        hint=None if run is None else nearest(run, known),
    )


def _metric(log: pl.DataFrame, metric: str | None, place: Path) -> tuple[str, list[str]]:
    """The metric that is watched, and how it was chosen."""
    counts = dict(log["metric"].value_counts(sort=True).iter_rows())
    if metric is not None:
        if metric in counts:
            return metric, []
        raise Absent(
            "no such metric so far",
            file=place,
            value=metric,
            allowed=shorten(sorted(counts), 300),
            hint=nearest(metric, counts),
        )
    losses = {name: count for name, count in counts.items() if _LOSS.search(name.lower())}
    evaluations = {name: n for name, n in losses.items() if _EVALUATION.search(name.lower())}
    among = evaluations or losses
    if not among:
        raise Absent(
            "no metric that is called a loss so far",
            file=place,
            allowed=f"--metric with one of {shorten(sorted(counts), 300)}",
        )
    # A summary at the end (train_loss of HF Trainer) has one value.
    best = [name for name, count in among.items() if 2 * count > max(among.values())]
    if len(best) > 1:
        raise Unclear(
            f"{len(best)} losses", file=place, allowed=f"--metric with one of {sorted(best)}"
        )
    others = sorted(losses.keys() - {best[0]})
    more = f"; --metric chooses another: {', '.join(others[:5])}" if others else ""
    return best[0], [f"{best[0]} is watched{more}"]


def _values(log: pl.DataFrame, metric: str, place: Path) -> pl.DataFrame:
    """Step, value and time of the metric's rows."""
    rows = log.filter(pl.col("metric") == metric)
    text = rows.filter(pl.col("value").is_null())
    if text.height:
        raise InputError(
            f"not a number, at step {text['step'][0]:,.0f}",
            file=place,
            column=metric,
            value=text["value_text"][0],
            allowed="a number",
        )
    return rows.select("record", "step", "value", "wall_time")


def _planned(log: pl.DataFrame, wanted: Wanted, place: Path) -> tuple[float, str]:
    """Where the run ends, and where that is from."""
    for name, given in (("steps", wanted.steps), ("tokens", wanted.tokens)):
        if given is not None:
            if not (np.isfinite(given) and given > 0):
                raise Unclear("not a planned end", column=f"--{name}", value=given, allowed="> 0")
            return float(given), f"planned end: {given:,.0f} {name}, as given"
    found = _stated(log)
    if len(found) == 1:
        ((number, name),) = found.items()
        return number, f"planned end: {number:,.0f} steps, from {name} of the log"
    stated = ", ".join(f"{name} {number:,.0f}" for number, name in found.items())
    raise Unclear(
        "the log states several planned ends" if found else "the log does not say where it ends",
        file=place,
        value=stated or None,
        allowed="--steps N, or --tokens N with --map tokens=NAME or tokens=step*TOKENS_PER_STEP",
    )


def _stated(log: pl.DataFrame) -> dict[float, str]:
    """Planned ends that the log states, and where."""
    found: dict[float, str] = {}
    for column in (name for name in log.columns if name.startswith("config.")):
        last = re.split(r"[./]", column)[-1].lower().replace("-", "_")
        values = log[column].drop_nulls()
        number = _whole_number(values[-1]) if last in PLANNED and len(values) else None
        # Trainers write -1 where epochs are planned instead.
        if number is not None and number > 0:
            found.setdefault(number, column.removeprefix("config."))
    expected = log["expected_last_step"].drop_nulls()
    if len(expected):
        found.setdefault(float(expected[-1]), "its lines")
    return found


def _whole_number(value: object) -> float | None:
    try:
        return float(str(value).replace(",", "").replace("_", ""))
    except ValueError:
        return None


def _tokens(log: pl.DataFrame, rows: pl.DataFrame, wanted: Wanted, place: Path) -> pl.Series:
    """Tokens at each row: a product, a metric of that name, or the column of steps itself."""
    from scaling.runs.inbox.our_columns import with_products

    name = wanted.maps.get("tokens")
    if name is None:
        known = [n for n in log["metric"].unique() if meaning(n.split("/")[-1]) == "tokens"]
        if len(known) != 1:
            raise Unclear(
                f"{len(known)} metrics of tokens" if known else "no metric of tokens",
                file=place,
                value=sorted(known) or None,
                allowed="--map tokens=NAME or tokens=step*TOKENS_PER_STEP",
            )
        name = known[0]
    if name in set(log["metric"]):
        return _beside(log, rows, name)
    made = with_products(log, [name])
    if name not in made.columns:
        raise Unclear(
            "no such product", file=place, column="--map tokens", value=name,
            allowed="numbers, settings (config.NAME), step and metrics of the log, joined by *",
        )  # fmt: skip
    found = made.select("record", pl.col(name).cast(pl.Float64, strict=False).alias("tokens"))
    found = found.unique("record", keep="first")
    return rows.join(found, on="record", how="left", maintain_order="left")["tokens"]


def _lr_name(log: pl.DataFrame, wanted: Wanted) -> str | None:
    """The metric of the learning rate, if the log has one."""
    names = log["metric"].unique(maintain_order=True).to_list()
    if "lr" in wanted.maps:
        return wanted.maps["lr"]
    found = [n for n in names if meaning(re.split(r"[/.]", n)[-1]) == "lr" or n.startswith("lr-")]
    return found[0] if found else None


def _beside(log: pl.DataFrame, rows: pl.DataFrame, name: str | None) -> pl.Series:
    """Another metric at the rows of this one: its last value at or before their steps."""
    if name is None:
        return pl.Series("beside", [None], pl.Float64).new_from_index(0, rows.height)
    other = log.filter(pl.col("metric") == name).select("step", beside="value").sort("step")
    order = rows.select("step").with_row_index("_i").sort("step")
    joined = order.join_asof(other, on="step", strategy="backward").sort("_i")
    return joined["beside"]


def maps_of(texts: Sequence[str]) -> dict[str, str]:
    """``NAME=COLUMN`` options as a mapping.

    Raises:
        InputError: one that cannot be read.
    """
    pairs = {name: text for name, _, text in (one.partition("=") for one in texts)}
    for name, text in pairs.items():
        if name not in OURS or not text:
            allowed = f"NAME=COLUMN, NAME one of {', '.join(OURS)}"
            raise InputError("--map cannot be read", value=f"{name}={text}", allowed=allowed)
    return pairs
