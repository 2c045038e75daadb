"""What a study's own record says of its forecasts: coverage, agreement of laws, reach of tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from scaling.document.blocks import Cell, Entries, Entry
from scaling.document.format import integer, share, times
from scaling.errors import counted
from scaling.io.json_files import as_list, as_map, as_number
from scaling.report.context import Context, Study
from scaling.report.names import law_title
from scaling.report.sections.distances import INPUTS, distance
from scaling.report.sections.forecasts import ENSEMBLE, TargetForecast, interval, quantile

# A study passes when its 90 % intervals held at least this often (in whole per cent), its laws
# differ by no more than the 90 % interval, and this many backtests reached as far as its farthest
# target: docs/reports.md says why these.
HELD, REACHED = 85, 10
OPEN = 100.0
_WORDS = {"params": "parameters", "tokens": "tokens", "flops": "compute"}


@dataclass(frozen=True)
class Band:
    """Scores of backtests in one band of distance (decades; None: all), or of all.

    Attributes:
        low, high: decades outside the known runs, by the input that lies farthest.
        forecasts: how many.
        error: mean absolute error of log loss.
        inside: level in per cent -> share of outcomes inside the interval.
        skill: reduction of CRPS against carrying the last value forward.
    """

    low: float | None
    high: float | None
    forecasts: int
    error: float | None
    inside: Mapping[int, float]
    skill: float | None

    @property
    def label(self) -> str:
        """The band as factors: up to 2×, 2–10×, beyond 10×."""
        if self.low is None or self.high is None:
            return "all"
        if not self.low:
            return f"up to {times(10**self.high)}"
        if self.high >= OPEN:
            return f"beyond {times(10**self.low)}"
        return f"{times(10**self.low)[:-1]}–{times(10**self.high)}"


def bands(ctx: Context, study: Study) -> list[Band]:
    """The scores of the study's forecasts, for all distances first, then by distance."""
    lines = as_list(as_map(ctx.inputs.backtests.get(study.name)).get("methods"))
    own = [line for line in map(as_map, lines) if line.get("method") == ENSEMBLE]
    return [band for line in own if (band := _band(line)).forecasts]


def _band(line: Mapping[str, Any]) -> Band:
    inside = {level: as_number(line.get(f"in{level}")) for level in (50, 80, 90, 95)}
    return Band(
        as_number(line.get("low")),
        as_number(line.get("high")),
        int(as_number(line.get("forecasts")) or 0),
        as_number(line.get("error")),
        {level: value for level, value in inside.items() if value is not None},
        as_number(line.get("skill")),
    )


def overall(ctx: Context, study: Study) -> Band | None:
    """The scores of all the study's backtests."""
    return next((band for band in bands(ctx, study) if band.low is None), None)


def held(band: Band | None) -> float | None:
    """Share of outcomes inside the 90 % interval."""
    return band.inside.get(90) if band else None


def verdict(inside: float) -> str:
    """A coverage of 90 % intervals in words."""
    percent = round(100 * inside)
    if percent < HELD:
        return "too narrow"
    return "wider than needed" if percent > 95 else "about right"


def beyond(ctx: Context, item: TargetForecast) -> float | None:
    """The target's compute over that of the study's largest fitted run."""
    study = ctx.study(item.study)
    largest = study.high("flops") if study else None
    return item.flops / largest if item.flops and largest else None


def reach(ctx: Context, item: TargetForecast) -> str:
    """How far out the target lies, as a factor of compute."""
    factor = beyond(ctx, item)
    if factor is None:
        return "—"
    return times(factor) if factor > 1.05 else "within"


def farthest_input(ctx: Context, item: TargetForecast) -> tuple[float, str] | None:
    """Decades outside the runs and the input by which the target lies farthest, as backtests are
    measured."""
    found = [
        (abs(value), name) for name in INPUTS if (value := distance(ctx, item, name)) is not None
    ]
    return max(found) if found else None


