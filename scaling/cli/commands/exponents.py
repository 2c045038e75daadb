"""Compute-optimal exponents of a table, by every approach."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import (
    ASK,
    BudgetColumn,
    Json,
    Maps,
    Metric,
    Mixed,
    Open,
    Plot,
    Resamples,
    Seed,
    Table,
    Target,
    draw,
    print_json,
    working,
)

PANEL = ASK


def exponents(
    runs: Table,
    budget: Annotated[
        float | None, typer.Option(help="FLOP at which N* and D* are given. Default: the largest.")
    ] = None,
    maps: Maps = None,
    metric: Metric = None,
    target: Target = "loss",
    mixed: Mixed = None,
    resamples: Resamples = 300,
    seed: Seed = 0,
    budget_column: BudgetColumn = None,
    by: Annotated[
        str | None,
        typer.Option(help="Column of groups, such as architecture: compare their exponents."),
    ] = None,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Estimate compute-optimal exponents by every approach that the table allows."""
    from scaling import laws
    from scaling.api.exponents import of_given
    from scaling.cli.commands._table import read

    given = read(runs, maps).of_metric(metric, target)
    given = given.with_budgets(budget_column, laws.load().values())
    with working("Comparing approaches", quiet=as_json):
        table = of_given(given, budget, target, resamples, seed, mixed=mixed or (), by=by)
    if as_json:
        print_json(table.to_dict())
    else:
        from scaling.cli.display.fits import show_exponents

        largest = "the largest of the table" if by is None else "the largest that all groups reach"
        whose = largest if budget is None else "--budget"
        show_exponents(table, table.budget, whose)
    draw(table, plot, opened)
