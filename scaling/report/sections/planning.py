"""What to train: compute-optimal sizes at the budgets of the forecasts, from each study's fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scaling.document.blocks import Block, Cell, Column, Group, Points, Section, Table, Text, table
from scaling.document.cells import both, figure, words
from scaling.document.format import clean, count, loss, plain, scientific
from scaling.forecasting.model_surface import MODEL
from scaling.io.json_files import as_list, as_map, as_number
from scaling.plan import published
from scaling.plan.summary import BUDGETS, planning_summary
from scaling.report.context import Context, Study
from scaling.report.sections.valley import valley_blocks

FAR = 2.0


def planning(ctx: Context) -> tuple[Section, ...]:
    """What a wrong size costs; in the appendix every budget, with assumptions and warnings."""
    summaries = [
        (study, planning_summary(study.stored, study.record.complete_ranges, BUDGETS))
        for study in ctx.studies
        if study.stored
    ]
    known = [(study, summary) for study, summary in summaries if summary.get("law")]
    if not known:
        text = Text("No study has a model or a law in params and tokens.")
        return (Section("planning", "What to train", (text,)),)
    text = Text(
        "The run with the lowest loss for a budget of training compute, by each study's model, "
        "which the forecasts are made with too. Serving costs, available data and hardware are "
        "left out; \u201cscaling plan\u201d takes them into account."
    )
    remarks = Points(tuple(_remarks(known)))
    every = (text, planning_table(known), remarks, *published_constants())
    return (
        Section("planning", "What to train", valley_blocks(known)),
        Section("planning-full", "Every budget, and published constants", every, folded=True),
    )


def planning_table(known: Sequence[tuple[Study, Mapping[str, Any]]]) -> Table:
    """Study by budget: N*, D*, tokens per param, loss, and how flat the optimum is."""
    columns = (
        Column("budget", "FLOP", numeric=True),
        Column("params", numeric=True, strong=True),
        Column("90 % of draws", numeric=True),
        Column("tokens", numeric=True, strong=True),
        Column("90 % of draws", numeric=True),
        Column("tokens per param", numeric=True),
        Column("loss", numeric=True, strong=True),
        Column("90 % of draws", numeric=True),
        Column("within 1 % of that loss", "params", numeric=True),
        Column("beyond the runs", "decades", numeric=True),
    )
    groups = tuple(
        Group(
            study.title,
            tuple(_row(study, summary, as_map(row)) for row in as_list(summary["budgets"])),
        )
        for study, summary in known
    )
    alone = [study.title for study, summary in known if summary["law"] != MODEL]
    note = (
        "Intervals allow for every form being wrong, more so with distance; the loss is that of a "
        "new run, as in the forecasts. Marked: more than two decades beyond."
    )
    if alone:
        note += f" By one law's draws alone: {', '.join(alone)}."
    return table("planning-table", "Compute-optimal runs", columns, groups, note, "study")


def published_constants() -> tuple[Block, ...]:
    """What papers' constants say at the same budgets, and what is known to be wrong with them."""
    columns = (
        Column("constants"),
        Column("paper"),
        Column("counts"),
        Column("params", numeric=True, strong=True),
        Column("tokens", numeric=True, strong=True),
        Column("tokens per param", numeric=True),
        Column("loss", numeric=True),
        Column("params for ten times the compute", "times", numeric=True),
        Column("tokens for ten times the compute", "times", numeric=True),
    )
    by_budget = {flops: published.rows(flops) for flops in BUDGETS}
    groups = tuple(
        Group(f"{scientific(flops)} FLOP", tuple(map(_published_row, rows)))
        for flops, rows in by_budget.items()
    )
    note = (
        "Each is for its paper's own data and way to count params, and has no intervals; losses on "
        "different data are not to be compared. A dash: the paper does not say."
    )
    faults: dict[str, list[str]] = {}
    for row in by_budget[BUDGETS[0]]:
        faults.setdefault(clean(row["caveat"]), []).append(clean(row["set"]))
    title = "Published constants at the same budgets"
    return (
        table("planning-published", title, columns, groups, note, "budget"),
        Points(tuple(f"{', '.join(names)}: {fault}" for fault, names in faults.items())),
    )


def _published_row(row: Mapping[str, Any]) -> tuple[Cell, ...]:
    place = f"scaling/laws/{clean(row['set']).split(':')[0]}.py#published"
    return (
        words(row["set"], place),
        words(row["paper"]),
        words(row["counts"]),
        figure(row["params"], count, place, "parameters"),
        figure(row["tokens"], count, place, "tokens"),
        figure(row["tokens_per_param"], lambda value: plain(value, 3), place),
        figure(row["loss"], loss, place, "nats/token"),
        figure(row["params_10x"], lambda value: plain(value, 3), place),
        figure(row["tokens_10x"], lambda value: plain(value, 3), place),
    )


def _row(study: Study, summary: Mapping[str, Any], row: Mapping[str, Any]) -> tuple[Cell, ...]:
    modelled = summary["law"] == MODEL
    place = f"{study.model_file}#" if modelled else f"{study.fit_file}#{clean(summary['law'])}, "
    drawn, best = place + "draws", place + "parameters, least loss at 6ND"
    beyond = as_number(row.get("decades_beyond"))
    far = beyond is not None and beyond > FAR
    cell = figure(beyond, _decades, f"{study.fit_file}#ranges, log10 of size over largest")
    return (
        figure(row.get("flops"), scientific, "scaling/plan/summary.py#BUDGETS", "FLOP"),
        figure(row.get("params"), count, best, "parameters"),
        both(row.get("params_low"), row.get("params_high"), count, drawn, "parameters"),
        figure(row.get("tokens"), count, best, "tokens"),
        both(row.get("tokens_low"), row.get("tokens_high"), count, drawn, "tokens"),
        figure(row.get("tokens_per_param"), lambda value: plain(value, 3), best),
        figure(row.get("loss"), loss, best, study.unit),
        both(row.get("loss_low"), row.get("loss_high"), loss, drawn, study.unit),
        both(row.get("near_params_low"), row.get("near_params_high"), count, best, "parameters"),
        Cell(cell.text, cell.value, cell.unit, cell.origin, "caution") if far else cell,
    )


def _decades(value: float) -> str:
    return "inside" if value <= 0 else f"{value:.1f}"


def _remarks(known: Sequence[tuple[Study, Mapping[str, Any]]]) -> list[str]:
    """Assumptions once, then each study's warnings."""
    assumed = [clean(text) for _, summary in known for text in as_list(summary.get("assumptions"))]
    warned = [
        f"{study.title}: {clean(text)}"
        for study, summary in known
        for text in as_list(summary["warnings"])
    ]
    return [*dict.fromkeys(assumed), *warned]
