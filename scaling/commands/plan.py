"""Commands that plan: what to train next, and what it will cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.errors import InputError

if TYPE_CHECKING:
    from scaling.plan.answer import Answer
    from scaling.plan.stored import Sheet

PANEL = "Plan"

Study = Annotated[
    str | None,
    typer.Argument(help="A study with stored fits, or published:LAW for a paper's constants."),
]
Runs = Annotated[Path | None, typer.Option(help="Fit this table now instead.")]
LawName = Annotated[str | None, typer.Option("--law", help="Law that answers.")]
Level = Annotated[float, typer.Option(help="Of the intervals.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Metric = Annotated[
    str | None, typer.Option(help="With --runs: keep the rows of this metric; `value` is the loss.")
]
Maps = Annotated[
    list[str] | None, typer.Option("--map", help="With --runs: NAME=COLUMN for params, tokens ...")
]
Resamples = Annotated[int, typer.Option(min=0, help="With --runs: for the intervals.")]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(no_args_is_help=True, help="What to train next, and what it will cost.")
    for command in (optimal,):
        group.command()(command)
    app.add_typer(group, name="plan", rich_help_panel=PANEL)


def optimal(
    study: Study = None,
    flops: Annotated[float | None, typer.Option(help="Training budget, FLOP in all.")] = None,
    loss: Annotated[float | None, typer.Option(help="Or: the loss to reach.")] = None,
    near: Annotated[float, typer.Option(help="Region within this share of the least loss.")] = 0.01,
    exact: Annotated[
        bool, typer.Option("--exact", help="Count attention, vocabulary and context, not 6ND.")
    ] = False,
    context: Annotated[float, typer.Option(help="With --exact: tokens of context.")] = 2048.0,
    vocabulary: Annotated[float, typer.Option(help="With --exact: entries.")] = 50304.0,
    usd_per_flop: Annotated[
        float | None, typer.Option(help="Price of a FLOP; `scaling plan cost` prints it.")
    ] = None,
    runs: Runs = None,
    law: LawName = None,
    metric: Metric = None,
    maps: Maps = None,
    resamples: Resamples = 300,
    level: Level = 0.9,
    as_json: Json = False,
) -> None:
    """Params and tokens for a training budget, or the least compute for a loss."""
    from scaling.plan.training import APPROACHES, SIX_ND
    from scaling.plan.training import optimal as plan

    count = SIX_ND
    if exact:
        from scaling.plan.counting import transformer_counting

        count = transformer_counting(context, vocabulary)
    sheet = sheet_of(study, runs, metric, maps, tuple(APPROACHES), resamples)
    show(
        plan(
            sheet,
            flops=flops,
            loss=loss,
            law=law,
            count=count,
            share=near,
            usd_per_flop=usd_per_flop,
            level=level,
        ),
        as_json,
    )


def sheet_of(
    study: str | None,
    runs: Path | None,
    metric: str | None,
    maps: list[str] | None,
    names: tuple[str, ...],
    resamples: int,
) -> Sheet:
    """The fits to plan with: a study's stored ones, or a table's made now."""
    from scaling.plan import stored

    if (study is None) == (runs is None):
        raise InputError(
            "give a study or a table",
            value=study,
            allowed="a study, published:LAW, or --runs FILE",
        )
    if study is not None:
        return stored.read(study)
    from scaling.cli import _of_metric, _read

    assert runs is not None
    frame = _of_metric(_read(runs, maps), metric, "loss", runs)
    try:
        return stored.fitted(frame, names, label=runs.name, resamples=resamples)
    except InputError as error:
        raise error.at(runs) from error


def show(answer: Answer, as_json: bool) -> None:
    """Print an answer."""
    if as_json:
        from scaling.pipeline.files import canonical

        typer.echo(canonical(answer.to_dict()), nl=False)
    else:
        from scaling.plan.show import text

        typer.echo(text(answer))
