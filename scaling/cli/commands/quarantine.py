"""The group ``scaling quarantine``: rows that validation rejected."""

from __future__ import annotations

import subprocess
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import PIPELINE, Json, answer

Row = Annotated[str, typer.Argument(help="SOURCE:ROW or the start of a row's id.")]
Rows = Annotated[
    list[str], typer.Argument(help="SOURCE:ROW or the start of a row's id; one or more.")
]
Source = Annotated[str | None, typer.Option(help="Only the rows of this source.")]


PANEL = PIPELINE
GROUP = typer.Typer(no_args_is_help=True, help="Rows that validation rejected, and why.")


@GROUP.command("list")
def list_rows(source: Source = None, as_json: Json = False) -> None:
    """List quarantined rows: id, place, and reasons."""
    import polars as pl

    from scaling.document.format import clean
    from scaling.errors import counted
    from scaling.runs.validation.quarantine import listed

    rows = listed()
    if source is not None:
        rows = rows.filter(pl.col("folder") == source)
    lines = []
    for row in rows.iter_rows(named=True):
        lines.append(f"{row['id'][:12]}  {row['folder']}:{row['row']}  {clean(row['run'])}")
        lines.append(f"              {clean(row['reasons'])}")
    facts = rows.select("id", "row", "run", "reasons", source="folder").to_dicts()
    answer(as_json, {"rows": facts}, [*lines, f"{counted(rows.height, 'row')} in quarantine."])


@GROUP.command()
def explain(row: Row, as_json: Json = False) -> None:
    """Explain what each check found in a row, quarantined or flagged, and what is allowed."""
    from scaling.document.format import clean
    from scaling.errors import InputError
    from scaling.runs.validation import quarantine, rules

    stands = quarantine.place(row)
    if stands is None:
        held = quarantine.find(quarantine.listed(), row)
        stands = (held["folder"], held["row"])
    table = quarantine.findings(*stands)
    if table.is_empty():
        hint = (
            "`scaling quarantine list` shows quarantined rows; data/docs/index.html all findings."
        )
        raise InputError("no check failed in this row", value=row, hint=hint)
    means = {rule.name: rule.means for rule in rules.load()}
    lines, found_here = [], []
    for one in table.iter_rows(named=True):
        what = means.get(one["check"], "What the run schema says of the column.")
        place = f"{one['file']}, row {one['row']}, column {one['column']!r}"
        found = f"{place}: found {one['found']}; allowed: {one['allowed']}"
        lines.append(f"{one['severity']} {one['check']} ({one['outcome']})")
        lines += [f"  {clean(found)}", f"  {what}"]
        found_here.append({**one, "means": what})
    answer(as_json, {"row": row, "findings": found_here}, lines)


@GROUP.command()
def release(
    rows: Rows,
    reason: Annotated[str, typer.Option(help="Why the rows are correct as they are.")],
    by: Annotated[str, typer.Option(help="Name of the person who releases them.")],
    as_json: Json = False,
) -> None:
    """Release rows from the checks that they fail, from the next refit on; recorded for good."""
    from scaling.runs.validation.quarantine import release as run
    from scaling.runs.validation.releases import RELEASES

    now = datetime.now(UTC).isoformat(timespec="seconds")
    made = run(rows, reason=reason, by=by, at=now, identity=_identity())
    lines = [f"{one.row[:12]}  {one.place}: released from {', '.join(one.checks)}" for one in made]
    lines.append(f"Commit {RELEASES}, then run: scaling refit")
    answer(as_json, {"released": [asdict(one) for one in made]}, lines)


@GROUP.command()
def released(as_json: Json = False) -> None:
    """List releases: which rows, from which checks, why, by whom and when."""
    from scaling.document.format import clean
    from scaling.runs.validation.releases import read

    lines, made = [], list(read())
    for one in made:
        lines.append(clean(f"{one.row[:12]}  {one.place}: {', '.join(one.checks)}"))
        lines.append(f"              {clean(f'{one.at} {one.by} ({one.identity}): {one.reason}')}")
    answer(as_json, {"releases": [asdict(one) for one in made]}, lines)


def _identity() -> str | None:
    """The author that Git is configured with."""
    said = subprocess.run(
        ["git", "var", "GIT_AUTHOR_IDENT"], capture_output=True, text=True, check=False, cwd=Path()
    )
    return said.stdout.rsplit(">", 1)[0] + ">" if said.returncode == 0 else None
