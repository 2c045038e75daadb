"""The stage outputs that a report is made of. The only module of the report that opens files.

Every part but the forecast may be missing or incomplete: the report then shows a dash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from scaling.document.format import clean
from scaling.errors import InputError
from scaling.fitting.result import Fit
from scaling.fitting.study_record import StudyFits
from scaling.io.json_files import as_list, as_map
from scaling.io.tables import unguarded
from scaling.plan.stored import load
from scaling.report.sections.threshold_inputs import ThresholdInputs, read_threshold_inputs
from scaling.runs.schema import FORECAST, dtypes
from scaling.runs.studies import of_study, select, without

FORECAST_FILE = "data/forecasts/forecast.csv"
BASELINES_FILE = "data/forecasts/baselines.csv"
FAN_FILE = "data/forecasts/fan.csv"
VALIDATION_FILE = "data/validation.json"
PARAMS_FILE = "params.yaml"
# Columns of a run table that the checklist asks for.
DESCRIBED = (
    *("run", "training_data", "epochs", "params_non_embedding", "params_active", "flops_method"),
    *("lr", "batch_tokens", "batch_size", "width", "depth", "context", "schedule_complete"),
    *("tokenizer", "checkpoint"),
)


@dataclass(frozen=True)
class Inputs:
    """Everything a report is made of.

    ``runs`` holds one table a study: params, tokens, flops, value, unit, what `DESCRIBED` names and
    ``used`` (false for a run that an exclusion leaves out). ``stored`` holds each study's fits with
    their draws, by law; empty where the draws are not at hand. ``sources`` holds the contents of
    each source.yaml; ``fan`` the quantiles of each study's model along compute, ``scored`` each
    study's scored backtests; both empty where they are not at hand. ``day`` is that of the newest
    row.
    """

    params: Mapping[str, Any]
    forecast: pl.DataFrame
    fits: Mapping[str, StudyFits] = field(default_factory=dict)
    backtests: Mapping[str, Any] = field(default_factory=dict)
    stored: Mapping[str, Mapping[str, Fit]] = field(default_factory=dict)
    runs: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    validation: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, Any] = field(default_factory=dict)
    thresholds: ThresholdInputs | None = None
    fan: pl.DataFrame = field(default_factory=pl.DataFrame)
    scored: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    day: date | None = None


def read(root: Path) -> Inputs:
    """All inputs below ``root``.

    Raises:
        InputError: no params.yaml, or no forecast, or a forecast without a required column.
    """
    params = _read_params(root)
    studies = as_map(params.get("studies"))
    names = sorted({str(as_map(study).get("source", name)) for name, study in studies.items()})
    return Inputs(
        params=params,
        forecast=read_forecasts(root / FORECAST_FILE),
        fits={name: _read_fits(root / f"data/fits/{name}.json") for name in studies},
        backtests={name: _read_json(root / f"data/backtests/{name}.json") for name in studies},
        stored={name: _read_draws(root, name) for name in studies},
        runs={name: _read_runs(root, name, as_map(study)) for name, study in studies.items()},
        validation=as_map(_read_json(root / VALIDATION_FILE)),
        sources={name: _read_yaml(root / f"data/published/{name}/source.yaml") for name in names},
        thresholds=read_threshold_inputs(root, params),
        fan=_read_fan(root / FAN_FILE),
        scored={name: _read_scored(root, name, as_map(s)) for name, s in studies.items()},
        day=data_day(root, params),
    )


def _read_fan(file: Path) -> pl.DataFrame:
    """The fan; a table without rows where no study has a model."""
    if not file.is_file():
        return pl.DataFrame()
    return unguarded(pl.read_csv(file, schema_overrides=dtypes(FORECAST)))


def _read_scored(root: Path, name: str, study: Mapping[str, Any]) -> pl.DataFrame:
    """Every scored backtest with params, tokens and loss of the run that was forecast."""
    file = root / f"data/backtests/{name}.parquet"
    table = root / f"data/validated/{study.get('source', name)}.parquet"
    if not file.is_file() or not table.is_file():
        return pl.DataFrame()
    scored = pl.read_parquet(file)
    if not scored.height:
        return scored
    with of_study(name, {"source": study.get("source", name)}):
        runs, _ = select(pl.read_parquet(table), dict(study))
    sizes = runs.select("params", "tokens", "loss").with_row_index("row")
    return scored.join(sizes.cast({"row": pl.Int64}), on="row", how="left", maintain_order="left")


def _read_params(root: Path) -> Mapping[str, Any]:
    file = root / PARAMS_FILE
    if not file.is_file():
        raise InputError("no parameters", file=PARAMS_FILE, hint="Run at the project's root.")
    return as_map(_read_yaml(file))


def data_day(root: Path, params: Mapping[str, Any]) -> date | None:
    """The day of the newest row behind the studies: recorded here, or else observed.

    A stage reads no clock, so this is the round in which hub tools find the forecasts.
    """
    studies = as_map(params.get("studies"))
    names = {str(as_map(study).get("source", name)) for name, study in studies.items()}
    files = [root / f"data/validated/{name}.parquet" for name in sorted(names)]
    newest = pl.coalesce("recorded", "observed").max()
    days = [pl.scan_parquet(one).select(newest).collect().item() for one in files if one.is_file()]
    return max((day for day in days if day is not None), default=None)


def read_forecasts(file: Path) -> pl.DataFrame:
    """A table of forecasts; raises InputError when it is missing or lacks a column."""
    if not file.is_file():
        raise InputError("no forecast", file=FORECAST_FILE, hint="Run `dvc repro forecast`.")
    known = dtypes(FORECAST)
    frame = pl.read_csv(file, schema_overrides=known)
    for name in known:
        if name not in frame.columns:
            allowed = ", ".join(known)
            raise InputError("missing column", file=FORECAST_FILE, column=name, allowed=allowed)
    return unguarded(frame)


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except ValueError as error:
        raise InputError(f"not JSON ({error})", file=file) from None


def _read_fits(file: Path) -> StudyFits:
    """The study's fits; every text is cleaned here, once for all sections."""
    return StudyFits.from_json(_cleaned(_read_json(file)))


