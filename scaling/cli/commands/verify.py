"""Check what was published."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli import exit_codes
from scaling.cli.commands._options import TRUST, Certificate, Json, answer, working
from scaling.errors import InputError, counted

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
    since: Annotated[
        str | None,
        typer.Option(help="Checkpoint that was kept: its file, one of its lines, or - for input."),
    ] = None,
    certificate: Certificate = None,
    as_json: Json = False,
) -> None:
    """Check every published version, or a redacted edition without anything else.

    Bytes against manifests, manifests against the ledger, both against Git's commits and tags, and
    with --since against a checkpoint. Inputs that differ from Git are named too.
    """
    known: list[str] = []
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
        from scaling.record.versions.verify import notes
        from scaling.record.versions.verify import verify as run

        known = [*changed(Path()), *notes(Path()), *uncovered(Path())]
        for line in known:
            typer.echo(line, err=True)
        with working("Checking versions", quiet=as_json):
            problems = run(Path()) + check_all(Path()) + timestamp_problems(Path(), certificate)
        # What is derived from versions that are not whole would differ everywhere.
        problems += [NOT_DERIVED] if problems else derived_problems(Path(), certificate)
        good = ["Every published version is whole; the audit and the index follow from them."]
        if since is not None:
            wrong, said = _since(since)
            problems, good = problems + wrong, good + said
    for problem in problems:
        typer.echo(problem, err=True)
    good = [] if problems else good
    facts = {"intact": not problems, "problems": problems, "notes": known, "found": good}
    answer(as_json, facts, good)
    if problems:
        raise typer.Exit(exit_codes.NO)


def _since(given: str) -> tuple[list[str], list[str]]:
    """What is not as it was at a checkpoint, and what is known of the checkpoint itself."""
    from scaling.record.versions import checkpoint

    content = given
    if given == "-":
        content = sys.stdin.read()
    elif Path(given).is_file():
        content = Path(given).read_text(encoding="utf-8", errors="replace")
    elif checkpoint.HEAD.match(given.strip()) is None:
        raise InputError(
            "no such checkpoint", value=given, allowed=f"a file, -, or {checkpoint.LIKE}"
        )
    heads = checkpoint.read(content)
    said, good = checkpoint.signature(Path(), content)
    wrong = list(checkpoint.since(Path(), heads))
    if not good:
        return [*wrong, said], []
    lines = counted(sum(head.size for head in heads), "version")
    return wrong, [f"Nothing before the checkpoint changed: {lines}.", said]
