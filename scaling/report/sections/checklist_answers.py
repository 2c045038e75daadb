"""Answers to the questions of `scaling.report.sections.checklist`, each from the stage outputs
alone.

What an output does not say is `UNKNOWN`. Words in the cells of internal runs are counted, not
shown: they stay in tables that are not published.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from scaling.document.format import between, clean, count, integer, percent
from scaling.fitting.study_record import FitRecord
from scaling.io.json_files import as_list, as_map, as_number
from scaling.laws import Law, load
from scaling.report.context import Context, Study

UNKNOWN = "not recorded"
MOST_WORDS = 4
Answer = Callable[[Context, Study], str]

# Open material -----------------------------------------------------------------------------------


def unknown(ctx: Context, study: Study) -> str:
    """For what no output can say."""
    return UNKNOWN


def analysis(ctx: Context, study: Study) -> str:
    return "manifest.json has the revision, the command, and hashes of laws, engine and packages"


def results(ctx: Context, study: Study) -> str:
    source = _source(ctx, study)
    if not source:
        return "internal, not published"
    return f"{source.get('licence') or 'licence not recorded'}; {source.get('origin') or UNKNOWN}"


def _source(ctx: Context, study: Study) -> Mapping[str, Any]:
    """The contents of source.yaml; nothing for an internal source."""
    return as_map(ctx.inputs.sources.get(study.source))


# Hypothesis --------------------------------------------------------------------------------------


def _by_law(study: Study, text: Callable[[Law], str]) -> str:
    """One text a law, for the laws of the study."""
    known = load()
    laws = [known[fit.law] for fit in study.record.fits if fit.law in known]
    return _alike((law.name, text(law)) for law in laws)


def _by_fit(study: Study, text: Callable[[FitRecord], str]) -> str:
    return _alike((fit.law, text(fit)) for fit in study.record.fits)


def _alike(named: Iterable[tuple[str, str]]) -> str:
    """The texts with the names that they hold for; without names where all are the same."""
    names: dict[str, list[str]] = {}
    for name, text in named:
        names.setdefault(clean(text), []).append(name)
    if len(names) == 1:
        return next(iter(names)) or UNKNOWN
    return "; ".join(f"{', '.join(who)}: {text}" for text, who in names.items()) or UNKNOWN


def form(ctx: Context, study: Study) -> str:
    return _by_law(study, lambda law: law.formula)


def inputs(ctx: Context, study: Study) -> str:
    return _by_law(study, lambda law: ", ".join(law.inputs))


def parameters(ctx: Context, study: Study) -> str:
    return _by_fit(study, lambda fit: f"{len(fit.parameters)} ({', '.join(fit.parameters)})")


def principle(ctx: Context, study: Study) -> str:
    return _by_law(study, lambda law: law.citation)


def assumed(ctx: Context, study: Study) -> str:
    return _by_law(study, lambda law: law.assumes or UNKNOWN)


def purpose(ctx: Context, study: Study) -> str:
    targets = ctx.targets()
    spent = [name for name in targets if ctx.budget(name)]
    return (
        f"loss of {len(targets)} planned runs"
        f"{f', {len(spent)} of them compute-optimal for a budget' if spent else ''}"
    )


def laws(ctx: Context, study: Study) -> str:
    return f"{len(study.record.fits)}, and an ensemble"


# Training ----------------------------------------------------------------------------------------


def models(ctx: Context, study: Study) -> str:
    runs = study.used
    if not runs.height:
        return UNKNOWN
    trained = f"{integer(_distinct(study, 'run'))} runs, " if _distinct(study, "run") else ""
    return f"{trained}{integer(runs.height)} results at {integer(runs['params'].n_unique())} sizes"


def _distinct(study: Study, column: str) -> int:
    return len(_words(study, column))


def _words(study: Study, column: str) -> list[str]:
    """The different texts of a column among the runs that were used."""
    runs = study.used
    found = runs[column].drop_nulls().unique().to_list() if column in runs.columns else []
    return sorted(map(str, found))


def sizes(column: str) -> Answer:
    """Smallest and largest value of a column that a study may be fitted on."""

    def answer(ctx: Context, study: Study) -> str:
        low, high, _ = study.ends(column)
        return UNKNOWN if low is None or high is None else between(count(low), count(high))

    return answer


def words(column: str) -> Answer:
    """The texts of a column where the source is published, their number where it is not."""

    def answer(ctx: Context, study: Study) -> str:
        found = _words(study, column)
        if len(found) > MOST_WORDS or (found and not _source(ctx, study)):
            return f"{len(found)} different"
        return ", ".join(map(clean, found)) or UNKNOWN

    return answer


def runs(ctx: Context, study: Study) -> str:
    return clean(_source(ctx, study).get("title") or "") or UNKNOWN


def repeats(ctx: Context, study: Study) -> str:
    low, high = _ends(study, "epochs")
    if low is None or high is None:
        return UNKNOWN
    return f"{between(f'{low:.3g}', f'{high:.3g}')} epochs" if low < high else f"{low:.3g} epochs"


def _ends(study: Study, column: str) -> tuple[float | None, float | None]:
    used = study.used
    if column not in used.columns or not used[column].count():
        return None, None
    return as_number(used[column].min()), as_number(used[column].max())


def counted(ctx: Context, study: Study) -> str:
    """Which N is meant: what the fit read, and what other counts the table has."""
    others = [
        name.removeprefix("params_").replace("_", "-")
        for name in ("params_non_embedding", "params_active")
        if _ends(study, name)[0] is not None
    ]
    also = f"; the table has {' and '.join(others)} ones too" if others else ""
    return f"total parameters, as the source counts them{also}"


def compute(ctx: Context, study: Study) -> str:
    return ", ".join(_words(study, "flops_method")) or "not recorded; 6ND where a figure needs it"


def hyperparameters(ctx: Context, study: Study) -> str:
    """Ranges of what the table has; the rest is named as lacking."""
    names = ("lr", "batch_tokens", "batch_size", "width", "depth", "context")
    ends = {name: _ends(study, name) for name in names}
    stated = [
        f"{name} {between(f'{low:.3g}', f'{high:.3g}') if low < high else f'{low:.3g}'}"
        for name, (low, high) in ends.items()
        if low is not None and high is not None
    ]
    lacking = [name for name, (low, _) in ends.items() if low is None]
    return "; ".join([*stated, *([f"{UNKNOWN}: {', '.join(lacking)}"] if lacking else [])])


def schedule(ctx: Context, study: Study) -> str:
    return _shares(study, "schedule_complete")


def _shares(study: Study, column: str) -> str:
    """How many results have each value of a column with few values."""
    used = study.used
    if column not in used.columns or not used.height:
        return UNKNOWN
    counts = used[column].fill_null(UNKNOWN).value_counts().sort(column).rows()
    return "; ".join(f"{value}: {integer(rows)}" for value, rows in counts)


# Data --------------------------------------------------------------------------------------------


def metric(ctx: Context, study: Study) -> str:
    return f"{study.metric}, in {study.unit}"


def points(ctx: Context, study: Study) -> str:
    return _by_fit(study, lambda fit: f"{integer(fit.rows)} results")


def checkpoints(ctx: Context, study: Study) -> str:
    trained = _distinct(study, "run")
    each = f"{study.used.height / trained:.3g} a run; " if trained else ""
    return each + _shares(study, "checkpoint")


def changed(ctx: Context, study: Study) -> str:
    notes = as_list(_source(ctx, study).get("changed"))
    return " ".join(clean(str(note)) for note in notes) or UNKNOWN


def excluded(ctx: Context, study: Study) -> str:
    rules = study.record.excluded
    return "; ".join(f"{rule.rows} rows: {rule.reason}" for rule in rules) or "none"


# Fitting -----------------------------------------------------------------------------------------


def objective(ctx: Context, study: Study) -> str:
    return _by_fit(study, lambda fit: fit.objective_name or UNKNOWN)


def algorithm(ctx: Context, study: Study) -> str:
    def text(law: Law) -> str:
        if law.estimate is not None:
            return "the law's own procedure, in its file"
        first = "variable projection over a grid of exponents" if law.linear else "a grid"
        return f"{first}, then Newton steps in a trust region"

    return _by_law(study, text)


def settings(ctx: Context, study: Study) -> str:
    given = as_map(ctx.inputs.params.get("fit"))
    stated = [f"{name} {value:g}" for name, value in given.items() if as_number(value) is not None]
    seed = ctx.inputs.params.get("seed")
    return "; ".join([*stated, *([] if seed is None else [f"seed {seed}"])]) or UNKNOWN


def search(ctx: Context, study: Study) -> str:
    def text(fit: FitRecord) -> str:
        starts, agree = fit.certificate.starts, fit.certificate.starts_agreeing
        if not starts:
            return UNKNOWN
        return f"{starts} starts" + ("" if math.isnan(agree) else f", {agree:.0%} agree")

    return _by_fit(study, text)


def outcome(ctx: Context, study: Study) -> str:
    return _by_fit(study, lambda fit: fit.outcome or UNKNOWN)


def without(ctx: Context, study: Study) -> str:
    """What was fitted again without a rule."""
    lifted = {one.reason: one.rows for one in study.record.without_exclusions}
    texts = [f"refitted to all {rows} rows (without: {reason})" for reason, rows in lifted.items()]
    return "; ".join(texts) or ("not done" if study.record.excluded else "all used")


def uncertainty(ctx: Context, study: Study) -> str:
    def text(fit: FitRecord) -> str:
        used = fit.resampling
        if used is None:
            return UNKNOWN
        return (
            f"{used.resamples} resamples ({used.method}), "
            f"{used.clusters} clusters by {used.cluster}"
        )

    return _by_fit(study, text)


def goodness(ctx: Context, study: Study) -> str:
    def text(fit: FitRecord) -> str:
        scale, aicc = (as_number(getattr(fit.criteria, name, None)) for name in ("scale", "aicc"))
        parts = [] if scale is None else [f"scale of residuals {percent(scale)}"]
        return ", ".join([*parts, *([] if aicc is None else [f"AICc {aicc:.1f}"])]) or UNKNOWN

    return _by_fit(study, text)


def extrapolation(ctx: Context, study: Study) -> str:
    backtest = as_map(ctx.inputs.backtests.get(study.name))
    for row in as_list(backtest.get("methods")):
        line = as_map(row)
        if line.get("method") == "ensemble" and line.get("low") is None:
            return (
                f"{line['forecasts']} larger runs forecast from smaller ones: mean error "
                f"{100 * line['error']:.2f} %, {100 * line['in90']:.0f} % in the 90 % interval"
            )
    return str(backtest.get("reason") or UNKNOWN)
