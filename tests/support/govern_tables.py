"""Short ways for the tests of governance to make runs and rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor
from typing import Any

import polars as pl

from scaling.govern import columns, conditions, exact, registry, runs, tables
from scaling.govern.crossings import Asked, crossings
from scaling.runs.schema import dtypes

ON = date(2026, 11, 30)
LOADED = registry.load()

# Every fact that any condition asks for, so that a test changes one at a time.
FACTS: dict[str, Any] = {
    "general_purpose": "yes",
    "markets": "EU;US;Korea",
    "us_states": "California;New York;Illinois;Connecticut",
    "modality": "text",
    "biological": "no",
    "open_weights": "no",
    "us_person": "yes",
    "us_cloud": "yes",
    "covered_foreign_person": "no",
    "state_of_the_art": "yes",
    "serious_impact": "yes",
    "distilled": "no",
    "revenue_usd": 1e9,
    "cost_usd": 2e8,
    "spend_12_months_usd": 2e8,
    "one_datacenter": "yes",
    "network_gbps": 400.0,
}
RUN: dict[str, Any] = {
    "run": "r",
    "entity": "Lab",
    "state": "finished",
    "started": "2026-02-01",
    "ended": "2026-08-01",
    "released": "2026-09-01",
}


def cells(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows of a runs file, typed and checked; numbers given as text stay text until then."""
    known = dtypes(columns.RUN)
    text = {name for row in rows for name, value in row.items() if isinstance(value, str)}
    schema = {name: pl.String if name in text else known[name] for name in known}
    listed = [
        {n: str(v) if n in text and v is not None else v for n, v in row.items()} for row in rows
    ]
    frame = pl.DataFrame(listed, schema_overrides=schema, infer_schema_length=None)
    return tables.typed(frame, columns.RUN)


def prepared(*rows: dict[str, Any], on: date = ON, **more: Any) -> pl.DataFrame:
    return runs.prepare(cells(*rows), LOADED, on, **more)


def crossed(
    *rows: dict[str, Any],
    on: date = ON,
    known: date = ON,
    rules: registry.Registry = LOADED,
    details: runs.Details | None = None,
    **asked: Any,
) -> pl.DataFrame:
    """All runs x rules."""
    table = cells(*rows)
    ready = runs.prepare(table, rules, on, details)
    return crossings(ready, rules, Asked(on, known, **asked), runs.history(table, rules, details))


def one(table: pl.DataFrame, rule: str, run: str = "r") -> dict[str, Any]:
    """The row of one run and rule."""
    found = table.filter(pl.col("rule") == rule, pl.col("run") == run)
    assert found.height == 1, (rule, found.height)
    return found.to_dicts()[0]


def only(rule: str) -> registry.Registry:
    """The registry with one rule, all its rows: a comparison takes as long as there are rules."""
    rows = LOADED.rules.filter(pl.col("rule") == rule)
    return registry.Registry(rows, LOADED.counts, LOADED.errors, LOADED.chips, LOADED.hashes)


def with_rule(**changes: Any) -> registry.Registry:
    """A registry of one rule: the EU's Art. 51(2) in force, with changed cells."""
    base = LOADED.rules.filter(pl.col("rule") == "eu_aia_51_2", pl.col("status") == "in_force")
    return of_rules(base.to_dicts()[0] | changes)


def of_rules(*rows: dict[str, Any]) -> registry.Registry:
    """A registry of these rows."""
    frame = pl.DataFrame(list(rows), schema=LOADED.rules.schema)
    return registry.Registry(frame, LOADED.counts, LOADED.errors, LOADED.chips, LOADED.hashes)


def _meets(name: str, op: str, value: str) -> dict[str, Any]:
    """Cells that meet one term of a condition."""
    if name == "downstream":
        return {"parent": "base", "parent_entity": "Other" if value == "yes" else "Lab"}
    if name == "parent_compute":
        return {"parent": "base"} | ({"parent_flop": "3e24"} if value == "known" else {})
    word = {"=": value, "has": value.split("|")[0]}.get(op)
    return {name: word if word is not None else str(2.0 * float(value))}


@dataclass(frozen=True)
class Case:
    """A run that meets every condition of a row of the registry, and its numbers about the
    threshold: the next whole number under and over it, and the threshold where it is whole."""

    rule: dict[str, Any]
    facts: dict[str, Any]
    column: str
    under: int
    at: int | None
    over: int

    def run(self, number: int | None) -> dict[str, Any]:
        return self.facts | {self.column: None if number is None else str(number)}


def case(rule: dict[str, Any]) -> Case:
    """The case of a row that is evaluated."""
    day = on_of(rule)
    dates = ("started", 200), ("ended", 100), ("released", 90)
    facts: dict[str, Any] = {"run": "r", "entity": "Lab", "state": "finished", "accuracy": 0.0}
    facts |= {name: str(day - timedelta(days=days)) for name, days in dates}
    for text in (rule[name] for name in columns.CONDITIONS):
        for term in (text or "").split(";"):
            found = conditions.TERM.match(term)
            facts |= {} if found is None else _meets(*found.groups())
    limit, column = exact.threshold(rule), "flop"
    if rule["quantity"] == "modification_ratio":
        limit *= 3 * 10**24
    elif rule["quantity"] == "training_cost":
        column = "cost_usd"
    elif rule["quantity"] == "cluster_peak":
        column, limit = "chips", limit / 10**15
        facts["peak_flops"] = "1e15"
    at = int(limit) if limit.denominator == 1 else None
    return Case(rule, facts, column, ceil(limit) - 1, at, floor(limit) + 1)


def on_of(rule: dict[str, Any]) -> date:
    """A day on which the row is evaluated."""
    return rule["applies_from"] or rule["effective_from"]


def evaluated() -> list[dict[str, Any]]:
    """Every different statement of the registry that a runs file can answer, corrected ones too.

    Of what is not compared with runs (proposed, vetoed, ...) as if it were in force.
    """
    statuses = [*registry.EVALUATED_STATUSES, registry.PASSED]
    compared = pl.col("status").is_in(statuses)
    rows = LOADED.rules.filter(pl.col("quantity").is_in(columns.EVALUATED)).sort(
        compared, descending=True, maintain_order=True
    )
    rows = rows.with_columns(
        status=pl.when(compared).then("status").otherwise(pl.lit("in_force")),
    )
    same = ["rule", "quantity", "comparator", "value", "counts", "cumulative", "attaches"]
    same += [*columns.CONDITIONS, "clock_from"]
    return rows.unique([*same, "applies_from"], maintain_order=True).to_dicts()
