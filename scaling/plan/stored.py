"""The fits that a plan reads: a study's stored ones with their draws, or published constants.

A plan names the law it used by its version: the published report that holds these very fits, else
the hash of the fit file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scaling import laws
from scaling.arrays import Array
from scaling.errors import InputError, nearest
from scaling.fitting import study_record
from scaling.fitting.result import Fit
from scaling.forecasting import distance, stored_model
from scaling.forecasting.model_surface import MODEL
from scaling.io.hashing import sha256
from scaling.io.progress import steps
from scaling.plan.published import PREFIX, named
from scaling.plan.run_grid import Cells

if TYPE_CHECKING:
    import polars as pl


SIZES = ("params", "tokens", "flops")
# Decades outside the fitted runs from which an answer carries a warning; the report marks the same.
FAR = distance.FAR


@dataclass(frozen=True)
class Sheet:
    """Fits of one table of runs.

    Attributes:
        name: the study, file or paper.
        fits: by law.
        version: what made them, so that an answer can be traced.
        ranges: size -> smallest and largest of the fitted runs.
        notes: what a reader must know (no draws, a law that could not be fitted).
        table: the fitted runs in the order of the residuals, where they are at hand.
        lead: the law that divides a budget where none is named; "" for the first that can.
    """

    name: str
    fits: Mapping[str, Fit]
    version: str
    ranges: Mapping[str, tuple[float, float]]
    notes: tuple[str, ...] = ()
    metric: str = ""
    refused: Mapping[str, str] = field(default_factory=dict)
    table: pl.DataFrame | None = None
    lead: str = ""

    @property
    def runs(self) -> Cells | None:
        """Params and tokens of the fitted runs; None where they are not at hand."""
        return None if self.table is None else _cells(self.table)

    def get(self, law: str) -> Fit:
        """One law's fit; the error names those that there are."""
        if law not in self.fits:
            raise InputError(
                f"{self.name} has no fit of this law",
                value=law,
                allowed=", ".join(self.fits),
                hint=self.refused.get(law) or nearest(law, self.fits),
            )
        return self.fits[law]

    def beyond(self, **sizes: float) -> dict[str, float]:
        """Decades outside the fitted runs, by size; 0 inside. Sizes without a range are absent."""
        out = {}
        for name, value in sizes.items():
            if name in self.ranges and value > 0 and np.isfinite(value):
                out[name] = abs(distance.decades_outside(value, *self.ranges[name]))
        return out


def read(name: str, root: Path = Path()) -> Sheet:
    """The sheet of ``STUDY`` (data/fits/STUDY.json with its draws) or of published constants
    (``published:LAW``, ``published:LAW:PAPER`` or ``published:PAPER``).

    Raises:
        InputError: no such study, law or published fit.
    """
    if name.startswith(PREFIX):
        return published(name)
    return load(name, root)


def load(name: str, root: Path = Path()) -> Sheet:
    """A study's stored fits with their draws, from data/fits alone (no look at what was published,
    so that a stage may call it); the version is the hash of the file.

    Raises:
        InputError: no such study.
    """
    path = root / "data" / "fits" / f"{name}.json"
    if not path.is_file():
        studies = sorted(one.stem for one in path.parent.glob("*.json"))
        raise InputError(
            "no such stored fit",
            file=path,
            allowed=", ".join([*studies, "published:LAW", "published:PAPER"]),
            hint=nearest(name, studies) or "`scaling refit` makes them; --runs fits a table.",
        )
    record = study_record.read(path)
    drawn = _draws(path.with_suffix(".parquet"))
    fits: dict[str, Fit] = {}
    refused: dict[str, str] = {}
    for one in record.fits:
        try:
            fits[one.law] = one.to_fit(drawn.get(one.law))
        except InputError as error:  # a law whose parameters are those of the study's table
            refused[one.law] = str(error)
    models = root / "data" / "models" / f"{name}.json"
    if models.is_file():
        stored = stored_model.read(models)
        model = stored.fit()
        fits = fits if model is None else {MODEL: model} | fits
        refused |= {MODEL: stored.reason} if model is None else {}
    fits = _of_one_unit(fits)
    notes = () if drawn else ("No draws are stored here, so no intervals: `scaling refit`.",)
    label = f"fit {sha256(path.read_bytes())[:12]}"
    ranges = record.complete_ranges
    return Sheet(name, fits, label, ranges, notes, record.metric, refused=refused)


