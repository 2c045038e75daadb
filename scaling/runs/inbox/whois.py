"""Who an alias is: for the owner of the runs, who has the store."""

from __future__ import annotations

from pathlib import Path

from scaling.errors import InputError
from scaling.runs.inbox import store
from scaling.runs.inbox.aliases import Hidden, read_names, with_all
from scaling.runs.inbox.read import source_rows


def owner(internal: Path, alias: str) -> str:
    """What the alias stands for, in words.

    Raises:
        InputError: no such alias.
    """
    given = {theirs: name for name, theirs in store.aliases(internal).items()}
    source = given.get(alias.partition("/")[0])
    if source is None:
        allowed = ", ".join(given) or "none: no runs were added here"
        raise InputError("no source of this alias", value=alias, allowed=allowed)
    folder = internal / store.STORE / source
    names = read_names(folder) or with_all({"source": [source]}, source_rows(folder, None))
    known = Hidden(alias.partition("/")[0], names).known()
    if alias not in known:
        last = {word: one for one, (word, _) in known.items()}
        allowed = ", ".join(one if "/" not in one else f"... to {one}" for one in last.values())
        raise InputError("no such alias", value=alias, allowed=allowed)
    word, name = known[alias]
    return f"{alias} is {word} {name!r}" + ("" if name == source else f" of source {source!r}")
