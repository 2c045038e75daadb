"""A runs file: read, checked, and brought to one best figure per run with its error.

What cannot be (negative compute, an end before the start, FLOP given as petaFLOP) is refused with
the place; what is odd (two methods a factor ten apart) stays and carries a flag. A bare date is
its noon in UTC, which is that same date in every time zone of the registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from pathlib import Path

import polars as pl

from scaling.compute import estimate
from scaling.errors import InputError
from scaling.govern import exact, tables
from scaling.govern.columns import ARCHITECTURE, CONDITIONS, FLEET, LEDGER, RUN, WORDS
from scaling.govern.conditions import words
from scaling.govern.lineage import has_parent, ordered
from scaling.govern.registry import Registry
from scaling.govern.totals import totals
from scaling.runs.schema import Column

MOMENTS = {
    "started": "started_at",
    "ended": "ended_at",
    "released": "released_at",
    "transaction": "transaction_at",
    "to_date": "to_date_at",
}
# The smallest final run that a plan of our day would report; below it the unit is doubtful.
DOUBTFUL_BELOW, DOUBTFUL_SINCE = 1e15, date(2015, 1, 1)
# About a factor ten; figures come rounded to two digits.
APART = 9.5
# A figure in petaFLOP is low by 1e15; two estimates that differ by that, give or take 30, are it.
PETA, PETA_WIDTH = 1e15, 30.0


@dataclass(frozen=True)
class Details:
    """Tables beside the runs, or the files that they are read from: compute by category, fleets of
    mixed chips, architectures to be counted exactly."""

    ledger: pl.DataFrame | None = None
    fleets: pl.DataFrame | None = None
    architectures: pl.DataFrame | None = None


@dataclass(frozen=True)
class Files:
    """Where the tables of `Details` lie."""

    ledger: Path | None = None
    fleets: Path | None = None
    architectures: Path | None = None

    def given(self) -> list[Path]:
        """The files that there are."""
        return [path for path in (self.ledger, self.fleets, self.architectures) if path]


def read(
    path: Path, registry: Registry, on: date, files: Files | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The runs of a file as `prepare` gives them, and their `history`. Raises InputError."""
    cells = tables.read(path, RUN)
    named = files or Files()
    details = Details(
        _beside(named.ledger, LEDGER, cells, path),
        _beside(named.fleets, FLEET, cells, path),
        _beside(named.architectures, ARCHITECTURE, cells, path),
    )
    try:
        return prepare(cells, registry, on, details), history(cells, registry, details)
    except InputError as error:
        raise error.at(path) from None


def _beside(
    path: Path | None, columns: tuple[Column, ...], cells: pl.DataFrame, runs: Path
) -> pl.DataFrame | None:
    """A table of details; its runs must be in the runs file."""
    if path is None:
        return None
    table = tables.read(path, columns)
    strange = ~pl.col("run").is_in(cells["run"].unique().implode())
    try:
        tables.first(table, strange, "run", "is not in the runs file", f"a run of {runs}")
    except InputError as error:
        raise error.at(path) from None
    return table


def prepare(
    cells: pl.DataFrame, registry: Registry, on: date, details: Details | None = None
) -> pl.DataFrame:
    """One row a run, as known on the day ``on``, sorted by start.

    Adds the moments in UTC (``started_at``, ...), ``best`` (FLOP of this run), ``best_method``,
    ``sigma``, per regime the figures of `scaling.govern.totals`, ``flags``, and ``estimates`` (how
    many the file has of it).

    Raises:
        InputError: see the module.
    """
    known = details or Details()
    table = _moments(cells)
    _refuse(table)
    _refuse_words(table, registry.rules)
    table = _latest(table, on)
    table = _best(_chips(table, registry.chips), registry.sigma(), known)
    _refuse_peta(table)
    made = totals(ordered(_flags(table, on)), known.ledger, registry.counts, registry.rules)
    return _settled(_derived(made, registry.counts), registry.rules)


def history(
    cells: pl.DataFrame, registry: Registry, details: Details | None = None
) -> pl.DataFrame:
    """Every estimate in the file, each with ``best``, ``sigma`` and the day it was made."""
    table = _chips(_moments(cells), registry.chips)
    made = _best(table, registry.sigma(), details or Details())
    return made.select("run", "row", "estimated_on", "state", "best", "best_method", "sigma")


# --------------------------------------------------------------------------- moments and refusals

_DAY = r"^\d{4}-\d{2}-\d{2}$"


def _moments(cells: pl.DataFrame) -> pl.DataFrame:
    """The moments in UTC; refuses what is none."""
    made = cells.with_columns(_moment(name).alias(at) for name, at in MOMENTS.items())
    for name, at in MOMENTS.items():
        lost = pl.col(name).is_not_null() & pl.col(at).is_null()
        tables.first(made, lost, name, "is no moment", "YYYY-MM-DD or YYYY-MM-DDThh:mm:ss+hh:mm")
    return made


