"""Published sources: a folder each, with a run table and ``source.yaml`` beside it.

``source.yaml`` holds what the figures rest on: citation, licence, origin, dates, what was changed
and which defects are known. Nothing is published here without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from scaling.errors import InputError, nearest
from scaling.runs.formats._yaml import from_yaml

METADATA = "source.yaml"
# Beside the run table, a folder may hold these; anything else would be a table nobody reads.
_BESIDE = (METADATA, "README.md", ".gitignore")


@dataclass(frozen=True)
class Defect:
    """A known defect: what it is, the flag that its rows carry ('' for none), and the runs."""

    what: str
    flag: str
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """One published source. ``observed`` is the day its paper came out, ``accessed`` ours."""

    name: str
    table: Path
    title: str
    citations: tuple[str, ...]
    licence: str
    origin: str
    accessed: date
    observed: date
    changed: tuple[str, ...]
    notes: tuple[str, ...]
    defects: tuple[Defect, ...]


def published(folder: Path) -> list[Source]:
    """The sources of a folder of folders, by name.

    Raises:
        InputError: no such folder, or a source without a table or complete metadata.
    """
    if not folder.is_dir():
        raise InputError("no such folder", file=folder, hint="Run this in the project's folder.")
    return [_source(path) for path in sorted(folder.iterdir()) if path.is_dir()]


def run_table(folder: Path) -> Path:
    """The one run table of a source's folder, whatever its format.

    Raises:
        InputError: none, or more than one.
    """
    tables = [p for p in sorted(folder.iterdir()) if p.name not in _BESIDE and p.suffix != ".dvc"]
    if len(tables) != 1 or tables[0].stem != "runs":
        raise InputError(
            "a published source has one run table",
            file=folder,
            value=[path.name for path in tables],
            allowed=f"runs.csv (or another format of the same name) and {METADATA}",
        )
    return tables[0]


def _source(folder: Path) -> Source:
    table = run_table(folder)
    given = _metadata(folder / METADATA)
    values = {key: read(given[key], folder / METADATA, key) for key, read in _KEYS.items()}
    return Source(name=folder.name, table=table, **values)


def _metadata(path: Path) -> dict[str, Any]:
    """The keys of the file, all known and all there."""
    try:
        given = from_yaml(path)
    except FileNotFoundError:
        raise InputError("missing", file=path, hint="It holds citation and licence.") from None
    if not isinstance(given, dict):
        raise InputError("not a mapping", file=path, allowed=", ".join(_KEYS))
    for key in given:
        if key not in _KEYS:
            known = ", ".join(_KEYS)
            hint = nearest(str(key), _KEYS)
            raise InputError("unknown key", file=path, value=key, allowed=known, hint=hint)
    missing = [key for key in _KEYS if key not in given]
    if missing:
        raise InputError(f"missing key {missing[0]!r}", file=path, allowed=", ".join(_KEYS))
    return given


def _text(value: Any, file: Path, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError("not a text", file=file, column=key, value=value, allowed="text")
    return " ".join(value.split())


def _day(value: Any, file: Path, key: str) -> date:
    if type(value) is not date:
        raise InputError("not a date", file=file, column=key, value=value, allowed="YYYY-MM-DD")
    return value


def _texts(value: Any, file: Path, key: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InputError("not a list", file=file, column=key, value=value, allowed="texts")
    return tuple(_text(item, file, key) for item in value)


def _defects(value: Any, file: Path, key: str) -> tuple[Defect, ...]:
    if not isinstance(value, list) or not all(_is_defect(item) for item in value):
        allowed = "a list of {what, flag, runs}"
        raise InputError("not defects", file=file, column=key, value=value, allowed=allowed)
    return tuple(
        Defect(_text(item["what"], file, key), item["flag"], _texts(item["runs"], file, key))
        for item in value
    )


def _is_defect(item: Any) -> bool:
    return isinstance(item, dict) and set(item) == {"what", "flag", "runs"}


_KEYS: dict[str, Callable[[Any, Path, str], Any]] = {
    "title": _text,
    "citations": _texts,
    "licence": _text,
    "origin": _text,
    "accessed": _day,
    "observed": _day,
    "changed": _texts,
    "notes": _texts,
    "defects": _defects,
}
