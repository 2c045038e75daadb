"""What the command line prints: fits, laws and sources as terminal tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scaling import laws
from scaling.errors import InputError, nearest
from scaling.fitting.result import Fit, Outcome, Resampling
from scaling.io import library as package
from scaling.laws._questions import asked
from scaling.runs.schema import RUN

if TYPE_CHECKING:
    from scaling.fitting.applicability import Verdict
    from scaling.runs.formats import Source

LIBRARY = Path("data/published")
SIMULATED = "simulated runs only: no public table is known"


def show_fit(made: Fit) -> None:
    """Parameters with standard errors and intervals, then the certificate."""
    console = Console()
    console.print(Text(f"{made.law.title}: {made.law.formula}", style="bold"))
    table = Table("parameter", "value", "se", "90 % interval", "unit")
    ends, errors = made.interval(), {} if made.unsampled else made.se
    for param in made.law.params:
        low, high = ends[param.name]
        known = bool(np.isfinite(errors.get(param.name, np.nan)))
        table.add_row(
            param.name,
            f"{made.values[param.name]:.6g}",
            f"{errors[param.name]:.3g}" if known else "—",
            f"{low:.5g} to {high:.5g}" if low == low else "—",
            made.unit_of(param),
        )
    console.print(table)
    seen = made.certificate
    console.print(Text(f"outcome    {made.outcome}. {made.ending}"))
    for note in made.notes:
        console.print(Text(f"note       {note}"))
    value = f"{made.objective:.13g} " if np.isfinite(made.objective) else ""
    console.print(Text(f"objective  {value}({made.objective_name}, {made.rows} rows)"))
    if made.law.estimate is None:
        console.print(
            Text(
                f"starts     {seen.starts_agreeing:.0%} of {seen.starts} reached it; "
                f"gradient {seen.gradient:.1e}; condition {seen.condition:.3g}"
            )
        )
    if seen.solver is not None:
        apart = seen.solver / seen.objective - 1.0 if seen.objective else float("nan")
        console.print(Text(f"SciPy      reached {seen.solver:.13g}, {apart:+.1e} from it"))
    for name, (low, high) in seen.profile.items():
        console.print(Text(f"profile    {name} {low:.5g} to {high:.5g} (90 %)"))
    if made.resampling is not None:
        console.print(Text(f"resamples  {_resampled(made.resampling, seen.resamples_agreeing)}"))


def _resampled(unit: Resampling, agreeing: float | None) -> str:
    """What was resampled, and as what."""
    text = f"{unit.resamples} by {unit.cluster} "
    if unit.cluster == "row":
        text += f"({unit.clusters} rows, each as a run of its own)"
    else:
        text += f"({unit.clusters} clusters)"
    return text if agreeing is None else f"{text}; two starts agree in {agreeing:.1%}"


def law_facts(law: laws.Law) -> dict[str, Any]:
    """A law as plain values."""
    return {
        "name": law.name,
        "title": law.title,
        "formula": law.formula,
        "citation": law.citation,
        "inputs": [{"name": one.name, "unit": one.unit} for one in law.all_inputs],
        "parameters": [
            {"name": one.name, "unit": one.unit, "meaning": one.meaning, "domain": one.domain}
            for one in law.params
        ],
        "published": [
            {"key": one.key, "values": dict(one.values), "citation": one.citation}
            for one in law.published
        ],
        "assumes": law.assumes,
        "fails": law.fails,
        "answers": asked(law),
        "simulated_only": law.simulated,
    }


def show_laws() -> None:
    """One row a law family, then the papers whose constants can be asked for."""
    table = Table("law", "formula", "inputs", "paper")
    for law in laws.load().values():
        table.add_row(law.name, Text(law.formula), inputs_text(law), law.citation)
    console = Console()
    console.print(table)
    console.print("Published constants, as published:LAW:PAPER, or published:PAPER for all of one:")
    for law in laws.load().values():
        if law.published:
            keys = ", ".join(one.key for one in law.published)
            console.print(Text(f"  {law.name}: {keys}"), soft_wrap=True)


def inputs_text(law: laws.Law) -> str:
    """Inputs, with optional ones in brackets and those that only a fit reads after a bar."""
    asked = [f"({one.name})" if one.default is not None else one.name for one in law.all_inputs]
    own = [text for text, one in zip(asked, law.all_inputs, strict=True) if not one.only_fit]
    fits = [text for text, one in zip(asked, law.all_inputs, strict=True) if one.only_fit]
    return ", ".join(own) + (f" | {', '.join(fits)}" if fits else "")


def verdict_facts(one: Verdict) -> dict[str, str]:
    """A verdict as plain values."""
    answers = asked(laws.get(one.law))
    return {"law": one.law, "applies": one.word, "answers": answers, "reason": one.reason}


def show_applicable(found: Iterable[Verdict]) -> None:
    """A row a law: whether it applies, what it answers, and why not."""
    table = Table("law", "applies", "answers", "why not, or what to mind")
    for one in found:
        style = None if one.word != "no" else "dim"
        table.add_row(one.law, one.word, asked(laws.get(one.law)), Text(one.reason), style=style)
    Console().print(table)


def show_law(name: str) -> None:
    """A law's whole page: docstring, parameters, what it needs, published fits."""
    law = laws.get(name)
    console = Console()
    console.print(Text(_flowing(laws.page(law).strip()) + "\n"))
    table = Table("parameter", "unit", "meaning", "domain")
    for param in law.params:
        table.add_row(param.name, param.unit, param.meaning, param.domain)
    console.print(table)
    console.print(Text("\n".join(_needs(law))))
    for one in law.published:
        values = ", ".join(f"{key} {value:g}" for key, value in one.values.items())
        mark = " (read in another text than the paper)" if one.secondary else ""
        source = f"{one.citation}; {one.data}. {one.note}{mark}"
        lines = [
            f"published:{law.name}:{one.key}",
            values,
            source,
            *([one.caveat] if one.caveat else []),
        ]
        console.print(Text("\n           ".join(lines)))
    console.print(Text(f"assumes    {law.assumes}\nfails      {law.fails}"))


