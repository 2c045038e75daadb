"""Fit a law to a table."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import (
    TABLE,
    BudgetColumn,
    Json,
    Maps,
    Metric,
    Mixed,
    Open,
    Partial,
    Plot,
    Resamples,
    Schedule,
    Seed,
    Table,
    Target,
    WithoutDiverged,
    draw,
    print_json,
    remark,
    working,
)
from scaling.errors import InputError

PANEL = TABLE


def fit(
    runs: Table,
    law: Annotated[
        str | None,
        typer.Option(
            help="Law family, see `scaling laws`; by default the first of `scaling laws --for`."
        ),
    ] = None,
    maps: Maps = None,
    metric: Metric = None,
    target: Target = "loss",
    mixed: Mixed = None,
    resamples: Resamples = 1000,
    cluster: Annotated[
        str | None,
        typer.Option(help="Column whose rows are resampled together; 'row' for single rows."),
    ] = None,
    seed: Seed = 0,
    without_diverged: WithoutDiverged = False,
    partial: Partial = None,
    schedule: Schedule = None,
    budget_column: BudgetColumn = None,
    check: Annotated[bool, typer.Option(help="Check the optimum with SciPy.")] = False,
    profile: Annotated[
        bool,
        typer.Option(
            help="Add profile intervals, which are open for a parameter that is not identified."
        ),
    ] = False,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Fit a law to a table of runs."""
    from scaling import laws
    from scaling.cli.commands._table import read
    from scaling.fitting.applicability import default_law
    from scaling.fitting.engine import fit as run
    from scaling.forecasting.partial import STANDARD_ERROR, law_scatter, offer, with_partial

    family = None if law is None else laws.get(law)
    whole = read(runs, maps).of_metric(metric, target, sparse=True)
    if family is None:
        with whole.placed():
            family, note = default_law(whole.frame, target)
        remark(note)
    if partial is None:
        if schedule is not None:
            raise InputError(
                "--schedule is of --partial", value=schedule, allowed="--partial CURVES"
            )
        remark(offer(whole, target, "--partial CURVES"))
        table = whole.with_target(target)
    else:
        curves = read(partial, maps, optional=True).of_metric(metric, target)
        scatter = law_scatter(family, target, mixed or ())
        table = with_partial(whole, curves, target, scatter, STANDARD_ERROR, schedule)
    table = table.without_diverged(target, without_diverged)
    table = table.with_budgets(budget_column, [family])
    remark(table.repeated())
    with table.placed(), working(f"Fitting {family.name}, {resamples} resamples", quiet=as_json):
        made = run(
            table.frame,
            family,
            target=target,
            resamples=resamples,
            cluster=cluster,
            seed=seed,
            check=check,
            profile=profile,
            weights=None if partial is None else STANDARD_ERROR,
            mixed=mixed or (),
        )
    if as_json:
        print_json(made.to_dict())
    else:
        from scaling.cli.display.fits import show_fit

        show_fit(made)
    draw(made, plot, opened)
