"""Compare laws on a table."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import (
    JUDGE,
    Json,
    Maps,
    Open,
    Plot,
    Table,
    Target,
    draw,
    print_json,
    working,
)
from scaling.errors import InputError

PANEL = JUDGE


def compare(
    runs: Table,
    law: Annotated[
        list[str] | None,
        typer.Option(help="Law family; repeat. Default: the usual ones that the columns allow."),
    ] = None,
    maps: Maps = None,
    target: Target = "loss",
    by: Annotated[
        str | None,
        typer.Option(help="Also predict the runs of each value of this column from the others."),
    ] = None,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Compare laws: AIC, AICc, BIC, and errors beyond the compute they were fitted on."""
    from scaling.cli.commands._table import read
    from scaling.fitting.diagnostics.comparison import comparison

    given = read(runs, maps).with_target(target)
    try:
        with given.placed(), working("Comparing laws", quiet=as_json):
            made = comparison(given.frame, law, target, by)
    except InputError as error:
        raise error if error.hint else error.hinted("Name columns with --map.") from error
    if as_json:
        print_json(made.to_dict())
    else:
        from scaling.cli.display.diagnostics import show_comparison

        show_comparison(made.to_dict())
    draw(made, plot, opened)
