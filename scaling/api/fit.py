"""`scaling.fit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from scaling import laws
from scaling.api._table import ask, ask_beside
from scaling.errors import InputError
from scaling.fitting.applicability import default_law
from scaling.fitting.engine import fit as run
from scaling.fitting.result import Fit
from scaling.fitting.solver.objective import Objective
from scaling.fitting.solver.space import Box, Prior
from scaling.forecasting.partial import STANDARD_ERROR, law_scatter, offer, with_partial
from scaling.frames import Table
from scaling.laws._law import Law


def fit(
    runs: Table,
    law: str | Law | None = None,
    *,
    target: str = "loss",
    metric: str | None = None,
    resamples: int = 1000,
    cluster: str | None = None,
    seed: int = 0,
    inputs: Mapping[str, str] | None = None,
    objective: Objective | None = None,
    weights: str | None = None,
    fixed: Mapping[str, float] | None = None,
    tied: Mapping[str, str] | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    priors: Mapping[str, Prior | Box] | None = None,
    start: Mapping[str, float] | None = None,
    check: bool = False,
    profile: bool = False,
    method: Literal["auto", "pairs", "wild"] = "auto",
    mixed: Sequence[str] = (),
    without_diverged: bool = False,
    partial: Table = None,
    schedule: str | None = None,
    budget_column: str | None = None,
) -> Fit:
    """Fit a law to a table of runs, as ``scaling fit`` does.

    Args:
        runs: one row a result: a polars, pandas or pyarrow table, a dict of columns, or the path of
            a file. Columns are named as the law's inputs, or mapped by ``inputs``; counts may be
            written as 7B. Rows without the target are left out, and ``notes`` says how many.
        law: name of a law, or a `Law`; None for the first that the table can feed, which ``notes``
            names.
        target: column to explain, positive.
        metric: keep only the rows of this metric, whose numbers are in the column ``value``.
        resamples: bootstrap resamples; 0 gives no standard errors and no intervals.
        cluster: column whose values are resampled together; "row" for single rows; None for the
            coarsest lineage column that the table has.
        seed: of the resamples; the same seed gives the same bytes.
        inputs: law input -> column, also with its unit: ``{"params": "size:M"}``.
        objective: default Huber on the law's own scale, summed: log residuals with delta 1e-3
            unless the law says otherwise.
        weights: column of standard errors of the target; each row counts by 1/se^2, scaled to
            mean 1. For the binomial objective a column of trial counts, used as it stands.
        fixed, tied, bounds, priors: see `scaling.fitting.solver.space.Space`.
        start: begin at these parameters alone instead of searching.
        check: solve once more with SciPy and put its objective into the certificate.
        profile: put profile-likelihood intervals into the certificate; a parameter whose interval
            has no end is not identified.
        method: "pairs" refits resampled rows or clusters and stretches the draws for small
            samples; "wild" keeps the design and flips the clusters' residuals at random; "auto"
            is pairs by row and wild by cluster.
        mixed: columns that may hold several conventions in one fit, see
            `scaling.fitting.conventions`.
        without_diverged: leave out runs whose target turns NaN or infinite, or ends above its first
            value; ``notes`` names them.
        partial: curves of runs under way, which enter with their forecast end, as by ``--partial``
            of the command line (`scaling.forecasting.partial`); instead of ``weights``.
        schedule: of their learning rate, as of `scaling.forecast`.
        budget_column: column that names the compute budget of each row, for isoFLOP laws.

    Raises:
        InputError: unknown law, missing column, a value that no law can take, or rows of
            different conventions.
    """
    family = None if law is None else laws.get(law)
    asked = ask(runs, inputs=inputs, by_name=True)
    whole = asked.runs.of_metric(metric, target, sparse=True)
    if family is None:
        with whole.placed():
            family, note = default_law(whole.frame, target)
        whole.say(note)
    if partial is None:
        if schedule is not None:
            raise InputError("schedule is of partial", value=schedule, allowed="partial=CURVES")
        whole.say(offer(whole, target, "partial=CURVES"))
        given = whole.with_target(target)
    else:
        if weights is not None:
            raise InputError("partial brings its own weights", value=weights, allowed="one of them")
        scatter, weights = law_scatter(family, target, mixed), STANDARD_ERROR
        curves = ask_beside(partial, whole.say, inputs, by_name=True)
        of_one = curves.of_metric(metric, target)
        given = with_partial(whole, of_one, target, scatter, STANDARD_ERROR, schedule)
    given = given.without_diverged(target, without_diverged)
    given = given.with_budgets(budget_column, [family])
    given.say(given.repeated())
    with given.placed():
        made = run(
            given.frame, family, target=target, resamples=resamples, cluster=cluster, seed=seed,
            inputs=asked.inputs, objective=objective, weights=weights, fixed=fixed, tied=tied,
            bounds=bounds, priors=priors, start=start, check=check, profile=profile, method=method,
            mixed=mixed,
        )  # fmt: skip
    table = None if family.bind is None else given.frame
    return replace(made, notes=(*asked.notes, *made.notes), kind=asked.kind, table=table)
