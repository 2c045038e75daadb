"""What verbs share: the panels of ``scaling --help`` in their order, options, and remarks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

PIPELINE = "Run the pipeline"
TABLE = "Fit and forecast a table of your own"
ASK = "Ask a table of runs"
JUDGE = "Judge a fit"
PLAN = "Plan"
TRUST = "Publish and verify"
GOVERN = "Compute governance"
LOOK = "Look things up"
PANELS = (PIPELINE, TABLE, ASK, JUDGE, PLAN, TRUST, GOVERN, LOOK)

Table = Annotated[Path, typer.Argument(help="CSV, Parquet or JSONL, one row a run.")]
Maps = Annotated[
    list[str] | None,
    typer.Option("--map", help="NAME=COLUMN: the table's column for params, tokens, ..."),
]
Target = Annotated[str, typer.Option(help="Column to explain.")]
Metric = Annotated[
    str | None,
    typer.Option(help="Keep the rows of this metric, whose `value` becomes the target."),
]
Mixed = Annotated[
    list[str] | None,
    typer.Option(help="Column that may mix conventions (metric, schedule_complete, ...)."),
]
OneLaw = Annotated[str, typer.Option(help="Law family; `scaling laws` lists them.")]
Level = Annotated[float, typer.Option(help="Of the intervals.")]
Seed = Annotated[int, typer.Option(help="Same seed, same numbers.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def remark(text: str | None) -> None:
    """A remark on standard error."""
    if text:
        typer.echo(text, err=True)


def working(text: str, *, quiet: bool = False) -> Any:
    """A spinner on standard error while something long runs; nothing when piped."""
    from rich.console import Console

    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    return console.status(text)
