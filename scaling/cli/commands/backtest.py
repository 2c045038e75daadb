"""Forecast a table's larger runs from its smaller ones, and score that."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scaling.cli.commands._options import (
    JUDGE,
    Inputs,
    Json,
    Maps,
    Metric,
    Mixed,
    Open,
    Plot,
    Schedule,
    Table,
    Target,
    draw,
    print_json,
    working,
)

PANEL = JUDGE


def backtest(
    runs: Table,
    inputs: Inputs = None,
    target: Target = "loss",
    by: Annotated[
        str | None, typer.Option(help="Column by which the window expands (a date, compute).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write every forecast: .csv, .parquet or .jsonl.")
    ] = None,
    maps: Maps = None,
    metric: Metric = None,
    mixed: Mixed = None,
    schedule: Schedule = None,
    as_json: Json = False,
    plot: Plot = None,
    opened: Open = False,
) -> None:
    """Backtest: forecast the larger runs from the smaller ones, and score it against baselines."""
    from scaling.cli.commands._table import read
    from scaling.forecasting.backtest import backtest as run
    from scaling.forecasting.omitted import warning
    from scaling.forecasting.scores import summary

    given = read(runs, maps).of_metric(metric, target)
    names = tuple(inputs or ("params", "tokens"))
    with given.placed(), working("Forecasting larger runs from smaller ones", quiet=as_json):
        table = run(given.frame, names, target, order=by, mixed=mixed or (), schedule=schedule)
    if out is not None:
        from scaling.io.tables import write_table

        write_table(out, table)
    means = summary(table)
    notes = [*table.notes, *warning(given.frame, names, target)]
    if as_json:
        print_json({"methods": means.to_dicts(), "notes": notes})
    else:
        _show(means)
        for note in notes:
            typer.echo(note)
    draw(table, plot, opened)


COLUMNS = ("n", "error", "bias", "CRPS", "in50", "in80", "in90", "skill")


def _show(means: Any) -> None:
    """Every method at all distances, then the forecast by distance."""
    from rich.console import Console

    console = Console()
    rows = means.to_dicts()
    console.print(_table("method", {r["method"]: r for r in rows if r["low"] is None}))
    apart = {
        f"{r['low']:g} to {r['high']:g}": r
        for r in rows
        if r["low"] is not None and r["method"] == "ensemble"
    }
    console.print(_table("decades", apart))
    console.print(
        "n: forecasts. Errors, predicted over observed, and scores are of logs, in hundredths: "
        "about per cent. in50, in80, in90: per cent of outcomes inside intervals of 50, 80, 90 %. "
        "Second table: the forecast alone, by decades outside the known runs (of the input that "
        "lies farthest). Skill: 1 - CRPS / CRPS of carrying the last value; 1 is best, below 0 is "
        "worse than that."
    )


def _table(first: str, rows: dict[str, dict[str, Any]]) -> Any:
    from rich import box
    from rich.table import Table

    shown = Table(box=box.SIMPLE_HEAD)
    shown.add_column(first, no_wrap=True)
    for name in COLUMNS:
        shown.add_column(name, justify="right", no_wrap=True)
    for label, row in rows.items():
        shown.add_row(
            label,
            str(row["forecasts"]),
            *(_hundredths(row[name]) for name in ("error", "bias", "crps")),
            *(_hundredths(row[name], 0) for name in ("in50", "in80", "in90")),
            "" if row["skill"] is None else f"{row['skill']:+.2f}",
        )
    return shown


def _hundredths(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{100 * value:.{digits}f}"
