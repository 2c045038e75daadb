"""Stage ``backtest@STUDY``: forecasts that the study could have made of its own larger runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import polars as pl

from scaling import laws
from scaling.errors import InputError, counted
from scaling.forecasting.backtest import backtest
from scaling.forecasting.law_choice import joins
from scaling.forecasting.scores import summary
from scaling.io.json_files import write_json
from scaling.io.tables import write_parquet
from scaling.runs.studies import get_study, load_params, of_study, select

INPUTS = ("params", "tokens")
OUT = Path("data/backtests")
# What `dvc metrics diff` compares.
METRICS = Path("data/metrics")
COMPARED = ("error", "bias", "crps", "wis", "in50", "in80", "in90", "in95", "skill")
# DVC takes anything called error for a failure to load.
RENAMED = {"error": "abs_error"}


def main(name: str) -> None:
    """Write data/backtests/NAME.json (means by method and distance) and NAME.parquet (each), and
    the means that DVC compares to data/metrics/NAME.json."""
    study = get_study(load_params(), name)
    with of_study(name, study):
        rows = pl.read_parquet(Path("data/validated") / f"{study['source']}.parquet")
        runs, _ = select(rows, study)
        table, reason = _table(runs, study)
    lines = [] if table is None else summary(table).to_dicts()
    write_parquet(OUT / f"{name}.parquet", pl.DataFrame() if table is None else table)
    write_json(METRICS / f"{name}.json", metrics(lines))
    write_json(OUT / f"{name}.json", {"study": name, "reason": reason, "methods": lines})
    made = counted(0 if table is None else table.height, "forecast")
    print(f"{name}: {made} scored {reason}".rstrip())


def metrics(lines: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each method over all distances, the means that it has."""
    whole = [line for line in lines if line["low"] is None]
    return {
        line["method"]: {RENAMED.get(k, k): line[k] for k in COMPARED if line[k] is not None}
        for line in whole
    }


def _table(runs: pl.DataFrame, study: dict[str, Any]) -> tuple[pl.DataFrame | None, str]:
    """The scored forecasts, or None and why there are none."""
    if not any(joins(laws.get(law), INPUTS) for law in study["laws"]):
        return None, "no law of the study predicts from params and tokens"
    try:
        return backtest(runs, INPUTS, "loss", mixed=study.get("mixed", ())), ""
    except InputError as error:
        return None, str(error)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
