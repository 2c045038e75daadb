"""What every section of a report starts from, and the cells that several of them make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from scaling.document.format import DASH, clean
from scaling.fitting.result import Fit
from scaling.fitting.study_record import StudyFits
from scaling.io.json_files import as_list, as_map, as_number
from scaling.report import names
from scaling.report.read import FORECAST_FILE, Inputs
from scaling.report.sections import forecasts
from scaling.report.sections.forecasts import TargetForecast

NATS = "nats per token"
NO_FITS = StudyFits.from_json({})


@dataclass(frozen=True)
class Study:
    """One study: its choices from params.yaml, the record of its fits, its runs.

    ``stored`` holds the study's model and its fits with their draws, by law; empty where these are
    not at hand. ``title`` is what a reader calls it, ``citations`` say where its runs are from.
    """

    name: str
    source: str
    metric: str
    choices: Mapping[str, Any]
    record: StudyFits
    runs: pl.DataFrame
    stored: Mapping[str, Fit] = field(default_factory=dict)
    title: str = ""
    citations: tuple[str, ...] = ()

    @property
    def fit_file(self) -> str:
        """Where its fits stand."""
        return f"data/fits/{self.name}.json"

    @property
    def model_file(self) -> str:
        """Where its model stands."""
        return f"data/models/{self.name}.json"

    @property
    def run_file(self) -> str:
        """Where its runs stand."""
        return f"data/validated/{self.source}.parquet"

    @property
    def used(self) -> pl.DataFrame:
        """The runs that the fit used."""
        return self.runs.filter(pl.col("used")) if "used" in self.runs.columns else self.runs

    @property
    def unit(self) -> str:
        """Unit of the loss: what the runs say, when they agree."""
        if "unit" not in self.runs.columns:
            return NATS
        found = self.runs["unit"].drop_nulls().unique().to_list()
        return clean(found[0]) if len(found) == 1 else NATS

    def high(self, name: str) -> float | None:
        """The largest fitted value of params, tokens or flops."""
        return self.ends(name)[1]

    def ends(self, name: str) -> tuple[float | None, float | None, str]:
        """Smallest and largest fitted value, and the file that says so: the runs, else the fits."""
        if name in self.runs.columns and self.used[name].count():
            column = self.used[name]
            return as_number(column.min()), as_number(column.max()), self.run_file
        return *self.record.ranges.get(name, (None, None)), self.fit_file


@dataclass(frozen=True)
class Context:
    """Everything in the form in which sections use it."""

    inputs: Inputs
    studies: tuple[Study, ...]
    forecasts: tuple[TargetForecast, ...]
    titles: Mapping[str, str] = field(default_factory=dict)

    def title(self, study: str) -> str:
        """What a reader calls the study."""
        found = self.study(study)
        return found.title if found else study

    def target_title(self, target: str) -> str:
        """What a reader calls the target."""
        return self.titles.get(target, target)

    def of_study(self, study: Study) -> list[TargetForecast]:
        """The forecasts of one study, by compute: what its card shows."""
        own = [item for item in self.forecasts if item.study == study.name]
        return sorted(own, key=lambda item: item.flops or 0.0)

    def study(self, name: str) -> Study | None:
        """The study of that name, or None."""
        return next((study for study in self.studies if study.name == name), None)

    def targets(self) -> list[str]:
        """Targets in the order of the report."""
        return list(dict.fromkeys(item.target for item in self.forecasts))

    def budget(self, target: str) -> bool:
        """Is the target a compute budget that each study spends in its own way."""
        targets = as_map(as_map(self.inputs.params.get("forecast")).get("targets"))
        chosen = as_map(targets.get(target))
        return "flops" in chosen and "params" not in chosen


def context(inputs: Inputs) -> Context:
    """Inputs as records."""
    studies = as_map(inputs.params.get("studies"))
    targets = as_map(as_map(inputs.params.get("forecast")).get("targets"))
    titles = names.study_titles(studies)
    return Context(
        inputs=inputs,
        studies=tuple(
            _study(inputs, str(name), as_map(studies[name]), titles[str(name)]) for name in studies
        ),
        forecasts=tuple(forecasts.records(inputs.forecast, inputs.params)),
        titles={clean(key): title for key, title in names.target_titles(targets).items()},
    )


def _study(inputs: Inputs, name: str, choices: Mapping[str, Any], title: str) -> Study:
    source = as_map(inputs.sources.get(str(choices.get("source", name))))
    return Study(
        name=clean(name),
        source=clean(choices.get("source", name)),
        metric=clean(choices.get("metric", DASH)),
        choices=choices,
        record=inputs.fits.get(name) or NO_FITS,
        runs=inputs.runs.get(name, pl.DataFrame()),
        stored=inputs.stored.get(name, {}),
        title=title,
        citations=tuple(clean(one) for one in as_list(source.get("citations"))),
    )


def forecast_place(item: TargetForecast, law: str, level: str) -> str:
    """Where a number stands in the forecast table."""
    return f"{FORECAST_FILE}#{item.study}, {item.target}, {law}, {level}"
