"""Stage ``model@STUDY``: the predictive model that forecasts, plans and the report read."""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.forecasting.stored_model import model_of_runs, to_json
from scaling.io.json_files import write_figures
from scaling.runs.studies import get_study, load_params, of_study, select

MODELS = Path("data/models")


def main(name: str) -> None:
    """Write data/models/NAME.json; where the runs allow no model, the reason."""
    study = get_study(load_params(), name)
    with of_study(name, study):
        rows = pl.read_parquet(Path("data/validated") / f"{study['source']}.parquet")
        runs, _ = select(rows, study)
        stored = model_of_runs(runs)
    write_figures(MODELS / f"{name}.json", to_json(stored, runs))
    print(f"{name}: {stored.reason or f'model of {stored.rows} runs'}")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
