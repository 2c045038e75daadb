"""What the plans share: options, the fits to plan with, printing."""

from __future__ import annotations

from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.cli.commands._options import draw, print_json, working
from scaling.errors import InputError

if TYPE_CHECKING:
    from scaling.plan.answer import Answer
    from scaling.plan.stored import Sheet

Study = Annotated[
    str | None,
    typer.Argument(
        help="A study with stored fits, or a paper's constants: published:LAW, "
        "published:LAW:PAPER or published:PAPER; `scaling laws` lists them."
    ),
]
Runs = Annotated[
    Path | None,
    typer.Option(help="Table of runs, or a study's name: fit now, instead of its stored fits."),
]
LawName = Annotated[str | None, typer.Option("--law", help="Law to plan with.")]


def planning(law: str | None = None, *, exponents: bool = False) -> tuple[str, ...]:
    """See `scaling.laws.planning`."""
    from scaling import laws

    return laws.planning(law, exponents=exponents)


def sheet_of(
    study: str | None,
    runs: Path | None,
    metric: str | None,
    maps: list[str] | None,
    names: tuple[str, ...],
    resamples: int,
) -> Sheet:
    """The fits to plan with: a study's stored ones, or those of a table, fitted now."""
    from scaling.plan import stored

    if (study is None) == (runs is None):
        raise InputError(
            "give a study or a table",
            value=study,
            allowed="a study, published:LAW or published:PAPER, or --runs FILE",
        )
    if study is not None:
        from scaling.api.plan import of_study

        return of_study(study)
    assert runs is not None
    from scaling.cli.commands._table import read

    given = read(runs, maps).of_metric(metric, "loss")
    with given.placed(), working(f"Fitting {runs}"):
        return stored.fitted(
            given.frame, names, label=runs.name, resamples=resamples, units=given.units
        )


def show(answer: Answer, as_json: bool, plot: Path | None = None, opened: bool = False) -> None:
    """Print an answer, and draw it where that is asked for."""
    if as_json:
        print_json(answer.to_dict())
    else:
        from scaling.plan.answer import text

        typer.echo(text(answer, get_terminal_size().columns))
    draw(answer, plot, opened)
