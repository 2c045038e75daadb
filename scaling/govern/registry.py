"""The registry of thresholds: rows with their times, read from ``data/thresholds/``.

A row says: in the period from ``effective_from`` up to ``effective_to`` the rule had this status
and value. That statement itself was public from ``recorded_from`` until another corrected it
(``recorded_to``). This registry has the row since ``entered``, and its correction since ``closed``.
So one can ask what held on a day, what was public of it on another day, and what this registry
answered on a third. Periods leave their end out.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from scaling.errors import InputError, placed
from scaling.govern import columns, exact, tables
from scaling.govern.lineage import OTHERS, OWN
from scaling.io import library

FOLDER = Path("data/thresholds")
FILES = {
    "rules": ("rules.csv", columns.RULE),
    "counts": ("counts.csv", columns.COUNT),
    "errors": ("errors.csv", columns.ERROR),
    "chips": ("chips.csv", columns.CHIP),
}
# Statuses under which a rule is evaluated against runs; of a bill that both houses passed it is
# shown apart what would apply.
EVALUATED_STATUSES = ("in_force", "on_the_books_not_enforced")
PASSED = "passed"
# Days after which a row's newest source is too old to rest an answer on without saying so. Of 34
# changes of status in this registry, 19 followed the one before within 180 days (`scaling
# thresholds --every --json`, effective_from of each rule, 2026-11-30).
STALE_AFTER = 180


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
    folder = library.found(folder)
    read = {name: tables.read(folder / file, cols) for name, (file, cols) in FILES.items()}
    with placed(folder / FILES["counts"][0]):
        _every_weight(read["counts"])
    with placed(folder / FILES["rules"][0]):
        _check(read["rules"], read["counts"])
    hashes = {
        file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file, _ in FILES.values()
    }
    rules = read["rules"].with_columns(verified=verified(), value=_nearest(read["rules"]))
    return Registry(rules, read["counts"], read["errors"], read["chips"], hashes)


def _nearest(rules: pl.DataFrame) -> pl.Series:
    """The value, where it is a fraction the float that is nearest to that."""
    pairs = rules.select("exact", "value").iter_rows()
    values = [value if text is None else float(exact.parsed(text)) for text, value in pairs]
    return pl.Series("value", values, dtype=pl.Float64)


def verified() -> pl.Expr:
    """A primary source that was read, or two independent ones."""
    others = pl.col("other_sources").str.split(";").list.len().fill_null(0)
    return pl.col("primary_source").is_not_null() | (others >= 2)


def believed(rules: pl.DataFrame, known: date, entered: date | None = None) -> pl.DataFrame:
    """The statements that were public on the day ``known``, and not yet corrected.

    The end of a period was known only once what follows it was on record; before, the period had no
    end.

    Args:
        entered: use only what this registry had on that day; None: all that it has now.
    """
    if entered is not None:
        corrected = pl.when(pl.col("closed") <= entered).then("recorded_to")
        rules = rules.filter(pl.col("entered") <= entered).with_columns(recorded_to=corrected)
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


def as_of(
    registry: Registry,
    on: date,
    known: date,
    entered: date | None = None,
    stale_after: int = STALE_AFTER,
) -> pl.DataFrame:
    """One row per rule: its status and value on ``on``, as public on ``known``.

    Adds ``age`` (days from ``checked_to`` to ``on``), ``stale`` (whether that is more than
    ``stale_after``), and ``entered_later`` (whether this registry has the row only since a day
    after ``known``).
    """
    held = holding(believed(registry.rules, known, entered), on).sort("jurisdiction", "rule")
    age = (pl.lit(on) - pl.col("checked_to")).dt.total_days()
    return held.with_columns(
        age=age, stale=age > stale_after, entered_later=pl.col("entered") > known
    )


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
    parts = [pl.col("exact").str.split("/").list.get(i, null_on_oob=True) for i in (0, 1)]
    over, under = (part.str.strip_chars().cast(pl.Float64, strict=False) for part in parts)
    equal = ((over / under / pl.col("value") - 1.0).abs() < 1e-12).fill_null(value=False)
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
        "correction": (
            pl.col("recorded_to").is_null() != pl.col("closed").is_null(),
            "closed",
            "a correction has the day on which it was entered",
            "a day where recorded_to has one, else empty",
        ),
        "entry": (
            pl.col("closed") < pl.col("entered"),
            "closed",
            "the correction was entered before the row",
            "not before entered",
        ),
        "bill": (
            pl.col("applies_from").is_not_null() & (pl.col("status") != PASSED),
            "applies_from",
            "only a bill that was passed has the day on which it would apply",
            f"empty unless status is {PASSED}",
        ),
        "exact": (
            pl.col("exact").is_not_null() & ~equal,
            "exact",
            "is not the value as a fraction of two numbers",
            "such as 1e25/3, equal to value",
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


def _every_weight(counts: pl.DataFrame) -> None:
    """A regime that leaves a category out would count it for nothing, without a word."""
    listed = (
        counts.select("counts")
        .unique(maintain_order=True)
        .join(
            pl.concat(
                [counts.select("category"), pl.DataFrame({"category": [OWN, OTHERS]})]
            ).unique(maintain_order=True),
            how="cross",
        )
    )
    lost = listed.join(counts, on=["counts", "category"], how="anti", maintain_order="left")
    if lost.height:
        raise InputError(
            f"{lost['counts'][0]} has no row for a category",
            column="category",
            value=None,
            allowed=f"a row for {lost['category'][0]}",
        )


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
