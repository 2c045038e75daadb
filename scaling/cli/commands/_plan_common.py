"""What the plans' commands share: options, the fits to plan with, printing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.errors import InputError

if TYPE_CHECKING:
    from scaling.plan.answer import Answer
    from scaling.plan.stored import Sheet

Study = Annotated[
    str | None,
    typer.Argument(help="A study with stored fits, or published:LAW for a paper's constants."),
]
Runs = Annotated[Path | None, typer.Option(help="Fit this table now instead.")]
LawName = Annotated[str | None, typer.Option("--law", help="Law that answers.")]
Metric = Annotated[
    str | None, typer.Option(help="With --runs: keep the rows of this metric; `value` is the loss.")
]
Maps = Annotated[
    list[str] | None, typer.Option("--map", help="With --runs: NAME=COLUMN for params, tokens ...")
]
Resamples = Annotated[int, typer.Option(min=0, help="With --runs: for the intervals.")]


def planning(law: str | None = None, *, exponents: bool = False) -> tuple[str, ...]:
    """The laws that a table is fitted with for a plan: the one named, else those of that role, with
    ``exponents`` every approach to compute-optimal sizes."""
    from scaling import laws

    usual = list(laws.approaches()) if exponents else laws.of_role("plan")
    return tuple(usual if law is None or law in usual else [*usual, law])


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
        from scaling.record.versions.lookup import version

        sheet = stored.read(study)
        published = study.startswith("published:")
        return sheet if published else replace(sheet, version=version(Path(), study))
    assert runs is not None
    from scaling.cli.commands._table import read

    given = read(runs, maps).of_metric(metric, "loss")
    with given.placed():
        return stored.fitted(given.frame, names, label=runs.name, resamples=resamples)


def show(answer: Answer, as_json: bool) -> None:
    """Print an answer."""
    if as_json:
        from scaling.io.json_files import json_text

        typer.echo(json_text(answer.to_dict()), nl=False)
    else:
        from scaling.plan.answer import text

        typer.echo(text(answer))
