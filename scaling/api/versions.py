"""`scaling.read_version`: a published version, for Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from scaling.errors import InputError
from scaling.fitting.result import Fit
from scaling.forecasting.scores import ENSEMBLE
from scaling.io.notebook import Drawn, html_table, text_table
from scaling.io.tables import unguarded
from scaling.record.versions import tables
from scaling.record.versions.files import FORECAST, has, read
from scaling.record.versions.ledger import MANIFEST
from scaling.record.versions.lookup import find
from scaling.runs.schema import FORECAST as COLUMNS
from scaling.runs.schema import dtypes

_HEAD = ("study", "target", "median", "90 % interval", "params", "tokens")


@dataclass(frozen=True, repr=False)
class Version(Drawn):
    """A published version.

    Attributes:
        id: of the version.
        issued_at: when it was published, UTC.
        forecasts: a row a study, target and level.
        fits: study -> law -> fit, without draws: a version keeps intervals, not resamples.
        notes: what could not be read, sentences.
    """

    id: str
    issued_at: str
    forecasts: pl.DataFrame
    fits: Mapping[str, Mapping[str, Fit]]
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pl.DataFrame:
        """`forecasts`."""
        return self.forecasts

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "version": self.id,
            "issued_at": self.issued_at,
            "forecasts": self.forecasts.to_dicts(),
            "fits": {
                study: {law: one.to_dict() for law, one in fits.items()}
                for study, fits in self.fits.items()
            },
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        lines = text_table(_HEAD, self._rows())
        return "\n".join([self._title(), "", *lines, *self.notes])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return html_table(_HEAD, self._rows(), self._title(), " ".join(self.notes))

    def _title(self) -> str:
        return f"Version {self.id[:12]}, issued {self.issued_at}"

    def _rows(self) -> list[list[str]]:
        """A row a study and target, of the forecast of all laws together."""
        rows = []
        together = self.forecasts.filter(pl.col("law") == ENSEMBLE)
        keys = ["study", "target", "params", "tokens"]
        for (*names, n, d), part in together.group_by(keys, maintain_order=True):
            at = dict(part.select("quantile", "value").iter_rows())
            ends = f"{at[0.05]:.4g} to {at[0.95]:.4g}" if {0.05, 0.95} <= at.keys() else "\u2014"
            middle = f"{at[0.5]:.4g}" if 0.5 in at else "\u2014"
            sizes = ["\u2014" if one is None else f"{one:.3g}" for one in (n, d)]
            rows.append([*map(str, names), middle, ends, *sizes])
        return rows


def read_version(name: str | None = None, root: str | Path = ".") -> Version:
    """The published version whose id begins with ``name``; the newest without one.

    Args:
        name: the first digits of its id.
        root: folder of the project, which has ``reports/``.

    Raises:
        InputError: nothing is published there, or none or several ids begin so.
    """
    folder = find(Path(root), name)
    if not has(folder, MANIFEST):
        raise InputError("no files of this version here", file=folder, hint="`git checkout` it.")
    manifest = tables.manifest(folder)
    fits: dict[str, dict[str, Fit]] = {}
    notes = []
    for study, record in tables.fits(folder).items():
        fits[study] = {}
        for one in record.fits:
            try:
                fits[study][one.law] = one.to_fit()
            except InputError as error:
                notes.append(f"{study}, {one.law}: {error}")
    table = pl.read_csv(read(folder, FORECAST), schema_overrides=dtypes(COLUMNS))
    issued = str(manifest.get("issued_at", ""))
    return Version(folder.name, issued, unguarded(table), fits, tuple(notes))
