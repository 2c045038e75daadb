"""What no file for others may hold: paths of a machine, and numbers that are none."""

from __future__ import annotations

import polars as pl

# A path from the root of a disk, a home folder or a share, in a text of any kind: /home/a/b.csv,
# ~/b.csv, C:\a\b.csv, \\host\a, file:///a. Its last part stays. An address on the web is none.
_PATH = (
    r"(^|[\s(\[<\"'=,;:])"
    r"(?:file://[^\s/\\]*)?"
    r"(?:~[^\s/\\]*[/\\]|[A-Za-z]:[/\\]+|\\\\|/)"
    r"(?:[^\s/\\,;:\"'()\[\]<>]+[/\\]+)+"
)


def tidy(table: pl.DataFrame) -> pl.DataFrame:
    """The table without paths, whose last part stays, and without figures that are not finite."""
    texts = pl.selectors.string()
    floats = pl.selectors.float()
    return table.with_columns(
        texts.str.replace_all(_PATH, "${1}"),
        pl.when(floats.is_finite()).then(floats),
    )