def _flowing(text: str) -> str:
    """Paragraphs as single lines, for the terminal to wrap; indented ones as they stand."""
    parts = text.split("\n\n")
    return "\n\n".join(
        part if "\n    " in f"\n{part}" else " ".join(part.split()) for part in parts
    )


def _needs(law: laws.Law) -> list[str]:
    """What a table must have for this law, a line each."""
    lines = [f"inputs     {inputs_text(law)}   (optional in brackets; only for the fit after |)"]
    for one in law.needs:
        where = f"from {' or '.join(one.columns)}" if one.columns else ""
        known = one.default is not None and not one.labels
        other = f"{one.default:g} where the table has none" if known else ""
        parts = [one.meaning, one.unit, one.allowed, where, other]
        lines.append(f"           {one.name}: " + "; ".join(part for part in parts if part))
    kind = " or ".join(law.kinds) or "any metric"
    lines.append(f"answers    {asked(law)}")
    lines.append(f"target     {kind}; residuals on the {law.link} scale")
    if law.output:
        lines.append(f"predicts   {law.output}")
    size = "" if law.size == "any" else f"N is {law.size.replace('_', '-')}; "
    lines.append(f"runs       {size}{law.schedule} learning-rate schedule")
    if law.simulated:
        lines.append(f"tested on  {SIMULATED}")
    return lines


def library() -> dict[str, Source]:
    """The sources of the library, by name."""
    from scaling.runs.formats import published

    return {source.name: source for source in published(package.found(LIBRARY))}


def source_facts(source: Source) -> dict[str, Any]:
    """A source as plain values."""
    other = {"table": str(source.table), "defects": [vars(one) for one in source.defects]}
    return vars(source) | other


def show_sources() -> None:
    """One row a source of the library."""
    table = Table("source", "title", "licence", "citation")
    for source in library().values():
        cited = Text(source.citations[0])
        table.add_row(source.name, Text(source.title), Text(source.licence), cited)
    Console().print(table)


def source_named(name: str) -> Source:
    """A source of the library.

    Raises:
        InputError: there is none of this name.
    """
    known = library()
    if name not in known:
        hint = nearest(name, known) or "Runs of your own: scaling quarantine list --source NAME."
        raise InputError("not a published source", value=name, allowed=", ".join(known), hint=hint)
    return known[name]


def show_source(source: Source) -> None:
    """A source's citation, licence, changes, known defects and ranges."""
    from scaling.runs.formats import read_table

    rows = read_table(source.table)
    lines = [source.title, *source.citations, f"licence: {source.licence}"]
    lines += [f"origin: {source.origin}", f"published {source.observed}, read {source.accessed}"]
    lines += [f"changed: {text}" for text in source.changed]
    lines += [f"note: {text}" for text in source.notes]
    lines += [f"defect [{one.flag}]: {one.what} {', '.join(one.runs)}" for one in source.defects]
    Console().print(Text("\n".join(lines)))
    table = Table("column", "lowest", "highest", "unit", "filled")
    units = {column.name: column.unit for column in RUN}
    for column in rows.select(pl.selectors.numeric()).columns:
        ends = rows[column].to_numpy()
        low, high = np.nanmin(ends), np.nanmax(ends)
        filled = rows.height - rows[column].null_count()
        unit = units.get(column, "")
        table.add_row(column, f"{low:.4g}", f"{high:.4g}", unit, f"{filled} of {rows.height}")
    Console().print(table)