def _moment(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars().str.replace(r"Z$", "+00:00")
    noon = text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")) + pl.duration(
        hours=12
    )
    exact = text.str.to_datetime("%Y-%m-%dT%H:%M:%S%:z", time_unit="us", strict=False)
    day = text.str.contains(_DAY)
    return pl.when(day).then(noon.dt.replace_time_zone("UTC")).otherwise(exact)


def _refuse_words(table: pl.DataFrame, rules: pl.DataFrame) -> None:
    """A word that no rule knows would pass for a fact that speaks against a rule."""
    texts = [text for name in CONDITIONS for text in rules[name]]
    for name, usual in WORDS.items():
        allowed = list(dict.fromkeys((*usual, *sorted(words(texts, name)))))
        parts = pl.col(name).str.split(";").list.eval(pl.element().str.strip_chars())
        strange = parts.list.eval(~pl.element().is_in([*allowed, ""])).list.any()
        shown = f"{', '.join(allowed)}; parted by ';'"
        shown += " (a member state of the EU is EU)" if name == "markets" else ""
        tables.first(table, strange, name, "is no word that rules know", shown)


def _refuse(table: pl.DataFrame) -> None:
    """What cannot be."""
    first = tables.first
    first(
        table,
        pl.col("ended_at") < pl.col("started_at"),
        "ended",
        "ends before it starts",
        ">= started",
    )
    first(
        table,
        pl.col("to_date_at") < pl.col("started_at"),
        "to_date",
        "is before the start",
        ">= started",
    )
    first(
        table,
        pl.col("flop_to_date") > pl.col("flop"),
        "flop_to_date",
        "is above the final",
        "<= flop",
    )
    first(table, pl.col("flop_low") > pl.col("flop"), "flop_low", "is above the centre", "<= flop")
    first(
        table, pl.col("flop_high") < pl.col("flop"), "flop_high", "is below the centre", ">= flop"
    )
    one = pl.struct("run", "estimated_on").is_first_distinct()
    first(table, ~one, "run", "appears twice", "one row per run and estimated_on")
    first(
        table,
        pl.col("entity").n_unique().over("run") > 1,
        "entity",
        "of one run differs",
        "one entity a run",
    )


def _latest(table: pl.DataFrame, on: date) -> pl.DataFrame:
    """The newest estimate of each run up to the day; later ones do not exist yet."""
    known = table.filter(pl.col("estimated_on").is_null() | (pl.col("estimated_on") <= on))
    order = known.sort("estimated_on", nulls_last=False, maintain_order=True)
    last = order.group_by("run", maintain_order=True).agg(pl.all().last(), estimates=pl.len())
    return last.select(*known.columns, "estimates").sort("row")


# --------------------------------------------------------------------------- the best figure


def _chips(table: pl.DataFrame, chips: pl.DataFrame) -> pl.DataFrame:
    """Peak rate and power of named chips, where the row gives none. Raises on an unknown chip."""
    tables.first(
        table,
        pl.col("chip").is_not_null()
        & pl.col("peak_flops").is_null()
        & ~pl.col("chip").is_in(chips["chip"].implode()),
        "chip",
        "is not in chips.csv, and peak_flops is empty",
        "a name in chips.csv, or any name with peak_flops",
    )
    known = chips.select("chip", _peak="peak_flops", _power="power_w")
    return (
        table.join(known, on="chip", how="left", maintain_order="left")
        .with_columns(
            peak_flops=pl.coalesce("peak_flops", "_peak"),
            chip_power_w=pl.coalesce("chip_power_w", "_power"),
        )
        .drop("_peak", "_power")
    )


def _inputs(table: pl.DataFrame, details: Details) -> pl.DataFrame:
    """What hardware and architecture say: fleets and exact counts go before a row's own inputs."""
    counted = pl.DataFrame(schema={"run": pl.String, "flop_counted": pl.Float64})
    if details.architectures is not None:
        exact = estimate.transformer(details.architectures)
        counted = exact.select("run", flop_counted="flop").unique("run", keep="last")
    fleets = pl.DataFrame(schema={"run": pl.String, "flop_fleets": pl.Float64})
    if details.fleets is not None:
        fleets = estimate.hardware(details.fleets).rename({"flop": "flop_fleets"})
    for part in (counted, fleets):
        table = table.join(part, on="run", how="left", maintain_order="left")
    return table.with_columns(
        flop_hardware=pl.coalesce("flop_fleets", estimate.chip_flop()),
        flop_6nd=pl.coalesce("flop_counted", estimate.six_nd()),
    )


