"""A small project with everything that a report reads, and what its report holds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl
import yaml

from scaling.document.blocks import Cell, Figure, Report, Table, all_blocks
from scaling.runs.schema import FORECAST, RUN, dtypes

LEVELS = (0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975)
LAWS = ("chinchilla", "kaplan_joint", "power_law")
TARGETS: dict[str, dict[str, float]] = {
    "planned-7b": {"params": 7e9, "tokens": 2e12},
    "optimal-1e21": {"flops": 1e21},
    "optimal-1e24": {"flops": 1e24},
}
NASTY = 'x|y `z` <script>alert(1)</script> [a](javascript:b) "q" </svg> \u202e\x07 *s* $m$'


def studies(names: tuple[str, ...] = ("alpha", "beta-2")) -> dict[str, Any]:
    """Entries of params.yaml."""
    rule = {"where": "flags LIKE '%outlier%'", "reason": "diverged"}
    return {
        name: {"source": name, "metric": "loss@web", "exclude": [rule], "laws": list(LAWS)}
        for name in names
    }


def runs(source: str, rows: int = 40) -> pl.DataFrame:
    """Simulated runs: a Chinchilla law with noise, the first two flagged as outliers."""
    rng = np.random.default_rng(len(source))
    n, d = 10 ** rng.uniform(7.5, 9.5, rows), 10 ** rng.uniform(9, 11, rows)
    value = (1.8 + 400 / n**0.34 + 2000 / d**0.37) * np.exp(rng.normal(0, 0.01, rows))
    value[:2] *= 3
    flags = ["outlier" if i < 2 else None for i in range(rows)]
    columns = {"params": n, "tokens": d, "flops": 6 * n * d, "value": value, "flags": flags}
    words = {"source": source, "metric": "loss@web", "unit": "nats/token"}
    frame = pl.DataFrame(columns).with_columns(**{k: pl.lit(v) for k, v in words.items()})
    missing = {k: pl.lit(None, dtype=t) for k, t in dtypes(RUN).items() if k not in frame.columns}
    other = frame.head(3).with_columns(metric=pl.lit("error@task"), value=pl.lit(0.5))
    return pl.concat([frame, other]).with_columns(**missing).select(list(dtypes(RUN)))


def forecast(names: tuple[str, ...], targets: dict[str, Any]) -> pl.DataFrame:
    """Normal quantiles around a curve, shifted by law."""
    rows = []
    for study in names:
        for target, at in targets.items():
            c = at.get("flops") or 6 * at["params"] * at["tokens"]
            n = at.get("params") or math.sqrt(c / 120)
            for shift, law in enumerate(("ensemble", *LAWS)):
                curve = NormalDist(1.8 + 3 * (c / 1e18) ** -0.15 - 0.05 * shift, 0.03)
                rows += [(study, target, n, c / 6 / n, c, law, q, curve.inv_cdf(q)) for q in LEVELS]
    return pl.DataFrame(rows, schema=dtypes(FORECAST), orient="row")


def fit(law: str, **more: Any) -> dict[str, Any]:
    """One fit as the fit stage writes it."""
    value = {"value": 477.826, "se": 124.58, "unit": "nats/token", "low90": 285.1, "high90": 744.2}
    return {
        "law": law,
        "target": "loss",
        "parameters": {"A": value, "E": {**value, "value": 1.8172, "se": 0.0257}},
        "objective": 0.0010182740178,
        "objective_name": "sum of huber on log values, delta 0.001",
        "outcome": "converged",
        "outcome_text": "The optimum is certain.",
        "rows": 38,
        "holdout_error": 0.0123,
        "certificate": {
            "gradient": 3.4e-10,
            "smallest_eigenvalue": 0.0014,
            "condition": 2529.2,
            "starts": 24,
            "starts_agreeing": 0.96,
            "resamples_agreeing": 0.998,
            "at_bound": [],
            "weakest": {"A": 0.9},
            "independent_solver": None,
        },
        "criteria": {
            "k": 6, "log_likelihood": 647.68, "aic": -1283.36, "aicc": -1283.0, "bic": -1262.5,
            "scale": 0.0022, "corner": 0.001, "rows": 38,
        },
        "resampling": {
            "method": "bootstrap", "cluster": "run", "clusters": 38, "resamples": 1000,
        },
        **more,
    }  # fmt: skip


def fits(name: str, chosen: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A fit file."""
    return {
        "study": name,
        "source": chosen["source"],
        "metric": chosen["metric"],
        "rows": 38,
        "excluded": [{**rule, "rows": 2} for rule in chosen["exclude"]],
        "ranges": {"params": [1e8, 3e9], "tokens": [1e9, 1e11], "flops": [1e18, 1e21]},
        "fits": [fit(law, **more) for law in chosen["laws"]],
        "rolling_origin": [
            {"law": law, "from": 0.0, "to": 0.5, "origins": 5, "rows": 21, "bias": -0.004,
             "rmse": 0.0123}
            for law in chosen["laws"]
        ],
        "without_exclusions": [
            {"law": law, "parameters": {"A": 602.4, "E": 1.7658}, "objective": 0.004,
             "outcome": "at_bound", "rows": 40, "rule": rule["where"], "reason": rule["reason"]}
            for rule in chosen["exclude"] for law in chosen["laws"]
        ],
    }  # fmt: skip


def project(root: Path, chosen: dict[str, Any] | None = None, **more: Any) -> Path:
    """A folder with everything that the report reads."""
    chosen = chosen or studies()
    params = {
        "seed": 7,
        "studies": chosen,
        "fit": {"delta": 0.001, "resamples": 1000},
        "forecast": {"quantiles": list(LEVELS), "targets": more.get("targets", TARGETS)},
    }
    for folder in ("data/fits", "data/forecasts", "data/validated"):
        (root / folder).mkdir(parents=True)
    (root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    counts = {one["source"]: {"rows": 44, "valid": 43, "quarantined": 1} for one in chosen.values()}
    (root / "data/validation.json").write_text(json.dumps(counts), encoding="utf-8")
    for name, one in chosen.items():
        made = json.dumps(fits(name, one, **more.get("fit", {})))
        (root / f"data/fits/{name}.json").write_text(made, encoding="utf-8")
        runs(one["source"]).write_parquet(root / f"data/validated/{one['source']}.parquet")
    table = forecast(tuple(chosen), more.get("targets", TARGETS))
    table.write_csv(root / "data/forecasts/forecast.csv")
    return root


def tables(report: Report) -> dict[str, Table]:
    """Every table by id, folded ones too."""
    return {block.id: block for block in all_blocks(report) if isinstance(block, Table)}


def cells(report: Report) -> Iterator[Cell]:
    """Every cell of every table."""
    for table in tables(report).values():
        for group in table.groups:
            for row in group.rows:
                yield from row


def figures(report: Report) -> list[Figure]:
    """Every figure."""
    return [block for block in all_blocks(report) if isinstance(block, Figure)]


class Seen(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


SECTIONS = [
    *("issue", "findings", "forecasts", "believe", "planning", "changes", "laws"),
    *("headline", "trust", "detail", "history", "made", "glossary"),
]
# What the report calls the targets above.
TITLES = {"planned-7b": "7B model", "optimal-1e21": "10²¹ FLOP", "optimal-1e24": "10²⁴ FLOP"}
STUDY_TITLES = {"alpha": "Alpha", "beta-2": "Beta 2"}