def show_published_exponents(known: pl.DataFrame) -> None:
    """One row an architecture and domain of a study."""
    table = _plain_table("architecture", "domain")
    for name in ("a", "b", "alpha", "beta", "c"):
        table.add_column(name, no_wrap=True)
    table.add_column("from")
    for row in known.iter_rows(named=True):
        cells = ("" if row[n] is None else f"{row[n]:g}" for n in ("a", "b", "alpha", "beta", "c"))
        source = Text(f"{row['citation']}; {row['read_in']}")
        table.add_row(row["architecture"], row["domain"], *cells, source)
    Console().print(table)
    Console().print(
        Text(
            "N* ~ C^a, D* ~ C^b; loss above its floor ~ N^-alpha, D^-beta; loss ~ C^-c. Studies "
            "differ in data, tokenizer, counts and fit: only rows of one study compare "
            "architectures. Your own: scaling exponents RUNS --by COLUMN."
        )
    )


def show_exponents(answer: pl.DataFrame, budget: float, whose: str) -> None:
    """One row an approach: a, N*, D*/N* with intervals at a budget of FLOP, or why there is none;
    ``whose`` says where the budget is from."""
    if "group" in answer.columns:
        _show_groups(answer)
    else:
        _show_approaches(answer)
    Console().print(
        Text(
            f"N* (params) and D*/N* (tokens per param) are compute-optimal at {budget:.4g} FLOP, "
            f"{whose}. a: N* grows as FLOP^a. Intervals: 90 %."
        )
    )
    for note in getattr(answer, "_remarks", tuple)():
        Console().print(Text(note))


def _show_approaches(answer: pl.DataFrame) -> None:
    table = _plain_table("approach", "a", "90 %", "N*", "D*/N*", "90 %")
    for row in answer.iter_rows(named=True):
        if row.get("a") is None:
            table.add_row(row["approach"], *["—"] * 5)
            continue
        ratio = f"{row['tokens_per_param']:.3g}"
        ends = (_ends(row, "a"), f"{row['params']:.3g}", ratio, _ends(row, "tokens_per_param"))
        table.add_row(row["approach"], f"{row['a']:.3f}", *ends)
    Console().print(table)


def _show_groups(answer: pl.DataFrame) -> None:
    """A table an approach that gives figures: a of each group, and how far it is from the first's.

    p is that of equal exponents.
    """
    known = answer.drop_nulls("a")
    for approach in known["approach"].unique(maintain_order=True):
        rows = known.filter(pl.col("approach") == approach).to_dicts()
        p = rows[0]["p_equal"]
        Console().print(Text(approach + ("" if p is None else f"; all equal: p = {p:.2g}")))
        table = _plain_table("group", "a", "90 %", "D*/N*", "difference", "90 %")
        for row in rows:
            apart = ("", "")
            if row.get("difference") is not None:
                apart = f"{row['difference']:+.3f}", _ends(row, "difference")
            ratio = f"{row['tokens_per_param']:.3g}"
            table.add_row(row["group"], f"{row['a']:.3f}", _ends(row, "a"), ratio, *apart)
        Console().print(table)


def _plain_table(*heads: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for head in heads:
        table.add_column(head, no_wrap=True)
    return table


def _ends(row: dict[str, Any], name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    return "—" if low is None or low != low else f"{low:.3g} to {high:.3g}"


def show_intervals(
    title: str, found: Mapping[str, object], made: Fit, units: Mapping[str, str]
) -> None:
    """One row a quantity with its unit, then how the fit ended that they were taken from, where it
    has an optimum."""
    console = Console()
    console.print(Text(title, style="bold"))
    table = Table("quantity", "value and 90 % interval", "unit")
    for name, one in found.items():
        table.add_row(name.replace("_", " "), str(one), units.get(name, ""))
    console.print(table)
    ended = "" if made.outcome is Outcome.ESTIMATED else f"The fit {made.outcome}."
    if made.caveats or ended:
        console.print(Text("\n".join(made.caveats) or ended))
