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
    Resamples,
    Seed,
    Table,
    Target,
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
    as_json: Json = False,
) -> None:
    """Estimate compute-optimal exponents by every approach that the table allows."""
    from scaling import laws
    from scaling.analysis.optimum import exponents as answer
    from scaling.analysis.optimum import largest_budget
    from scaling.cli.commands._table import read
    from scaling.forecasting.model_surface import refuse_rising
    from scaling.forecasting.stored_model import model_of_runs

    given = read(runs, maps).of_metric(metric, target)
    given = given.with_budgets(budget_column, laws.load().values())
    with given.placed(), working("Comparing approaches", quiet=as_json):
        model = model_of_runs(given.frame, target).fit()
        if model is not None:
            refuse_rising(model)
        flops = largest_budget(given.frame) if budget is None else budget
        table = answer(
            given.frame,
            budget=flops,
            target=target,
            resamples=resamples,
            seed=seed,
            mixed=mixed or (),
            model=model,
        )
    if as_json:
        print_json({"budget": flops, "exponents": table.to_dicts()})
        return
    from scaling.cli.display.fits import show_exponents

    show_exponents(table, flops, "the largest of the table" if budget is None else "--budget")
