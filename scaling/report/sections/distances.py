"""How far the targets extrapolate, and how much the laws differ there."""

from __future__ import annotations

from scaling.document.blocks import MISSING, Cell, Column, Group, Table, Tone, table
from scaling.document.cells import figure, words
from scaling.document.format import loss, span
from scaling.report.context import NATS, Context, decades_beyond, forecast_place
from scaling.report.read import FORECAST_FILE
from scaling.report.sections.forecasts import ENSEMBLE, TargetForecast, quantile, width


def distance(ctx: Context, item: TargetForecast, scale: str = "flops") -> float | None:
    """Decades of compute, params or tokens beyond the largest fitted run."""
    study = ctx.study(item.study)
    return None if study is None else decades_beyond(getattr(item, scale), study.high(scale))


def spread(item: TargetForecast) -> float | None:
    """Highest less lowest median of the laws; None with fewer than two."""
    medians = _medians(item)
    return max(medians.values()) - min(medians.values()) if len(medians) > 1 else None


def _medians(item: TargetForecast) -> dict[str, float]:
    pairs = ((name, quantile(quantiles, 0.5)) for name, quantiles in item.members.items())
    return {name: value for name, value in pairs if value is not None}


def distance_table(ctx: Context) -> Table:
    """Target by study: decades beyond the runs, and the laws' spread against the interval."""
    columns = (
        Column("study"),
        Column("compute beyond", "decades", numeric=True),
        Column("params beyond", "decades", numeric=True),
        Column("tokens beyond", "decades", numeric=True),
        Column("lowest law"),
        Column("highest law"),
        Column("laws differ by", numeric=True),
        Column("width of the 80 % interval", numeric=True),
    )
    groups = tuple(
        Group(target, tuple(_distance_row(ctx, i) for i in ctx.forecasts if i.target == target))
        for target in ctx.targets()
    )
    note = (
        "Decades are powers of ten beyond the largest fitted run; \u201cinside\u201d means that "
        f"a fitted run was at least as large. Law medians, differences and widths in {NATS}. "
        "Marked: more than two decades beyond; laws that differ by more than the 80 % interval."
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
        words(item.study, FORECAST_FILE),
        *(_decades(ctx, item, scale) for scale in ("flops", "params", "tokens")),
        _named(item, ends[0]) if ends else MISSING,
        _named(item, ends[-1]) if ends else MISSING,
        _toned(apart, "caution") if wide else apart,
        figure(around, span, forecast_place(item, ENSEMBLE, "quantile 0.9 less 0.1"), NATS),
    )


def _decades(ctx: Context, item: TargetForecast, scale: str) -> Cell:
    decades, study = distance(ctx, item, scale), ctx.study(item.study)
    if decades is None or study is None:
        return MISSING
    text = "inside" if decades <= 0 else f"{decades:.1f}"
    source = f"{FORECAST_FILE} + {study.ends(scale)[2]}"
    place = f"{source}#log10({scale} of the target / largest fitted {scale})"
    far: Tone = "caution" if round(decades, 1) > 2 else ""
    return Cell(text, decades, "decades", place, far)


def _named(item: TargetForecast, law: str) -> Cell:
    value = quantile(item.members[law], 0.5)
    return Cell(f"{law} {loss(value)}", value, NATS, forecast_place(item, law, "quantile 0.5"))


def _toned(cell: Cell, tone: Tone) -> Cell:
    return Cell(cell.text, cell.value, cell.unit, cell.origin, tone)
