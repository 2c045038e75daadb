"""What a pack says first: the answer in sentences, and one line a run."""

from __future__ import annotations

from datetime import date

import polars as pl

from scaling.document.format import clean
from scaling.errors import counted
from scaling.govern.crossings import (
    ABOVE,
    MAY,
    NOT_APPLICABLE,
    NOT_REACHED,
    PLANNED,
    UNKNOWN,
    WOULD_APPLY,
)

# The strongest statement first: a run is counted under it.
SAID = {
    ABOVE: "above a threshold",
    PLANNED: "planned to go above one",
    MAY: "may cross one, within the error of the figure",
    UNKNOWN: "unknown, because something is not stated",
    WOULD_APPLY: "under a bill alone that was passed and is not law",
    NOT_REACHED: "below every threshold that applies",
    NOT_APPLICABLE: "under no rule that applies",
}
_ORDER = tuple(SAID)
NAMED, NAMED_RULES = 5, 2


def answer(crossed: pl.DataFrame, on: date) -> list[str]:
    """The sentences: how many runs stand where, by their strongest verdict, and which days count.

    Args:
        crossed: rows of `scaling.govern.crossings.crossings`, of one entity or of one rule.
    """
    runs = crossed.group_by("run", maintain_order=True).agg("verdict")
    by: dict[str, list[str]] = {verdict: [] for verdict in _ORDER}
    for run, verdicts in runs.iter_rows():
        by[min(verdicts, key=_ORDER.index)].append(run)
    parts = [f"{len(names)} {SAID[v]}{_names(v, names)}" for v, names in by.items() if names]
    lead = f"On {on}, of {counted(runs.height, 'run')} and {_rules(crossed)}: "
    return [lead + "; ".join(parts) + ".", *_days(crossed, on)]


def _rules(crossed: pl.DataFrame) -> str:
    return counted(crossed["rule"].n_unique(), "rule")


def _names(verdict: str, names: list[str]) -> str:
    if verdict in (NOT_REACHED, NOT_APPLICABLE):
        return ""
    shown = ", ".join(clean(name) for name in names[:NAMED])
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f" ({shown}{more})"


def _days(crossed: pl.DataFrame, on: date) -> list[str]:
    """Last days of clocks that run or ran out. Whether a notice was given is not known."""
    due = crossed.filter(pl.col("notify_by").is_not_null(), pl.col("verdict") != NOT_APPLICABLE)
    said = []
    for words, when in (
        ("Last days that have passed", pl.col("notify_by") < on),
        ("Last days to come", pl.col("notify_by") >= on),
    ):
        rows = due.filter(when).sort("notify_by", "run", "rule").to_dicts()
        listed = [f"{r['notify_by']} ({clean(r['run'])}, {r['rule']})" for r in rows[:NAMED]]
        more = f" and {len(rows) - NAMED} more" if len(rows) > NAMED else ""
        said += [f"{words}: {', '.join(listed)}{more}."] if rows else []
    return [*said, "Whether a notice was given is not known here."] if said else []


def _under(rows: pl.DataFrame) -> str:
    """Rules by name where they are few."""
    names = rows["rule"].to_list()
    return ", ".join(names) if len(names) <= NAMED_RULES else counted(len(names), "rule")


def strongest(part: pl.DataFrame) -> str:
    """One run in a line: under how many rules it stands where, what is missing, and its next day.

    Args:
        part: the open rows of one run.
    """
    verdicts = part["verdict"].to_list()
    counts = [f"{v} under {_under(part.filter(verdict=v))}" for v in _ORDER if v in verdicts]
    missing = sorted({one for text in part["missing"].drop_nulls() for one in text.split(", ")})
    lacks = f"; not stated: {', '.join(missing)}" if missing else ""
    days = part["notify_by"].drop_nulls().sort()
    first = f"; earliest last day {days[0]}" if len(days) else ""
    return f"{clean(part['run'][0])}: {'; '.join(counts)}{lacks}{first}"
