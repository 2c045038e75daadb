"""How the fits ended: outcome and certificate of every law in every study."""

from __future__ import annotations

from scaling.document.blocks import MISSING, Cell, Column, Group, Table, Tone, table
from scaling.document.cells import figure, words
from scaling.document.format import DASH, clean, integer, number, percent, plain, scientific, share
from scaling.report.context import Context
from scaling.report.sections.fits import Fit

CONVERGED = "converged"
# A law with its own procedure has no optimum to certify, so nothing about it is in doubt.
SOUND = (CONVERGED, "estimated")
_BAD = {"failed"}


def said(outcome: str) -> str:
    """The outcome as words."""
    return outcome.replace("_", " ") or DASH


def fit_table(ctx: Context) -> Table:
    """Study by law: how the fit ended and the numbers that say so."""
    columns = (
        Column("law"),
        Column("outcome"),
        Column("rows", numeric=True),
        Column("objective", numeric=True),
        Column("starts that agree", numeric=True),
        Column("resamples that agree", numeric=True),
        Column("gradient", "relative", numeric=True),
        Column("smallest eigenvalue", numeric=True),
        Column("condition", numeric=True),
        Column("held-out error", numeric=True),
    )
    groups = tuple(
        Group(study.name, tuple(_fit_row(fit) for fit in ctx.fits if fit.study == study.name))
        for study in ctx.studies
    )
    return table("fit-table", "How the fits ended", columns, groups, _fit_note(ctx), "study")


def _fit_note(ctx: Context) -> str:
    names = sorted({fit.objective_name for fit in ctx.fits if fit.objective_name})
    objective = f"Objective: {'; '.join(names)}. " if names else ""
    return objective + (
        "Held-out error: root mean square log error on the largest runs of the study, foretold "
        "from a fit to the smaller ones."
    )


def _fit_row(fit: Fit) -> tuple[Cell, ...]:
    evidence = fit.certificate
    place = f"{fit.place}.certificate."
    return (
        words(fit.law, fit.place),
        _outcome(fit),
        figure(fit.rows, integer, f"{fit.place}.rows", "rows"),
        figure(fit.objective, lambda value: plain(value, 6), f"{fit.place}.objective"),
        _agreeing(fit),
        figure(evidence.get("resamples_agreeing"), share, place + "resamples_agreeing"),
        figure(evidence.get("gradient"), scientific, place + "gradient"),
        figure(evidence.get("smallest_eigenvalue"), _two, place + "smallest_eigenvalue"),
        figure(evidence.get("condition"), _two, place + "condition"),
        figure(fit.holdout, percent, f"{fit.place}.holdout_error"),
    )


def _two(value: float) -> str:
    return plain(value, 2)


def _outcome(fit: Fit) -> Cell:
    if not fit.outcome:
        return MISSING
    tone: Tone = "good" if fit.outcome in SOUND else "caution"
    tone = "bad" if fit.outcome in _BAD else tone
    return Cell(said(fit.outcome), clean(fit.outcome), "", f"{fit.place}.outcome", tone)


def _agreeing(fit: Fit) -> Cell:
    """Share of the starts that reached the optimum, and how many there were."""
    part = number(fit.certificate.get("starts_agreeing"))
    if part is None:
        return MISSING
    starts = fit.certificate.get("starts")
    text = share(part) + (f" of {integer(starts)}" if number(starts) is not None else "")
    return Cell(text, part, "share", f"{fit.place}.certificate.starts_agreeing")
