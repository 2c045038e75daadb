"""A runs file from what an analyst knows: one question a fact, and what is not known stays so.

The questions are the columns of a runs file that the rules of the day ask for; a rule that asks for
another column adds its question by itself. An answer is checked as the file would be, with those
before it. An empty answer, or "don't know", leaves the cell empty, which every answer names.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from scaling.errors import InputError, nearest
from scaling.govern import columns, conditions, tables
from scaling.govern.columns import RUN
from scaling.govern.registry import EVALUATED_STATUSES, Registry, as_of
from scaling.govern.runs import prepare
from scaling.io import atomic
from scaling.io.tables import csv_text
from scaling.runs.schema import Column

UNKNOWN = frozenset(
    {
        *("", "?", "unknown", "don't know", "dont know", "do not know", "not known", "not stated"),
        *("no idea", "n/a", "unsure", "not sure", "don\u2019t know"),
    }
)
REQUIRED = ("run", "entity", "state")
# An empty cell says that a run modifies no model; a parent that nobody knows has this name.
NOT_STATED, NO_PARENT = "not stated", ("no", "none")
# Wall-clock time in days, which no column holds: it is written as hours.
DAYS = Column(
    "days", pl.Float64, "days", "wall-clock days of training", low=0.0, high=1e5, open_low=True
)
_TIMES = ("started", "ended", "released")
_HARDWARE = ("chip", "chips", "days", "utilisation")
_SIZE = ("params", "params_active", "tokens")
_LINEAGE = ("model", "parent", "parent_entity", "parent_flop", "parent_systemic")
_COLUMNS = {column.name: column for column in (*RUN, DAYS)}
_MEANING = {
    "run": "name of the run",
    "entity": "developer: who trains it",
    "state": "state of the run",
    "flop": "training compute, if you know it",
    "chip": "kind of chip, as chips.csv names it",
    "chips": "number of chips",
    "parent": "model that this run modifies or starts from; 'no' where there is none",
}


@dataclass
class Interview:
    """What is known of one run so far. ``facts`` are texts by column; None is unknown."""

    registry: Registry
    on: date
    facts: dict[str, str | None] = field(default_factory=dict)

    def questions(self) -> list[str]:
        """Columns to ask for, in their order; what an earlier answer settles is left out."""
        names = [*REQUIRED, *_TIMES, "flop"]
        if self.facts.get("flop") is None:
            names += [name for name in _HARDWARE if not self._settled(name)]
            names += _SIZE
        else:
            names += ["method", "accuracy"]
        names += ["model", "parent"]
        if self.facts.get("parent") not in (None, NOT_STATED):
            names += _LINEAGE[2:]
        wanted = wanted_columns(self.registry, self.on)
        rest = [c.name for c in RUN if c.name in wanted and c.name not in (*_LINEAGE, *names)]
        return [*names, *rest]

    def _settled(self, name: str) -> bool:
        """Whether chip-hours, or hours, were given and stand for this question."""
        given = {one for one, text in self.facts.items() if text is not None}
        instead = {"chips": {"chip_hours"}, "days": {"chip_hours", "hours"}, "chip": {"peak_flops"}}
        return bool(instead.get(name, set()) & given)

    def open(self) -> list[str]:
        """Questions without an answer yet."""
        return [name for name in self.questions() if name not in self.facts]

    def unknown(self) -> list[str]:
        """Facts of the rules that nobody stated, in the order of the questions."""
        absent = {"parent": (NOT_STATED,)}
        return [n for n in self.questions() if self.facts.get(n) in absent.get(n, (None,))]

    def take(self, name: str, answer: str) -> None:
        """Keep an answer.

        Raises:
            InputError: no such fact, or the answer is not one that a runs file may hold.
        """
        if name not in _COLUMNS:
            raise InputError(
                "no such fact",
                value=name,
                allowed=", ".join(_COLUMNS),
                hint=nearest(name, _COLUMNS),
            )
        text = normal(answer, _COLUMNS[name])
        if name == "parent":
            text = NOT_STATED if text is None else text
            text = None if text.lower() in NO_PARENT else text
        if text is None and name in REQUIRED:
            raise InputError("has to be known", column=name, allowed=allowed(name, self.registry))
        if text is not None:
            self._check(name, text)
        self.facts[name] = text

    def _check(self, name: str, text: str) -> None:
        """Whether a runs file with the facts so far and this one can be read."""
        try:
            row = frame({**_STUB, **self.facts, name: text})
            prepare(tables.typed(row, RUN), self.registry, self.on)
        except InputError as error:
            about = error.column in (name, None) or name == "days"
            raise InputError(
                error.problem if about else f"does not fit what was said of {error.column!r}",
                column=name,
                value=text,
                allowed=error.allowed if about else None,
                hint=chip_hint(text, self.registry) if name == "chip" else error.hint,
            ) from None


_STUB: Mapping[str, str] = {"run": "r", "entity": "e", "state": "planned"}


def wanted_columns(registry: Registry, on: date) -> set[str]:
    """Columns that conditions of the rules of the day look at, and quantities that they compare."""
    stub = prepare(tables.typed(frame(_STUB), RUN), registry, on)
    rules = as_of(registry, on, on).filter(pl.col("status").is_in(EVALUATED_STATUSES))
    named: set[str] = set()
    for text in (text for column in columns.CONDITIONS for text in rules[column]):
        named |= {name for name, _ in conditions.terms(text, stub.columns)}
    compared = set(rules["quantity"])
    named |= {"cost_usd"} if "training_cost" in compared else set()
    named |= {"chips"} if "cluster_peak" in compared else set()
    return named & set(_COLUMNS)


def ask(interview: Interview, prompt: Callable[[str], str], remark: Callable[[str], None]) -> None:
    """Ask every open question; a bad answer is asked for again, with what is allowed."""
    while left := interview.open():
        name = left[0]
        text = prompt(question(name, interview.registry))
        try:
            interview.take(name, text)
        except InputError as error:
            remark(f"{error}")


def question(name: str, registry: Registry) -> str:
    """The question of a column in one line."""
    return f"{name}: {_MEANING.get(name, _COLUMNS[name].meaning)} ({allowed(name, registry)})"


def allowed(name: str, registry: Registry) -> str:
    """What may be answered, in words."""
    column = _COLUMNS[name]
    if name == "chip":
        first = ", ".join(registry.chips["chip"].unique().sort()[:3])
        return f"{registry.chips.height} names, such as {first}"
    if name in columns.WORDS:
        return "; ".join(columns.WORDS[name])
    if column.allowed:
        return ", ".join(column.allowed)
    if column.dtype == pl.Float64:
        unit = f" {column.unit}" if column.unit not in ("", "1") else ""
        return f"number{unit}, {column.range_text}" if column.range_text else f"number{unit}"
    return "YYYY-MM-DD" if name in (*_TIMES, "transaction") else "text"


def chip_hint(text: str, registry: Registry) -> str | None:
    """Names of chips that hold the words of an answer, or come near it."""
    names = registry.chips["chip"].to_list()
    inside = [one for one in names if all(w in one.lower() for w in text.lower().split())]
    close = inside or difflib.get_close_matches(text, names, n=4, cutoff=0.3)
    return f"Did you mean {', '.join(map(repr, close[:6]))}?" if close else None


def normal(answer: str, column: Column) -> str | None:
    """An answer as a cell: None where it is not known; y and n, a share in per cent, and lists."""
    text = answer.strip()
    if text.lower() in UNKNOWN:
        return None
    words = list(column.allowed or columns.WORDS.get(column.name, ()))
    short = {"y": "yes", "n": "no"} if "yes" in words else {}
    spelled = {word.lower(): word for word in words} | short
    if column.name in columns.WORDS:
        parts = [part.strip() for part in text.replace(",", ";").split(";") if part.strip()]
        return ";".join(spelled.get(part.lower(), part) for part in parts)
    if words:
        return spelled.get(text.lower(), text)
    if column.dtype == pl.Float64:
        return _number(text, column)
    return text


def _number(text: str, column: Column) -> str:
    """A number without thousands separators; 40 % of a share is 0.4."""
    plain = text.replace(",", "") if _grouped(text) else text
    if column.unit == "1" and plain.endswith("%"):
        try:
            return f"{float(plain[:-1]) / 100:.12g}"
        except ValueError:
            return text
    return plain


def _grouped(text: str) -> bool:
    """Whether commas part thousands: 100,000 and 1,000,000.5, not 2,5."""
    first, *rest = text.partition(".")[0].split(",")
    return bool(rest) and 1 <= len(first) <= 3 and all(len(r) == 3 and r.isdigit() for r in rest)


def frame(facts: Mapping[str, str | None]) -> pl.DataFrame:
    """One row of texts; days as hours.

    Raises:
        InputError: days and hours, or days that are no number.
    """
    cells = dict(facts)
    days = cells.pop("days", None)
    if days is not None:
        if cells.get("hours") is not None:
            raise InputError("days and hours both given", column="days", allowed="one of them")
        cells["hours"] = _hours(days)
    named: Iterable[tuple[str, str | None]] = cells.items()
    return pl.DataFrame([pl.Series(name, [text], pl.String) for name, text in named])


def _hours(days: str) -> str:
    try:
        value = 24.0 * float(days)
    except ValueError:
        raise InputError("is no number", column="days", value=days, allowed="days > 0") from None
    if not 0.0 < value < 24.0e5:
        raise InputError("is not allowed", column="days", value=days, allowed="days > 0 and < 1e5")
    return f"{value:.12g}"


def write(interview: Interview, path: Path) -> None:
    """Write the runs file: every question a column, an empty cell where the answer is not known.

    Raises:
        InputError: a required fact is open.
    """
    left = [name for name in REQUIRED if interview.facts.get(name) is None]
    if left:
        given = ", ".join(f"--fact {name}=..." for name in left)
        raise InputError(f"not stated: {', '.join(left)}", hint=f"Give {given}")
    interview.facts.setdefault("parent", NOT_STATED)
    facts = {name: interview.facts.get(name) for name in interview.questions()}
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic.write(path, csv_text(frame({**facts, **interview.facts})).encode())
