"""Whether a version fitted the run that answers its target: such a score is no forecast.

A run may be renamed or its result dated later, so names and days do not decide alone. A version
lists the rows that it fitted (``fits/STUDY.csv``). It fitted a run when a row of a study on the
same source has the run's id, or when a row of any of its studies has the same content: every size
that both state within `SIZE`, and the value within `VALUE`. Versions of before such lists
say nothing; there only the days decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling.io.tables import unguarded
from scaling.record.audit.match import AHEAD, N_COLUMNS
from scaling.record.versions.dates import row_lists
from scaling.record.versions.files import read

# Relative. A size that is written to three digits and more, and a loss of 1 and more to three
# decimals, are the same. Of two runs of one published table, one in a hundred and fewer are as
# close, but for repeats of one design with another seed, which are then counted as fitted:
# 20 % of muennighoff-datablations, 0 to 1 % of chinchilla-epoch, gemstones, llama3-isoflops and
# porian-discrepancies (python -m benchmarks.audit --same).
SIZE, VALUE = 1e-3, 5e-4
_SIZES = (*N_COLUMNS, "tokens", "flops")
FITTED = "fitted"


class FittedRows:
    """The lists of rows of versions, each distinct list read once."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders
        self._tables: dict[str, pl.DataFrame] = {}
        self._lists: dict[str, dict[str, pl.DataFrame]] = {}

    def marks(
        self, found: pl.DataFrame, targets: pl.DataFrame, outcomes: pl.DataFrame
    ) -> pl.DataFrame:
        """The pairs with ``fitted``: whether the version of the target fitted the outcome's run."""
        versions, studies = targets["version"], targets["study"]
        kinds = targets["kind"]
        known: dict[tuple[str, str, int], bool] = {}
        marks = []
        for place, outcome in found.select("place", "outcome").iter_rows():
            key = versions[place], studies[place], outcome
            if key not in known:
                ahead = kinds[place] == AHEAD
                known[key] = ahead and self.has(key[0], key[1], outcomes.row(outcome, named=True))
            marks.append(known[key])
        return found.with_columns(pl.Series(FITTED, marks, dtype=pl.Boolean))

    def has(self, version: str, study: str, outcome: Mapping[str, Any]) -> bool:
        """Whether a version fitted a result: for ``study`` by its run's id, or by its content."""
        lists = self._of(version)
        own = lists.get(study)
        if own is not None and (own["run"] == outcome["run"]).any():
            return True
        return any(_same_content(table, outcome) for table in lists.values())

    def _of(self, version: str) -> dict[str, pl.DataFrame]:
        """Study -> the rows that a version lists for it."""
        if version not in self._lists:
            folder = self._folders.get(version)
            files = {} if folder is None else row_lists(folder)
            self._lists[version] = {
                Path(name).stem: self._read(Path(str(folder)), name, digest)
                for name, digest in files.items()
            }
        return self._lists[version]

    def _read(self, version: Path, name: str, digest: str) -> pl.DataFrame:
        if digest not in self._tables:
            text = {"run": pl.String, "at": pl.String}
            content = read(version, name)
            table = pl.read_csv(content, schema_overrides=text, infer_schema_length=None)
            self._tables[digest] = unguarded(table)
        return self._tables[digest]


def _same_content(table: pl.DataFrame, outcome: Mapping[str, Any]) -> bool:
    """Whether a row has the outcome's value, and its sizes where both state them, one at least."""
    if "loss" not in table.columns or not table["loss"].dtype.is_numeric():
        return False
    with np.errstate(divide="ignore", invalid="ignore"):
        same = _close(table["loss"], outcome["value"], VALUE)
        stated = np.zeros(table.height, dtype=bool)
        for name in _SIZES:
            if outcome[name] is None or name not in table.columns:
                continue
            has = table[name].is_not_null().to_numpy()
            same &= ~has | _close(table[name], outcome[name], SIZE)
            stated |= has
    return bool((same & stated).any())


def _close(column: pl.Series, value: float, tolerance: float) -> Any:
    numbers = column.cast(pl.Float64).to_numpy()
    return np.abs(numbers / value - 1.0) <= tolerance
