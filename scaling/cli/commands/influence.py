"""Which runs carry a fit."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import (
    JUDGE,
    Json,
    Maps,
    OneLaw,
    Planned,
    Table,
    Target,
    print_json,
    working,
)

PANEL = JUDGE


def influence(
    runs: Table,
    law: OneLaw,
    top: Annotated[int, typer.Option(min=1, help="Number of runs to show.")] = 10,
    by: Annotated[
        str | None, typer.Option(help="Leave out each value of this column instead of each run.")
    ] = None,
    at: Planned = None,
    maps: Maps = None,
    target: Target = "loss",
    as_json: Json = False,
) -> None:
    """Show how much each run influences a fit: what leaving it out does."""
    from scaling.cli.commands._table import read
    from scaling.fitting.diagnostics.influence import influence_table
    from scaling.fitting.engine import prepare, solve

    given = read(runs, maps).with_target(target)
    targets = None if at is None else read(at, maps, optional=True).frame
    with given.placed(), working(f"Fitting {law} without each run", quiet=as_json):
        problem = prepare(given.frame, law, target=target)
        made, _ = solve(problem, target)
        table = influence_table(given.frame, problem, made, by=by, targets=targets).head(top)
    if as_json:
        print_json({"law": law, "outcome": str(made.outcome), "influence": table.to_dicts()})
        return
    from scaling.cli.display.diagnostics import show_influence

    show_influence(made, table)
