"""Exclusions are data: a rule, a reason, and the fit with and without it.

On the Chinchilla points five losses of 245 take the compute-optimal tokens per parameter at
5.76e23 FLOP from 6.8 to 17.9, so a fit that leaves rows out says what it would have been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from scaling.fitting.conventions import CONVENTIONS
from scaling.fitting.engine import fit
from scaling.fitting.result import Fit
from scaling.fitting.solver.objective import Objective
from scaling.laws._law import Law
from scaling.runs.studies import without


@dataclass(frozen=True)
class Exclusion:
    """A polars SQL condition on the run table that takes rows out, and the reason."""

    where: str
    reason: str = ""

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Exclusion:
        """From an ``exclude`` entry of params.yaml."""
        return cls(str(entry["where"]), str(entry.get("reason", "")))


@dataclass(frozen=True)
class Variant:
    """A fit with the exclusion ``lifted`` not applied; None where all are."""

    fit: Fit
    lifted: Exclusion | None

    def to_dict(self) -> dict[str, Any]:
        """law, parameters (name -> value), objective, outcome, rows, rule, reason."""
        return {
            "law": self.fit.law.name,
            "parameters": self.fit.values,
            "objective": self.fit.objective,
            "outcome": str(self.fit.outcome),
            "rows": self.fit.rows,
            "rule": self.lifted.where if self.lifted else None,
            "reason": self.lifted.reason if self.lifted else None,
        }


def apply(runs: pl.DataFrame, rules: Sequence[Exclusion]) -> pl.DataFrame:
    """The rows that no rule takes out.

    Raises:
        InputError: a rule that is no polars SQL condition over the columns of ``runs``.
    """
    for rule in rules:
        runs = without(runs, rule.where, file=None)
    return runs


def lift(
    runs_all: pl.DataFrame,
    rules: Sequence[Exclusion],
    lifted: Exclusion,
    law: str | Law,
    *,
    target: str = "loss",
    inputs: Mapping[str, str] | None = None,
    objective: Objective | None = None,
) -> Variant:
    """The fit with every rule but ``lifted`` applied to ``runs_all``.

    A rule can be what keeps conventions apart, so the fit without it may mix them.
    """
    kept = apply(runs_all, [rule for rule in rules if rule != lifted])
    made = fit(kept, law, target=target, inputs=inputs, objective=objective, mixed=CONVENTIONS)
    return Variant(made, lifted)
