"""Which laws apply to a table, and refusal of fits that mix conventions.

Conventions are columns (`scaling.runs.schema`): which metric, in which unit, on which data set and
tokenizer, checkpoints with or without a finished schedule, how compute was counted, which params.
Rows that differ in one of them do not lie on one curve, so a fit over both is refused unless the
column is named as meant. A law that reads such a column as an input may of course see several.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import polars as pl

from scaling.errors import InputError
from scaling.fitting.data import number
from scaling.laws._law import Law

CONVENTIONS = (
    "metric",
    "metric_kind",
    "unit",
    "dataset",
    "tokenizer",
    "schedule_complete",
    "flops_method",
    "params_convention",
)

ALLOW = "Keep the rows of one, or allow it: --mixed {name} (in Python mixed=[...])."


def refuse_mixtures(runs: pl.DataFrame, law: Law, mixed: Sequence[str] = ()) -> None:
    """Refuse a table whose rows follow two conventions, or a kind of target the law is not for.

    ``mixed`` names columns that may hold several values all the same.

    Raises:
        InputError: the first such column, the values found and how to go on.
    """
    refuse_mixed_columns(runs, _own(law), mixed)
    kind = _wrong_kind(runs, law)
    if kind and "metric_kind" not in mixed:
        raise InputError(
            f"{law.name} is a law of another kind of target",
            column="metric_kind",
            value=kind,
            allowed=", ".join(law.kinds),
        )


def refuse_mixed_columns(
    runs: pl.DataFrame,
    own: Collection[str],
    mixed: Sequence[str] = (),
    hint: str = ALLOW,
) -> None:
    """Refuse a table whose rows follow two conventions, in a column that is neither read (``own``)
    nor allowed to be ``mixed``.

    Raises:
        InputError: as `refuse_mixtures`; the column's name stands in ``hint``.
    """
    for name, found in _mixed_columns(runs, own):
        if name in mixed:
            continue
        shown = ", ".join(found[:6]) + (", ..." if len(found) > 6 else "")
        raise InputError(
            "one fit mixes conventions",
            column=name,
            value=shown,
            allowed="one value a fit",
            hint=hint.format(name=name),
        )


def _own(law: Law) -> set[str]:
    """Columns that the law may read."""
    return {name for one in law.all_inputs for name in (one.name, *one.columns)}


def _mixtures(runs: pl.DataFrame, law: Law) -> list[tuple[str, list[str]]]:
    """Convention columns with several values that the law does not read."""
    return _mixed_columns(runs, _own(law))


def _mixed_columns(runs: pl.DataFrame, own: Collection[str]) -> list[tuple[str, list[str]]]:
    """Convention columns with several values that are not read."""
    found = []
    for name in CONVENTIONS:
        if name not in runs.columns or name in own:
            continue
        if name == "flops_method" and not {"flops", "x"} & set(own):
            continue
        values = runs[name].drop_nulls().cast(pl.String).unique().sort().to_list()
        if len(values) > 1:
            found.append((name, values))
    both = _two_sizes(runs)
    return [*found, *([("params", [both])] if both and "params" in own else [])]


def _two_sizes(runs: pl.DataFrame) -> str:
    """Where `params` is a copy of `params_non_embedding` in some rows and not in others.

    Of routed models it may be either, depending on the experts, so there it says nothing.
    """
    have = set(runs.columns)
    if not {"params", "params_non_embedding"} <= have or "params_active" in have:
        return ""
    total, inner = number(runs, "params"), number(runs, "params_non_embedding")
    both = np.isfinite(total) & np.isfinite(inner)
    same = int((total[both] == inner[both]).sum())
    if same in (0, int(both.sum())):
        return ""
    return f"params equal params_non_embedding in {same} of {int(both.sum())} rows"


def _wrong_kind(runs: pl.DataFrame, law: Law) -> str:
    if not law.kinds or "metric_kind" not in runs.columns:
        return ""
    kinds = runs["metric_kind"].drop_nulls().unique().sort().to_list()
    return ", ".join(kind for kind in kinds if kind not in law.kinds)
