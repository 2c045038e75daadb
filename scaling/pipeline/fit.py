"""Stage ``fit@STUDY``: every law of one study, with certificate, draws and held-out error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from scaling import laws
from scaling.errors import InputError
from scaling.fitting.diagnostics.compare import criteria
from scaling.fitting.diagnostics.exclusions import Exclusion, lift
from scaling.fitting.diagnostics.rolling import errors_by_horizon
from scaling.fitting.engine import default_objective, fit, prepare
from scaling.fitting.holdout import holdout_error
from scaling.fitting.result import Fit
from scaling.fitting.solver.choice import many_fits
from scaling.fitting.solver.objective import Objective
from scaling.fitting.study_record import (
    ExcludedRows,
    FitRecord,
    HorizonErrors,
    LiftedFit,
    StudyFits,
)
from scaling.io.json_files import write_figures
from scaling.io.tables import write_parquet, write_table
from scaling.laws import Law
from scaling.pipeline.evidence import profiles, sensitivity
from scaling.runs.row_identity import listed
from scaling.runs.studies import get_study, load_params, of_metric, of_study, select

FITS = Path("data/fits")


def main(name: str) -> None:
    """Fit the study ``name`` of params.yaml; write its JSON, its draws and the list of its rows."""
    params = load_params()
    study = get_study(params, name)
    with of_study(name, study):
        _fit_study(name, study, params)


def _fit_study(name: str, study: dict[str, Any], params: dict[str, Any]) -> None:
    rows = pl.read_parquet(Path("data/validated") / f"{study['source']}.parquet")
    runs, excluded = select(rows, study)
    aim, mixed = Objective(delta=float(params["fit"]["delta"])), study.get("mixed", ())
    choices = {"resamples": params["fit"]["resamples"], "seed": params["seed"], "mixed": mixed}
    fits, records = [], []
    for law in study["laws"]:
        with of_study(name, study, law):
            fits.append(fit(runs, law, objective=_aim(law, aim), **choices))
            with many_fits():
                records.append(_record(runs, fits[-1], aim, mixed))
    with many_fits():
        record = StudyFits(
            study=name,
            source=study["source"],
            metric=study["metric"],
            rows=runs.height,
            excluded=tuple(map(_excluded, excluded)),
            ranges=_ranges(runs),
            fits=tuple(records),
            rolling_origin=_rolling_origin(runs, fits, aim, mixed),
            profiles=profiles(runs, fits, aim, mixed),
            sensitivity=sensitivity(rows, study),
            without_exclusions=tuple(_without_exclusions(rows, study, aim)),
        )
    write_parquet(FITS / f"{name}.parquet", pl.concat([_long(one) for one in fits]))
    write_table(FITS / f"{name}.csv", listed(runs))
    write_figures(FITS / f"{name}.json", record.to_json())
    for one in fits:
        print(" ".join((f"{name} {one.law.name}: {one.outcome},", _objective(one), *one.notes)))


def _objective(one: Fit) -> str:
    known = one.objective == one.objective
    return f"objective {one.objective:.6g}." if known else "no objective."


def _excluded(rule: Mapping[str, Any]) -> ExcludedRows:
    return ExcludedRows(rule["where"], rule.get("reason"), rule["rows"], rule.get("compare"))


def _ranges(runs: pl.DataFrame) -> dict[str, Any]:
    """Smallest and largest value of each size that the runs state."""
    sizes = [name for name in ("params", "tokens", "flops") if name in runs.columns]
    return {name: (runs[name].min(), runs[name].max()) for name in sizes}


def _record(runs: pl.DataFrame, one: Fit, aim: Objective, mixed: Sequence[str]) -> FitRecord:
    """One fit with its information criteria and held-out error.

    A law with its own procedure maximises no likelihood, so it has no criteria.
    """
    known = None
    if not one.law.estimate:
        own = default_objective(one.law, aim.delta)
        known = criteria(prepare(runs, one.law, objective=own, mixed=mixed), one)
    return FitRecord.of(one, known, holdout_error(runs, one.law, inputs_of(one.law), "loss"))


def _rolling_origin(
    runs: pl.DataFrame, fits: Sequence[Fit], aim: Objective, mixed: Sequence[str]
) -> tuple[HorizonErrors, ...]:
    """Errors of each law beyond compute budgets, by distance; a law that too few runs determine is
    left out."""
    problems = [
        prepare(runs, one.law, objective=default_objective(one.law, aim.delta), mixed=mixed)
        for one in fits
        if not one.law.estimate
    ]
    lines = errors_by_horizon(runs, problems)[0].rename(
        {"from": "start", "to": "stop"}, strict=False
    )
    return tuple(HorizonErrors(**line) for line in lines.to_dicts())


def _without_exclusions(
    rows: pl.DataFrame, study: dict[str, Any], aim: Objective
) -> Iterator[LiftedFit]:
    """Every law fitted without each exclusion that says ``compare: true``."""
    rules = study.get("exclude", [])
    exclusions = [Exclusion.of(rule) for rule in rules]
    candidates = of_metric(rows, study["metric"]).with_columns(loss=pl.col("value"))
    for lifted in (Exclusion.of(rule) for rule in rules if rule.get("compare", False)):
        for law in study["laws"]:
            fit = lift(candidates, exclusions, lifted, law, objective=_aim(law, aim)).fit
            yield LiftedFit(
                fit.law.name, fit.values, fit.objective, str(fit.outcome), fit.rows,
                lifted.where, lifted.reason,
            )  # fmt: skip


def _aim(name: str, aim: Objective) -> Objective | None:
    """The study's objective on the law's scale; None for a law with its own procedure."""
    law = laws.get(name)
    return None if law.estimate else default_objective(law, aim.delta)


def inputs_of(law: Law) -> dict[str, str] | None:
    """Columns of a study that a law reads where they have other names: x is compute."""
    return {"x": "flops"} if law.inputs == ("x",) else None


def _long(one: Fit) -> pl.DataFrame:
    """Draws as rows: law, parameter, draw, value."""
    count, width = one.resampled.shape
    return pl.DataFrame(
        {
            "law": pl.Series([one.law.name] * (count * width), dtype=pl.String),
            "parameter": [name for name in one.law.names for _ in range(count)],
            "draw": pl.Series(list(range(count)) * width, dtype=pl.Int32),
            "value": one.resampled.T.reshape(-1),
        }
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
