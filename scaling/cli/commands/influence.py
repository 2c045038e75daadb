"""Which runs carry a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    import polars as pl

    from scaling.cli.commands._table import Given

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
        table = _named(table, given)
    if as_json:
        print_json({"law": law, "outcome": str(made.outcome), "influence": table.to_dicts()})
        return
    from scaling.cli.display.diagnostics import show_influence

    show_influence(made, table)


def _named(table: pl.DataFrame, given: Given) -> pl.DataFrame:
    """The table with rows as the file counts them, where no column names runs, and with the names
    that another column of the file may give them."""
    if "row" not in table.columns:
        return table
    import polars as pl

    texts = given.frame.select(pl.selectors.string())
    named = [one for one in texts if one.n_unique() == texts.height and not one.null_count()]
    places = [row - 1 for row in table["row"]]
    rows = table.with_columns(row=pl.Series([given.rows[place] for place in places]))
    return rows.insert_column(0, named[0][places].alias("run")) if named else rows
