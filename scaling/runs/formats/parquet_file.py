"""Parquet (.parquet): a table that carries its own types."""

from __future__ import annotations

from scaling.runs.formats import _arrow
from scaling.runs.formats._source import Format

FORMAT = Format(
    name="parquet",
    meaning="run schema as a Parquet table",
    seen="tables of polars 2.1.0 and pyarrow 26.0.1 (2026-11-30)",
    suffixes=(".parquet", ".pq"),
    read=_arrow.table,
    batches=_arrow.batches,
)
