"""Laws compared on one table: criteria of their likelihoods, and errors on rows held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from scaling import laws
from scaling.errors import InputError
from scaling.fitting.diagnostics.compare import compare
from scaling.fitting.diagnostics.rolling import errors_by_group, errors_by_horizon
from scaling.fitting.engine import prepare, solve
from scaling.io.notebook import Result, html_table, text_table
from scaling.io.progress import steps
from scaling.laws._law import Law

_HEAD = ("law", "parameters", "ΔAIC", "ΔAICc", "ΔBIC", "weight", "outcome")


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """Laws of one table, best AICc first.

    Attributes:
        criteria: a row a law, see `scaling.fitting.diagnostics.compare.compare`.
        rolling_origin: errors beyond the compute fitted on, a row a law and horizon.
        groups: errors of each group, predicted from the others; None where none was asked for.
        notes: what a reader must know, sentences.
        kind: the kind of table that came in, which `to_frame` gives back.
    """

    criteria: pl.DataFrame
    rolling_origin: pl.DataFrame
    groups: pl.DataFrame | None = None
    notes: tuple[str, ...] = ()
    kind: str = "polars"

    def to_frame(self) -> Any:
        """`criteria`, of the kind that came in."""
        return self._out(self.criteria)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        found: dict[str, Any] = {
            "criteria": self.criteria.to_dicts(),
            "rolling_origin": self.rolling_origin.to_dicts(),
        }
        found |= {} if self.groups is None else {"groups": self.groups.to_dicts()}
        return found | {"notes": list(self.notes)}

    def __str__(self) -> str:
        lines = text_table(_HEAD, self._rows())
        return "\n".join([*lines, "", self._meaning(), *self.notes])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return html_table(_HEAD, self._rows(), note=" ".join([self._meaning(), *self.notes]))

    def _rows(self) -> list[list[str]]:
        return [
            [
                one["law"],
                str(one["k"]),
                *(f"{one[f'delta_{name}']:.2f}" for name in ("aic", "aicc", "bic")),
                f"{one['weight']:.3f}",
                one["outcome"],
            ]
            for one in self.criteria.to_dicts()
        ]

    def _meaning(self) -> str:
        rows = self.criteria["rows"][0]
        return (
            "Lower is better; parameters include the scale; weight is Akaike's, from AICc. "
            f"{rows} rows, as if independent."
        )


def comparison(
    runs: pl.DataFrame,
    names: Sequence[str | Law] | None = None,
    target: str = "loss",
    by: str | None = None,
) -> Comparison:
    """Compare laws on a table; by default the usual ones that its columns allow.

    Raises:
        InputError: no law takes these columns, or a law cannot be fitted to them.
    """
    chosen = [laws.get(name) for name in names] if names else possible(runs)
    problems = [prepare(runs, one, target=target) for one in chosen]
    fits = [(problem, solve(problem, target)[0]) for problem in steps(problems)]
    beyond, notes = errors_by_horizon(runs, problems)
    groups = None
    if by is not None:
        groups, more = errors_by_group(runs, problems, by)
        notes = [*notes, *more]
    return Comparison(compare(fits), beyond, groups, tuple(notes))


def possible(runs: pl.DataFrame) -> list[Law]:
    """The usual laws whose inputs are columns of the table.

    Raises:
        InputError: there is none.
    """
    have = set(runs.columns)
    compute = "flops" in have or {"params", "tokens"} <= have
    usual = [laws.get(name) for name in laws.of_role("forecast")]
    found = [law for law in usual if set(law.inputs) <= have or (law.generic and compute)]
    if not found:
        raise InputError(
            "no law takes these columns",
            value=runs.columns[:30],
            allowed="params and tokens, flops, or x",
        )
    return found
