"""How far to trust the forecasts: the main doubts in words, then the evidence."""

from __future__ import annotations

from scaling.document.blocks import Points, Section, Text
from scaling.document.format import span
from scaling.report.choices import choice_blocks
from scaling.report.context import NATS, Context
from scaling.report.figures.law_forecasts import law_table
from scaling.report.sections.backtests import backtest_blocks, interval_coverage
from scaling.report.sections.checklist import checklist
from scaling.report.sections.convergence import SOUND, fit_table, outcome_words
from scaling.report.sections.distances import INPUTS, distance, distance_table, spread


def trust(ctx: Context) -> Section:
    """Evidence for and against the forecasts."""
    blocks = (
        Points(summary(ctx)),
        *backtest_blocks(ctx),
        distance_table(ctx),
        law_table(ctx),
        Text(
            "A fit is only as good as its optimum. The share of starts that agree shows whether "
            "the search found one optimum or many. A gradient near 0 and a smallest eigenvalue "
            "above 0 show that it is a minimum. A large condition number means that the data "
            "hardly identify some parameters."
        ),
        fit_table(ctx),
        *choice_blocks(ctx),
        *checklist(ctx),
    )
    return Section("trust", "Backtests, laws, fits and choices in full", blocks, folded=True)


def summary(ctx: Context) -> tuple[str, ...]:
    """The main doubts, in words."""
    found = (interval_coverage(ctx), _farthest(ctx), _widest(ctx), _doubtful(ctx))
    return tuple(text for text in found if text)


def _farthest(ctx: Context) -> str:
    found = [
        (decades, name, item)
        for item in ctx.forecasts
        for name in INPUTS
        if (decades := distance(ctx, item, name)) is not None
    ]
    if not found:
        return ""
    decades, name, item = max(found, key=lambda one: abs(one[0]))
    if not decades:
        return "Every target lies within the params and the tokens of the fitted runs."
    side = "beyond the largest" if decades > 0 else "below the smallest"
    return (
        f"The farthest target lies {abs(decades):.1f} decades of {name} {side} fitted run "
        f"({ctx.target_title(item.target)}, {ctx.title(item.study)})."
    )


def _widest(ctx: Context) -> str:
    found = [(gap, item) for item in ctx.forecasts if (gap := spread(item)) is not None]
    if not found:
        return ""
    gap, item = max(found, key=lambda pair: pair[0])
    return (
        f"The laws' medians differ by up to {span(gap)} {NATS} at one target "
        f"({ctx.target_title(item.target)}, {ctx.title(item.study)})."
    )


def _doubtful(ctx: Context) -> str:
    fits = [(study.title, fit) for study in ctx.studies for fit in study.record.fits]
    doubtful = [(study, fit) for study, fit in fits if fit.outcome not in SOUND]
    if not fits:
        return "No fit was found, so convergence is unknown."
    if not doubtful:
        return f"All {len(fits)} fits converged."
    names = ", ".join(
        f"{fit.law} on {study} ({outcome_words(fit.outcome)})" for study, fit in doubtful
    )
    return f"{len(doubtful)} of {len(fits)} fits are doubtful: {names}."
