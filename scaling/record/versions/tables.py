"""Tables of published versions."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from scaling.io.tables import unguarded
from scaling.record.versions.fingerprint import BASELINES
from scaling.runs.schema import FORECAST, dtypes


def quantiles(folder: Path) -> pl.DataFrame:
    """The forecasts of a version, and the baselines that were issued with it."""
    types = dtypes(FORECAST)
    names = ("forecast.csv", BASELINES)
    files = [folder / name for name in names if (folder / name).is_file()]
    parts = [unguarded(pl.read_csv(file, schema_overrides=types)) for file in files]
    return pl.concat(part.select(*types) for part in parts)
