"""Which laws a table can feed, and what stands in the way of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from scaling import laws
from scaling.errors import InputError, counted
from scaling.fitting.conventions import _mixtures, _wrong_kind
from scaling.fitting.data import column_of, number
from scaling.laws._law import Input, Law
from scaling.laws._questions import order as place_of

SIZES = {
    "total": "params",
    "non_embedding": "params_non_embedding",
    "active": "params_active",
}


# Beyond about one pass and a half, repeats count (the bound that the studies here use).
MAX_EPOCHS = 1.5


Word = Literal["yes", "with care", "no"]


@dataclass(frozen=True)
class Verdict:
    """Whether a law applies to a table, and why not or with what care."""

    law: str
    word: Word
    reason: str = ""


def verdict(runs: pl.DataFrame, law: Law, target: str = "loss") -> Verdict:
    """Whether ``law`` can be fitted to the table as it is, and if not, why.

    A law with its own procedure is tried, which takes no longer than reading the table.
    """
    reason = _missing(runs, law, target) or _blocked(runs, law) or _unfit_target(runs, law, target)
    if not reason and law.estimate is not None:
        reason = _refusal(runs, law, target)
    if reason:
        return Verdict(law.name, "no", reason)
    care = _caution(runs, law)
    return Verdict(law.name, "with care" if care else "yes", care)


def applicable(runs: pl.DataFrame, target: str, name: str | None = None) -> list[Verdict]:
    """Which laws can be fitted to a table, those first, and why not the others; among equals in the
    order of the decision table.

    Raises:
        InputError: an empty table, or one without the target.
    """
    if runs.height == 0:
        raise InputError("the table is empty", value=0, allowed="at least one data row")
    if target not in runs.columns:
        long = {"metric", "value"} <= set(runs.columns)
        hint = "Choose a metric with --metric." if long else None
        allowed = ", ".join(runs.columns[:30])
        raise InputError("missing column", column=target, allowed=allowed, hint=hint)
    order = {"yes": 0, "with care": 1, "no": 2}
    chosen = laws.load().values() if name is None else [laws.get(name)]
    found = [verdict(runs, law, target) for law in sorted(chosen, key=place_of)]
    return sorted(found, key=lambda v: order[v.word])


def default_law(runs: pl.DataFrame, target: str = "loss") -> tuple[Law, str]:
    """The law that is fitted where none is named, and a sentence that says so: the first of
    `applicable` that has been tested on published runs, and reads params and tokens where the
    table has both.

    Raises:
        InputError: an empty table, one without the target, or no law for it.
    """
    runs = runs.drop_nulls(target) if target in runs.columns else runs
    found = [one for one in applicable(runs, target) if one.word != "no"]
    tested = [one for one in found if not laws.get(one.law).simulated]
    sizes = {"params", "tokens"}
    if sizes <= set(runs.columns):
        tested = sorted(tested, key=lambda one: not sizes <= set(laws.get(one.law).inputs))
    if not tested:
        allowed = ", ".join(one.law for one in found) or "none of this table as it is"
        hint = "`scaling laws --for RUNS` says what each law lacks."
        raise InputError("which law?", value=None, allowed=allowed, hint=hint)
    chosen = tested[0]
    care = f" ({chosen.reason})" if chosen.reason else ""
    others = len(found) - 1
    more = f"; `scaling laws --for RUNS` lists {counted(others, 'other')}" if others else ""
    return laws.get(
        chosen.law
    ), f"No law was named: {chosen.law} is the first that fits{care}{more}"


def _missing(runs: pl.DataFrame, law: Law, target: str) -> str:
    have = set(runs.columns)
    if law.own_quantity and target != law.target:
        return f"it explains {law.target}: --target {law.target}"
    if target not in have:
        long = {"metric", "value"} <= have
        return f"no column {target}" + ("; choose a metric with --metric" if long else "")
    lacking = [one for one in law.all_inputs if not _served(one, have, law)]
    if not lacking:
        return ""
    names = ["/".join(one.columns or (one.name,)) for one in lacking]
    return f"no column {', '.join(names)}"


def _served(one: Input, have: set[str], law: Law) -> bool:
    if one.default is not None or column_of(one, have) is not None:
        return True
    computed = one.name == "flops" or (law.inputs == ("x",) and not one.columns)
    return computed and ("flops" in have or {"params", "tokens"} <= have)


def _blocked(runs: pl.DataFrame, law: Law) -> str:
    kind = _wrong_kind(runs, law)
    if kind:
        return f"metric_kind is {kind}; it needs {' or '.join(law.kinds)}"
    mixtures = _mixtures(runs, law)
    if mixtures:
        name, values = mixtures[0]
        return f"{name} is mixed: {', '.join(values[:3])}{', ...' if len(values) > 3 else ''}"
    for one in law.all_inputs:
        column = column_of(one, runs.columns)
        if column is None or one.values or one.labels or one.read is not None:
            continue
        reason = _too_few_values(runs, one, column)
        if reason:
            return reason
    return ""


def _unfit_target(runs: pl.DataFrame, law: Law, target: str) -> str:
    """Empty cells of the target, and values where the law or its scale has no place for them."""
    values = number(runs, target)
    empty = int(np.isnan(values).sum())
    if empty:
        return f"{target} is empty in {empty} of {runs.height} rows"
    low, high = law.span
    if law.link != "linear":
        low, high = max(low, 5e-324), min(high, 1.0 - 1e-16 if law.link == "logit" else high)
    outside = int(((values < low) | (values > high)).sum())
    if not outside:
        return ""
    return f"{target} is not within {law.span[0]:g} to {law.span[1]:g} in {counted(outside, 'row')}"


def _refusal(runs: pl.DataFrame, law: Law, target: str) -> str:
    """What a law's own procedure says against the table."""
    from scaling.fitting.engine import fit

    try:
        fit(runs, law, target=target)
    except InputError as error:
        return str(error)
    return ""


