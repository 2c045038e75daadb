"""What the commands that judge fits print."""

from __future__ import annotations

from typing import Any

import polars as pl
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from scaling.fitting.result import Fit, Outcome

# Characters of a run's name that are shown.
NAME = 24


def show_comparison(made: dict[str, Any]) -> None:
    """Criteria, then errors by horizon and by group."""
    console = Console()
    rows = made["criteria"][0]["rows"]
    console.print(_criteria(made["criteria"]))
    console.print(
        Text(
            "k: parameters, with the noise. log L: log-likelihood. Δ: above the best, lower is "
            f"better. weight: Akaike's, a share, from AICc. {rows} rows, as if independent."
        )
    )
    if made["rolling_origin"]:
        console.print(_horizons(made["rolling_origin"]))
    if made.get("groups"):
        console.print(_groups(made["groups"]))
    if made["rolling_origin"] or made.get("groups"):
        console.print(Text("log(predicted / observed) in hundredths: root mean square, then mean."))
    for note in made["notes"]:
        console.print(Text(note))


def show_influence(made: Fit, table: pl.DataFrame) -> None:
    """Changes of the parameters in standard errors, most influential first."""
    console = Console()
    console.print(Text(f"{made.law.title}: {made.law.formula}", style="bold"))
    shown = _table([_short(name) for name in table.columns if name != "method"])
    for line in table.drop("method").iter_rows(named=True):
        first, *others = (_change(name, value) for name, value in line.items())
        shown.add_row(Text(_middle(first)), *map(Text, others))
    console.print(shown)
    text = (
        "rows: left out together. distance: of all parameters together, in standard errors. Then "
        "the change of each parameter when left out, in standard errors; of predictions in units "
        "of the target."
    )
    if table["method"][0] != "refit":
        text += " Approximate: one Newton step, not a refit."
    console.print(Text(text))
    if made.outcome is not Outcome.CONVERGED:
        console.print(Text(f"{made.outcome}. {made.outcome.sentence} {made.reason}"))


def _middle(name: str) -> str:
    """A name without its middle, where it would take the place of the figures."""
    half = NAME // 2
    return name if len(name) <= NAME else f"{name[:half]}…{name[-half:]}"


def show_panel(law: str, budget: float, table: pl.DataFrame) -> None:
    """A table a set of exclusions, a row an objective; then standard errors by row and cluster."""
    console = Console()
    for (lifted,), part in table.group_by("lifted", maintain_order=True):
        console.print(Text(f"{law}, {part['rows'][0]} rows" + _without(lifted), style="bold"))
        console.print(_cells(part), *_unsound(part), sep="\n")
    console.print(
        Text("Scale of the residuals, then Huber's delta, then parameters in the law's units.")
    )
    if table["tokens_per_param"].null_count() < table.height:
        console.print(Text(f"D/N: compute-optimal tokens per parameter at {budget:g} FLOP."))
    console.print(_errors(table))


def _without(lifted: object) -> str:
    return f", without the exclusion: {lifted}" if lifted else ""


def _cells(part: pl.DataFrame) -> Table:
    """Parameters and what follows from them, a row an objective."""
    after = [name for name in part.columns if name.startswith("prediction_")]
    if part["tokens_per_param"].null_count() < part.height:
        after = ["tokens_per_param", *after]
    columns = [*_parameters(part), *after]
    shown = _table(["scale", "delta", *map(_short, columns)])
    for line in part.iter_rows(named=True):
        sound = line["outcome"] == Outcome.CONVERGED
        values = [_number(line[name]) for name in columns]
        shown.add_row(line["space"], _delta(line), *values, style=None if sound else "dim")
    return shown


def _delta(line: dict[str, Any]) -> str:
    return "squares" if line["delta"] is None else f"{line['delta']:g}"


def _unsound(part: pl.DataFrame) -> list[Text]:
    """A line for each fit that did not converge."""
    return [
        Text(f"{line['space']}, {_delta(line)}: {line['outcome']}.")
        for line in part.iter_rows(named=True)
        if line["outcome"] != Outcome.CONVERGED
    ]


def _errors(table: pl.DataFrame) -> Table:
    """Standard errors of the fit nearest the usual one: log scale, delta 1e-3, all exclusions."""
    usual = table.filter(pl.col("lifted") == "").sort(
        pl.col("space") != "log", (pl.col("delta").fill_null(1.0) - 1e-3).abs()
    )
    line = usual.row(0, named=True)
    by = [f"se by {line['cluster']}"] if line["cluster"] != "row" else []
    shown = _table(["", "value", "se by row", *by])
    shown.title = f"Standard errors, {line['space']} scale, {_delta(line)}"
    for name in _parameters(table):
        values = [line[name], line[f"se_row_{name}"], line[f"se_cluster_{name}"]]
        shown.add_row(name, *(_number(value) for value in values[: 2 + len(by)]))
    return shown


def _parameters(table: pl.DataFrame) -> list[str]:
    return [name.removeprefix("se_row_") for name in table.columns if name.startswith("se_row_")]


def _criteria(lines: list[dict[str, Any]]) -> Table:
    table = _table(["law", "k", "log L", "ΔAIC", "ΔAICc", "ΔBIC", "weight", "outcome"])
    for line in lines:
        table.add_row(
            Text(line["law"]),
            str(line["k"]),
            f"{line['log_likelihood']:.2f}",
            *(f"{line[f'delta_{name}']:.2f}" for name in ("aic", "aicc", "bic")),
            f"{line['weight']:.3f}",
            line["outcome"],
        )
    return table


def _horizons(lines: list[dict[str, Any]]) -> Table:
    """A row a law, a column a horizon."""
    reach = sorted({(line["from"], line["to"]) for line in lines})
    heads = [f"{low:g} to {high:g}" if high < 100 else f"over {low:g}" for low, high in reach]
    table = _table(["law", *heads])
    table.title = "Error by decades of compute beyond the fitted runs"
    for law in dict.fromkeys(line["law"] for line in lines):
        found = {(line["from"], line["to"]): line for line in lines if line["law"] == law}
        table.add_row(Text(law), *(_error(found.get(key)) for key in reach))
    return table


def _groups(lines: list[dict[str, Any]]) -> Table:
    """A row a group, a column a law."""
    names = list(dict.fromkeys(line["law"] for line in lines))
    table = _table(["group", *names])
    table.title = "Error for each group, fitted on the others"
    for group in dict.fromkeys(line["group"] for line in lines):
        found = {line["law"]: line for line in lines if line["group"] == group}
        table.add_row(Text(group or "(none)"), *(_error(found.get(name)) for name in names))
    return table


def _table(heads: list[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for at, head in enumerate(heads):
        table.add_column(escape(head), no_wrap=at == 0)
    return table


def _short(name: str) -> str:
    """A column's name as a heading."""
    return {"tokens_per_param": "D/N"}.get(name, name.replace("prediction_", "at "))


def _error(line: dict[str, Any] | None) -> str:
    return "—" if line is None else f"{100 * line['rmse']:.2f} {100 * line['bias']:+.2f}"


def _change(name: str, value: object) -> str:
    """A cell of the influence table: predictions in the target's units need more digits."""
    if not isinstance(value, float):
        return "—" if value is None else str(value)
    if name == "distance":
        return f"{value:.2f}"
    return f"{value:+.4f}" if name.startswith("prediction_") else f"{value:+.2f}"


def _number(value: float | None) -> str:
    """Four digits, without an exponent up to ten million."""
    if value is None:
        return "—"
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e7 else f"{value:.4g}"
