"""The newest version on the index: a small figure a study, with what its own page says of it.

`read_newest` opens files, the rest is pure. What cannot be read is left out.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from scaling.document.blocks import Block, Cell, Figure, Panel, Text
from scaling.document.format import RANGE, clean, power
from scaling.document.report_json import load
from scaling.errors import InputError
from scaling.fitting.study_record import StudyFits
from scaling.io.json_files import as_list, as_map, as_number
from scaling.io.tables import unguarded
from scaling.record.site.records import Record
from scaling.record.versions.files import FORECAST, read
from scaling.record.versions.ledger import VERSION_NAME, short
from scaling.record.versions.tables import fits as fits_of
from scaling.report.figures.hero import Hero, HeroTarget, compute_ends, small_plot
from scaling.report.names import brief, spaced
from scaling.report.sections.cards import fan_points
from scaling.report.sections.forecasts import TargetForecast, interval, quantile, records

FAN = "fan.csv"


@dataclass(frozen=True)
class Newest:
    """The newest version: forecasts, fits and fan, and what readers call studies and targets."""

    version: str
    forecasts: tuple[TargetForecast, ...] = ()
    fan: pl.DataFrame = field(default_factory=pl.DataFrame)
    fits: Mapping[str, StudyFits] = field(default_factory=dict)
    history: Mapping[str, Any] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)

    def title(self, study: str) -> str:
        """What a reader calls the study."""
        return self.titles.get(study) or spaced(study)

    def target_names(self) -> dict[str, str]:
        """What a reader calls each target."""
        return {one.target: target_title(self, one) for one in self.forecasts}

    def studies(self) -> list[str]:
        """The studies with a forecast, in their order."""
        return list(dict.fromkeys(one.study for one in self.forecasts if one.ensemble))

    def of_study(self, study: str) -> list[TargetForecast]:
        """The forecasts of one study, by compute."""
        own = [one for one in self.forecasts if one.study == study and one.ensemble and one.flops]
        return sorted(own, key=lambda one: one.flops or 0.0)


def read_newest(reports: Path, version: str) -> Newest:
    """What the files of the version give."""
    if not VERSION_NAME.fullmatch(version):
        return Newest(version)
    folder = reports / version
    table, fan = _csv(folder, FORECAST), _csv(folder, FAN)
    found: tuple[TargetForecast, ...] = ()
    with contextlib.suppress(pl.exceptions.PolarsError, KeyError, TypeError):
        found = tuple(records(table, {})) if table.height else ()
    fits: Mapping[str, StudyFits] = {}
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, InputError):
        fits = fits_of(folder)
    titles, targets, checks = _names(_json(folder, "report.json"))
    history = as_map(_json(folder, "changes.json").get("history"))
    return Newest(version, found, fan, fits, history, titles, targets, checks)


def _csv(folder: Path, name: str) -> pl.DataFrame:
    with contextlib.suppress(OSError, pl.exceptions.PolarsError):
        return unguarded(pl.read_csv(read(folder, name)))
    return pl.DataFrame()


def _json(folder: Path, name: str) -> Mapping[str, Any]:
    with contextlib.suppress(OSError, ValueError, RecursionError, LookupError, TypeError):
        return as_map(load(read(folder, name)))
    return {}


def _names(report: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Titles of studies and targets, and the badge of each study, from the cards of the report."""
    cards = [
        as_map(block)
        for section in map(as_map, as_list(report.get("sections")))
        if section.get("id") == "forecasts"
        for block in as_list(section.get("blocks"))
        if as_map(block).get("key")
    ]
    titles = {str(one["key"]): clean(one.get("study", "")) for one in cards}
    checks = {str(one["key"]): clean(as_map(one.get("badge")).get("text", "")) for one in cards}
    rows = [row for card in cards for row in _rows(card.get("blocks"))]
    heads = [as_map(row[0]) for row in rows if row]
    return titles, {str(one.get("value")): clean(one.get("text", "")) for one in heads}, checks


def _rows(blocks: Any) -> Iterable[list[Any]]:
    """The rows of the tables of targets, wherever they stand in a card."""
    for block in map(as_map, as_list(blocks)):
        yield from _rows(block.get("blocks"))
        if str(block.get("id", "")).startswith("targets-"):
            for group in map(as_map, as_list(block.get("groups"))):
                yield from as_list(group.get("rows"))


# --------------------------------------------------------------------------- for a person


def newest_blocks(newest: Newest, listed: Record | None) -> tuple[Block, ...]:
    """A sentence and a panel a study; a sentence alone without a forecast."""
    heroes = {study: hero_of(newest, study) for study in newest.studies()}
    heroes = {study: hero for study, hero in heroes.items() if hero.targets}
    if not heroes or listed is None:
        return (Text("The newest version has no forecast that can be read."),)
    compute = compute_ends(heroes.values())
    panels = tuple(_panel(newest, study, hero, compute) for study, hero in heroes.items())
    caption = (
        "Median with 50 and 90 % intervals along compute. Orange: the 90 % interval at the target "
        "of most compute. Shaded ground is beyond the largest run. Losses compare within a panel "
        "only."
    )
    alt = f"Forecasts of version {short(newest.version)}. " + " ".join(p.alt for p in panels)
    drawn = Figure("newest-figure", "", caption, alt, panels, (), "study-table", size="small")
    return (drawn,)


def _panel(newest: Newest, study: str, hero: Hero, compute: tuple[float, float]) -> Panel:
    last = newest.of_study(study)[-1]
    low, high = interval(last.ensemble, 0.9)
    title = target_title(newest, last)
    alt = f"{newest.title(study)}: 90 % interval at {title} {low or 0:.2f} to {high or 0:.2f}."
    badge = newest.checks.get(study, "")
    below = f"{title}; {badge}" if badge else title
    return Panel(brief(newest.title(study)), below, alt, small_plot(hero, compute).svg)


def target_title(newest: Newest, item: TargetForecast) -> str:
    """What a reader calls the target; its compute where the version does not say."""
    return newest.targets.get(item.target) or f"{power(item.flops)} FLOP"


def hero_of(newest: Newest, study: str) -> Hero:
    """The study's figure without runs, which a version does not hold."""
    known = newest.fits.get(study)
    largest = (known.ranges.get("flops") or (None, None))[1] if known else None
    items = newest.of_study(study)
    fan = fan_points(newest.fan, study)
    targets = tuple(
        HeroTarget("", math.log10(item.flops), not fan, item.ensemble)
        for item in items
        if item.flops and quantile(item.ensemble, 0.5)
    )
    edge = as_number(largest)
    return Hero((), fan, targets, (), math.log10(edge) if edge else None)


def interval_cell(quantiles: Mapping[float, float], origin: str) -> Cell:
    """A 90 % interval with two decimals."""
    low, high = interval(quantiles, 0.9)
    if low is None or high is None:
        return Cell("\u2014")
    return Cell(f"{low:.2f}{RANGE}{high:.2f}", (low, high), "", origin)
