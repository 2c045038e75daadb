"""Fit one law to a table."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._options import TABLE, Maps, Metric, Seed, Table, Target, remark, working


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(rich_help_panel=TABLE)(fit)


def fit(
    runs: Table,
    law: Annotated[str, typer.Option(help="Law family; `scaling laws` lists them.")],
    maps: Maps = None,
    metric: Metric = None,
    target: Target = "loss",
    mixed: Annotated[
        list[str] | None,
        typer.Option(help="Column that may mix conventions (metric, schedule_complete, ...)."),
    ] = None,
    resamples: Annotated[int, typer.Option(help="For standard errors; 0 for none.")] = 1000,
    cluster: Annotated[
        str | None, typer.Option(help="Column resampled as one; 'row' for single rows.")
    ] = None,
    seed: Seed = 0,
    check: Annotated[bool, typer.Option(help="Solve once more with SciPy.")] = False,
    profile: Annotated[
        bool, typer.Option(help="Profile intervals too: a parameter without an end is not known.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit one law to a table of runs."""
    from scaling import laws
    from scaling.cli.commands._table import read
    from scaling.fitting.engine import fit as run

    family = laws.get(law)
    table = read(runs, maps).of_metric(metric, target)
    remark(table.repeated())
    with table.placed(), working(f"Fitting {law}, {resamples} resamples", quiet=as_json):
        made = run(
            table.frame,
            family,
            target=target,
            resamples=resamples,
            cluster=cluster,
            seed=seed,
            check=check,
            profile=profile,
            mixed=mixed or (),
        )
    if as_json:
        from scaling.io.json_files import json_text

        typer.echo(json_text(made.to_dict()), nl=False)
        return
    from scaling.cli.display.fits import show_fit

    show_fit(made)
