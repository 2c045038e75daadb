"""Diminishing returns at a planned run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scaling.cli.commands._options import (
    ASK,
    Json,
    Maps,
    Metric,
    Mixed,
    Resamples,
    Seed,
    Table,
    Target,
    print_json,
)

PANEL = ASK


def returns(
    runs: Table,
    params: Annotated[float, typer.Option(help="Params of the planned run.")],
    tokens: Annotated[float, typer.Option(help="Tokens of the planned run.")],
    law: Annotated[str, typer.Option(help="Law family in params and tokens.")] = "chinchilla",
    step: Annotated[float, typer.Option(help="Step of the loss whose cost is computed.")] = 0.01,
    maps: Maps = None,
    metric: Metric = None,
    target: Target = "loss",
    mixed: Mixed = None,
    resamples: Resamples = 300,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Diminishing returns at a planned run: gain of doubling, cost of a step, distance to E."""
    from scaling.analysis.returns import diminishing_returns
    from scaling.cli.commands._table import read
    from scaling.fitting.engine import fit

    given = read(runs, maps).of_metric(metric, target)
    choices: dict[str, Any] = {"resamples": resamples, "seed": seed, "mixed": mixed or ()}
    with given.placed():
        made = fit(given.frame, law, target=target, **choices)
        found = diminishing_returns(made, params, tokens, step=step)
    if as_json:
        told = {"law": made.law.name, "outcome": str(made.outcome), "caveats": list(made.caveats)}
        print_json({name: vars(one) for name, one in found.items()} | {"fit": told})
        return
    from scaling.cli.display.fits import show_intervals

    title = f"{made.law.title} at {params:.4g} params and {tokens:.4g} tokens"
    show_intervals(title, found, made)
