"""The laws of one study compared: likelihood, predictions beyond the data, exclusions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from scaling.document.blocks import MISSING, Cell, Column, Group, Table, table
from scaling.document.cells import figure, words
from scaling.document.format import (
    estimate,
    integer,
    percent,
    plain,
    share,
    shift,
)
from scaling.fitting.study_record import FitRecord, HorizonErrors, LiftedFit, Parameter
from scaling.io.json_files import as_number
from scaling.report.context import Study
from scaling.report.sections.convergence import outcome_words

CRITERIA = ("aic", "aicc", "bic")
# Decades at which the last horizon is open.
OPEN = 100.0


def comparison_tables(study: Study, fits: Sequence[FitRecord], index: int) -> list[Table]:
    """The tables that have something in them."""
    tables = (
        comparison_table(fits, index),
        rolling_table(study, index),
        exclusion_pairs(study, fits, index),
    )
    return [one for one in tables if any(group.rows for group in one.groups)]


# --------------------------------------------------------------------------- likelihood


def comparison_table(fits: Sequence[FitRecord], index: int) -> Table:
    """Information criteria of the laws, lowest AICc first."""
    columns = (
        Column("law"),
        Column("parameters and scale", numeric=True),
        Column("log likelihood", "nats", numeric=True),
        Column("AIC", numeric=True),
        Column("AICc", numeric=True),
        Column("BIC", numeric=True),
        Column("AICc above the lowest", numeric=True),
        Column("BIC above the lowest", numeric=True),
        Column("Akaike weight", numeric=True),
        Column("held-out error", numeric=True),
    )
    known = [fit for fit in fits if _criterion(fit, "aicc") is not None]
    judged = sorted(known, key=_aicc_or_infinity)
    lowest = {name: _lowest(judged, name) for name in CRITERIA}
    total = sum(_likelihood(fit, lowest["aicc"]) for fit in judged)
    rows = tuple(_judged(fit, lowest, total) for fit in judged)
    note = (
        "On one likelihood: the density whose negative logarithm is the objective, with a scale "
        "fitted to each law. Rows count as independent, so runs that share an error make the "
        "differences look more certain than they are; held-out error and rolling-origin errors "
        "do not depend on that."
    )
    title = "Information criteria"
    return table(f"comparison-table-{index}", title, columns, (Group("", rows),), note)


def _judged(fit: FitRecord, lowest: Mapping[str, float], total: float) -> tuple[Cell, ...]:
    place = f"{fit.place}.criteria."
    own = fit.criteria
    above = {name: (_criterion(fit, name) or 0.0) - lowest[name] for name in CRITERIA}
    less = "less the lowest of the study"
    weight = _likelihood(fit, lowest["aicc"]) / total
    return (
        words(fit.law, fit.place),
        figure(own and own.k, integer, place + "k"),
        figure(own and own.log_likelihood, _tenth, place + "log_likelihood", "nats"),
        *(figure(_criterion(fit, name), _tenth, place + name) for name in CRITERIA),
        figure(above["aicc"], _tenth, f"{place}aicc {less}"),
        figure(above["bic"], _tenth, f"{place}bic {less}"),
        figure(weight, share, f"{place}aicc, exp(-above / 2) over its sum"),
        figure(fit.holdout_error, percent, f"{fit.place}.holdout_error"),
    )


def _criterion(fit: FitRecord, name: str) -> float | None:
    return as_number(getattr(fit.criteria, name, None))


def _aicc_or_infinity(fit: FitRecord) -> float:
    found = _criterion(fit, "aicc")
    return math.inf if found is None else found


def _lowest(fits: Iterable[FitRecord], name: str) -> float:
    found = [_criterion(fit, name) for fit in fits]
    return min((value for value in found if value is not None), default=0.0)


def _likelihood(fit: FitRecord, lowest: float) -> float:
    return math.exp(-0.5 * (_aicc_or_infinity(fit) - lowest))


def _tenth(value: float) -> str:
    return f"{round(value, 1) + 0.0:,.1f}".replace("-", "\u2212")


# --------------------------------------------------------------------------- rolling origin


def rolling_table(study: Study, index: int) -> Table:
    """Errors of fits to the runs below a compute budget, predicting those above it."""
    columns = (
        Column("beyond the origin", "decades of compute"),
        Column("origins", numeric=True),
        Column("predictions", numeric=True),
        Column("mean error", numeric=True),
        Column("root mean square error", numeric=True),
    )
    lines = study.record.rolling_origin
    laws = list(dict.fromkeys(line.law for line in lines))
    groups = tuple(
        Group(law, tuple(_horizon(study, line) for line in lines if line.law == law))
        for law in laws
    )
    note = (
        "Errors are logs of predicted over observed, as percentages; positive where the law was "
        "too pessimistic. The predicted runs do not enter the fit."
    )
    title = "Rolling-origin errors"
    return table(f"rolling-table-{index}", title, columns, groups, note, "law")


def _horizon(study: Study, line: HorizonErrors) -> tuple[Cell, ...]:
    low, high = line.start, line.stop
    ends = f"{plain(low)} to {plain(high)}"
    if low is not None and high is not None and high >= OPEN:
        ends = f"more than {plain(low)}"
    place = f"{study.fit_file}#rolling_origin"
    return (
        words(ends),
        figure(line.origins, integer, place),
        figure(line.rows, integer, place, "rows"),
        figure(line.bias, _signed_percent, place),
        figure(line.rmse, percent, place),
    )


def _signed_percent(value: float) -> str:
    return f"{shift(100 * value, 1)} %"


# --------------------------------------------------------------------------- exclusions


def exclusion_pairs(study: Study, fits: Sequence[FitRecord], index: int) -> Table:
    """Each law with an exclusion and without it, side by side."""
    columns = (
        Column("law"),
        Column("parameter"),
        Column("rule applied", numeric=True, strong=True),
        Column("rule lifted", numeric=True),
        Column("change", "standard errors", numeric=True),
    )
    lines = study.record.without_exclusions
    own = {fit.law: fit for fit in fits}
    rules = list(dict.fromkeys((line.rule, line.reason) for line in lines))
    groups = tuple(
        Group(
            rule,
            tuple(
                row
                for at, line in enumerate(lines)
                if (line.rule, line.reason) == (rule, reason)
                for row in _pair(study, own.get(line.law), line, at)
            ),
        )
        for rule, reason in rules
    )
    why = " ".join(f"{rule}: {reason}." for rule, reason in rules if reason)
    note = (
        "Change: the value with the rule lifted less the one with it applied, in standard errors "
        f"of the latter. Every other rule stays applied. {why}"
    ).strip()
    title = "With and without exclusions"
    name = f"exclusion-pairs-{index}"
    return table(name, title, columns, groups, note, "rule", stub=2)


def _pair(study: Study, fit: FitRecord | None, line: LiftedFit, at: int) -> list[tuple[Cell, ...]]:
    """Rows, outcome and parameters of one law under both."""
    if fit is None:
        return []
    place = f"{study.fit_file}#without_exclusions[{at}]."
    head = (
        (
            words(fit.law, fit.place),
            words("rows"),
            figure(fit.rows, integer, f"{fit.place}.rows", "rows"),
            figure(line.rows, integer, place + "rows", "rows"),
            MISSING,
        ),
        (
            words(fit.law, fit.place),
            words("outcome"),
            words(outcome_words(fit.outcome), f"{fit.place}.outcome"),
            words(outcome_words(line.outcome), place + "outcome"),
            MISSING,
        ),
    )
    changes = (_changed(fit, name, line.parameters.get(name), place) for name in fit.parameters)
    return [*head, *changes]


def _changed(fit: FitRecord, name: str, other: float | None, place: str) -> tuple[Cell, ...]:
    found, kept = fit.parameters[name], as_number(other)
    here, there = f"{fit.place}.parameters.{name}", f"{place}parameters.{name}"
    moved = None
    if found.value is not None and kept is not None and found.se:
        moved = (kept - found.value) / found.se
    return (
        words(fit.law, fit.place),
        words(name),
        figure(found.value, _digits(found), f"{here}.value", found.unit),
        figure(kept, _digits(found), there, found.unit),
        figure(moved, lambda value: shift(value, 1), f"({there} - {here}.value) / {here}.se"),
    )


def _digits(found: Parameter) -> Callable[[float], str]:
    return lambda value: estimate(value, found.se)[0]
