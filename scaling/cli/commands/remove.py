"""Withdraw a source or a run, and take that back."""

from __future__ import annotations

from typing import Annotated

import typer

from scaling.cli.commands._inbox import changing_inbox
from scaling.cli.commands._options import PIPELINE, Json, answer

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
    as_json: Json = False,
) -> None:
    """Withdraw a source or some of its runs from the next refit on; recorded, nothing is deleted.

    What is published stays as it is. Without SOURCE: list what was withdrawn and restored.
    """
    from datetime import UTC, datetime

    from scaling.runs.inbox.sources import find
    from scaling.runs.inbox.withdrawals import add as record

    if source is None:
        found = _list()
        lines = found or ["nothing was ever withdrawn here"]
        answer(as_json, {"withdrawals": found}, lines)
        return
    with changing_inbox():
        known = find(source)
        runs = [known.run(one) for one in run] if run else [None]
        new = record(
            known.withdrawals,
            runs,
            tuple(known.aliases),
            withdrawn=not undo,
            reason=reason,
            by=by or _author(),
            today=datetime.now(UTC).date(),
        )
    facts = {"source": known.name, "withdrawn": not undo, "changes": list(map(str, new))}
    if not new:
        word = "restored" if undo else "withdrawn"
        answer(as_json, facts, [f"{known.name}: nothing to do, that is {word} already"])
        return
    commit = f"Commit {known.withdrawals}, then run" if known.folder is None else "Run"
    said = [*(f"{known.name}: {line}" for line in new), f"{commit}: scaling refit"]
    if not undo:
        only = "".join(f" --run {one}" for one in runs if one is not None)
        said.append(f"To take it back: scaling remove {known.name}{only} --undo")
    answer(as_json, facts, said)


def _list() -> list[str]:
    """Every line of every source, newest last."""
    from scaling.runs.inbox import store, withdrawals
    from scaling.runs.inbox.sources import INTERNAL

    files = {path.stem: path for path in sorted(withdrawals.FOLDER.glob("*.jsonl"))}
    if INTERNAL.is_dir():
        folders = {name: INTERNAL / store.STORE / name for name in store.sources(INTERNAL)}
        files |= {name: folder / withdrawals.FILE for name, folder in folders.items()}
    return [f"{name}: {one}" for name, file in files.items() for one in withdrawals.read(file)]


def _author() -> str:
    """The author that Git is configured with."""
    from scaling.cli.commands.quarantine import _identity
    from scaling.errors import InputError

    identity = _identity()
    if identity is None:
        raise InputError("Git has no author", hint="Say who withdraws it: --by NAME.")
    return identity
