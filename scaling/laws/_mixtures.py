"""What the two mixture laws share: shares of domains in, one output a validation domain.

A table has a text column ``mixture`` ('web=0.7;code=0.3'; what is missing is 0), and one row a
result: the column ``metric`` says of which validation domain. The law's parameters depend on both,
so it is bound to the table.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._law import Input


def shares(text: str) -> dict[str, float]:
    """'web=0.7;code=0.3' as numbers.

    Raises:
        InputError: a part without '=' or with a share that is no number from 0 to 1.
    """
    found: dict[str, float] = {}
    for part in filter(None, (text or "").split(";")):
        name, _, value = part.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            found[name.strip()] = -1.0
        if not 0.0 <= found[name.strip()] <= 1.0 + 1e-6:
            raise InputError(
                "not a mixture", column="mixture", value=text[:80], allowed="name=share;..., 0 to 1"
            )
    return found


def domains(runs: pl.DataFrame) -> tuple[str, ...]:
    """Every training domain that some row uses."""
    if "mixture" not in runs.columns:
        raise InputError("missing column", column="mixture", allowed="name=share;...")
    return tuple(sorted({name for text in runs["mixture"].unique() for name in shares(text)}))


def outputs(runs: pl.DataFrame) -> tuple[str, ...]:
    """Validation domains: the values of ``metric``, one where there is no such column."""
    if "metric" not in runs.columns:
        return ("loss",)
    return tuple(sorted(runs["metric"].drop_nulls().unique().to_list()))


def needs(names: tuple[str, ...], results: tuple[str, ...]) -> tuple[Input, ...]:
    """The inputs of a bound law: a share a domain, and the validation domain's number."""
    parts = tuple(
        Input(
            f"share_{name}",
            "share",
            f"share of {name} in training",
            columns=("mixture",),
            low=0.0,
            open_low=False,
            high=1.0 + 1e-6,
            levels=2,
            typical=(0.0, 1.0),
            read=_reader(name),
        )
        for name in names
    )
    which = Input(
        "metric", "", "validation domain", values=results, default=0.0, levels=1, typical=(0.0, 0.0)
    )
    return (*parts, which)


def _reader(name: str) -> Callable[[pl.DataFrame], Array]:
    def read(runs: pl.DataFrame) -> Array:
        if "mixture" not in runs.columns:
            raise InputError("missing column", column="mixture", allowed="name=share;...")
        return np.array([shares(text).get(name, 0.0) for text in runs["mixture"]])

    return read
