"""Commands that hold published forecasts to account."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from scaling.cli.commands._options import TRUST, remark
from scaling.errors import InputError, counted


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(rich_help_panel=TRUST)(audit)
    app.command(rich_help_panel=TRUST)(backfill)
    app.command(rich_help_panel=TRUST)(diff)
    app.command(rich_help_panel=TRUST)(hub)
    app.command(rich_help_panel=TRUST)(reproduce)


def audit(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, write nothing.")] = False,
) -> None:
    """Score published forecasts by what came since; tables and a page in reports/audit."""
    from scaling.record.audit.run import audit as run
    from scaling.record.audit.run import dated, write
    from scaling.record.site import refresh

    made = run(Path())
    if as_json:
        from scaling.io.json_files import json_text

        typer.echo(json_text(dated(made.summary)), nl=False)
        return
    for path in [*write(made, Path()), *refresh(Path())]:
        typer.echo(f"wrote {path}")
    for row in made.summary.get("confidence", ()):
        shares = ", ".join(
            f"{100 * one['observed']:.0f} % in {100 * one['stated']:.0f} %"
            for one in row["intervals"]
            if one["observed"] is not None
        )
        typer.echo(
            f"{row['kind']}: {row['forecasts']} of {counted(row['origins'], 'origin')}; {shares}"
        )
    typer.echo(f"{counted(made.still_open.height, 'target')} still without an outcome.")


def backfill(
    as_of: Annotated[
        str | None, typer.Option(help="Only this day of history.yaml (YYYY-MM-DD).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write the files of --as-of there; publish nothing.")
    ] = None,
) -> None:
    """Replay the days of history.yaml and publish each in reports/history, marked as a replay."""
    from scaling.record.audit.backfill import backfill as run
    from scaling.record.audit.backfill import make

    day = None if as_of is None else _day(as_of)
    if out is None:
        from scaling.record.site import refresh

        run(Path(), only=day, done=_say)
        refresh(Path())
    elif day is None:
        raise InputError("--out needs a day", column="--as-of", allowed="a day of history.yaml")
    else:
        typer.echo(f"{counted(len(make(Path(), day, out)), 'file')} -> {out}")


def reproduce(
    version: Annotated[str | None, typer.Argument(help="Id of a published version.")] = None,
    every: Annotated[bool, typer.Option("--all", help="The whole history.")] = False,
    lock: Annotated[
        bool, typer.Option("--lock", help="In an environment from its own lock file.")
    ] = False,
) -> None:
    """Make a version again at its commit, beside, and compare byte for byte."""
    from scaling.record.reproduce import reproduce as module

    if every == (version is not None):
        allowed = "a version, or --all"
        raise InputError("which version?", value=version, allowed=allowed)
    wanted = module.every(Path().resolve()) if version is None else [version]
    made = []
    for one in module.reproduce(Path().resolve(), wanted, lock=lock, say=remark):
        typer.echo(str(one))
        made.append(one)
    if every:
        same = sum(one.same for one in made)
        typer.echo(f"{same} of {counted(len(made), 'version')} came again byte for byte.")
    if not all(one.same for one in made):
        raise typer.Exit(1)


def diff(
    old: Annotated[str, typer.Argument(help="Id of a published version.")],
    new: Annotated[str, typer.Argument(help="Id of a later one.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    most: Annotated[int, typer.Option(help="Lines of each kind.")] = 10,
) -> None:
    """Say what changed between two versions, and why: inputs, runs, parameters, forecasts."""
    import json

    from scaling.cli.display.changes import lines
    from scaling.record.changes.between import changes_between
    from scaling.record.reproduce.reproduce import folder_of
    from scaling.record.versions.ledger import MANIFEST

    root = Path().resolve()
    before, after = (folder_of(root, version) for version in (old, new))
    made_by = json.loads((after / MANIFEST).read_bytes())["made_by"]
    made = changes_between(root, before, after, made_by, most=None) | {"new": new}
    if as_json:
        from scaling.io.json_files import json_text

        typer.echo(json_text(made), nl=False)
        return
    for line in lines(made, most):
        typer.echo(line)


def hub(
    versions: Annotated[list[str], typer.Argument(help="Ids of published versions.")],
    out: Annotated[Path, typer.Option(help="Folder to write the hub into.")],
) -> None:
    """Write versions as a hubverse hub: model-output/ and hub-config/."""
    from scaling.record.audit.hub import export
    from scaling.record.reproduce.reproduce import folder_of

    root = Path().resolve()
    for path in export([folder_of(root, version) for version in versions], out):
        typer.echo(f"wrote {path}")


def _say(day: date, made: object) -> None:
    typer.echo(f"{day}: {getattr(made, 'sentence', made)}")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        allowed = "a date as YYYY-MM-DD"
        raise InputError("not a day", column="--as-of", value=text, allowed=allowed) from error