def _too_few_values(runs: pl.DataFrame, one: Input, column: str) -> str:
    values = number(runs, column)
    empty = int(np.isnan(values).sum())
    if empty:
        return f"{column} is empty in {empty} of {runs.height} rows"
    low = values > one.low if one.open_low else values >= one.low
    if not (low & (values <= one.high)).all():
        return f"{column} has values outside {one.allowed}"
    count = len(np.unique(values))
    if count < one.levels:
        return f"{column} takes {count} distinct value{'s' * (count != 1)}; {one.levels} are needed"
    return ""


def _caution(runs: pl.DataFrame, law: Law) -> str:
    """What to think of before trusting a fit that can be made."""
    parts = [_other_size(runs, law), _unfinished(runs, law), _repeated(runs, law)]
    assumed = [
        f"{one.name} = {one.default:g}"
        for one in law.all_inputs
        if one.default is not None and not one.labels and column_of(one, runs.columns) is None
    ]
    if assumed:
        parts.append(f"not in the table, so taken as {', '.join(assumed)}")
    if "training_data" in runs.columns and "training_data" not in law.inputs:
        corpora = runs["training_data"].n_unique()
        parts.append(f"{corpora} training corpora" if corpora > 1 else "")
    if law.simulated:
        parts.append("tested on simulated runs only")
    if runs.height <= len(law.params):
        parts.append(f"{runs.height} rows for {len(law.params)} parameters")
    return "; ".join(part for part in parts if part)


def _other_size(runs: pl.DataFrame, law: Law) -> str:
    """Where the paper's N is not the total, which is what `params` are."""
    meant = SIZES.get(law.size, "params")
    if "params" not in law.inputs or meant == "params":
        return ""
    other = f": --map params={meant}" if meant in runs.columns else ""
    return f"N of the paper is {law.size.replace('_', '-')}{other}"


def _unfinished(runs: pl.DataFrame, law: Law) -> str:
    if law.schedule != "complete" or "schedule_complete" not in runs.columns:
        return ""
    count = int((runs["schedule_complete"] == "no").sum())
    return f"{counted(count, 'row')} with an unfinished schedule" if count else ""


def _repeated(runs: pl.DataFrame, law: Law) -> str:
    """Tokens seen more than once, under a law that does not know of it."""
    if "tokens_unique" not in runs.columns or {"params", "tokens"} != set(law.inputs):
        return ""
    epochs = number(runs, "tokens") / number(runs, "tokens_unique")
    if np.nanmax(np.append(epochs, 0.0)) <= MAX_EPOCHS:
        return ""
    return "tokens repeat; a data-constrained law is meant for that"
