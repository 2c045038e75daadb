"""How far the targets extrapolate, and how much the laws differ there."""

from __future__ import annotations

import polars as pl

from scaling.document.blocks import MISSING, Cell, Column, Group, Table, Tone, table
from scaling.document.cells import figure, words
from scaling.document.format import loss, span
from scaling.forecasting.distance import FAR, decades_outside
from scaling.forecasting.distance import distance as from_runs
from scaling.report.context import NATS, Context, forecast_place
from scaling.report.read import FORECAST_FILE
from scaling.report.sections.forecasts import ENSEMBLE, TargetForecast, quantile, width

INPUTS = ("params", "tokens")
# Decades below which a target is within the runs, as the table is rounded.
_SHOWN = 0.05


def distance(ctx: Context, item: TargetForecast, scale: str) -> float | None:
    """Decades of params, tokens or compute beyond the largest fitted run, or, below 0, under the
    smallest."""
    study, value = ctx.study(item.study), getattr(item, scale)
    if study is None or not value:
        return None
    low, high, _ = study.ends(scale)
    return decades_outside(value, low, high) if low and high else None


# Names in a narrow column.
SHORT = {"params": "N", "tokens": "D"}


def outside(ctx: Context, item: TargetForecast) -> Cell:
    """The inputs by which a target lies outside the fitted runs, in words."""
    found = {name: distance(ctx, item, name) for name in INPUTS}
    known = {name: value for name, value in found.items() if value is not None}
    study = ctx.study(item.study)
    if study is None or not known:
        return MISSING
    out = [f"{SHORT[name]} {value:+.1f}" for name, value in known.items() if abs(value) >= _SHOWN]
    far = _marked(_far(max(known.values(), key=abs)))
    place = f"{FORECAST_FILE} + {study.ends('params')[2]}#log10 over the largest or smallest"
    return Cell(", ".join(out) or "within", None, "decades", place, far)


def _marked(this: bool) -> Tone:
    return "caution" if this else ""


def _far(decades: float) -> bool:
    return round(abs(decades), 1) > FAR


def _nearest(ctx: Context, item: TargetForecast) -> Cell:
    """Decades to the nearest fitted run, see `scaling.forecasting.distance`."""
    study = ctx.study(item.study)
    if study is None or not (item.params and item.tokens) or not study.used.height:
        return MISSING
    runs = study.used.select(INPUTS).drop_nulls()
    at = pl.DataFrame({"params": [item.params], "tokens": [item.tokens]})
    if not runs.height:
        return MISSING
    found = from_runs(runs, at, INPUTS)
    gap, tone = float(found.nearest[0]), _marked(bool(found.empty[0]))
    place = f"{FORECAST_FILE} + {study.run_file}#log10, largest of params and tokens"
    return _toned(figure(gap, lambda value: f"{value:.1f}", place, "decades"), tone)


def spread(item: TargetForecast) -> float | None:
    """Highest less lowest median of the laws; None with fewer than two."""
    medians = _medians(item)
    return max(medians.values()) - min(medians.values()) if len(medians) > 1 else None


def _medians(item: TargetForecast) -> dict[str, float]:
    pairs = ((name, quantile(quantiles, 0.5)) for name, quantiles in item.members.items())
    return {name: value for name, value in pairs if value is not None}


def distance_table(ctx: Context) -> Table:
    """Target by study: decades outside the runs, and the laws' spread against the interval."""
    columns = (
        Column("study"),
        Column("compute beyond", "decades", numeric=True),
        Column("params beyond", "decades", numeric=True),
        Column("tokens beyond", "decades", numeric=True),
        Column("lowest law"),
        Column("highest law"),
        Column("laws differ by", numeric=True),
        Column("width of the 80 % interval", numeric=True),
        Column("nearest run", "decades", numeric=True),
    )
    groups = tuple(
        Group(
            ctx.target_title(target),
            tuple(_distance_row(ctx, i) for i in ctx.forecasts if i.target == target),
        )
        for target in ctx.targets()
    )
    note = (
        "Decades are powers of ten beyond the largest fitted run, or below the smallest where "
        "negative; \u201cinside\u201d is between them. Nearest run: decades in params or tokens, "
        "whichever is more, from the target, moved to the ends of the ranges it lies outside of, "
        f"to a fitted run. Law medians, differences and widths in {NATS}. Marked: more than two "
        "decades outside; no run near; laws that differ by more than the 80 % interval."
    )
    title = "Extrapolation distance and disagreement of laws"
    return table("distance-table", title, columns, groups, note, "target")


def _distance_row(ctx: Context, item: TargetForecast) -> tuple[Cell, ...]:
    medians = _medians(item)
    ends = sorted(medians, key=lambda name: (medians[name], name))
    gap, around = spread(item), width(item.ensemble, 0.8)
    place = forecast_place(item, "all laws", "highest less lowest median")
    wide = gap is not None and around is not None and float(span(gap)) > float(span(around))
    apart = figure(gap, span, place, NATS)
    return (
        words(ctx.title(item.study), FORECAST_FILE),
        *(_decades(ctx, item, scale) for scale in ("flops", "params", "tokens")),
        _named(item, ends[0]) if ends else MISSING,
        _named(item, ends[-1]) if ends else MISSING,
        _toned(apart, "caution") if wide else apart,
        figure(around, span, forecast_place(item, ENSEMBLE, "quantile 0.9 less 0.1"), NATS),
        _nearest(ctx, item),
    )


def _decades(ctx: Context, item: TargetForecast, scale: str) -> Cell:
    decades, study = distance(ctx, item, scale), ctx.study(item.study)
    if decades is None or study is None:
        return MISSING
    text = f"{decades:.1f}" if decades else "inside"
    source = f"{FORECAST_FILE} + {study.ends(scale)[2]}"
    end = "smallest" if decades < 0 else "largest"
    place = f"{source}#log10({scale} of the target / {end} fitted {scale})"
    far = _marked(_far(decades))
    return Cell(text, decades, "decades", place, far)


def _named(item: TargetForecast, law: str) -> Cell:
    value = quantile(item.members[law], 0.5)
    return Cell(f"{law} {loss(value)}", value, NATS, forecast_place(item, law, "quantile 0.5"))


def _toned(cell: Cell, tone: Tone) -> Cell:
    return Cell(cell.text, cell.value, cell.unit, cell.origin, tone)
