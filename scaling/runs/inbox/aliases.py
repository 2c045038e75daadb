"""Names that do not disclose: a source is internal-1, its runs internal-1/run-1 and so on.

Numbers go by first appearance in a log that only grows, so a name once given stays.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import polars as pl

# Column -> the word in its names. A parent is a run.
_WORDS = {name: name for name in ("source", "run", "family", "series")} | {"parent": "run"}


@dataclass
class Hidden:
    """The names of one source, given in order of appearance."""

    alias: str
    given: dict[str, dict[str, str]] = field(default_factory=dict)

    def hide(self, rows: pl.DataFrame, source: str) -> pl.DataFrame:
        """The rows with the source's, runs', families', series' and files' names replaced."""
        self.given.setdefault("source", {source: self.alias})
        for column, word in _WORDS.items():
            names = self.given.setdefault(word, {})
            for name in rows[column].drop_nulls().unique(maintain_order=True).to_list():
                names.setdefault(name, f"{self.alias}/{word}-{len(names) + 1}")
        replaced = [
            pl.col(column).replace_strict(self.given[word], default=None, return_dtype=pl.String)
            for column, word in _WORDS.items()
        ]
        # Where a row stands is said by its payload: `ls data/internal/store/*/payloads` finds it.
        file = pl.format("{}/{}", pl.lit(self.alias), pl.col("payload").fill_null("file"))
        return rows.with_columns(file.alias("file"), *replaced)


def unnumbered(name: str) -> str:
    """The alias of a source that was put into the inbox without `scaling add`.

    It has no number, so its name comes from a hash. Who guesses the name can confirm the guess.
    """
    return f"internal-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
