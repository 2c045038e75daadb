"""Stage ``fit@STUDY``: every law of one study, with certificate, draws and held-out error."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from scaling import laws
from scaling.errors import InputError
from scaling.fitting.diagnostics.compare import criteria
from scaling.fitting.diagnostics.exclusions import Exclusion, lift
from scaling.fitting.diagnostics.rolling import errors_by_horizon
from scaling.fitting.engine import fit, own_objective, prepare
from scaling.fitting.holdout import holdout_error
from scaling.fitting.result import Fit
from scaling.fitting.solver.objective import Objective
from scaling.io.json_files import write_figures
from scaling.io.tables import write_parquet, write_table
from scaling.laws import Law
from scaling.pipeline.evidence import profiles, sensitivity
from scaling.runs.row_identity import listed
from scaling.runs.studies import get_study, load_params, of_metric, select

FITS = Path("data/fits")


def main(name: str) -> None:
    """Fit the study ``name`` of params.yaml; write its JSON, its draws and the list of its rows."""
    params = load_params()
    study = get_study(params, name)
    source = Path("data/validated") / f"{study['source']}.parquet"
    rows = pl.read_parquet(source)
    runs, excluded = select(rows, study)
    aim, mixed = Objective(delta=float(params["fit"]["delta"])), study.get("mixed", ())
    choices = {"resamples": params["fit"]["resamples"], "seed": params["seed"], "mixed": mixed}
    made = [fit(runs, law, objective=_aim(law, aim), **choices) for law in study["laws"]]
    write_parquet(FITS / f"{name}.parquet", pl.concat([_long(one) for one in made]))
    write_table(FITS / f"{name}.csv", listed(runs))
    document = _document(name, study, runs, excluded)
    document["fits"] = [_record(runs, one, aim, mixed) for one in made]
    document["rolling_origin"] = _rolling_origin(runs, made, aim, mixed)
    document["profiles"] = profiles(runs, made, aim, mixed)
    document["sensitivity"] = sensitivity(rows, study)
    document["without_exclusions"] = _without_exclusions(rows, study, aim)
    write_figures(FITS / f"{name}.json", document)
    for one in made:
        print(f"{name} {one.law.name}: {one.outcome}, objective {one.objective:.6g}")


def _document(
    name: str, study: dict[str, Any], runs: pl.DataFrame, excluded: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the fits of a study have in common."""
    ranges = {
        column: [runs[column].min(), runs[column].max()]
        for column in ("params", "tokens", "flops")
        if column in runs.columns
    }
    return {
        "study": name,
        "source": study["source"],
        "metric": study["metric"],
        "rows": runs.height,
        "excluded": excluded,
        "ranges": ranges,
    }


def _record(runs: pl.DataFrame, one: Fit, aim: Objective, mixed: Sequence[str]) -> dict[str, Any]:
    """One fit with its information criteria, held-out error and residuals.

    A law with its own procedure maximises no likelihood, so it has no criteria.
    """
    if one.law.estimate:
        known = None
    else:
        own = own_objective(one.law, aim.delta)
        known = criteria(prepare(runs, one.law, objective=own, mixed=mixed), one).to_dict()
    return one.to_dict() | {
        "criteria": known,
        "holdout_error": holdout_error(runs, one.law, inputs_of(one.law), "loss"),
        "residuals": [float(f"{left:.9g}") for left in one.residuals],
    }


def _rolling_origin(
    runs: pl.DataFrame, fits: Sequence[Fit], aim: Objective, mixed: Sequence[str]
) -> list[dict[str, Any]]:
    """Errors of each law beyond compute budgets, by distance; laws that too few runs tell are left
    out."""
    problems = [
        prepare(runs, one.law, objective=own_objective(one.law, aim.delta), mixed=mixed)
        for one in fits
        if not one.law.estimate
    ]
    return errors_by_horizon(runs, problems)[0].to_dicts()


def _without_exclusions(
    rows: pl.DataFrame, study: dict[str, Any], aim: Objective
) -> list[dict[str, Any]]:
    """Every law fitted without each exclusion that says ``compare: true``."""
    rules = study.get("exclude", [])
    exclusions = [Exclusion.of(rule) for rule in rules]
    candidates = of_metric(rows, study["metric"]).with_columns(loss=pl.col("value"))
    return [
        lift(candidates, exclusions, exclusion, law, objective=_aim(law, aim)).to_dict()
        for exclusion, rule in zip(exclusions, rules, strict=True)
        if rule.get("compare", False)
        for law in study["laws"]
    ]


def _aim(name: str, aim: Objective) -> Objective | None:
    """The study's objective on the law's scale; None for a law with its own procedure."""
    law = laws.get(name)
    return None if law.estimate else own_objective(law, aim.delta)


def inputs_of(law: Law) -> dict[str, str] | None:
    """Columns of a study that a law reads where they have other names: x is compute."""
    return {"x": "flops"} if law.inputs == ("x",) else None


def _long(one: Fit) -> pl.DataFrame:
    """Draws as rows: law, parameter, draw, value."""
    count, width = one.draws.shape
    return pl.DataFrame(
        {
            "law": pl.Series([one.law.name] * (count * width), dtype=pl.String),
            "parameter": [name for name in one.law.names for _ in range(count)],
            "draw": pl.Series(list(range(count)) * width, dtype=pl.Int32),
            "value": one.draws.T.reshape(-1),
        }
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
