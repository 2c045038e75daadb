"""Stage ``fit@STUDY``: every law of one study, with certificate, draws and held-out error."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl

from scaling import laws
from scaling.errors import InputError
from scaling.fit.engine import fit
from scaling.fit.objective import Objective
from scaling.fit.result import Fit
from scaling.forecast.engine import holdout_error
from scaling.pipeline.files import write_json, write_parquet
from scaling.pipeline.study import get_study, load_params, select

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
    write_json(FITS / f"{name}.json", _document(name, study, runs, excluded, made))
    for one in made:
        print(f"{name} {one.law.name}: {one.outcome}, objective {one.objective:.6g}")


def _document(
    name: str,
    study: dict[str, Any],
    runs: pl.DataFrame,
    excluded: list[dict[str, Any]],
    made: list[Fit],
) -> dict[str, Any]:
    fits = []
    for one in made:
        error = holdout_error(runs, one.law, inputs_of(one.law.name), "loss")
        noise = one.residuals.tolist()
        fits.append(one.to_dict() | {"holdout_error": error, "residuals": noise})
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
        "fits": fits,
    }


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
