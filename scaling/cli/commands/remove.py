"""Withdraw a source or a run, and take that back."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._inbox import changing_inbox
from scaling.cli.commands._options import PIPELINE

PANEL = PIPELINE


def remove(
    source: Annotated[
        str | None,
        typer.Argument(help="Name or alias of the source. Default: list all withdrawals."),
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option(help="Only this run, by name or alias; repeat. Default: the whole source."),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; needed to withdraw.")] = None,
    by: Annotated[
        str | None, typer.Option(help="Name of the person. Default: the author set in Git.")
    ] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take a withdrawal back.")] = False,
) -> None:
    """Withdraw a source or some of its runs from the next refit on; recorded, nothing is deleted.

    What is published stays as it is. Without SOURCE: list what was withdrawn and restored.
    """
    from datetime import UTC, datetime

    from scaling.runs.inbox.sources import find
    from scaling.runs.inbox.withdrawals import add as record

    if source is None:
        _list()
        return
    with changing_inbox():
        known = find(source)
        runs = [known.run(one) for one in run] if run else [None]
        lines = record(
            known.withdrawals,
            runs,
            tuple(known.aliases),
            withdrawn=not undo,
            reason=reason,
            by=by or _author(),
            today=datetime.now(UTC).date(),
        )
    for line in lines:
        typer.echo(f"{known.name}: {line}")
    if not lines:
        typer.echo(
            f"{known.name}: nothing to do, that is {'restored' if undo else 'withdrawn'} already"
        )
        return
    commit = f"Commit {known.withdrawals}, then run" if known.folder is None else "Run"
    typer.echo(f"{commit}: scaling refit")
    if not undo:
        only = "".join(f" --run {one}" for one in runs if one is not None)
        typer.echo(f"To take it back: scaling remove {known.name}{only} --undo")


def _list() -> None:
    """Every line of every source, newest last."""
    from scaling.runs.inbox import store, withdrawals
    from scaling.runs.inbox.sources import INTERNAL

    files = {path.stem: path for path in sorted(withdrawals.FOLDER.glob("*.jsonl"))}
    if INTERNAL.is_dir():
        folders = {name: INTERNAL / store.STORE / name for name in store.sources(INTERNAL)}
        files |= {name: folder / withdrawals.FILE for name, folder in folders.items()}
    lines = [f"{name}: {one}" for name, file in files.items() for one in withdrawals.read(file)]
    typer.echo("\n".join(lines) or "nothing was ever withdrawn here")


def _author() -> str:
    """The author that Git is configured with."""
    from scaling.cli.commands.quarantine import _identity
    from scaling.errors import InputError

    identity = _identity()
    if identity is None:
        raise InputError("Git has no author", hint="Say who withdraws it: --by NAME.")
    return identity
