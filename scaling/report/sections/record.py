"""Whether to believe the forecasts: calibration, what fails, error by distance, finished runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import polars as pl

from scaling.document.blocks import (
    Block,
    Cell,
    Column,
    Entries,
    Entry,
    Figure,
    Group,
    Panel,
    Section,
    Table,
    Text,
    table,
)
from scaling.document.format import count, percent, share, shift, times
from scaling.errors import counted
from scaling.report.context import Context, Study
from scaling.report.figures.plot_record import calibration_plot, distance_plot
from scaling.report.names import brief, law_title
from scaling.report.sections.convergence import SOUND, outcome_words
from scaling.report.sections.evidence import HELD, Band, bands, overall
from scaling.report.sections.forecasts import ENSEMBLE

# Of the longest list of doubtful fits.
MAX_NAMED = 6
# Finished runs shown of each study.
FARTHEST = 3


def record_sections(ctx: Context) -> tuple[Section, ...]:
    """Finished runs beside their forecasts, where they are at hand; then how far to trust it."""
    done = finished_table(ctx)
    text = Text(
        "Backtests: runs that are finished, forecast from the smaller ones alone. Of each study "
        f"the {FARTHEST} farthest are shown, whatever their outcome."
    )
    finished = (Section("finished", "Finished runs", (text, done)),) if done.groups else ()
    return (*finished, believe(ctx))


def believe(ctx: Context) -> Section:
    """Calibration, failures and error by distance."""
    known = [(study, bands(ctx, study)) for study in ctx.studies]
    known = [(study, found) for study, found in known if found]
    blocks: list[Block] = [doubts(ctx)]
    if known:
        blocks = [calibration_figure(known), doubts(ctx), distance_figure(known)]
    return Section("believe", "Should I believe it?", tuple(blocks))


# --------------------------------------------------------------------------- figures


def calibration_figure(known: list[tuple[Study, list[Band]]]) -> Figure:
    """Stated against observed coverage, one panel a study."""
    panels = tuple(
        Panel(
            brief(study.title),
            counted(found[0].forecasts, "backtest"),
            f"{study.title}: {_levels(found[0])}.",
            calibration_plot(found[0].inside).svg,
            (("study", study.title),),
        )
        for study, found in known
        if found[0].inside
    )
    return Figure(
        id="calibration",
        title="Do intervals hold as often as they say?",
        caption="Points on the dashed line would be perfectly calibrated; below it intervals are "
        "too narrow, above it wider than needed. Forecasts of one study err together, so these "
        "are not as many independent tests.",
        alt="Stated against observed coverage. " + " ".join(panel.alt for panel in panels),
        panels=panels,
        legend=(),
        table="backtest-table",
        size="small",
    )


def _levels(band: Band) -> str:
    return ", ".join(f"{n} % intervals held {share(v)}" for n, v in sorted(band.inside.items()))


def distance_figure(known: list[tuple[Study, list[Band]]]) -> Figure:
    """Mean error by distance, one panel a study on one scale."""
    parts = [(study, [b for b in found if b.low is not None]) for study, found in known]
    most = max((b.error or 0.0 for _, found in parts for b in found), default=0.0)
    panels = tuple(
        Panel(
            brief(study.title),
            "",
            f"{study.title}: {'; '.join(_error(band) for band in found)}.",
            distance_plot(found, most).svg,
            (("study", study.title),),
        )
        for study, found in parts
        if found
    )
    return Figure(
        id="by-distance",
        title="Error by distance",
        caption="Mean absolute error of the median, by how far the run lies outside those known, "
        "in parameters or tokens, whichever is more. Below: how often 90 % intervals held, of how "
        "many backtests.",
        alt="Mean error by distance. " + " ".join(panel.alt for panel in panels),
        panels=panels,
        legend=(),
        table="backtest-distance",
        size="small",
    )


def _error(band: Band) -> str:
    held = band.inside.get(90)
    return f"{band.label}: error {percent(band.error)}, 90 % intervals held {share(held)}"


# --------------------------------------------------------------------------- what fails


def doubts(ctx: Context) -> Entries:
    """What fails and what does not, each with its evidence."""
    found = [*_coverages(ctx), *_worst(ctx), *_fits(ctx), *_skills(ctx)]
    return Entries("checks", tuple(found), "What fails, and what holds")


def _check(good: bool, text: str, note: str, origin: str) -> Entry:
    return Entry("", Cell(text, good, "", origin, "good" if good else "bad"), note)


_RECORD = "data/backtests/*.json#methods"


def _coverages(ctx: Context) -> list[Entry]:
    """The middle of the distribution: 50 % intervals over all studies."""
    known = [band for study in ctx.studies if (band := overall(ctx, study)) and 50 in band.inside]
    total = sum(band.forecasts for band in known)
    if not total:
        text = "No backtest was scored"
        return [_check(False, text, "the record says nothing of these intervals", _RECORD)]
    inside = sum(band.inside[50] * band.forecasts for band in known) / total
    good = abs(inside - 0.5) <= 0.1
    text = f"50 % intervals held {share(inside)} of the time"
    return [_check(good, text, f"{counted(total, 'backtest')} of all studies", _RECORD)]


def _worst(ctx: Context) -> list[Entry]:
    """The study and distance at which 90 % intervals held least often."""
    found = [
        (band.inside[90], study, band)
        for study in ctx.studies
        for band in bands(ctx, study)
        if band.low is not None and 90 in band.inside
    ]
    if not found:
        return []
    inside, study, band = min(found, key=lambda one: one[0])
    good = round(100 * inside) >= HELD
    where = f"{brief(study.title)}, {band.label}"
    text = (
        f"Least coverage at any distance: {share(inside)} of {counted(band.forecasts, 'backtest')}"
    )
    return [_check(good, text, f"{where}; 90 % intervals", _RECORD)]


def _fits(ctx: Context) -> list[Entry]:
    """How many fits ended in doubt, and which."""
    fits = [(study, fit) for study in ctx.studies for fit in study.record.fits]
    if not fits:
        return [_check(False, "No fit was found", "convergence is unknown", "data/fits")]
    bad = [(study, fit) for study, fit in fits if fit.outcome not in SOUND]
    if not bad:
        text = f"All {len(fits)} fits converged" if len(fits) > 1 else "The fit converged"
        return [_check(True, text, "", "data/fits/*.json#outcome")]
    named = "; ".join(
        f"{law_title(fit.law)} in {brief(study.title)}: {outcome_words(fit.outcome)}"
        for study, fit in bad[:MAX_NAMED]
    )
    more = f"; and {len(bad) - MAX_NAMED} more" if len(bad) > MAX_NAMED else ""
    text = f"{len(bad)} of {counted(len(fits), 'fit')} ended in doubt"
    return [_check(False, text, named + more, "data/fits/*.json#outcome")]


def _skills(ctx: Context) -> list[Entry]:
    """Whether the forecasts beat carrying the last value forward."""
    found = [
        (band.skill, study)
        for study in ctx.studies
        if (band := overall(ctx, study)) and band.skill is not None
    ]
    if not found:
        return []
    worse = [brief(study.title) for skill, study in found if skill <= 0]
    skills = [skill for skill, _ in found]
    note = f"CRPS smaller by {share(min(skills))} to {share(max(skills))}"
    if worse:
        text = "Not better than carrying the last value forward everywhere"
        return [_check(False, text, f"not in {', '.join(worse)}; {note}", _RECORD)]
    return [
        _check(True, "Better than carrying the last value forward in every study", note, _RECORD)
    ]


# --------------------------------------------------------------------------- finished runs


def finished_table(ctx: Context) -> Table:
    """Study by run: the outcome beside what was forecast from smaller runs, and how far it lay
    outside these."""
    columns = (
        Column("run", "parameters, tokens"),
        Column("outcome", "loss", numeric=True, strong=True),
        Column("forecast", "median", numeric=True),
        Column("90 % interval"),
        Column("off by", numeric=True),
    )
    found = [(study, _finished(ctx, study)) for study in ctx.studies]
    groups = tuple(Group(brief(study.title), tuple(rows)) for study, rows in found if rows)
    note = "How far outside the known runs: in parameters or tokens, whichever is more."
    return table("finished-table", "Outcome and forecast", columns, groups, note, "study")


def _finished(ctx: Context, study: Study) -> list[tuple[Cell, ...]]:
    scored = ctx.inputs.scored.get(study.name, pl.DataFrame())
    needed = {"method", "decades", "log_error", "in90", "known", "row", "params", "tokens", "loss"}
    if not needed <= set(scored.columns):
        return []
    own = scored.filter(pl.col("method") == ENSEMBLE).sort(
        "decades", "known", "row", descending=[True, False, False]
    )
    farthest = own.unique("row", keep="first", maintain_order=True).head(FARTHEST)
    return [_finished_row(study, row) for row in farthest.to_dicts()]


def _finished_row(study: Study, row: Mapping[str, Any]) -> tuple[Cell, ...]:
    place = f"data/backtests/{study.name}.parquet#row {row['row']}, "
    runs = f"{study.run_file}#loss"
    forecast = row["loss"] * math.exp(row["log_error"])
    held = bool(row["in90"])
    text = f"{count(row['params'])}, {count(row['tokens'])}"
    far = f"{times(10 ** row['decades'])} outside {counted(row['known'], 'known run')}"
    return (
        Cell(text, row["decades"], "decades", place + "decades", note=far),
        Cell(f"{row['loss']:.2f}", row["loss"], study.unit, runs),
        Cell(f"{forecast:.2f}", forecast, study.unit, f"{runs} times exp of {place}log_error"),
        Cell("held" if held else "missed", held, "", place + "in90", "good" if held else "bad"),
        Cell(_signed(math.expm1(row["log_error"])), row["log_error"], "log", place + "log_error"),
    )


def _signed(share: float) -> str:
    return f"{shift(100 * share, 1)} %"
