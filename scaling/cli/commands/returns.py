"""Diminishing returns at a planned run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scaling.cli.commands._options import (
    ASK,
    PARAMS,
    TOKENS,
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


def returns(
    runs: Table,
    params: Annotated[float, typer.Option(parser=PARAMS, help="Params of the planned run.")],
    tokens: Annotated[float, typer.Option(parser=TOKENS, help="Tokens of the planned run.")],
    law: Annotated[
        str | None,
        typer.Option(help="One law in params and tokens, beside the study's model."),
    ] = None,
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
    import polars as pl

    from scaling.analysis.returns import diminishing_returns
    from scaling.cli.commands._table import read
    from scaling.fitting.engine import fit
    from scaling.fitting.result import Fit
    from scaling.forecasting.distance import distance
    from scaling.forecasting.stored_model import fit_of_model

    given = read(runs, maps).of_metric(metric, target)
    choices: dict[str, Any] = {"resamples": resamples, "seed": seed, "mixed": mixed or ()}
    with given.placed(), working("Fitting the model", quiet=as_json):
        made: list[Fit] = [fit_of_model(given.frame, target, mixed or ())]
        if law is not None:
            made.insert(0, fit(given.frame, law, target=target, **choices))
        found = [diminishing_returns(one, params, tokens, step=step) for one in made]
    planned = pl.DataFrame({"params": [params], "tokens": [tokens]})
    far = distance(given.frame, planned, ("params", "tokens"))
    if as_json:
        figures = [{name: vars(one) for name, one in each.items()} for each in found]
        ended = {"outcome": str(made[0].outcome), "caveats": list(made[0].caveats)}
        facts = {"law": made[0].law.name, **figures[0], "fit": ended, "model": figures[-1]}
        print_json({**facts, "distance": far.to_dicts()[0], "notes": far.warnings()})
        return
    from scaling.cli.display.fits import show_intervals

    loss = made[-1].target_unit or "the target's"
    units = {
        "loss": loss,
        "gain_of_doubling": f"{loss} lower, for twice the FLOP",
        "compute_for_step": f"times the FLOP, for {step:g} lower",
        "above_limit": f"{loss} above the limit of the law",
    }
    for one, each in zip(made, found, strict=True):
        title = f"{one.law.title} at {params:.4g} params and {tokens:.4g} tokens"
        show_intervals(title, each, one, units)
    typer.echo(f"Decades outside the runs: {', '.join(far.words()[0])}.")
    for warning in far.warnings():
        typer.echo(warning)
