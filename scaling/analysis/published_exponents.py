"""Published exponents by architecture and domain, to hold one's own against.

    a, b          N* ~ C^a, D* ~ C^b at the compute-optimal size
    alpha, beta   loss above its floor ~ N^-alpha, ~ D^-beta
    c             loss ~ C^-c

``read_in`` says how the number was read: in a text that quotes the paper, in two that agree, or off
a figure. Studies differ in data, tokenizer, how params and FLOP are counted and in the fit, so only
rows of one citation compare architectures.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

TABLE = Path(__file__).with_suffix(".csv")
EXPONENTS = ("a", "b", "alpha", "beta", "c")


def published_exponents() -> pl.DataFrame:
    """A row an architecture, domain and citation; exponents that are not printed are missing."""
    rows = pl.read_csv(TABLE)
    names = ["architecture", "domain", "citation", "read_in"]
    wide = rows.pivot("exponent", index=names, values="value")
    return wide.select("architecture", "domain", *EXPONENTS, "citation", "read_in")
