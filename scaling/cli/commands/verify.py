"""Check what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, Certificate
from scaling.errors import InputError

PANEL = TRUST
NOT_DERIVED = "The audit, its outcomes and the index are checked once the above is right."


def verify(
    edition: Annotated[
        Path | None,
        typer.Argument(help="Folder of a redacted edition to check, instead of the project."),
    ] = None,
    disclosed: Annotated[
        Path | None, typer.Option(help="Proof that something belongs to the edition.")
    ] = None,
    full: Annotated[
        Path | None, typer.Option(help="Folder of the full version, to compare with.")
    ] = None,
    certificate: Certificate = None,
) -> None:
    """Check every published version, or a redacted edition without anything else.

    Inputs that differ from Git are named too.
    """
    if edition is not None:
        from scaling.cli.display.edition import verified

        problems, good = verified(edition, disclosed, full)
    elif disclosed or full:
        raise InputError("no edition given", allowed="the folder of a redacted edition")
    else:
        from scaling.record.audit.run import uncovered
        from scaling.record.audit.timestamps import timestamp_problems
        from scaling.record.editions.verify import check_all
        from scaling.record.reproduce.git_state import changed
        from scaling.record.site.derived import derived_problems
        from scaling.record.versions import dates
        from scaling.record.versions.check import verify as run

        for line in changed(Path()) + uncovered(Path()):
            typer.echo(line, err=True)
        problems = run(Path()) + check_all(Path()) + dates.problems(Path())
        problems += timestamp_problems(Path(), certificate)
        # What is derived from versions that are not whole would differ everywhere.
        problems += [NOT_DERIVED] if problems else derived_problems(Path(), certificate)
        good = ["Every published version is whole; the audit and the index follow from them."]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo("\n".join(good))
