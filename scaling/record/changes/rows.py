"""The rows that two versions fitted, side by side: added, revised, withdrawn, or as before.

A row is known by its run and where in training it stands (`scaling.runs.row_identity`); the second
of two with one place is another row. It is revised when a column that both versions list is not the
same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scaling.io.tables import unguarded
from scaling.record.versions import files

Mask = NDArray[np.bool_]

KEY = ("run", "at", "nth")
# When the row came into the project says nothing of the result.
RECORDED = "recorded"
SAME, ADDED, WITHDRAWN, WAS, IS = "same", "added", "withdrawn", "was", "is"


@dataclass(frozen=True)
class Rows:
    """Every row of both versions, once; ``kind`` is one of this module's words.

    A revised row stands twice, as it was and as it is. Columns that one version lacks are null;
    ``shared`` names those that both list.
    """

    table: pl.DataFrame
    shared: tuple[str, ...] = ()

    @cached_property
    def kind(self) -> NDArray[np.str_]:
        return self.table["kind"].to_numpy().astype(np.str_)

    @property
    def old(self) -> Mask:
        """Rows of the earlier version."""
        return np.isin(self.kind, (SAME, WITHDRAWN, WAS))

    @property
    def new(self) -> Mask:
        """Rows of the later version."""
        return np.isin(self.kind, (SAME, ADDED, IS))

    def of(self, *kinds: str) -> pl.DataFrame:
        """The rows of these kinds."""
        return self.table.filter(pl.col("kind").is_in(kinds))

    def counts(self) -> dict[str, int]:
        """added, revised, withdrawn, same."""
        names = {"added": ADDED, "revised": IS, "withdrawn": WITHDRAWN, "same": SAME}
        return {name: int((self.kind == kind).sum()) for name, kind in names.items()}

    def corrections(self) -> Iterator[dict[str, Any]]:
        """The revised rows: run, at, and ``columns``, each that differs with [old, new] value."""
        was, now = (self.of(kind).select(*KEY, *self.shared) for kind in (WAS, IS))
        both = was.join(now, on=KEY, suffix=" now", maintain_order="left")
        for row in both.iter_rows(named=True):
            pairs = {name: [row[name], row[f"{name} now"]] for name in self.shared}
            other = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
            yield {"run": row["run"], "at": row["at"], "columns": other}

    def runs(self) -> list[dict[str, Any]]:
        """The runs that are not as before: run, added, revised, withdrawn (rows of each)."""
        other = self.of(ADDED, WITHDRAWN, IS)
        counts = [(pl.col("kind") == kind).sum() for kind in (ADDED, IS, WITHDRAWN)]
        names = ("added", "revised", "withdrawn")
        named = [one.alias(name) for one, name in zip(counts, names, strict=True)]
        return other.group_by("run", maintain_order=True).agg(*named).to_dicts()


def read(version: Path, study: str) -> pl.DataFrame | None:
    """The rows that a version lists for a study; None where it lists none."""
    name = f"fits/{study}.csv"
    if not files.has(version, name):
        return None
    text = {"run": pl.String, "at": pl.String}
    rows = files.read(version, name)
    return unguarded(pl.read_csv(rows, schema_overrides=text, infer_schema_length=None))


def compared(old: pl.DataFrame, new: pl.DataFrame) -> Rows:
    """Both versions' rows of one study."""
    old, new = (_numbered(_as_text(table)) for table in (old, new))
    both = [name for name in old.columns if name in new.columns and name not in (*KEY, RECORDED)]
    old, new = _of_one_type(old, new, both)
    same = old.join(new, on=[*KEY, *both], how="semi", nulls_equal=True).select(KEY)
    there = [part.select(KEY) for part in (old, new)]
    parts = [
        new.join(same, on=KEY, how="semi").with_columns(kind=pl.lit(SAME)),
        old.join(there[1], on=KEY, how="anti").with_columns(kind=pl.lit(WITHDRAWN)),
        new.join(there[0], on=KEY, how="anti").with_columns(kind=pl.lit(ADDED)),
        old.join(there[1], on=KEY, how="semi")
        .join(same, on=KEY, how="anti")
        .with_columns(kind=pl.lit(WAS)),
        new.join(there[0], on=KEY, how="semi")
        .join(same, on=KEY, how="anti")
        .with_columns(kind=pl.lit(IS)),
    ]
    return Rows(pl.concat(parts, how="diagonal"), tuple(both))


def _numbered(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(nth=pl.int_range(pl.len()).over("run", "at"))


def _as_text(table: pl.DataFrame) -> pl.DataFrame:
    """Whole numbers as floats: a column may have halves in one version alone."""
    return table.with_columns(pl.col(pl.Int64).cast(pl.Float64))


def _of_one_type(
    old: pl.DataFrame, new: pl.DataFrame, names: list[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Columns that are numbers in one table and text in the other, as text in both."""
    other = [name for name in names if old[name].dtype != new[name].dtype]
    as_text = [pl.col(name).cast(pl.String) for name in other]
    return old.with_columns(as_text), new.with_columns(as_text)
