"""The findings of a report, each as a number and a sentence."""

from __future__ import annotations

from scaling.document.blocks import Cell, Entries, Entry, Section
from scaling.document.format import RANGE, integer, share, times
from scaling.errors import counted
from scaling.io.json_files import as_map, as_number
from scaling.report.context import Context, Study
from scaling.report.names import brief
from scaling.report.sections.evidence import (
    HELD,
    beyond,
    farthest_input,
    held,
    law_medians,
    overall,
    reached,
)
from scaling.report.sections.forecasts import TargetForecast, interval, quantile


def findings(ctx: Context) -> Section:
    """What the forecasts say, how sure they are and how far they reach."""
    found = (_lower(ctx), _covered(ctx), _far(ctx), _split(ctx), _left_out(ctx))
    items = tuple(one for one in found if one is not None)
    return Section("findings", "Findings", (Entries("findings", items),))


def last_targets(ctx: Context) -> list[tuple[Study, TargetForecast]]:
    """Each study with its target of most compute."""
    pairs = ((study, [i for i in ctx.of_study(study) if i.ensemble]) for study in ctx.studies)
    return [(study, items[-1]) for study, items in pairs if items]


def _range(values: list[float], form: str = "percent") -> str:
    """Lowest and highest, as one number where they look alike."""
    low, high = min(values), max(values)
    if form == "times":
        ends = times(low)[:-1], times(high)[:-1]
        return f"{ends[0]}{RANGE}{ends[1]}×" if ends[0] != ends[1] else times(low)
    ends = f"{100 * low:.0f}", f"{100 * high:.0f}"
    return f"{ends[0]}{RANGE}{ends[1]} %" if ends[0] != ends[1] else f"{ends[0]} %"


def _lower(ctx: Context) -> Entry | None:
    """How much lower the loss is at the largest budget than at the one before."""
    budgets = [name for name in ctx.targets() if ctx.budget(name)]
    sizes = {i.target: i.flops for i in ctx.forecasts if i.target in budgets and i.flops}
    ordered = sorted(sizes, key=lambda name: sizes[name] or 0.0)[-2:]
    if len(ordered) < 2:
        return None
    drops = []
    for study in ctx.studies:
        own = {i.target: quantile(i.ensemble, 0.5) for i in ctx.of_study(study)}
        first, last = own.get(ordered[0]), own.get(ordered[1])
        if first and last:
            drops.append(1.0 - last / first)
    if not drops:
        return None
    small, large = (ctx.target_title(name) for name in ordered)
    studies = "the study" if len(drops) == 1 else f"the {len(drops)} studies"
    lower = f"How much lower the median loss is at {large} than at {small}, across {studies}."
    if min(drops) < 0:
        lower = f"Change of the median loss from {small} to {large}; below zero it rises."
    return Entry(lower, Cell(_range(drops), None, "", "data/forecasts/forecast.csv#quantile 0.5"))


def _covered(ctx: Context) -> Entry | None:
    """How often 90 % intervals held, and the studies in which they held too rarely."""
    known = [
        (study, band.forecasts, inside)
        for study in ctx.studies
        if (band := overall(ctx, study)) is not None and (inside := held(band)) is not None
    ]
    total = sum(number for _, number, _ in known)
    if not total:
        return Entry("No backtest says how often the intervals hold.", Cell("—"))
    whole = sum(number * inside for _, number, inside in known) / total
    low = [(study, inside) for study, _, inside in known if round(100 * inside) < HELD]
    text = f"How often the 90 % intervals held in {counted(total, 'backtest')}."
    if low:
        named = ", ".join(f"{brief(study.title)} ({share(inside)})" for study, inside in low)
        text += f" Read as too narrow: {named}."
    elif len(known) > 1:
        least = min(known, key=lambda one: one[2])
        text += f" Least often in {brief(least[0].title)}: {share(least[2])}."
    note = "Forecasts of one study err together, so these are fewer independent tests than that."
    return Entry(text, Cell(share(whole), whole, "", "data/backtests/*.json#methods"), note)


def _far(ctx: Context) -> Entry | None:
    """How far the farthest targets lie, and how many backtests reached as far."""
    found = [(s, i, far) for s, i in last_targets(ctx) if (far := beyond(ctx, i)) is not None]
    if not found:
        return None
    factors = [far for _, _, far in found]
    if max(factors) <= 1:
        return Entry("Every target lies within the compute of the fitted runs.", Cell("inside"))
    titles = {ctx.target_title(item.target) for _, item, _ in found}
    named = f"the {titles.pop()} target" if len(titles) == 1 else "the farthest target"
    text = f"How far {named} lies beyond each study\u2019s largest run, in compute."
    counts = [
        both
        for study, item, _ in found
        if (out := farthest_input(ctx, item)) and (both := reached(ctx, study, out[0]))
    ]
    if counts:
        near, total = (sum(column) for column in zip(*counts, strict=True))
        tests = counted(total, "backtest")
        text += f" {integer(near)} of {tests} reached as far out in parameters or tokens."
    return Entry(
        text, Cell(_range(factors, "times"), None, "", "data/forecasts/forecast.csv#flops")
    )


def _split(ctx: Context) -> Entry | None:
    """In how many studies single laws differ by more than the interval."""
    found = []
    for study, item in last_targets(ctx):
        medians = [value for _, value in law_medians(item)]
        low, high = interval(item.ensemble, 0.9)
        if len(medians) > 1 and low is not None and high is not None:
            found.append((study, max(medians) - min(medians) > high - low))
    if not found:
        return None
    split = [brief(study.title) for study, apart in found if apart]
    if not split:
        text = "No study\u2019s laws differ by more than its 90 % interval at its farthest target."
    else:
        text = (
            "Studies whose laws, each alone, differ by more than the 90 % interval at the farthest "
            f"target: {', '.join(split)}."
        )
    number = Cell(
        f"{len(split)} of {len(found)}", len(split), "studies", "data/forecasts/forecast.csv#law"
    )
    return Entry(text, number)


def _left_out(ctx: Context) -> Entry | None:
    """Rows that no fit has seen: excluded by their study, or held back by validation."""
    rules = [rule.rows or 0 for study in ctx.studies for rule in study.record.excluded]
    excluded = int(sum(rules))
    sources = sorted({study.source for study in ctx.studies})
    counts = [as_map(ctx.inputs.validation.get(source)) for source in sources]
    held_back = int(sum(as_number(one.get("quarantined")) or 0 for one in counts))
    if not excluded and not held_back:
        return None
    text = (
        f"Rows left out: {integer(excluded)} by the exclusions of their studies, "
        f"{integer(held_back)} held back by validation. Each rule and reason is in the appendix, "
        "under settings and data."
    )
    total = excluded + held_back
    return Entry(text, Cell(integer(total), total, "rows", "data/fits + data/validation.json#rows"))
