"""How many rows of each source validation holds back, and by which check: `data/validation.json`
in words, wherever a person looks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling.errors import counted

REPORT = Path("data/validation.json")
ADVICE = (
    "`scaling quarantine list --source NAME` shows the rows with the reasons; `scaling quarantine "
    "release` lets pass what is right."
)


@dataclass(frozen=True)
class HeldBack:
    """A source of which rows are held back.

    Attributes:
        source: its published name.
        rows: rows that were checked.
        held: rows held back.
        by: rows that each check holds back, most first; a row may break several.
    """

    source: str
    rows: int
    held: int
    by: Mapping[str, int]

    @property
    def share(self) -> float:
        """Held-back rows as a share of those checked."""
        return self.held / self.rows

    @property
    def checks(self) -> str:
        """The check that holds most, and how many others hold some."""
        if not self.by:
            return "unknown"
        name, rows = next(iter(self.by.items()))
        more = f" and {counted(len(self.by) - 1, 'other check')}" if len(self.by) > 1 else ""
        return f"{name} ({rows}){more}"

    def __str__(self) -> str:
        share = f"{100 * self.share:.3g} %"
        return (
            f"{self.source}: {self.held} of {counted(self.rows, 'row')} held back ({share}), by "
            f"{self.checks}"
        )


def held_back(validation: Mapping[str, Any]) -> Iterator[HeldBack]:
    """The sources of which rows are held back, in the order of the report of validation."""
    for source, facts in validation.items():
        if facts.get("quarantined"):
            yield HeldBack(source, facts["rows"], facts["quarantined"], _by(facts))


def _by(facts: Mapping[str, Any]) -> Mapping[str, int]:
    """Rows by check; where they were not counted, how often each error check failed."""
    if "held_by" in facts:
        held: Mapping[str, int] = facts["held_by"]
        return held
    failed = {
        f"{one['name']}:{one['column']}": one["failed"]
        for one in facts.get("expectations", ())
        if one.get("severity") == "error" and one.get("failed")
    }
    return dict(sorted(failed.items(), key=lambda item: -item[1]))


def sentences(root: Path) -> list[str]:
    """A line for each source of which rows are held back, then what to do; none where none is."""
    file = root / REPORT
    if not file.is_file():
        return []
    lines = list(map(str, held_back(json.loads(file.read_text(encoding="utf-8")))))
    return [*lines, ADVICE] if lines else []