def _cleaned(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {clean(name): _cleaned(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    return clean(value) if isinstance(value, str) else value


def _read_draws(root: Path, name: str) -> Mapping[str, Fit]:
    if not (root / f"data/fits/{name}.parquet").is_file():
        return {}
    return load(name, root).fits


def _read_yaml(file: Path) -> Any:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else {}
    except yaml.YAMLError as error:
        raise InputError(f"not YAML ({error})", file=file) from None


def _read_runs(root: Path, name: str, study: Mapping[str, Any]) -> pl.DataFrame:
    """Runs of the study's metric, ordered, with the exclusions marked; empty without a table."""
    source = study.get("source", name)
    file = root / f"data/validated/{source}.parquet"
    if not file.is_file():
        return pl.DataFrame()
    with of_study(name, {"source": source}):
        return _marked_runs(pl.read_parquet(file), study)


def _marked_runs(table: pl.DataFrame, study: Mapping[str, Any]) -> pl.DataFrame:
    if "metric" in study:
        table = table.filter(pl.col("metric") == str(study["metric"]))
    table = kept = table.with_row_index("place")
    for rule in as_list(study.get("exclude")):
        kept = without(kept, str(as_map(rule).get("where", "false")))
    compute = pl.coalesce("flops", 6 * pl.col("params") * pl.col("tokens"))
    used = pl.col("place").is_in(kept["place"].implode())
    more = [name for name in DESCRIBED if name in table.columns]
    runs = table.select("params", "tokens", "value", "unit", *more, flops=compute, used=used)
    return runs.sort("flops", "value", "params", "tokens", nulls_last=True)
