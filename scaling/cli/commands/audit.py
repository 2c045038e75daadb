"""Score published forecasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from scaling.cli.commands._options import TRUST, Certificate, print_json, working
from scaling.errors import counted

PANEL = TRUST


def audit(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and write nothing.")] = False,
    certificate: Certificate = None,
) -> None:
    """Score published forecasts against later outcomes; writes tables to reports/audit.

    Outcomes are put on record in reports/audit/outcomes.jsonl, which only grows.
    """
    from scaling.record.audit.run import audit as run
    from scaling.record.audit.run import plain, write
    from scaling.record.site import refresh

    with working("Scoring forecasts", quiet=as_json):
        made = run(Path(), certificate)
    if as_json:
        print_json(plain(made.summary))
        return
    for path in [*write(made, Path()), *refresh(Path())]:
        typer.echo(f"wrote {path}")
    for line in coverage_lines(made.summary):
        typer.echo(line)
    for row in made.summary["same_day"]:
        typer.echo(f"{row['version']}, {row['target']}: {row['reason']}")
    for row in made.summary["dates"]:
        for text in row["contradicted_by"]:
            typer.echo(text, err=True)
    typer.echo(f"{counted(made.still_open.height, 'target')} still without an outcome.")


def coverage_lines(summary: Mapping[str, Any]) -> Iterator[str]:
    """How often intervals held, a line a kind of forecast, in alphabetical order."""
    for row in sorted(summary.get("confidence", ()), key=lambda one: str(one["kind"])):
        shares = ", ".join(
            f"{100 * one['observed']:.0f} % in {100 * one['stated']:.0f} %"
            for one in row["intervals"]
            if one["observed"] is not None
        )
        yield f"{row['kind']}: {row['forecasts']} of {counted(row['origins'], 'origin')}; {shares}"
