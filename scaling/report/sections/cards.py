"""The forecasts: one card a study, with its figure, its own targets and how sure they are."""

from __future__ import annotations

import math

import polars as pl

from scaling.document.blocks import (
    MISSING,
    Beside,
    Block,
    Cell,
    Column,
    Figure,
    Group,
    Panel,
    Section,
    Subsection,
    Swatch,
    Table,
    Text,
    table,
)
from scaling.document.cells import words
from scaling.document.format import RANGE, count, integer, power
from scaling.document.legend import box, dot, line, swatch
from scaling.document.palette import COLOUR
from scaling.document.whisker import Whisker, whisker
from scaling.errors import counted
from scaling.report.context import Context, Study, forecast_place
from scaling.report.figures.hero import (
    FanPoint,
    Hero,
    HeroTarget,
    compute_ends,
    hero_plot,
    outside,
)
from scaling.report.figures.plot_forecast import PlottedRun
from scaling.report.names import brief
from scaling.report.sections.evidence import checks, law_medians, passed, reach
from scaling.report.sections.forecasts import ENSEMBLE, TargetForecast, interval, quantile

_READ = (
    "A 90 % interval should contain the loss nine times in ten. Each study has its own text and "
    "tokenizer, so losses compare within a card, not between cards. The compute axis is the same "
    "in all cards. Shaded ground is beyond the largest fitted run."
)
# Law names beside the figure; longer ones would run out of it.
LAW_NAME = 16


def cards(ctx: Context) -> Section:
    """One card a study that has a forecast or runs."""
    heroes = {study.name: hero_of(ctx, study) for study in ctx.studies}
    shown = [
        study
        for study in ctx.studies
        if heroes[study.name].runs or heroes[study.name].targets or study.record.fits
    ]
    compute = compute_ends(heroes[study.name] for study in shown)
    blocks: list[Block] = [Text(_READ if shown else "No study has runs or a forecast.")]
    for index, study in enumerate(shown):
        blocks.append(_card(ctx, study, heroes[study.name], compute, index))
    return Section("forecasts", "Forecasts", tuple(blocks))


def hero_of(ctx: Context, study: Study) -> Hero:
    """What the study's figure shows."""
    items = [item for item in ctx.of_study(study) if item.ensemble and item.flops]
    largest = study.high("flops")
    return Hero(
        runs=plotted(study.runs),
        fan=fan_points(ctx.inputs.fan, study.name),
        targets=tuple(_target(ctx, item) for item in items),
        laws=tuple((brief_law(n), v) for n, v in law_medians(items[-1])) if items else (),
        largest=math.log10(largest) if largest else None,
    )


def brief_law(title: str) -> str:
    """A law's name as short as the figure's margin; the caption has it whole."""
    name = title.partition(" with ")[0]
    return name if len(name) <= LAW_NAME else name[:LAW_NAME] + "…"


def _target(ctx: Context, item: TargetForecast) -> HeroTarget:
    title = ctx.target_title(item.target)
    label = title.removesuffix(" FLOP").removesuffix(" model")
    spot = math.log10(item.flops or 1.0)
    short = label if len(label) <= 12 else label[:11] + "…"
    return HeroTarget(short, spot, ctx.budget(item.target), item.ensemble)


def fan_points(table: pl.DataFrame, study: str) -> tuple[FanPoint, ...]:
    """The study's rows of fan.csv, by compute."""
    if not {"study", "flops", "quantile", "value"} <= set(table.columns):
        return ()
    own = table.filter(pl.col("study") == study, pl.col("flops") > 0).sort("flops", "quantile")
    return tuple(
        FanPoint(
            math.log10(float(flops)),
            {round(q, 6): v for q, v in part.select("quantile", "value").iter_rows()},
        )
        for (flops,), part in own.group_by("flops", maintain_order=True)
    )


def plotted(frame: pl.DataFrame) -> tuple[PlottedRun, ...]:
    """The runs that a logarithmic figure can show."""
    if not frame.height:
        return ()
    value = pl.col("value")
    shown = frame.filter((pl.col("flops") > 0) & (value > 0) & value.is_finite())
    rows = shown.select("flops", "value", "used").iter_rows()
    return tuple(PlottedRun(math.log10(flops), value, used) for flops, value, used in rows)


# --------------------------------------------------------------------------- a card


def _card(
    ctx: Context, study: Study, hero: Hero, compute: tuple[float, float], index: int
) -> Subsection:
    items = [item for item in ctx.of_study(study) if item.ensemble]
    found = checks(ctx, study)
    sure: tuple[Block, ...] = (Beside((target_table(ctx, study, items, index), found)),)
    if not items:
        sure = (Text("No forecast: the study has no model and no target."), found)
    blocks = (_figure(ctx, study, hero, compute, index), *sure)
    return Subsection(
        _title(ctx, study, items),
        f"card-{index}",
        study.title,
        blocks,
        True,
        passed(found),
        study.name,
    )


def _title(ctx: Context, study: Study, items: list[TargetForecast]) -> str:
    """The study and its finding: the 90 % interval at the farthest target."""
    name = brief(study.title)
    if not items:
        return name
    low, high = interval(items[-1].ensemble, 0.9)
    if low is None or high is None:
        return name
    return f"{name}: {low:.2f}{RANGE}{high:.2f} at {ctx.target_title(items[-1].target)}"


