"""How the fits ended: outcome and certificate of every law in every study."""

from __future__ import annotations

from scaling.document.blocks import MISSING, Cell, Column, Group, Table, Tone, table
from scaling.document.cells import figure, words
from scaling.document.format import DASH, integer, percent, plain, scientific, share
from scaling.fitting.study_record import FitRecord
from scaling.io.json_files import as_number
from scaling.report.context import Context

CONVERGED = "converged"
# A law with its own procedure has no optimum to certify, so nothing about it is in doubt.
SOUND = (CONVERGED, "estimated")
_BAD = {"failed"}


def outcome_words(outcome: str) -> str:
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
        Group(study.title, tuple(map(_fit_row, study.record.fits))) for study in ctx.studies
    )
    return table("fit-table", "How the fits ended", columns, groups, _fit_note(ctx), "study")


def _fit_note(ctx: Context) -> str:
    names = sorted(
        {
            fit.objective_name
            for study in ctx.studies
            for fit in study.record.fits
            if fit.objective_name
        }
    )
    objective = f"Objective: {'; '.join(names)}. " if names else ""
    return objective + (
        "Held-out error: root mean square log error on the largest runs of the study, predicted "
        "by a fit to the smaller ones."
    )


def _fit_row(fit: FitRecord) -> tuple[Cell, ...]:
    evidence = fit.certificate
    place = f"{fit.place}.certificate."
    return (
        words(fit.law, fit.place),
        _outcome(fit),
        figure(fit.rows, integer, f"{fit.place}.rows", "rows"),
        figure(fit.objective, lambda value: plain(value, 6), f"{fit.place}.objective"),
        _agreeing(fit),
        figure(evidence.resamples_agreeing, share, place + "resamples_agreeing"),
        figure(evidence.gradient, scientific, place + "gradient"),
        figure(evidence.smallest_eigenvalue, _two, place + "smallest_eigenvalue"),
        figure(evidence.condition, _two, place + "condition"),
        figure(fit.holdout_error, percent, f"{fit.place}.holdout_error"),
    )


def _two(value: float) -> str:
    return plain(value, 2)


def _outcome(fit: FitRecord) -> Cell:
    if not fit.outcome:
        return MISSING
    tone: Tone = "good" if fit.outcome in SOUND else "caution"
    tone = "bad" if fit.outcome in _BAD else tone
    return Cell(outcome_words(fit.outcome), fit.outcome, "", f"{fit.place}.outcome", tone)


def _agreeing(fit: FitRecord) -> Cell:
    """Share of the starts that reached the optimum, and how many there were."""
    part, starts = as_number(fit.certificate.starts_agreeing), fit.certificate.starts
    if part is None:
        return MISSING
    text = share(part) + (f" of {integer(starts)}" if starts else "")
    return Cell(text, part, "share", f"{fit.place}.certificate.starts_agreeing")
