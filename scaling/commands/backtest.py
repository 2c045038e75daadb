"""The command that scores forecasts which a table's own larger runs can judge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scaling.errors import InputError

PANEL = "Judge a fit"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(rich_help_panel=PANEL)(backtest)


def backtest(
    runs: Annotated[Path, typer.Argument(help="CSV, Parquet or JSONL, one row a run.")],
    inputs: Annotated[
        list[str] | None, typer.Option("--input", help="Input column; repeat for two.")
    ] = None,
    target: Annotated[str, typer.Option(help="Column to explain.")] = "loss",
    by: Annotated[
        str | None, typer.Option(help="Expand the window in this column (a date, compute).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write every forecast: .csv, .parquet or .jsonl.")
    ] = None,
    maps: Annotated[
        list[str] | None, typer.Option("--map", help="NAME=COLUMN: the table's column for NAME.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Foretell a table's larger runs from its smaller ones, and score it against simple methods."""
    from scaling.cli import _read, _working
    from scaling.forecast.backtest import backtest as run
    from scaling.forecast.backtest import summary

    frame = _read(runs, maps)
    names = tuple(inputs or ("params", "tokens"))
    try:
        with _working("Foretelling larger runs from smaller ones", quiet=as_json):
            table = run(frame, names, target, order=by)
    except InputError as error:
        raise error.at(runs) from error
    if out is not None:
        from scaling.pipeline.files import write_table

        write_table(out, table)
    means = summary(table)
    if as_json:
        from scaling.pipeline.files import canonical

        typer.echo(canonical({"methods": means.to_dicts()}), nl=False)
        return
    _show(means)


def _show(means: Any) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console()
    shown = Table(box=box.SIMPLE_HEAD)
    for name in ("method", "decades", "n", "error %", "bias %", "CRPS %", "in 50", "in 80", "in 90",
                 "in 95", "skill"):  # fmt: skip
        shown.add_column(name, justify="left" if name in ("method", "decades") else "right")
    for row in means.to_dicts():
        shown.add_row(
            row["method"],
            "all" if row["low"] is None else f"{row['low']:g} to {row['high']:g}",
            str(row["forecasts"]),
            *(_hundredths(row[name]) for name in ("error", "bias", "crps")),
            *(_hundredths(row[name], 0) for name in ("in50", "in80", "in90", "in95")),
            "" if row["skill"] is None else f"{row['skill']:+.2f}",
        )
    console.print(shown)
    console.print(
        "Errors are of logs, in hundredths, predicted over observed. Decades: size beyond the "
        "largest run known. Skill: 1 - CRPS / CRPS of carrying the last value."
    )


def _hundredths(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{100 * value:.{digits}f}"
