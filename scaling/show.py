"""What the command line prints: fits, laws and sources as terminal tables."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scaling import laws
from scaling.errors import InputError, nearest
from scaling.fit.result import Fit

LIBRARY = Path("data/published")


def show_fit(made: Fit) -> None:
    """Parameters with standard errors and intervals, then the certificate."""
    console = Console()
    console.print(Text(f"{made.law.title}: {made.law.formula}", style="bold"))
    table = Table("parameter", "value", "se", "90 % interval", "unit")
    ends = made.interval()
    for param in made.law.params:
        low, high = ends[param.name]
        table.add_row(
            param.name,
            f"{made.values[param.name]:.6g}",
            f"{made.se[param.name]:.3g}",
            f"{low:.5g} to {high:.5g}",
            param.unit,
        )
    console.print(table)
    seen = made.certificate
    console.print(Text(f"outcome    {made.outcome}. {made.outcome.sentence} {made.reason}"))
    console.print(
        Text(f"objective  {made.objective:.13g} ({made.objective_name}, {made.rows} rows)")
    )
    console.print(
        Text(
            f"starts     {seen.starts_agreeing:.0%} of {seen.starts} reached it; "
            f"gradient {seen.gradient:.1e}; condition {seen.condition:.3g}"
        )
    )
    if made.resampling is not None and seen.resamples_agreeing is not None:
        unit = made.resampling
        console.print(
            Text(
                f"resamples  {unit.resamples} by {unit.cluster} ({unit.clusters} clusters); two "
                f"starts agree in {seen.resamples_agreeing:.1%}"
            )
        )


def show_laws() -> None:
    """One row a law family."""
    table = Table("law", "formula", "inputs", "paper")
    for law in laws.load().values():
        table.add_row(law.name, Text(law.formula), ", ".join(law.inputs), law.citation)
    Console().print(table)


def show_law(name: str) -> None:
    """A law's whole page: docstring, parameters, published fits."""
    law = laws.get(name)
    console = Console()
    module = importlib.import_module(law.predict.__module__)
    console.print(Text((module.__doc__ or "").strip() + "\n"))
    table = Table("parameter", "unit", "meaning", "domain")
    for param in law.params:
        table.add_row(param.name, param.unit, param.meaning, param.domain)
    console.print(table)
    for one in law.published:
        values = ", ".join(f"{key} {value:g}" for key, value in one.values.items())
        console.print(
            Text(f"published  {values}\n           {one.citation}; {one.data}. {one.note}")
        )
    console.print(Text(f"assumes    {law.assumes}\nfails      {law.fails}"))


def show_sources() -> None:
    """One row a source of the library."""
    from scaling.sources import published

    table = Table("source", "title", "licence", "citation")
    for source in published(LIBRARY):
        cited = Text(source.citations[0])
        table.add_row(source.name, Text(source.title), Text(source.licence), cited)
    Console().print(table)


def show_source(name: str) -> None:
    """A source's citation, licence, changes, known defects and ranges."""
    from scaling.sources import published, read_table

    known = {source.name: source for source in published(LIBRARY)}
    if name not in known:
        raise InputError(
            "unknown source", value=name, allowed=", ".join(known), hint=nearest(name, known)
        )
    source = known[name]
    rows = read_table(source.table)
    lines = [source.title, *source.citations, f"licence: {source.licence}"]
    lines += [f"origin: {source.origin}", f"published {source.observed}, read {source.accessed}"]
    lines += [f"changed: {text}" for text in source.changed]
    lines += [f"note: {text}" for text in source.notes]
    lines += [f"defect [{one.flag}]: {one.what} {', '.join(one.runs)}" for one in source.defects]
    Console().print(Text("\n".join(lines)))
    table = Table("column", "lowest", "highest", "filled")
    for column in rows.select(pl.selectors.numeric()).columns:
        ends = rows[column].to_numpy()
        low, high = np.nanmin(ends), np.nanmax(ends)
        filled = rows.height - rows[column].null_count()
        table.add_row(column, f"{low:.4g}", f"{high:.4g}", f"{filled} of {rows.height}")
    Console().print(table)
