"""``scaling govern --ask``: the facts of one run from a person or from options, and the answers."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scaling.errors import InputError, counted

if TYPE_CHECKING:
    from scaling.govern.interview import Interview

Ask = Annotated[
    bool,
    typer.Option(
        "--ask",
        help="Ask for the facts of one run, write them to the file of --runs, and answer. What you "
        "do not know stays unknown.",
    ),
]
Fact = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="An answer to --ask, for scripts: run=x, chips=100000, days=90, markets='EU;US', ...; "
        "repeat.",
    ),
]
FILE = Path("governance-run.csv")


def answered(runs: Path | None, facts: list[str], registry: Path, on: date) -> Path:
    """Ask what ``facts`` leave open, and write the runs file. Raises InputError."""
    from scaling.govern import interview
    from scaling.govern.registry import load

    path = runs or FILE
    if path.exists():
        raise InputError("is there already", file=path, hint="Name a new file with --runs.")
    known = interview.Interview(load(registry), on)
    for text in facts:
        name, sign, value = text.partition("=")
        if not sign or name.strip() in known.facts:
            problem = "is given twice" if sign else "is no fact"
            raise InputError(problem, column="--fact", value=text, allowed="NAME=VALUE, once")
        known.take(name.strip(), value)
    if sys.stdin.isatty():
        typer.echo("Press Enter where you do not know.")
        interview.ask(known, _prompt, lambda text: typer.echo(f"  {text}", err=True))
    interview.write(known, path)
    _say(known, path)
    return path


def _prompt(question: str) -> str:
    return str(typer.prompt(question, default="", show_default=False))


def _say(known: Interview, path: Path) -> None:
    typer.echo(f"Runs file: {path}")
    if unknown := known.unknown():
        typer.echo(f"Kept as unknown: {', '.join(unknown)}. --fact NAME=VALUE states one.")


def show_answers(out: Path) -> None:
    """Each rule with its verdict, the figures, what was not stated, and the last day of a clock."""
    import polars as pl

    from scaling.govern.crossings import NOT_APPLICABLE

    rows = pl.read_csv(out / "crossings.csv", infer_schema=False)
    applies = rows.filter(pl.col("verdict") != NOT_APPLICABLE)
    for row in applies.to_dicts():
        typer.echo(_answer(row))
    if left := rows.height - applies.height:
        typer.echo(f"{counted(left, 'rule')} not applicable: {out / 'crossings.csv'}")


def _answer(row: dict[str, str]) -> str:
    """One rule in a line."""
    from scaling.document.format import scientific

    limit = f"{row['comparator']} {scientific(float(row['threshold']))} {row['unit']}"
    central = scientific(float(row["central"])) if row["central"] else "a figure not stated"
    text = f"{row['rule']}: {row['verdict']} ({central} against {limit})"
    lacking = ", ".join(row[one] for one in ("missing", "notify_missing") if row[one])
    text += f"; not stated: {lacking}" if lacking else ""
    return text + (f"; last day to act {row['notify_by']}" if row["notify_by"] else "")
