"""A source by its name or its alias: where it is kept, and how its runs are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from scaling.errors import InputError, nearest, shorten
from scaling.runs.formats import published, read_batches
from scaling.runs.inbox import store, withdrawals
from scaling.runs.inbox.aliases import Hidden, read_names, unnumbered, with_all
from scaling.runs.inbox.read import source_rows

INTERNAL = Path("data/internal")
PUBLISHED = Path("data/published")


@dataclass(frozen=True)
class KnownSource:
    """A source that is there.

    Attributes:
        name: its own name.
        alias: the name under which it is published; its own, of a published source.
        folder: its folder in the store; None for a published source.
        withdrawals: the file of its withdrawals.
        aliases: the published name of each of its runs.
    """

    name: str
    alias: str
    folder: Path | None
    withdrawals: Path
    aliases: dict[str, str]

    def run(self, name: str) -> str:
        """The run's own name, given that or its alias; an unknown name comes back as it is."""
        own = {alias: run for run, alias in self.aliases.items()}
        return name if name in self.aliases else own.get(name, name)


def find(name: str, internal: Path = INTERNAL, library: Path = PUBLISHED) -> KnownSource:
    """The source of that name or alias.

    Raises:
        InputError: there is none, or it was put into the inbox by hand.
    """
    aliases = {one: store.aliases(internal).get(one) or unnumbered(one) for one in _added(internal)}
    own = next((one for one, alias in aliases.items() if name in (one, alias)), None)
    if own is not None:
        folder, alias = internal / store.STORE / own, aliases[own]
        file = folder / withdrawals.FILE
        return KnownSource(own, alias, folder, file, _aliases(own, alias, folder))
    tables = {one.name: one.table for one in published(library)}
    if name in tables:
        rows = (cells["run"].cast(pl.String) for cells in read_batches(tables[name]))
        runs = _names(rows)
        file = withdrawals.FOLDER / f"{name}.jsonl"
        return KnownSource(name, name, None, file, {run: run for run in runs})
    by_hand = [path for path in internal.glob(f"{name}*") if path.stem == name and name]
    if by_hand:
        hint = "Take the file out of the inbox, or its rows out of the file."
        raise InputError("was put into the inbox by hand", file=by_hand[0], value=name, hint=hint)
    known = [*aliases, *aliases.values(), *tables]
    raise InputError(
        "no such source", value=name, allowed=shorten(known, 600), hint=nearest(name, known)
    )


def _added(internal: Path) -> list[str]:
    return store.sources(internal) if internal.is_dir() else []


def _names(parts: Iterable[pl.Series]) -> list[str]:
    runs = dict.fromkeys(
        run for part in parts for run in part.drop_nulls().unique(maintain_order=True)
    )
    return list(runs)


def _aliases(name: str, alias: str, folder: Path) -> dict[str, str]:
    """The runs of an internal source, each with the name that ingest gives it."""
    names = with_all(read_names(folder) or {"source": [name]}, source_rows(folder, None))
    given = Hidden(alias, names).known()
    return {one: theirs for theirs, (word, one) in given.items() if word == "run"}
