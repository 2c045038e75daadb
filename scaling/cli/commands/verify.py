"""Check what was published."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli import exit_codes
from scaling.cli.commands._options import TRUST, Certificate, Json, Registry, answer, working
from scaling.errors import InputError, counted

PANEL = TRUST
ANYWHERE = "edition"
DERIVED_BEFORE = (
    "This machine derived them before, from the same bytes by the same code; --no-cache does it "
    "again."
)
NOT_DERIVED = "The audit, its outcomes and the index are checked once the above is right."


def verify(
    edition: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="Folder of a redacted edition, or folder or .zip of evidence packs, to check by "
            "itself instead of the project.",
        ),
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
    registry: Registry = Path("data/thresholds"),
    cache: Annotated[
        bool,
        typer.Option(
            " /--no-cache",
            help="Derive the audit and the index though this machine has derived them before, from "
            "the same bytes by the same code.",
        ),
    ] = True,
    as_json: Json = False,
) -> None:
    """Check every published version, or one redacted edition or evidence pack by itself.

    Bytes against manifests, manifests against the ledger, both against Git's commits and tags, and
    with --since against a checkpoint. Inputs that differ from Git are named too. Evidence packs are
    also compared with the registry of --registry, where there is one: later edits of what they
    rest on are named.
    """
    known: list[str] = []
    if edition is not None:
        problems, good = _by_itself(edition, disclosed, full, registry)
    elif disclosed or full:
        raise InputError("no edition given", allowed="the folder of a redacted edition")
    else:
        known, problems, good = _project(certificate, since, cached=cache, quiet=as_json)
    for problem in problems:
        typer.echo(problem, err=True)
    good = [] if problems else good
    facts = {"intact": not problems, "problems": problems, "notes": known, "found": good}
    answer(as_json, facts, good)
    if problems:
        raise typer.Exit(exit_codes.NO)


def _by_itself(
    folder: Path, disclosed: Path | None, full: Path | None, registry: Path
) -> tuple[list[str], list[str]]:
    """Problems of evidence packs or of an edition, and what to print when there are none."""
    from scaling.govern.verify import is_packs

    if not is_packs(folder):
        from scaling.cli.display.edition import verified

        return verified(folder, disclosed, full)
    from scaling.cli.display.packs import verified_packs

    if disclosed or full:
        raise InputError("is no redacted edition", file=folder)
    return verified_packs(folder, registry)


def _project(
    certificate: Path | None, since: str | None, *, cached: bool, quiet: bool
) -> tuple[list[str], list[str], list[str]]:
    """What is known beside, problems of every published version, and what to print without any."""
    from scaling.record.audit.run import uncovered
    from scaling.record.audit.timestamps import timestamp_problems
    from scaling.record.derived.check import derived_before, derived_problems
    from scaling.record.editions.verify import check_all
    from scaling.record.reproduce.git_state import changed
    from scaling.record.versions.verify import notes
    from scaling.record.versions.verify import verify as run

    known = [*changed(Path()), *notes(Path()), *uncovered(Path())]
    for line in known:
        typer.echo(line, err=True)
    with working("Checking versions", quiet=quiet):
        problems = run(Path()) + check_all(Path()) + timestamp_problems(Path(), certificate)
    good = ["Every published version is whole; the audit and the index follow from them."]
    if problems:
        # What is derived from versions that are not whole would differ everywhere.
        problems.append(NOT_DERIVED)
    else:
        with working("Deriving the audit and the index", quiet=quiet):
            before = derived_before(Path(), certificate) if cached else None
            problems = derived_problems(Path(), certificate) if before is None else before
        good += [] if before is None else [DERIVED_BEFORE]
    if since is not None:
        wrong, said = _since(since)
        problems, good = problems + wrong, good + said
    return known, problems, good


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
