"""The plans about what is not known yet: next runs, downstream goals, comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import Json, Level
from scaling.cli.commands._plan_common import (
    LawName,
    Maps,
    Metric,
    Resamples,
    Runs,
    Study,
    planning,
    sheet_of,
    show,
)
from scaling.errors import InputError, placed


def next_runs(
    study: Study = None,
    budget: Annotated[float, typer.Option(help="FLOP of all next runs together.")] = 0.0,
    params: Annotated[float | None, typer.Option(help="Target: params ...")] = None,
    tokens: Annotated[float | None, typer.Option(help="... and tokens,")] = None,
    flops: Annotated[
        float | None, typer.Option(help="or: the compute-optimal run of this compute.")
    ] = None,
    narrow: Annotated[
        float | None, typer.Option(help="Stop at this width of the interval, a share of the loss.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="How often one size may be trained.")] = 2,
    most: Annotated[int, typer.Option(help="Runs at most.")] = 40,
    holds: Annotated[
        float | None,
        typer.Option(help="Probability that the law holds; else the runs tell. 1 trusts the law."),
    ] = None,
    doubt: Annotated[
        float, typer.Option(help="Error of a law that does not hold, in sds of noise.")
    ] = 100.0,
    runs: Runs = None,
    law: LawName = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Which runs to train next so that a forecast narrows the most."""
    from scaling.plan.next_runs import recommend
    from scaling.plan.stored import with_runs

    sheet = sheet_of(study, runs, metric, maps, planning(law), resamples)
    sheet = sheet if study is None else with_runs(sheet)
    made = recommend(
        sheet,
        budget=budget,
        params=params,
        tokens=tokens,
        flops=flops,
        narrow=narrow,
        law=law,
        repeats=repeats,
        most=most,
        holds=holds,
        doubt=doubt,
        level=level,
    )
    show(made, as_json)


def target(
    accuracy: Annotated[float, typer.Option(help="Goal, as a share.")],
    runs: Annotated[
        Path, typer.Option(help="Table with params, tokens, task_loss and the accuracy.")
    ],
    column: Annotated[str, typer.Option(help="Column of the accuracy.")] = "accuracy",
    flops: Annotated[
        float | None, typer.Option(help="Also the probability with this compute.")
    ] = None,
    scatter: Annotated[
        float, typer.Option(help="How far single tasks lie off the law, a share of the accuracy.")
    ] = 0.02,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """The run that reaches a downstream goal, and how likely, by way of the task loss."""
    from scaling.cli.commands._table import read
    from scaling.plan import stored
    from scaling.plan.downstream import LAW
    from scaling.plan.downstream import target as plan

    given = read(runs, maps)
    with given.placed():
        sheet = stored.fitted(
            given.frame, (LAW,), label=runs.name, resamples=resamples, target=column
        )
    show(plan(sheet, accuracy=accuracy, flops=flops, scatter=scatter, level=level), as_json)


def compare(
    runs: Annotated[Path, typer.Option(help="Table of the runs of both.")],
    by: Annotated[str, typer.Option(help="Column that names the intervention.")],
    a: Annotated[str, typer.Option("--a", help="Its value for A.")],
    b: Annotated[str, typer.Option("--b", help="Its value for B.")],
    flops: Annotated[float | None, typer.Option(help="Scale: compute, each its own best.")] = None,
    params: Annotated[float | None, typer.Option(help="Or: params ...")] = None,
    tokens: Annotated[float | None, typer.Option(help="... and tokens.")] = None,
    sure: Annotated[float, typer.Option(help="Confidence of the smallest study.")] = 0.95,
    law: Annotated[str, typer.Option(help="Law of both.")] = "chinchilla",
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Is A better than B at scale: probability, crossing, and the study that could tell."""
    from scaling.cli.commands._table import read
    from scaling.fitting.data import positive
    from scaling.plan.comparison import compare as plan
    from scaling.plan.comparison import pair

    given = read(runs, maps).of_metric(metric, "loss")
    given.require(by)
    sides = [given.kept(given.frame[by].cast(str) == value) for value in (a, b)]
    for value, side in zip((a, b), sides, strict=True):
        if side.frame.is_empty():
            known = ", ".join(sorted(set(given.frame[by].drop_nulls().cast(str)))[:10])
            raise InputError("no run of it", file=runs, column=by, value=value, allowed=known)
        with side.placed():  # here, for what follows puts the rows in another order
            for name in ("params", "tokens", "loss"):
                positive(side.frame, name)
    with placed(runs, names=given.names):
        found = pair(sides[0].frame, sides[1].frame, (a, b), law=law, resamples=resamples)
    show(plan(found, flops=flops, params=params, tokens=tokens, sure=sure, level=level), as_json)


def add(group: typer.Typer) -> None:
    """Add the commands to the group."""
    group.command("next")(next_runs)
    group.command()(target)
    group.command()(compare)
