"""Short ways for the tests of governance to make runs and rules."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from scaling.govern import columns, registry, runs, tables
from scaling.govern.crossings import Asked, crossings
from scaling.runs.schema import dtypes

ON = date(2026, 11, 23)
LOADED = registry.load()

# Every fact that any condition asks for, so that a test changes one at a time.
FACTS: dict[str, Any] = {
    "general_purpose": "yes",
    "markets": "EU;US;Korea",
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
    """Rows of a runs file, typed and checked."""
    frame = pl.DataFrame(list(rows), schema_overrides=dtypes(columns.RUN), infer_schema_length=None)
    return tables.typed(frame, columns.RUN)


def prepared(*rows: dict[str, Any], on: date = ON, **more: Any) -> pl.DataFrame:
    return runs.prepare(cells(*rows), LOADED, on, **more)


def crossed(
    *rows: dict[str, Any],
    on: date = ON,
    known: date = ON,
    rules: registry.Registry = LOADED,
) -> pl.DataFrame:
    """All runs x rules."""
    table = cells(*rows)
    ready = runs.prepare(table, rules, on)
    return crossings(ready, rules, Asked(on, known), runs.history(table, rules))


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
