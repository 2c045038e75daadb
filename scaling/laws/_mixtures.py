"""What the two mixture laws share: shares of domains in, one output a validation domain.

A table has a text column ``mixture`` ('web=0.7;code=0.3'; what is missing is 0), or a column of
numbers for each domain (``share_web``, ``share_code``), and one row a result: the column ``metric``
says of which validation domain. The law's parameters depend on both, so it is bound to the table.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._law import Input

# The start of a column's name that has the shares of one domain, and how far from 1 a row of them
# may add up: they are printed with three digits.
SHARE, ROUNDED = "share_", 2e-3


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


def with_mixture(runs: pl.DataFrame) -> pl.DataFrame:
    """The table with a column ``mixture``, which columns ``share_NAME`` make where it has none.

    Raises:
        InputError: neither, or shares that are not numbers from 0 to 1 that add to 1.
    """
    if "mixture" in runs.columns:
        return runs
    names = [name for name in runs.columns if name.startswith(SHARE) and name != SHARE]
    if not names:
        allowed = f"name=share;..., or a column {SHARE}NAME for each domain"
        raise InputError("missing column", column="mixture", allowed=allowed)
    for name in names:
        inside = runs[name].cast(pl.Float64, strict=False).is_between(0.0, 1.0 + ROUNDED)
        row = inside.fill_null(value=False).arg_min()
        if row is not None and not inside[row]:
            value = runs[name][row]
            raise InputError("not a share", row=row + 1, column=name, value=value, allowed="0 to 1")
    total = runs.select(pl.sum_horizontal(pl.col(names).cast(pl.Float64))).to_series()
    row = (total - 1.0).abs().arg_max()
    if row is not None and abs(total[row] - 1.0) > ROUNDED:
        raise InputError(
            "shares do not add to 1", row=row + 1, column=", ".join(names), value=total[row],
            allowed=f"1 to within {ROUNDED}, a column {SHARE}NAME for every domain",
        )  # fmt: skip
    parts = [pl.format(f"{name.removeprefix(SHARE)}={{}}", pl.col(name)) for name in names]
    return runs.with_columns(mixture=pl.concat_str(parts, separator=";"))


def domains(runs: pl.DataFrame) -> tuple[str, ...]:
    """Every training domain that some row uses."""
    texts = with_mixture(runs)["mixture"].unique()
    return tuple(sorted({name for text in texts for name in shares(text)}))


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
            columns=("mixture", f"{SHARE}{name}"),
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
        return np.array([shares(text).get(name, 0.0) for text in with_mixture(runs)["mixture"]])

    return read
