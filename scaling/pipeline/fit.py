"""Stage ``fit@STUDY``: every law of one study, with certificate, draws and held-out error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl

from scaling import laws
from scaling.errors import InputError
from scaling.fit.compare import criteria
from scaling.fit.engine import fit, prepare
from scaling.fit.exclusions import Exclusion, lift
from scaling.fit.objective import Objective
from scaling.fit.result import Fit
from scaling.forecast.engine import holdout_error
from scaling.pipeline.files import write_json, write_parquet
from scaling.pipeline.study import get_study, load_params, of_metric, select

FITS = Path("data/fits")


def main(name: str) -> None:
    """Fit the study ``name`` of params.yaml; write its JSON and its draws."""
    params = load_params()
    study = get_study(params, name)
    source = Path("data/validated") / f"{study['source']}.parquet"
    rows = pl.read_parquet(source)
    runs, excluded = select(rows, study)
    aim = Objective(delta=float(params["fit"]["delta"]))
    made = [
        fit(runs, law, objective=aim, resamples=params["fit"]["resamples"], seed=params["seed"])
        for law in study["laws"]
    ]
    write_parquet(FITS / f"{name}.parquet", pl.concat([_long(one) for one in made]))
    document = _document(name, study, runs, excluded)
    document["fits"] = [_record(runs, one, aim) for one in made]
    document["without_exclusions"] = _without_exclusions(rows, study, aim)
    write_json(FITS / f"{name}.json", document)
    for one in made:
        print(f"{name} {one.law.name}: {one.outcome}, objective {one.objective:.6g}")


def _document(
    name: str, study: dict[str, Any], runs: pl.DataFrame, excluded: list[dict[str, Any]]
) -> dict[str, Any]:
    """What the fits of a study have in common."""
    ranges = {
        column: [runs[column].min(), runs[column].max()] for column in ("params", "tokens", "flops")
    }
    return {
        "study": name,
        "source": study["source"],
        "metric": study["metric"],
        "rows": runs.height,
        "excluded": excluded,
        "ranges": ranges,
    }


def _record(runs: pl.DataFrame, one: Fit, aim: Objective) -> dict[str, Any]:
    """One fit with its information criteria, held-out error and residuals."""
    problem = prepare(runs, one.law, objective=aim)
    return one.to_dict() | {
        "criteria": criteria(problem, one).to_dict(),
        "holdout_error": holdout_error(runs, one.law, inputs_of(one.law.name), "loss"),
        "residuals": one.residuals.tolist(),
    }


def _without_exclusions(
    rows: pl.DataFrame, study: dict[str, Any], aim: Objective
) -> list[dict[str, Any]]:
    """Every law fitted without each exclusion that says ``compare: true``."""
    rules = study.get("exclude", [])
    exclusions = [Exclusion.of(rule) for rule in rules]
    candidates = of_metric(rows, study["metric"]).with_columns(loss=pl.col("value"))
    return [
        lift(candidates, exclusions, exclusion, law, objective=aim).to_dict()
        for exclusion, rule in zip(exclusions, rules, strict=True)
        if rule.get("compare", False)
        for law in study["laws"]
    ]


def inputs_of(law: str) -> dict[str, str]:
    """Columns of a study that a law reads: a one-variable law takes compute."""
    names = laws.get(law).inputs
    return {"x": "flops"} if names == ("x",) else {name: name for name in names}


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
