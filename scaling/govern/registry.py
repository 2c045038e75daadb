"""The registry of thresholds: rows with two times, read from ``data/thresholds/``.

A row says: in the period from ``effective_from`` up to ``effective_to`` the rule had this status
and value. That statement itself was on record from ``recorded_from`` until another corrected it
(``recorded_to``). So one can ask what held on a day, and what was believed, on another day, to hold
on it. Both periods leave their end out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.govern import columns, tables

FOLDER = Path("data/thresholds")
FILES = {
    "rules": ("rules.csv", columns.RULE),
    "counts": ("counts.csv", columns.COUNT),
    "errors": ("errors.csv", columns.ERROR),
    "chips": ("chips.csv", columns.CHIP),
}
# Statuses under which a rule is evaluated against runs.
EVALUATED_STATUSES = ("in_force", "on_the_books_not_enforced")


@dataclass(frozen=True)
class Registry:
    """The tables, and the hash of the files that they are from (file name -> SHA-256)."""

    rules: pl.DataFrame
    counts: pl.DataFrame
    errors: pl.DataFrame
    chips: pl.DataFrame
    hashes: dict[str, str]

    @property
    def version(self) -> str:
        """`version_of` its files."""
        return version_of(self.hashes)

    def sigma(self) -> dict[str, float]:
        """Standard deviation of ln(estimate / truth) by method."""
        return dict(self.errors.select("method", "sigma").iter_rows())


def version_of(hashes: dict[str, str]) -> str:
    """First twelve digits of the hash over all files (file name -> SHA-256)."""
    text = "".join(f"{name}:{digest}\n" for name, digest in sorted(hashes.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def load(folder: Path = FOLDER) -> Registry:
    """Read and check the registry.

    Raises:
        InputError: a cell is wrong, two rows of a rule speak of the same day, or a rule names a
            regime of counting that there is not.
    """
    read = {name: tables.read(folder / file, cols) for name, (file, cols) in FILES.items()}
    try:
        _check(read["rules"], read["counts"])
    except InputError as error:
        raise error.at(folder / FILES["rules"][0]) from None
    hashes = {
        file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file, _ in FILES.values()
    }
    rules = read["rules"].with_columns(verified=verified())
    return Registry(rules, read["counts"], read["errors"], read["chips"], hashes)


def verified() -> pl.Expr:
    """A primary source that was read, or two independent ones."""
    others = pl.col("other_sources").str.split(";").list.len().fill_null(0)
    return pl.col("primary_source").is_not_null() | (others >= 2)


def believed(rules: pl.DataFrame, known: date) -> pl.DataFrame:
    """The statements that were on record on the day ``known``, and not yet corrected.

    The end of a period was known only once what follows it was on record; before, the period had no
    end.
    """
    there = rules.filter(
        pl.col("recorded_from") <= known,
        pl.col("recorded_to").is_null() | (pl.col("recorded_to") > known),
    )
    next_ = there.select(
        "rule", effective_to="effective_from", _follows=pl.lit(value=True)
    ).unique()
    joined = there.join(next_, on=("rule", "effective_to"), how="left", maintain_order="left")
    return joined.with_columns(
        effective_to=pl.when(pl.col("_follows")).then(pl.col("effective_to"))
    ).drop("_follows")


def holding(rules: pl.DataFrame, on: date) -> pl.DataFrame:
    """The rows whose period has the day ``on`` in it."""
    return rules.filter(
        pl.col("effective_from") <= on,
        pl.col("effective_to").is_null() | (pl.col("effective_to") > on),
    )


def as_of(registry: Registry, on: date, known: date) -> pl.DataFrame:
    """One row per rule: its status and value on ``on``, as believed on ``known``."""
    return holding(believed(registry.rules, known), on).sort("jurisdiction", "rule")


def _check(rules: pl.DataFrame, counts: pl.DataFrame) -> None:
    for name, (wrong, column, problem, allowed) in problems(counts).items():
        del name
        tables.first(rules, wrong, column, problem, allowed)
    _no_gap(rules)
    _no_overlap(rules)


def problems(counts: pl.DataFrame) -> dict[str, tuple[pl.Expr, str, str, str]]:
    """What must hold within a row: name -> (broken, column, problem, allowed)."""
    evaluated = pl.col("quantity").is_in(columns.EVALUATED)
    computed = pl.col("quantity") == "training_compute"
    regimes = counts["counts"].unique().to_list()
    sourced = pl.col("counts").is_in([*regimes, "none"])
    unit = {
        "training_compute": "FLOP",
        "modification_compute": "FLOP",
        "modification_ratio": "ratio",
        "training_cost": "USD",
        "cluster_peak": "FLOP/s",
    }
    own_unit = pl.col("quantity").replace_strict(unit, default=None)
    clocked = pl.col("clock_from") != "none"
    return {
        "period": (
            pl.col("effective_to") <= pl.col("effective_from"),
            "effective_to",
            "the period ends before it begins",
            "after effective_from",
        ),
        "record": (
            pl.col("recorded_to") <= pl.col("recorded_from"),
            "recorded_to",
            "the record ends before it begins",
            "after recorded_from",
        ),
        "value": (
            evaluated
            & (pl.col("value").is_null() | ~pl.col("comparator").is_in(columns.EXCEEDING)),
            "value",
            "an evaluated rule needs a value, and > or >=",
            "a number > 0",
        ),
        "unit": (
            evaluated & (pl.col("unit") != own_unit),
            "unit",
            "unit of another quantity",
            str(unit),
        ),
        "counts": (
            evaluated & ~sourced.fill_null(value=False) | computed & (pl.col("counts") == "none"),
            "counts",
            "unknown regime of counting",
            ", ".join(sorted(regimes)),
        ),
        "clock": (
            clocked
            & (
                pl.col("clock_days").is_null()
                | pl.col("clock_zone").is_null()
                | (pl.col("clock_unit") == "none")
            ),
            "clock_days",
            "a clock needs its length, unit and zone",
            "clock_days, clock_unit, clock_zone",
        ),
        "attaches": (
            evaluated
            & (pl.col("attaches").is_null() | pl.col("cumulative").is_null())
            & (pl.col("quantity") != "cluster_peak"),
            "attaches",
            "an evaluated rule says from when compute counts",
            "used, intended or known; cumulative yes or no",
        ),
    }


def _no_gap(rules: pl.DataFrame) -> None:
    """What ends is followed: the row that says by what starts on the same day."""
    next_ = rules.select("rule", effective_to="effective_from")
    ended = rules.filter(pl.col("effective_to").is_not_null())
    open_ = ended.join(next_, on=("rule", "effective_to"), how="anti", maintain_order="left")
    tables.first(
        open_,
        pl.lit(value=True),
        "effective_to",
        "no row says what follows",
        "the effective_from of a row of the same rule",
    )


def _no_overlap(rules: pl.DataFrame) -> None:
    """No two rows of one rule speak of one day in one state of the record."""
    far = date(9999, 12, 31)
    pairs = rules.select(
        "rule",
        "row",
        "effective_from",
        "recorded_from",
        effective_to=pl.col("effective_to").fill_null(far),
        recorded_to=pl.col("recorded_to").fill_null(far),
    )
    both = pairs.join(pairs, on="rule", suffix="_2").filter(
        pl.col("row") < pl.col("row_2"),
        pl.col("effective_from") < pl.col("effective_to_2"),
        pl.col("effective_from_2") < pl.col("effective_to"),
        pl.col("recorded_from") < pl.col("recorded_to_2"),
        pl.col("recorded_from_2") < pl.col("recorded_to"),
    )
    if both.height:
        raise InputError(
            f"speaks of the same day as row {both['row_2'][0]}",
            row=both["row"][0],
            column="effective_from",
            value=both["rule"][0],
            allowed="one row per rule, day and state of the record",
        )