def _figure(
    ctx: Context, study: Study, hero: Hero, compute: tuple[float, float], index: int
) -> Figure:
    alt = hero_alt(ctx, study, hero)
    panel = Panel(
        "",
        "",
        alt,
        hero_plot(hero, compute).svg,
        (("study", study.title),),
        hero_plot(hero, compute, narrow=True).svg,
    )
    return Figure(
        id=f"hero-{index}",
        title="",
        caption=_caption(ctx, study, hero, compute),
        alt=alt,
        panels=(panel,),
        legend=_legend(hero),
        table=f"targets-{index}" if hero.targets else "",
        size="hero",
    )


def hero_alt(ctx: Context, study: Study, hero: Hero) -> str:
    """The figure's numbers in words."""
    used = sum(run.used for run in hero.runs)
    ends = f", the largest at {power(10**hero.largest)} FLOP" if hero.largest is not None else ""
    parts = [
        f"{study.title}: loss against training compute, both axes logarithmic. "
        f"{counted(used, 'fitted run')}{ends}."
    ]
    for item in ctx.of_study(study):
        middle, (low, high) = quantile(item.ensemble, 0.5), interval(item.ensemble, 0.9)
        if middle is not None and low is not None and high is not None:
            title = ctx.target_title(item.target)
            parts.append(f"{title}: median {middle:.2f}, 90 % interval {low:.2f} to {high:.2f}.")
    return " ".join(parts)


def _caption(ctx: Context, study: Study, hero: Hero, compute: tuple[float, float]) -> str:
    """Where the runs are from, what is outside the frame, and each law's median in words."""
    parts = [f"Loss on {study.metric.partition('@')[2] or study.metric}, {study.unit}."]
    if study.citations:
        parts.insert(0, " ".join(one.rstrip(".") + "." for one in study.citations))
    lost = outside(hero, compute)
    if lost:
        lie = "lies" if lost == 1 else "lie"
        parts.append(f"{integer(lost)} of the fitted runs {lie} outside the frame.")
    items = [item for item in ctx.of_study(study) if item.ensemble]
    medians = law_medians(items[-1]) if items else []
    if medians:
        named = ", ".join(f"{name} {value:.2f}" for name, value in reversed(medians))
        parts.append(f"Median of each law alone at {ctx.target_title(items[-1].target)}: {named}.")
    if not hero.fan and len(hero.path) > 1:
        parts.append("Bands join the targets by straight lines; only the diamonds are computed.")
    return " ".join(parts)


def _legend(hero: Hero) -> tuple[Swatch, ...]:
    """Only what the figure shows."""
    runs = sum(run.used for run in hero.runs)
    entries = (
        (runs, swatch(counted(runs, "fitted run"), dot("run", 3.2))),
        (len(hero.path) > 1, _FAN),
        (hero.targets, _TARGET),
        (hero.laws, _LAW),
    )
    return tuple(entry for shown, entry in entries if shown)


_FAN = swatch(
    "median, 50 and 90 % interval", box("band90", 1, 14), box("band50", 4, 8), line("median", 8, 2)
)
_TARGET = swatch(
    "target, with its median",
    f'<path d="M13,2L19,8L13,14L7,8Z" fill="{COLOUR["planned"]}"/>',
)
_LAW = swatch("median of one law alone", line("law", 8, 2))


# --------------------------------------------------------------------------- its targets


def target_table(ctx: Context, study: Study, items: list[TargetForecast], index: int) -> Table:
    """A row a target: the 90 % interval first, then the median and how far out it lies."""
    columns = (
        Column("target", "parameters, tokens"),
        Column("90 % interval", strong=True),
        Column("median", numeric=True),
        Column("× largest run", "in compute", numeric=True),
    )
    pairs = [interval(item.ensemble, 0.9) for item in items]
    found = [end for pair in pairs for end in pair if end is not None]
    ends = (min(found), max(found)) if found else (0.0, 0.0)
    rows = tuple(_row(ctx, study, item, ends) for item in items)
    title = f"Forecast loss, {study.unit}"
    return table(f"targets-{index}", title, columns, (Group("", rows),), sourced=False)


def _row(
    ctx: Context, study: Study, item: TargetForecast, ends: tuple[float, float]
) -> tuple[Cell, ...]:
    low, high = interval(item.ensemble, 0.9)
    middle = quantile(item.ensemble, 0.5)
    place = forecast_place(item, ENSEMBLE, "")
    where = f"#{row_anchor(ctx, item)}"
    far = reach(ctx, item)
    size = f"{count(item.params)}, {count(item.tokens)} tokens"
    head = Cell(ctx.target_title(item.target), item.target, note=size)
    if low is None or high is None or middle is None:
        return head, MISSING, MISSING, words(far)
    inner = interval(item.ensemble, 0.5)
    half = (inner[0], inner[1]) if inner[0] is not None and inner[1] is not None else None
    drawn = whisker(Whisker((low, high), middle, half), ends)
    text = f"{low:.2f}{RANGE}{high:.2f}"
    own = place + "quantiles 0.05 and 0.95"
    return (
        head,
        Cell(text, (low, high), study.unit, own, link=where, svg=drawn),
        Cell(f"{middle:.2f}", middle, study.unit, place + "quantile 0.5", link=where),
        words(far, f"{place}flops over the largest fitted run"),
    )


def row_anchor(ctx: Context, item: TargetForecast) -> str:
    """The id of the row that has all quantiles of the forecast: made of places, not of names."""
    return f"forecast-{ctx.forecasts.index(item)}"
