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
from scaling.forecasting.distance import EMPTY
from scaling.forecasting.table_inputs import WIDE

if TYPE_CHECKING:
    from scaling.forecasting.display import Forecast

# Planned runs that are printed; the file has all.
SHOWN = 20
WIDEST = 24
# Levels whose interval is shown, where the forecast has them.
ENDS = (0.05, 0.95)


def show_forecast(
    made: Forecast,
    targets: pl.DataFrame,
    inputs: Sequence[str],
    alone: Mapping[str, Array],
    *,
    target: str,
    unit: str,
) -> None:
    """Print median and interval of each planned run, how far outside the runs it lies, and each law
    ``alone`` (T,); a law outside the interval is marked, and counted below."""
    levels = made["quantile"].unique().sort().to_list()
    low, high = ENDS if set(ENDS) <= set(levels) else (levels[0], levels[-1])
    at = {
        level: made.filter(pl.col("quantile") == level)["value"].to_numpy()
        for level in {low, high, 0.5} & set(levels)
    }
    outside = {name: (one < at[low]) | (one > at[high]) for name, one in alone.items()}
    if low == high:  # a point, which no law can be inside of
        outside = {name: np.zeros(len(one), dtype=bool) for name, one in alone.items()}
    far = made.distance
    columns = {
        _head(targets, inputs): _names(targets, inputs),
        **({"median": [f"{v:.4g}" for v in at[0.5]]} if 0.5 in at else {}),
        **(
            {f"{100 * (high - low):.3g} %": list(map(_between, at[low], at[high]))}
            if low < high
            else {}
        ),
        **({} if far is None else {"decades out": ["\n".join(one) for one in far.words()]}),
        **{
            law: [f"{v:.4g}{'*' * bool(out)}" for v, out in zip(one, outside[law], strict=True)]
            for law, one in alone.items()
        },
    }
    console = Console()
    console.print(_table(columns))
    if targets.height > SHOWN:
        console.print(f"{targets.height - SHOWN} more in the file.")
    for law, out in outside.items():
        if out.any():
            of = counted(targets.height, "target")
            console.print(Text(f"* {law} alone lies outside the interval at {out.sum()} of {of}."))
    console.print(Text(f"Median and interval of {target}{f', {unit}' if unit else ''}."))
    if far is not None:
        console.print(Text(_MEANING + _RANGES * bool(far.linear.any())))
    for note in made.notes:
        console.print(Text(note, style="yellow" if note.startswith("Warning") else ""))


_MEANING = (
    "Decades out: beyond the largest run (+) or below the smallest (-) by that input; nearest: to "
    f"the nearest run, where that is {EMPTY:g} or more."
)
_RANGES = (
    " Ranges: of the runs, for inputs that contain zeros or span less than a factor of "
    f"{WIDE:g}, and shares."
)


def _table(columns: Mapping[str, Sequence[str]]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in columns:
        shown.add_column(name, no_wrap=True)
    for row in list(zip(*columns.values(), strict=True))[:SHOWN]:
        shown.add_row(*map(Text, row))
    return shown


def _between(low: float, high: float) -> str:
    return f"{low:.4g} to {high:.4g}"


def _words(targets: pl.DataFrame, inputs: Sequence[str]) -> list[str]:
    """Columns of text that are no input."""
    return [name for name in targets.select(pl.selectors.string()).columns if name not in inputs]


def _head(targets: pl.DataFrame, inputs: Sequence[str]) -> str:
    """What names the planned runs."""
    return "planned run" if _words(targets, inputs) else shorten(", ".join(inputs), 2 * WIDEST)


def _names(targets: pl.DataFrame, inputs: Sequence[str]) -> list[str]:
    """The first column of text that is no input, or the inputs."""
    words = _words(targets, inputs)
    if words:
        return [shorten(clean(name), WIDEST) for name in targets[words[0]]]
    return [", ".join(map(_value, row)) for row in targets.select(inputs).rows()]


def _value(value: object) -> str:
    if isinstance(value, int | float):
        return f"{value:.3g}"
    return shorten(clean(str(value)), WIDEST)
