"""How far a fit depends on choices."""

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


def sensitivity(
    runs: Table,
    law: OneLaw,
    exclude: Annotated[
        list[str] | None,
        typer.Option(help="SQL condition of rows to exclude; each is also lifted in turn; repeat."),
    ] = None,
    budget: Annotated[
        float, typer.Option(help="FLOP at which compute-optimal tokens per parameter are given.")
    ] = 5.76e23,
    at: Planned = None,
    cluster: Annotated[
        str | None, typer.Option(help="Column that clusters the standard errors.")
    ] = None,
    maps: Maps = None,
    target: Target = "loss",
    as_json: Json = False,
) -> None:
    """Show how much a fit depends on delta, loss space, exclusions and clusters."""
    from scaling.cli.commands._table import read
    from scaling.fitting.diagnostics.exclusions import Exclusion
    from scaling.fitting.diagnostics.sensitivity import panel

    given = read(runs, maps).with_target(target)
    targets = None if at is None else read(at, maps, optional=True).frame
    rules = [Exclusion(where) for where in exclude or ()]
    with given.placed(), working(f"Fitting {law} in many ways", quiet=as_json):
        table = panel(
            given.frame,
            law,
            rules=rules,
            target=target,
            cluster=cluster,
            budget=budget,
            targets=targets,
        )
    if as_json:
        print_json({"law": law, "budget": budget, "panel": table.to_dicts()})
        return
    from scaling.cli.display.diagnostics import show_panel

    show_panel(law, budget, table)
