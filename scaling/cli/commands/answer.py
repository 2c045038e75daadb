"""Commands that answer a question from a table of runs, with intervals from the draws."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scaling.cli.commands._options import ASK, Json, Maps, Metric, Mixed, Table

Resamples = Annotated[int, typer.Option(min=0, help="For intervals; 0 for none.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (exponents, returns):
        app.command(rich_help_panel=ASK)(command)


def exponents(
    runs: Table,
    budget: Annotated[
        float | None, typer.Option(help="FLOP at which N* and D* are given; default: the largest.")
    ] = None,
    maps: Maps = None,
    metric: Metric = None,
    target: Annotated[str, typer.Option(help="Column to explain.")] = "loss",
    mixed: Mixed = None,
    resamples: Resamples = 300,
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Compute-optimal exponents by every approach that the table allows, side by side."""
    from scaling.analysis.optimum import exponents as answer
    from scaling.cli.commands._table import read

    given = read(runs, maps).of_metric(metric, target)
    with given.placed():
        table = answer(
            given.frame,
            budget=budget,
            target=target,
            resamples=resamples,
            seed=seed,
            mixed=mixed or (),
        )
    if as_json:
        _print_json({"exponents": table.to_dicts()})
        return
    from scaling.cli.display.fits import show_exponents

    show_exponents(table)


def returns(
    runs: Table,
    params: Annotated[float, typer.Option(help="Params of the planned run.")],
    tokens: Annotated[float, typer.Option(help="Tokens of the planned run.")],
    law: Annotated[str, typer.Option(help="A law in params and tokens.")] = "chinchilla",
    step: Annotated[float, typer.Option(help="Step of the loss whose price is asked.")] = 0.01,
    maps: Maps = None,
    metric: Metric = None,
    target: Annotated[str, typer.Option(help="Column to explain.")] = "loss",
    mixed: Mixed = None,
    resamples: Resamples = 300,
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Diminishing returns at a planned run: gain of doubling, price of a step, distance to E."""
    from scaling.analysis.returns import diminishing_returns
    from scaling.cli.commands._table import read
    from scaling.fitting.engine import fit

    given = read(runs, maps).of_metric(metric, target)
    choices: dict[str, Any] = {"resamples": resamples, "seed": seed, "mixed": mixed or ()}
    with given.placed():
        made = fit(given.frame, law, target=target, **choices)
        found = diminishing_returns(made, params, tokens, step=step)
    if as_json:
        _print_json({name: vars(one) for name, one in found.items()})
        return
    from scaling.cli.display.fits import show_intervals

    title = f"{made.law.title} at {params:.4g} params and {tokens:.4g} tokens"
    show_intervals(title, found)


def _print_json(value: dict[str, Any]) -> None:
    from scaling.io.json_files import json_text

    typer.echo(json_text(value), nl=False)
