"""What an entry of the parity table is, and how it reads its data."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from scaling.runs.formats import run_table
from tests.support.shared import shared

LIBRARY = Path("data/published")


@dataclass(frozen=True)
class Figure:
    """One published number and ours.

    ``tolerance`` is absolute, and ``why`` its reason: rounding of the printed number, another
    optimum, a digitised table, Monte Carlo error.
    """

    what: str
    ours: float
    published: float
    tolerance: float
    why: str

    @property
    def holds(self) -> bool:
        """Whether ours is within the tolerance."""
        return abs(self.ours - self.published) <= self.tolerance


@dataclass(frozen=True)
class Entry:
    """Figures of one paper on one table.

    ``measure`` computes them. ``shared`` names a folder without an open licence, which the project
    does not carry: where it is absent the test skips, and the page keeps the rows made with it.
    """

    key: str
    law: str
    source: str
    citation: str
    measure: Callable[[], list[Figure]]
    note: str = ""
    shared: str = ""
    slow: bool = False


@functools.cache
def load() -> dict[str, Entry]:
    """All entries by key, in the order of files."""
    home = importlib.import_module("benchmarks.parity")
    found: dict[str, Entry] = {}
    for info in sorted(pkgutil.iter_modules(home.__path__), key=lambda info: info.name):
        if not info.name.startswith("_"):
            for entry in importlib.import_module(f"{home.__name__}.{info.name}").ENTRIES:
                assert entry.key not in found, entry.key
                found[entry.key] = entry
    return found


def published(source: str) -> pl.DataFrame:
    """A table of the library."""
    path = run_table(LIBRARY / source)
    if path.suffix == ".parquet":
        return pl.read_parquet(path)
    return pl.read_csv(path, infer_schema_length=None)


def of_metric(source: str, metric: str, target: str = "loss") -> pl.DataFrame:
    """Rows of one metric, its values in the column ``target``."""
    rows = published(source).filter(pl.col("metric") == metric)
    return rows.with_columns(pl.col("value").alias(target))


def shared_table(source: str, file: str = "runs.csv") -> pl.DataFrame:
    """A table of the shared data."""
    path = shared(source, file)
    assert path is not None, f"no shared table {source}/{file}"
    return pl.read_csv(path, infer_schema_length=None)
