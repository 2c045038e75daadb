"""What verbs share: the panels of ``scaling --help`` in their order, options, and printing."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from scaling.cli import exit_codes
from scaling.errors import InputError, as_text

PIPELINE = "Run the pipeline"
TABLE = "Fit and forecast your own table"
ASK = "Analyse a table of runs"
JUDGE = "Check a fit"
PLAN = "Plan"
TRUST = "Publish and verify"
GOVERN = "Compute governance"
LOOK = "Look up laws and data"
PANELS = (PIPELINE, TABLE, ASK, JUDGE, PLAN, TRUST, GOVERN, LOOK)


def counted(ours: str, option: str) -> Callable[[str], float]:
    """The parser of an option that is a value of the column ``ours``: 8e9, 8B, 30:1."""

    def parse(text: str) -> float:
        from scaling.runs.counts import count

        try:
            return count(text, ours, place=option)
        except InputError as error:
            # Typer would fold a ValueError into a frame of its own.
            typer.echo(f"Error: {error}", err=True)
            raise typer.Exit(exit_codes.BAD_INPUT) from error

    return parse


PARAMS, TOKENS = counted("params", "--params"), counted("tokens", "--tokens")
FLOPS = counted("flops", "--flops")
LIKE_PARAMS = counted("params", "--like-params")
# Tokens of a model's use, or of a sequence, may be few.
READ, WRITE = counted("context", "--read"), counted("context", "--write")
CONTEXT, VOCABULARY = counted("context", "--context"), counted("context", "--vocabulary")

Table = Annotated[
    Path,
    typer.Argument(help="CSV, Parquet or JSONL, one row per run or result; or a study's name."),
]
Maps = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        help="NAME=COLUMN[:UNIT]: the column that holds params, tokens, ..., and its unit (M, B; 1 "
        "for none; perplexity of a loss); repeat.",
    ),
]
Metric = Annotated[
    str | None, typer.Option(help="Keep only the rows of this metric; `value` holds the numbers.")
]
Target = Annotated[str, typer.Option(help="Column to predict.")]
Score = Annotated[str, typer.Option(help="Column of the score or quantity.")]
Scale = Annotated[str, typer.Option(help="Column of the scale: flops, params, ...")]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", help="Input column, numbers or groups; repeat for more."),
]
Mixed = Annotated[
    list[str] | None,
    typer.Option(help="Column that may mix conventions (metric, schedule_complete, ...); repeat."),
]
Planned = Annotated[
    Path | None, typer.Option(help="Table of planned runs whose predictions are shown too.")
]
WithoutDiverged = Annotated[
    bool,
    typer.Option(
        "--without-diverged",
        help="Leave out runs whose target turns NaN or infinite, or ends above its first value.",
    ),
]
BudgetColumn = Annotated[
    str | None,
    typer.Option(
        help="Column that names the compute budget of each row, for isoFLOP laws. Default: rows "
        "whose compute agrees."
    ),
]
OneLaw = Annotated[str, typer.Option(help="Law family; `scaling laws` lists them.")]
Level = Annotated[float, typer.Option(help="Probability of the intervals.")]
Resamples = Annotated[
    int, typer.Option(min=0, help="Bootstrap resamples, for intervals; 0 for none.")
]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.")]
Registry = Annotated[Path, typer.Option(help="Folder of the threshold registry.")]
Secret = Annotated[Path | None, typer.Option(help="File that holds the edition's secret.")]
Certificate = Annotated[
    Path | None,
    typer.Option(
        help="Root certificate (PEM) that verifies timestamps. Default: "
        "audit.timestamps.certificate of params.yaml."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def day_of(text: str | None, option: str, default: date) -> date:
    """A day given on the command line. Raises InputError."""
    try:
        return default if text is None else date.fromisoformat(text)
    except ValueError:
        allowed = "YYYY-MM-DD"
        raise InputError("is not a date", column=option, value=text, allowed=allowed) from None


def print_json(value: object) -> None:
    """Print a value as JSON; days and times as ISO 8601."""
    from scaling.io.json_files import json_text

    typer.echo(json_text(_dated(value)), nl=False)


def _dated(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _dated(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_dated(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value


def answer(as_json: bool, facts: Mapping[str, Any], lines: Iterable[str]) -> None:
    """Print the facts as JSON, or what a person reads of them, a line each."""
    if as_json:
        print_json(facts)
        return
    for line in lines:
        typer.echo(line)


def print_finding(found: Any, as_json: bool) -> None:
    """Print what an analysis found: its sentence, or all of it as JSON."""
    if as_json:
        facts = asdict(found) | {"sentence": found.sentence}
        lists = {key: one.tolist() for key, one in facts.items() if hasattr(one, "tolist")}
        print_json(facts | lists)
    else:
        typer.echo(found.sentence)
        typer.echo("A test of these columns alone; it reads neither a law nor the study's model.")


def remark(text: str | None) -> None:
    """A remark on standard error."""
    if text:
        typer.echo(text, err=True)


@contextlib.contextmanager
def working(text: str, *, quiet: bool = False) -> Iterator[None]:
    """What long work does, how far it is and how long it has taken, on a terminal's standard error;
    nothing when piped, or with ``quiet``."""
    # The stream itself: what `main` puts in its place shows a terminal's commands as text.
    stream = sys.__stderr__
    if quiet or stream is None or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from scaling.io.progress import watched

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    bar = Progress(*columns, TimeElapsedColumn(), console=Console(file=stream), transient=True)
    with bar:
        task = bar.add_task(escape(as_text(text)), total=None)
        with watched(lambda done, total: bar.update(task, completed=done, total=total)):
            yield


def outcome(work: Callable[[], int], as_json: bool) -> int:
    """The exit code of what prints its own progress; with JSON that is the lines of an object."""
    if not as_json:
        return work()
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        code = work()
    print_json({"exit_code": code, "messages": printed.getvalue().splitlines()})
    return code
