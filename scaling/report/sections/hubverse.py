"""A version's quantile tables in the hubverse's model-output form, so that its tools read them.

One file a method, ``model-output/TEAM-METHOD/ROUND-TEAM-METHOD.csv``; the round is a day. A row is

    location        the study: what a forecast is about
    target          the planned run
    output_type     "quantile"; "median" for a method that gives a point and nothing more
    output_type_id  the level; NA for a median
    value           in the metric's own unit, ten digits

There is no ``horizon``: a target lies ahead in size, which its N and D in forecast.csv tell, and
not in time. `tasks` and `admin` describe a hub of such files as its schemas ask
(github.com/hubverse-org/schemas, v5.0.0). Convention: docs.hubverse.io, "Model output".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from scaling.io.tables import csv_text

TEAM = "scaling"
FOLDER = "model-output"
POINT = [0.5]
SCHEMAS = "https://raw.githubusercontent.com/hubverse-org/schemas/main/v5.0.0"


def model_id(law: str) -> str:
    """A method's name as the hubverse allows it: letters, digits and underscores."""
    return f"{TEAM}-{re.sub(r'[^A-Za-z0-9]+', '_', law)}"


def model_output(forecasts: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Method -> its table, from one with the columns of `scaling.runs.schema.FORECAST`."""
    return {
        model_id(str(law)): _table(part)
        for (law,), part in forecasts.partition_by("law", as_dict=True).items()
    }


def files(forecasts: pl.DataFrame, day: date) -> dict[str, bytes]:
    """Path below the hub -> bytes of each method's table for the round of that day."""
    return {
        f"{FOLDER}/{model}/{day}-{model}.csv": csv_text(table).encode()
        for model, table in model_output(forecasts).items()
    }


def _table(part: pl.DataFrame) -> pl.DataFrame:
    alone = part["quantile"].unique().to_list() == POINT
    level = pl.lit("NA") if alone else pl.col("quantile").cast(pl.String)
    return part.select(
        pl.col("study").alias("location"),
        "target",
        pl.lit("median" if alone else "quantile").alias("output_type"),
        level.alias("output_type_id"),
        pl.col("value").round_sig_figs(10),
    )


def tasks(rounds: Mapping[date, pl.DataFrame], metrics: Mapping[str, str]) -> dict[str, Any]:
    """The hub's tasks.json: for each round which studies, targets and levels there are.

    ``rounds`` holds the forecasts of each day; ``metrics`` names a study's metric.
    """
    return {
        "schema_version": f"{SCHEMAS}/tasks-schema.json",
        "rounds": [_round(day, rounds[day], metrics) for day in sorted(rounds)],
        "output_type_id_datatype": "double",
    }


def _round(day: date, forecasts: pl.DataFrame, metrics: Mapping[str, str]) -> dict[str, Any]:
    studies = forecasts.partition_by("study", as_dict=True, maintain_order=True).items()
    return {
        "round_id_from_variable": False,
        "round_id": str(day),
        "model_tasks": [_task(str(name), part, metrics) for (name,), part in studies],
        "submissions_due": {"start": str(day), "end": str(day)},
        "last_data_date": str(day),
    }


def _task(study: str, forecasts: pl.DataFrame, metrics: Mapping[str, str]) -> dict[str, Any]:
    targets = forecasts["target"].unique(maintain_order=True).to_list()
    value = {"value": {"type": "double"}, "is_required": False}
    return {
        "task_ids": {
            "location": {"required": None, "optional": [study]},
            "target": {"required": None, "optional": targets},
        },
        "output_type": {
            "quantile": {"output_type_id": {"required": _levels(forecasts)}, **value},
            "median": {"output_type_id": {"required": None}, **value},
        },
        "target_metadata": [
            _metadata(number, name, metrics.get(study, "loss"))
            for number, name in enumerate(targets, 1)
        ],
    }


def _levels(forecasts: pl.DataFrame) -> list[float]:
    return sorted(forecasts["quantile"].unique().to_list())


def _metadata(number: int, name: str, metric: str) -> dict[str, Any]:
    return {
        "target_id": f"target {number}",
        "target_name": name[:100],
        "target_units": metric[:100],
        "target_keys": {"target": name},
        "target_type": "continuous",
        "is_step_ahead": False,
    }


def admin(name: str, email: str, repository: tuple[str, str, str] | None) -> dict[str, Any]:
    """The hub's admin.json; ``repository`` is its host, owner and name, where it has one."""
    there = dict(zip(("host", "owner", "name"), repository, strict=True)) if repository else None
    return {
        "schema_version": f"{SCHEMAS}/admin-schema.json",
        "name": name,
        "maintainer": name,
        "contact": {"name": name, "email": email},
        **({"repository": there} if there else {}),
        "file_format": ["csv"],
        "timezone": "UTC",
        "model_output_dir": FOLDER,
    }
