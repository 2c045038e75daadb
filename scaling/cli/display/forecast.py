"""A forecast on the terminal: a row a planned run, which laws disagree, how far out it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scaling.arrays import Array
from scaling.document.format import clean, shorten
from scaling.errors import counted

if TYPE_CHECKING:
    from scaling.forecasting.table_inputs import Reach, TableInputs

# Planned runs that are printed; the file has all.
SHOWN = 20
WIDEST = 24
# Levels whose interval is shown, where the forecast has them.
ENDS = (0.05, 0.95)
# Decades beyond the largest run from which an interval is an opinion more than a measurement. Of
# the benchmark's targets (docs/benchmarks/forecast.md) 99 % of two inputs lie within 1.5, of
# curves within .4.
FAR = 1.5
# The same for the model of any table, in ranges of the runs.
FAR_RANGES = 2.0
# Values of an input from which its form cannot be told.
FEW_VALUES = 3


def show_forecast(
    table: pl.DataFrame,
    targets: pl.DataFrame,
    inputs: Sequence[str],
    beyond: Array | None,
    alone: Mapping[str, Array],
    farthest: Sequence[str] = (),
) -> None:
    """Print median and interval of each planned run, how many decades ``beyond`` the largest run it
    lies, and each law ``alone`` (T,); a law outside the interval is marked, and counted below."""
    levels = table["quantile"].unique().sort().to_list()
    low, high = ENDS if set(ENDS) <= set(levels) else (levels[0], levels[-1])
    at = {
        level: table.filter(pl.col("quantile") == level)["value"].to_numpy()
        for level in {low, high, 0.5} & set(levels)
    }
    outside = {name: (made < at[low]) | (made > at[high]) for name, made in alone.items()}
    if low == high:  # a point, which no law can be inside of
        outside = {name: np.zeros(len(made), dtype=bool) for name, made in alone.items()}
    columns = {
        "planned run": _names(targets, inputs),
        **({"median": [f"{v:.4g}" for v in at[0.5]]} if 0.5 in at else {}),
        **(
            {f"{100 * (high - low):.3g} %": list(map(_between, at[low], at[high]))}
            if low < high
            else {}
        ),
        **({} if beyond is None else {"decades out": [f"{one:.1f}" for one in beyond]}),
        **({"farthest out": list(farthest)} if farthest else {}),
        **{
            law: [f"{v:.4g}{'*' * bool(out)}" for v, out in zip(made, outside[law], strict=True)]
            for law, made in alone.items()
        },
    }
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in columns:
        shown.add_column(name, no_wrap=True)
    for row in list(zip(*columns.values(), strict=True))[:SHOWN]:
        shown.add_row(*map(Text, row))
    console = Console()
    console.print(shown)
    if targets.height > SHOWN:
        console.print(f"{targets.height - SHOWN} more in the file.")
    for law, out in outside.items():
        if out.any():
            of = counted(targets.height, "target")
            console.print(Text(f"* {law} alone lies outside the interval at {out.sum()} of {of}."))
    if beyond is not None:
        _show_reach(console, beyond, inputs)


def columns_used(names: Sequence[str], left_out: Mapping[str, str]) -> str:
    """Which columns are read and which are not, on one line."""
    left = ", ".join(f"{name} ({why})" for name, why in left_out.items())
    return f"Inputs: {', '.join(names)}. Left out: {left}."


def show_table_forecast(
    table: pl.DataFrame, targets: pl.DataFrame, inputs: TableInputs, reach: Reach
) -> None:
    """Print median and interval of each planned run, and in which input it lies farthest out."""
    names = [*inputs.text, *inputs.numeric]
    show_forecast(table, targets, names, None, {}, _farthest(inputs, reach))
    console = Console()
    console.print(
        Text(
            "Farthest out: the input that lies farthest beyond the runs, in decades or, where the "
            "runs span less than a factor of 3 or contain zeros, in ranges of the runs; ratio: the "
            "ratio or product of two inputs."
        )
    )
    few = _few_values(inputs, reach)
    if few:
        console.print(Text(few, style="yellow"))
    far = int((reach.ranges > FAR_RANGES).sum())
    if far:
        console.print(
            Text(
                f"Warning: {far} of {len(reach.ranges)} lie more than {FAR_RANGES:g} ranges of the "
                "runs beyond them, farther than intervals were measured to hold.",
                style="yellow",
            )
        )


def _few_values(inputs: TableInputs, reach: Reach) -> str:
    """A warning where planned runs leave the few values that an input has; else empty."""
    leaves = (np.abs(reach.per_input) > 0).any(axis=0) & (inputs.values <= FEW_VALUES)
    few = [
        f"{name} has {count} values"
        for name, count, out in zip(inputs.numeric, inputs.values, leaves, strict=True)
        if out
    ]
    return f"Warning: {', '.join(few)} in the runs: too few to tell how it goes on." if few else ""


def _farthest(inputs: TableInputs, reach: Reach) -> list[str]:
    shown = []
    for beyond, off in zip(reach.per_input, reach.off_cloud, strict=True):
        j = int(np.abs(beyond).argmax())
        if max(abs(beyond[j]), off) < 0.005:
            shown.append("within")
        elif off > abs(beyond[j]):
            shown.append(f"ratio {off:.2f}")
        else:
            shown.append(f"{inputs.numeric[j]} {beyond[j]:+.2f}")
    return shown


def _between(low: float, high: float) -> str:
    return f"{low:.4g} to {high:.4g}"


def _names(targets: pl.DataFrame, inputs: Sequence[str]) -> list[str]:
    """The first column of text that is no input, or the inputs."""
    words = [name for name in targets.select(pl.selectors.string()).columns if name not in inputs]
    if words:
        return [shorten(clean(name), WIDEST) for name in targets[words[0]]]
    return [", ".join(map(_value, row)) for row in targets.select(inputs).rows()]


def _value(value: object) -> str:
    if isinstance(value, int | float):
        return f"{value:.3g}"
    return shorten(clean(str(value)), WIDEST)


def _show_reach(console: Console, beyond: Array, inputs: Sequence[str]) -> None:
    """What the distance means, and a warning where it is far."""
    size = f"geometric mean of {', '.join(inputs)}"
    console.print(Text(f"Decades out: beyond the largest run in size ({size}); negative: within."))
    far = int((beyond > FAR).sum())
    if far:
        console.print(
            Text(
                f"Warning: {far} of {len(beyond)} lie more than {FAR:g} decades out, farther than "
                "intervals were measured to hold.",
                style="yellow",
            )
        )
