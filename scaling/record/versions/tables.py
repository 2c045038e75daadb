"""Tables and fits of published versions."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from scaling.fitting.study_record import StudyFits, parse
from scaling.io.tables import unguarded
from scaling.record.versions.files import BASELINES, FORECAST, has, names, read
from scaling.record.versions.ledger import MANIFEST
from scaling.runs.schema import FORECAST as COLUMNS
from scaling.runs.schema import dtypes


def manifest(version: Path) -> dict[str, Any]:
    """What the manifest of a version says."""
    found: dict[str, Any] = json.loads(read(version, MANIFEST))
    return found


def recorded(version: Path) -> dict[str, Any]:
    """As `manifest`; nothing where it cannot be read, which is damage and said as such."""
    try:
        found = manifest(version)
        return found if isinstance(found["files"], dict) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def quantiles(version: Path) -> pl.DataFrame:
    """The forecasts of a version, and the baselines that were issued with it."""
    types = dtypes(COLUMNS)
    contents = [read(version, name) for name in (FORECAST, BASELINES) if has(version, name)]
    parts = [unguarded(pl.read_csv(one, schema_overrides=types)) for one in contents]
    return pl.concat(part.select(*types) for part in parts)


def fits(version: Path) -> dict[str, StudyFits]:
    """Study -> the record of its fits."""
    return {
        PurePosixPath(name).stem: parse(read(version, name), version / name)
        for name in names(version, "fits/*.json")
    }