def _of_one_unit(fits: Mapping[str, Fit]) -> dict[str, Fit]:
    """A study's fits, all of one metric: a law without a parameter in its unit has the others'."""
    units = {one.unit for one in fits.values() if one.unit}
    unit = units.pop() if len(units) == 1 else ""
    return {law: replace(one, unit=one.unit or unit) for law, one in fits.items()}


def published(name: str) -> Sheet:
    """Constants of a paper, without draws, see `scaling.plan.published`.

    Raises:
        InputError: no such law, paper or set of constants.
    """
    found = named(name)
    return Sheet(
        name, found.fits, found.version, {}, found.notes, refused=found.refused, lead=found.lead
    )


def fitted(
    runs: pl.DataFrame,
    names: tuple[str, ...],
    *,
    label: str,
    resamples: int = 300,
    seed: int = 0,
    target: str = "loss",
    units: Mapping[str, str] | None = None,
) -> Sheet:
    """Fits of a table, made now; laws that the table does not allow are kept with the reason.

    ``units`` states those of columns, as in ``{"params": "M"}``; "1" says that one is in full.

    Raises:
        InputError: no law can be fitted, or a column of counts cannot be in full.
    """
    from scaling.fitting.applicability import verdict
    from scaling.fitting.engine import fit
    from scaling.runs import counts

    runs = counts.in_units(runs, units or {})
    fits: dict[str, Fit] = {}
    refused, problem = {}, None
    modelled = stored_model.model_of_runs(runs, target)
    model = modelled.fit()
    if model is None:
        refused[MODEL] = modelled.reason
    for name in steps(names):
        try:
            seen = verdict(runs, laws.get(name), target)
            if seen.word == "no":
                fit(runs, name, target=target)  # names the row, where a cell is at fault
                raise InputError(seen.reason)
            fits[name] = fit(runs, name, target=target, resamples=resamples, seed=seed)
        except InputError as error:
            refused[name], problem = str(error), error
    if not fits and model is None and problem is not None:
        raise problem
    digest = hashlib.sha256(b"".join(fits[k].theta.tobytes() for k in sorted(fits))).hexdigest()
    if model is not None:
        known = json.dumps(stored_model.to_json(modelled, runs, target), sort_keys=True)
        digest = hashlib.sha256(f"{digest} {known}".encode()).hexdigest()
        fits = {MODEL: model} | fits
    ranges = {
        name: (float(runs[name].min()), float(runs[name].max()))  # type: ignore[arg-type]
        for name in SIZES
        if name in runs.columns and runs[name].null_count() < runs.height
    }
    version = f"fit {digest[:12]}"
    return Sheet(label, fits, version, ranges, refused=refused, table=runs)


def with_runs(sheet: Sheet, root: Path = Path()) -> Sheet:
    """A study's sheet with its runs, read from data/validated by params.yaml; as it is where they
    are not at hand."""
    import polars as pl

    from scaling.runs.studies import load_params, select

    if not (root / "params.yaml").is_file():
        return sheet
    study = load_params(root / "params.yaml")["studies"].get(sheet.name)
    if study is None:
        return sheet
    source = root / "data" / "validated" / f"{study['source']}.parquet"
    if not source.is_file():
        return sheet
    return replace(sheet, table=select(pl.read_parquet(source), study)[0])


def _cells(runs: pl.DataFrame) -> Cells | None:
    """The runs' params and tokens; None where some lack them."""
    if not {"params", "tokens"} <= set(runs.columns):
        return None
    sizes = [runs[name].cast(float, strict=False).fill_null(np.nan) for name in SIZES[:2]]
    n, d = (one.to_numpy() for one in sizes)
    return Cells(n, d) if bool((np.isfinite(n) & np.isfinite(d)).all()) else None


def _draws(path: Path) -> dict[str, dict[str, Array]]:
    """Law -> parameter -> draws, from the long table; empty where it is absent."""
    if not path.is_file():
        return {}
    import polars as pl

    table = pl.read_parquet(path, columns=["law", "parameter", "value"])
    out: dict[str, dict[str, Array]] = {}
    for (law, name), part in table.group_by("law", "parameter", maintain_order=True):
        out.setdefault(str(law), {})[str(name)] = part["value"].to_numpy()
    return out