def _best(table: pl.DataFrame, sigma: dict[str, float], details: Details) -> pl.DataFrame:
    """The stated figure; without one, what hardware and architecture say, both if they can."""
    made = _inputs(table, details)
    both = pl.col("flop_hardware").is_not_null() & pl.col("flop_6nd").is_not_null()
    other = estimate.combined(pl.col("flop_hardware"), pl.col("flop_6nd"))
    method = (
        pl.when(pl.col("flop").is_not_null())
        .then(pl.col("method").fill_null("stated"))
        .when(both)
        .then(pl.lit("combined"))
        .when(pl.col("flop_hardware").is_not_null())
        .then(pl.lit("hardware"))
        .when(pl.col("flop_counted").is_not_null())
        .then(pl.lit("counted"))
        .when(pl.col("flop_6nd").is_not_null())
        .then(pl.lit("6ND"))
    )
    made = made.with_columns(best=pl.coalesce(pl.col("flop"), other), best_method=method)
    hardware = pl.lit(sigma["hardware"])
    mean = estimate.combined_sigma(pl.col("flop_hardware"), pl.col("flop_6nd"), sigma["hardware"])
    by_method = pl.col("best_method").replace_strict(sigma, default=None, return_dtype=pl.Float64)
    return made.with_columns(
        sigma=pl.coalesce(
            estimate.sigma_of_band(pl.col("flop_low"), pl.col("flop_high")),
            estimate.sigma_of_accuracy(pl.col("accuracy")),
            pl.when(pl.col("best_method") == "combined").then(mean).otherwise(by_method),
            hardware,
        ).clip(lower_bound=1e-9)
    )


def _refuse_peta(table: pl.DataFrame) -> None:
    """Refuse a stated figure that is 1e15 below what the row's own inputs give."""
    low = pl.min_horizontal(
        (pl.col(name) / pl.col("flop") / PETA).log().abs() for name in ("flop_hardware", "flop_6nd")
    )
    tables.first(
        table,
        low < pl.lit(PETA_WIDTH).log(),
        "flop",
        "is about 1e15 below what the row's chips or parameters and tokens give: in petaFLOP?",
        "> 0 and <= 1e32, in FLOP",
    )


def _flags(table: pl.DataFrame, on: date) -> pl.DataFrame:
    """What is odd on the day, in words, parted by '; '."""
    found = {
        "hardware and architecture": estimate.factor_apart(
            pl.col("flop_hardware"), pl.col("flop_6nd")
        ),
        "stated and hardware": estimate.factor_apart(pl.col("flop"), pl.col("flop_hardware")),
        "stated and architecture": estimate.factor_apart(pl.col("flop"), pl.col("flop_6nd")),
    }
    flags = [
        pl.when(factor >= APART).then(
            pl.format("{} are a factor {} apart", pl.lit(what), factor.round_sig_figs(2))
        )
        for what, factor in found.items()
    ]
    recent = pl.coalesce("released_at", "ended_at", "started_at").dt.date() >= DOUBTFUL_SINCE
    small = (pl.col("flop") < DOUBTFUL_BELOW) & recent
    flags.append(pl.when(small).then(pl.lit("flop is below 1e15: is it in FLOP?")))
    few = pl.col("parent_flop") < DOUBTFUL_BELOW
    flags.append(pl.when(few & recent).then(pl.lit("parent_flop is below 1e15: is it in FLOP?")))
    overdue = (pl.col("state") == "planned") & (pl.col("started_at").dt.date() < on)
    flags.append(pl.when(overdue).then(pl.lit("planned, though its start has passed")))
    flags.append(pl.when(pl.col("best").is_null()).then(pl.lit("no figure and no inputs for one")))
    return table.with_columns(
        flags=pl.concat_str(flags, separator="; ", ignore_nulls=True)
    ).with_columns(flags=pl.when(pl.col("flags") != "").then(pl.col("flags")))


def _derived(table: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Facts that conditions ask for and that follow from others."""
    originals = [f"{name}_original_central" for name in counts["counts"].unique()]
    known = pl.any_horizontal(pl.col(name).is_not_null() for name in originals)
    return table.with_columns(
        downstream=pl.when(~has_parent())
        .then(pl.lit("no"))
        .when(pl.col("parent_entity").is_null())
        .then(None)
        .when(pl.col("parent_entity") != pl.col("entity"))
        .then(pl.lit("yes"))
        .otherwise(pl.lit("no")),
        parent_compute=pl.when(known)
        .then(pl.lit("known"))
        .when(has_parent())
        .then(pl.lit("unknown")),
        cluster_peak=pl.col("chips") * pl.col("peak_flops"),
    )


def _settled(table: pl.DataFrame, rules: pl.DataFrame) -> pl.DataFrame:
    """Clusters next to a threshold on the side that the exact product of their cells is on."""

    def peak(at: int) -> Fraction | None:
        row = table.row(at, named=True)
        return exact.product(exact.cell(row, "chips"), exact.cell(row, "peak_flops"))

    clusters = rules.filter(pl.col("quantity") == "cluster_peak").to_dicts()
    values = table["cluster_peak"].fill_null(float("nan")).to_numpy()
    settled = exact.snap(values, [exact.threshold(rule) for rule in clusters], peak)
    return table.with_columns(pl.Series("cluster_peak", settled, nan_to_null=True))
