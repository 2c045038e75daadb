"""What a rule counted of each run, what was not stated, and why an answer is unknown: in words.

No figure stands in these words, so that a redacted pack can carry them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from scaling.govern.ledger import ENDS
from scaling.govern.lineage import OTHERS, OWN, has_parent

Rule = Mapping[str, Any]
_MODEL, _PARENT = "model (no earlier run counted)", "parent (taken as none)"


def counted(rule: Rule) -> pl.Expr:
    """The parts of the figure that the rule compares."""
    quantity, regime = rule["quantity"], rule["counts"]
    if quantity == "training_cost":
        return pl.lit("cost_usd as stated")
    if quantity == "cluster_peak":
        return pl.lit("chips x peak_flops")
    alone = _own("this run alone", regime)
    if quantity == "modification_ratio":
        return alone + pl.lit(", against parent_flop or the parent's own row")
    if quantity == "modification_compute" or rule["cumulative"] != "yes":
        return alone
    runs, base = pl.col("earlier_runs"), pl.col(f"{regime}_base_central")
    whole, origin = pl.col(f"{regime}_open").is_null(), pl.col("origin")
    parts = [
        _own("this run", regime),
        pl.when(runs == 1).then(pl.lit("1 earlier run of the model")),
        pl.when(runs > 1).then(pl.format("{} earlier runs of the model", runs)),
        pl.when(base > 0).then(origin),
        pl.when((base == 0) & whole & origin.is_not_null()).then(pl.format("not {}", origin)),
    ]
    return pl.concat_str(parts, separator="; ", ignore_nulls=True)


def _own(words: str, regime: str) -> pl.Expr:
    """The run itself, with the categories of its ledger that count."""
    ledger = pl.col(f"{regime}_ledger")
    listed = pl.format("{} ({})", pl.lit(words), ledger)
    return pl.when(ledger.is_null()).then(pl.lit(words)).otherwise(listed)


def not_stated(rule: Rule) -> pl.Expr:
    """What the runs file leaves open of that figure, with what was taken in its place."""
    quantity, regime = rule["quantity"], rule["counts"]
    if quantity in ("training_cost", "cluster_peak"):
        cells = ["cost_usd"] if quantity == "training_cost" else ["chips", "peak_flops"]
        gaps = joined([(pl.col(name).is_null(), pl.lit(name)) for name in cells], ", ")
        return gaps.fill_null("nothing")
    own, absent = pl.col(f"{regime}_own_central"), pl.col(f"{regime}_absent")
    parts: list[pl.Expr] = [pl.when(own.is_null()).then(pl.lit("flop"))]
    if quantity == "training_compute" and rule["cumulative"] == "yes":
        known, entity = has_parent(), pl.col("parent_entity")
        parts += [
            pl.when(~known).then(pl.lit(_PARENT)),
            pl.when(known & entity.is_null()).then(pl.lit("parent_entity")),
            pl.col(f"{regime}_open"),
            pl.when(pl.col("model").is_null()).then(pl.lit(_MODEL)),
        ]
    parts.append(pl.when(absent.is_not_null()).then(pl.format("compute by category ({})", absent)))
    words = pl.concat_str(parts, separator="; ", ignore_nulls=True)
    return pl.when(words == "").then(pl.lit("nothing")).otherwise(words)


Part = tuple[pl.Expr, pl.Expr, pl.Expr]


def over_by(rule: Rule, weights: pl.DataFrame, by_error: pl.Expr) -> list[Part]:
    """What may carry a figure over: whether it may, what is missing, and the reason in full.

    Args:
        weights: rows of counts.csv.
        by_error: whether the 95 % point of the run's own estimate is over; it is the reason too
            where there is no other.
    """
    found = _open(rule, weights) if rule["quantity"] == "training_compute" else []
    error = pl.lit("the 95 % point of the estimate is over the threshold")
    if found:
        by_error = by_error | ~pl.any_horizontal(true for true, *_ in found)
    else:
        by_error = pl.lit(value=True)
    return [*found, (by_error, pl.lit("closer estimate"), error)]


def _open(rule: Rule, weights: pl.DataFrame) -> list[Part]:
    """What the text or the runs file leaves open of a total."""
    regime = rule["counts"]
    silent = pl.col(f"{regime}_unclear")
    why = pl.format("the text does not settle whether these count: {}", silent)
    found = [(silent.is_not_null(), pl.format("reading of {}", silent), why)]
    if rule["cumulative"] != "yes":
        return found
    rows = weights.filter(pl.col("counts") == regime).to_dicts()
    own, others = (next(row for row in rows if row["category"] == name) for name in (OWN, OTHERS))
    open_ = pl.col(f"{regime}_open")
    why = pl.format("{} is missing, and the rule counts what the run was trained from", open_)
    found.append((open_.is_not_null(), open_, why))
    if any(own[end] != others[end] for end in ENDS):
        name = pl.lit("parent_entity")
        why = pl.format("{} is missing, and decides whether the parent counts", name)
        found.append((has_parent() & pl.col("parent_entity").is_null(), name, why))
    if others["high"] > others["central"]:
        name = pl.lit("reading of initialised_from")
        why = pl.lit("the text does not settle whether weights of another developer count")
        found.append((pl.col("downstream") == "yes", name, why))
    return found


def joined(parts: list[tuple[pl.Expr, pl.Expr]], separator: str) -> pl.Expr:
    """The words of the parts that are true; null where none is."""
    words = pl.concat_str(
        [pl.when(true).then(text) for true, text in parts], separator=separator, ignore_nulls=True
    )
    return pl.when(words != "").then(words)


def missing_cells(names: pl.Expr) -> pl.Expr:
    """'a, b' as 'a is missing; b is missing'; of a fact that is worked out, what it needs."""
    cells = names.str.replace("downstream", "parent_entity", literal=True)
    return cells.str.replace_all(", ", " is missing; ", literal=True) + " is missing"
