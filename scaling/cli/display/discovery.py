"""Formulas for a table on the terminal: the ranking, the first in full, what to mind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scaling.document.format import clean

if TYPE_CHECKING:
    from scaling.forecasting.described import Ranked
    from scaling.forecasting.discovery import Discovery

# Lines of the ranking, and constants, that are printed; `--json` has all.
SHOWN, CONSTANTS = 10, 30


def show_discovery(found: Discovery, chosen: Ranked) -> None:
    """Print the ranking, the formulas one below the other, the constants of one, and the notes."""
    console = Console()
    head, rows = found.grid()
    _print(console, head[:-1], [row[:-1] for row in rows[:SHOWN]])
    if len(rows) > SHOWN:
        console.print(Text(f"{len(rows) - SHOWN} more with --json.\n", style="dim"))
    for row in rows[:SHOWN]:
        if row[-1]:
            console.print(Text(clean(f"{row[0]:>3}  {row[-1]}")))
    console.print(Text(f"\n{chosen.number} {chosen.name}: {clean(chosen.symbols)}"))
    for group, text in list(chosen.formulas.items())[:SHOWN]:
        console.print(Text(clean(f"  {group}: {text}" if group else f"  {text}")))
    head, rows = found.constant_grid(chosen)
    _print(console, head, rows[:CONSTANTS])
    if len(rows) > CONSTANTS:
        console.print(Text(f"{len(rows) - CONSTANTS} more with --json.", style="dim"))
    for sentence in found.sentences:
        console.print(Text(clean(sentence)))


def _print(console: Console, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(*head, box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    console.print(table)
