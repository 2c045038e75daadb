"""What changed from one published version to another, and what it was made from.

From the two versions' own files: data that was revised, added or removed, code, choices and
environment (by hash); each parameter's change in its standard errors (the root of the sum of both
squared); each median's change, and whether it left the old version's 90 % interval.

A median that moves is no test of the old interval, which was about an outcome and not about a later
estimate; whether outcomes fell outside more often than stated is what an audit says.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from scaling.record.versions.layouts import relocated
from scaling.record.versions.tables import fits, quantiles

KINDS = ("data", "laws", "engine", "draws", "code")
CHOICES = ("params", "requirements", "packages", "seed", "as_of")
KEY = ("study", "target", "law")
LOW, MIDDLE, HIGH = 0.05, 0.5, 0.95


def input_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every input that is not the same: kind, name and what became of it.

    Code that went from one layout to another is one input, with the counts of
    `scaling.record.versions.layouts.Relocation`. Of manifests of two forms, which do not bind the
    same inputs under the same names, only what both bind is compared.
    """
    if old.get("format") == new.get("format"):
        return list(_input_changes(old, new))
    form = {"kind": "code", "name": "form of the manifest", "what": "revised"}
    tables = [one.get("data") or {} for one in (old, new)]
    both = tables[0].keys() & tables[1].keys()
    shared = [{"data": {name: one[name] for name in both}} for one in tables]
    choices = [{name: one.get(name) for name in ("params", "seed", "as_of")} for one in (old, new)]
    return [form, *_input_changes(shared[0] | choices[0], shared[1] | choices[1])]


def _input_changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in KINDS:
        before, after = old.get(kind) or {}, new.get(kind) or {}
        counts = relocated(before, after) if kind == "engine" else None
        if counts is not None:
            yield {"kind": kind, "name": "layout", "what": "moved", "files": asdict(counts)}
            continue
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                what = "revised" if name in before and name in after else "removed"
                yield {"kind": kind, "name": name, "what": what if name in before else "added"}
    for name in CHOICES:
        if old.get(name) != new.get(name):
            yield {"kind": "choices", "name": name, "what": "revised"}


def parameters(old: Path, new: Path) -> Iterator[dict[str, Any]]:
    """Each fitted parameter that both versions have, the most moved first."""
    before, after = _fitted(old), _fitted(new)
    rows: list[dict[str, Any]] = []
    for key in before.keys() & after.keys():
        (a, se_a), (b, se_b) = before[key], after[key]
        if se_a is None and se_b is None:  # nothing tells whether it moved far
            continue
        error = math.hypot(se_a or 0.0, se_b or 0.0)
        change = (b - a) / error if error > 0 else (0.0 if a == b else math.inf)
        study, law, name = key
        rows.append({"study": study, "law": law, "parameter": name, "old": a, "new": b,
                     "change": change})  # fmt: skip
    # Ties end by name: a set gives parameters in another order in each process.
    keys = ("study", "law", "parameter")
    yield from sorted(rows, key=lambda row: (-abs(row["change"]), *(row[key] for key in keys)))


def _fitted(folder: Path) -> dict[tuple[str, str, str], tuple[float, float | None]]:
    """(study, law, parameter) -> value and standard error, None where it has none."""
    return {
        (record.study, fit.law, name): (fit.values[name], one.se)
        for record in fits(folder).values()
        for fit in record.fits
        for name, one in fit.parameters.items()
    }


def median_changes(old: Path, new: Path) -> pl.DataFrame:
    """Medians of both, the relative change, and whether it left the old 90 % interval."""
    before, after = (_ends(one) for one in (old, new))
    return (
        before.join(after.select(*KEY, new="median"), on=KEY, how="inner", maintain_order="left")
        .with_columns(
            change=(pl.col("new") / pl.col("median")).log(),
            outside=(pl.col("new") < pl.col("low")) | (pl.col("new") > pl.col("high")),
        )
        .select(*KEY, pl.col("median").alias("old"), "new", "change", "outside")
    )


def _ends(folder: Path) -> pl.DataFrame:
    table = quantiles(folder)
    level = pl.col("quantile")

    def at(wanted: float) -> pl.Expr:
        return pl.col("value").filter((level - wanted).abs() < 1e-9).first()

    return table.group_by(*KEY, maintain_order=True).agg(
        low=at(LOW), median=at(MIDDLE), high=at(HIGH)
    )
