"""Names that do not disclose: a source is internal-1, its runs internal-1/run-1 and so on.

`scaling add` gives the numbers and keeps them in ``names.json`` of the source, which only grows: a
name once given stays, in whatever order files come later. What was put into the inbox by hand, or
added before there was that file, is numbered as it appears.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from scaling.errors import InputError
from scaling.io import atomic

FILE = "names.json"
# Column -> the word in its names. A parent is a run.
_WORDS = {name: name for name in ("source", "run", "family", "series")} | {"parent": "run"}

# The names of each word, in the order of their numbers.
Names = dict[str, list[str]]


def read_names(folder: Path) -> Names | None:
    """The names that a source has given; None where it keeps none.

    Raises:
        InputError: a damaged file.
    """
    file = folder / FILE
    if not file.is_file():
        return None
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
        found = {str(word): [str(name) for name in names] for word, names in given.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise InputError(f"not readable: {error}", file=file) from None
    if any(len(set(names)) < len(names) for names in found.values()):
        raise InputError("a name stands twice", file=file)
    return found


def write_names(folder: Path, names: Names) -> None:
    """Keep the names of a source, whole."""
    text = json.dumps(names, indent=1, ensure_ascii=False) + "\n"
    atomic.write(folder / FILE, text.encode())


def with_rows(names: Names, rows: pl.DataFrame) -> Names:
    """The names with those of the rows that are new, in order of appearance."""
    given = {word: dict.fromkeys(names.get(word, [])) for word in _WORDS.values()}
    for column, word in _WORDS.items():
        found = rows[column].drop_nulls().unique(maintain_order=True).to_list()
        given[word] |= dict.fromkeys(found)
    return {word: list(found) for word, found in given.items()}


def with_all(names: Names, parts: Iterable[pl.DataFrame]) -> Names:
    """As `with_rows`, part by part."""
    for rows in parts:
        names = with_rows(names, rows)
    return names


@dataclass
class Hidden:
    """The names of one source."""

    alias: str
    names: Names

    def hide(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the source's, runs', families', series' and files' names replaced."""
        self.names = with_rows(self.names, rows)
        replaced = [
            pl.col(column).replace_strict(
                {name: self._alias(word, i) for i, name in enumerate(self.names[word], start=1)},
                default=None,
                return_dtype=pl.String,
            )
            for column, word in _WORDS.items()
        ]
        # Where a row stands is said by its payload: `ls data/internal/store/*/payloads` finds it.
        file = pl.format("{}/{}", pl.lit(self.alias), pl.col("payload").fill_null("file"))
        return rows.with_columns(file.alias("file"), *replaced)

    def _alias(self, word: str, number: int) -> str:
        # The source itself is the first of its word.
        return self.alias if (word, number) == ("source", 1) else f"{self.alias}/{word}-{number}"

    def known(self) -> dict[str, tuple[str, str]]:
        """What each alias stands for: the word and the name."""
        return {
            self._alias(word, i): (word, name)
            for word, names in self.names.items()
            for i, name in enumerate(names, start=1)
        }


def unnumbered(name: str) -> str:
    """The alias of a source that was put into the inbox without `scaling add`.

    It has no number, so its name comes from a hash. Who guesses the name can confirm the guess.
    """
    return f"internal-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