def reached(ctx: Context, study: Study, decades: float) -> tuple[int, int] | None:
    """How many of the study's backtests lie at least this far out, and how many there are; None
    where the single forecasts are not at hand."""
    table = ctx.inputs.scored.get(study.name, pl.DataFrame())
    if not {"method", "decades"} <= set(table.columns):
        return None
    own = table.filter(pl.col("method") == ENSEMBLE)["decades"]
    return int((own >= decades).sum()), own.len()


# --------------------------------------------------------------------------- the checks of a card


def checks(ctx: Context, study: Study) -> Entries:
    """How sure the study's forecasts are: three checks, each with its evidence."""
    items = [item for item in ctx.of_study(study) if item.ensemble]
    last = items[-1] if items else None
    parts = (_coverage(ctx, study), _agreement(ctx, last), _tested(ctx, study, last))
    return Entries("checks", parts, "How sure?")


def passed(entries: Entries) -> Cell:
    """How many of the checks were passed, as a badge."""
    good = sum(one.cell.tone == "good" for one in entries.items)
    total = len(entries.items)
    text = f"{good} of {total} checks passed"
    return Cell(text, good, "checks", tone="good" if good == total else "" if good else "bad")


def _check(good: bool, text: str, note: str, origin: str) -> Entry:
    return Entry("", Cell(text, good, "", origin, "good" if good else "bad"), note)


def _coverage(ctx: Context, study: Study) -> Entry:
    origin = f"data/backtests/{study.name}.json#methods"
    band = overall(ctx, study)
    inside = held(band)
    if band is None or inside is None:
        return _check(False, "Intervals were not tested", "no backtest of this study", origin)
    text = f"90 % intervals held {share(inside)} of the time"
    note = f"{counted(band.forecasts, 'backtest')} of this study; {verdict(inside)}"
    return _check(round(100 * inside) >= HELD, text, note, origin)


def law_medians(item: TargetForecast) -> list[tuple[str, float]]:
    """Each law's name and median at the target, lowest first."""
    pairs = [(law_title(name), quantile(own, 0.5)) for name, own in item.members.items()]
    return sorted(((n, v) for n, v in pairs if v is not None), key=lambda pair: (pair[1], pair[0]))


def _agreement(ctx: Context, item: TargetForecast | None) -> Entry:
    origin = "data/forecasts/forecast.csv#quantile 0.5 of each law"
    medians = law_medians(item) if item else []
    if item is None or len(medians) < 2:
        return _check(False, "Laws were not compared", "fewer than two have a forecast", origin)
    low, high = interval(item.ensemble, 0.9)
    wide = high - low if low is not None and high is not None else 0.0
    gap = medians[-1][1] - medians[0][1]
    good = gap <= wide
    text = f"Laws {'agree' if good else 'disagree'} at {ctx.target_title(item.target)}"
    note = (
        f"medians from {medians[0][1]:.2f} ({medians[0][0]}) to {medians[-1][1]:.2f} "
        f"({medians[-1][0]}): a gap of {gap:.2f}, against an interval {wide:.2f} wide"
    )
    return _check(good, text, note, origin)


def _tested(ctx: Context, study: Study, item: TargetForecast | None) -> Entry:
    origin = f"data/backtests/{study.name}.parquet#decades"
    far = farthest_input(ctx, item) if item else None
    if item is None or far is None:
        return _check(False, "The distance is unknown", "no runs or no target", origin)
    title = ctx.target_title(item.target)
    if far[0] < 0.005:
        return _check(True, f"{title} lies within the runs", "no extrapolation", origin)
    where = f"{title} lies {times(10 ** far[0])} outside the runs in {_WORDS[far[1]]}"
    counts = reached(ctx, study, far[0])
    if counts is None:
        return _check(False, "Reach of the backtests is unknown", where, origin)
    good = counts[0] >= REACHED
    note = f"{integer(counts[0])} of {counted(counts[1], 'backtest')} reached as far; {where}"
    return _check(good, "Tested this far out" if good else "Not tested this far out", note, origin)
