"""Inputs to report: the order of the sections and the line at the top. Pure."""

from __future__ import annotations

from scaling.document.blocks import Cell, Report
from scaling.document.format import integer
from scaling.report.context import Context, context
from scaling.report.places import CHANGES, HISTORY, issue_section
from scaling.report.read import FORECAST_FILE, PARAMS_FILE, Inputs
from scaling.report.sections.cards import cards
from scaling.report.sections.detail import detail
from scaling.report.sections.findings import findings
from scaling.report.sections.glossary import glossary
from scaling.report.sections.headline import headline
from scaling.report.sections.laws import laws
from scaling.report.sections.planning import planning
from scaling.report.sections.provenance import provenance
from scaling.report.sections.record import record_sections
from scaling.report.sections.thresholds import threshold_section
from scaling.report.sections.trust import trust

TITLE = "Scaling-law forecast"
LEAD = "What the training runs so far imply for larger ones, and how far to trust it."
HOME = Cell("All versions", link="../index.html")


def build(inputs: Inputs) -> Report:
    """The report of these inputs: findings first, what stands behind them in the appendix."""
    ctx = context(inputs)
    rules, plan = threshold_section(ctx), planning(ctx)
    first = (issue_section(inputs.day), findings(ctx), cards(ctx), *record_sections(ctx))
    middle = (*plan[:1], CHANGES, *rules[:1], laws(ctx))
    evidence = (headline(ctx), trust(ctx), detail(ctx), HISTORY, *plan[1:], *rules[1:])
    sections = (*first, *middle, *evidence, provenance(ctx), glossary())
    return Report(TITLE, LEAD, _facts(ctx), sections, HOME)


def _facts(ctx: Context) -> tuple[Cell, ...]:
    """What the report covers, in a few counts."""
    runs = sum(study.record.rows or 0 for study in ctx.studies)
    laws = {fit.law for study in ctx.studies for fit in study.record.fits}
    counts = (
        (len(ctx.studies), "studies", PARAMS_FILE),
        (runs, "fitted runs", "data/fits#rows"),
        (len(laws), "laws", "data/fits"),
        (len(ctx.targets()), "targets", FORECAST_FILE),
    )
    return tuple(Cell(f"{integer(n)} {what}", n, what, origin) for n, what, origin in counts)
