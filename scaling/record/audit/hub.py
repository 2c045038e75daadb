"""A folder that hub tools read: the quantile tables of versions, and what describes the hub.

    hub-config/tasks.json     rounds, studies, targets and levels
    hub-config/admin.json     name and format
    model-output/...          one file a method and round (`scaling.report.sections.hubverse`)

A version's round is that of its own files where it has them; else its as-of day, else the day of
its issue. The files of an older version are made from its forecast.csv and baselines.csv.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.fitting.study_record import read_version
from scaling.io import atomic
from scaling.io.json_files import write_json
from scaling.record.versions.ledger import MANIFEST
from scaling.record.versions.tables import quantiles
from scaling.report.sections import hubverse


def export(versions: Iterable[Path], out: Path) -> list[Path]:
    """Write the hub of the versions in these folders below ``out``; returns its files.

    Raises InputError when two versions have the same round: a hub holds one file a round.
    """
    rounds: dict[date, pl.DataFrame] = {}
    metrics: dict[str, str] = {}
    written = []
    for folder in versions:
        day = round_of(folder)
        if day in rounds:
            hint = "Export them to two folders."
            raise InputError("two versions of one day", file=folder, value=str(day), hint=hint)
        rounds[day] = quantiles(folder)
        metrics |= {one.study: one.metric or "loss" for one in read_version(folder).values()}
        for name, content in hubverse.files(rounds[day], day).items():
            atomic.write(out / name, content)
            written.append(out / name)
    config = {
        "tasks": hubverse.tasks(rounds, metrics),
        "admin": hubverse.admin("scaling forecasts"),
    }
    for name, document in config.items():
        path = out / "hub-config" / f"{name}.json"
        write_json(path, document)
        written.append(path)
    return written


def round_of(folder: Path) -> date:
    """The day under which hub tools find a version."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    own = hubverse.day_of(manifest["files"])
    issued = datetime.fromisoformat(manifest["issued_at"]).date().isoformat()
    return own or date.fromisoformat(manifest.get("as_of") or issued)
