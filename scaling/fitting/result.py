"""What a fit returns: parameters with uncertainty, and a certificate of how far to trust them."""

from __future__ import annotations

import enum
import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.io.notebook import Result, html_table, markdown_table, one_line, text_table
from scaling.laws._law import Law, Param


class Outcome(enum.StrEnum):
    """How a fit ended; `sentence` says it to a person."""

    CONVERGED = "converged"
    ESTIMATED = "estimated"
    NOT_IDENTIFIED = "not_identified"
    AT_BOUND = "at_bound"
    TOO_FEW_LEVELS = "too_few_levels"
    FAILED = "failed"

    @property
    def sentence(self) -> str:
        """What the outcome means."""
        return _SENTENCES[self]

    @property
    def denies(self) -> bool:
        """Whether no interval may be taken from such a fit: its resamples scatter about values that
        the data do not determine, or about an end of a range."""
        return self not in (Outcome.CONVERGED, Outcome.ESTIMATED)


_SENTENCES = {
    Outcome.CONVERGED: "The gradient vanishes, the objective curves upwards in every direction, "
    "and the data tell every parameter.",
    Outcome.ESTIMATED: "The law's own procedure gave an answer; there is no optimum to certify.",
    Outcome.NOT_IDENTIFIED: "The data do not tell these parameters apart: a whole valley of "
    "values fits equally well. Predictions near the data can still be good.",
    Outcome.AT_BOUND: "A term vanished or a parameter ran to the end of its range, so the law "
    "has more parts than the data ask for.",
    Outcome.TOO_FEW_LEVELS: "An input takes fewer than three distinct values, so its exponent "
    "cannot be told.",
    Outcome.FAILED: "The optimum is not certain: the gradient does not vanish, or no second start "
    "ended as low.",
}


NO_INTERVAL = "So its parameters have no intervals."


@dataclass(frozen=True)
class Certificate:
    """Evidence that the optimum is the optimum.

    Attributes:
        objective: value at the optimum (sum, not average).
        gradient: largest slope, each by sqrt(objective times its own curvature); see
            `scaling.fitting.certificate` for the formulas, none of which depends on units.
        smallest_eigenvalue: of the exact Hessian scaled to a unit diagonal; above 0 at a minimum.
        condition: condition number of that Hessian.
        starts: starts polished; starts_agreeing: share of them that reached the objective to 1e-6.
        resamples_agreeing: share of resamples whose two starts agree to 1e-6; None without any.
        at_bound: parameters or terms at the end of their range.
        weakest: the direction that the data determine least, as parameter -> weight.
        weakest_sd: standard deviation along it, in logs (of a real parameter: in sizes).
        levels: input -> number of distinct values.
        solver: objective reached by an independent solver, where asked for.
        profile: parameter -> ends of its 90 % profile interval, infinite where it has none; empty
            unless asked for.
    """

    objective: float
    gradient: float
    smallest_eigenvalue: float
    condition: float
    starts: int
    starts_agreeing: float
    resamples_agreeing: float | None = None
    at_bound: tuple[str, ...] = ()
    weakest: Mapping[str, float] = field(default_factory=dict)
    weakest_sd: float = float("nan")
    levels: Mapping[str, int] = field(default_factory=dict)
    solver: float | None = None
    profile: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "objective": self.objective,
            "gradient": self.gradient,
            "smallest_eigenvalue": self.smallest_eigenvalue,
            "condition": self.condition,
            "starts": self.starts,
            "starts_agreeing": self.starts_agreeing,
            "resamples_agreeing": self.resamples_agreeing,
            "at_bound": list(self.at_bound),
            "weakest": dict(self.weakest),
            "weakest_sd": self.weakest_sd,
            "levels": dict(self.levels),
            "independent_solver": self.solver,
        } | ({"profile90": {k: list(v) for k, v in self.profile.items()}} if self.profile else {})


@dataclass(frozen=True)
class Resampling:
    """How the draws were made.

    ``stretched`` is the small-sample factor that the draws include
    (`scaling.fitting.uncertainty.small_samples`); ``naive_se`` are the standard errors from
    resampling single rows, for comparison, where the draws are by cluster. ``without_answer``
    counts resamples that the law's own procedure could not fit, None for none; they are not among
    ``resamples``.
    """

    method: str
    clusters: int
    resamples: int
    cluster: str = "row"
    stretched: float = 1.0
    naive_se: Mapping[str, float] = field(default_factory=dict)
    without_answer: int | None = None


@dataclass(frozen=True, repr=False)
class Fit(Result):
    """A fitted law.

    Attributes:
        theta: natural parameters (K,) in the law's order.
        resampled: theta of each resample (R, K), empty without resampling. Intervals come from
            `draws`, which is empty where the outcome denies them; a forecast, which may be good
            near the data even then, reads these.
        residuals: (rows,) prediction minus observation on the objective's link scale.
        errors: standard errors by name, of the resamples before they were stretched.
        notes: sentences that belong beside every number taken from the fit, see `caveats`.
        unit: the target's as the table states it, "" where it does not.
        x, observed: law input -> (rows,), and the target (rows,), as fitted; empty where the fit
            was read from a file of figures.
        kind: the kind of table that came in, which `to_frame` gives back.
        unsampled: whether no resamples were asked for.
        table: the runs, for a law whose parameters are those of a table; else None.
    """

    law: Law
    target: str
    theta: Array
    resampled: Array
    objective: float
    objective_name: str
    link: str
    outcome: Outcome
    reason: str
    certificate: Certificate
    rows: int
    residuals: Array
    ranges: Mapping[str, tuple[float, float]]
    resampling: Resampling | None = None
    free: tuple[str, ...] = ()
    errors: Mapping[str, float] = field(default_factory=dict)
    unit: str = ""
    notes: tuple[str, ...] = ()
    x: Mapping[str, Array] = field(default_factory=dict)
    observed: Array = field(default_factory=lambda: np.zeros(0))
    kind: str = "polars"
    unsampled: bool = False
    table: Any = None

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        return text(self)

    @property
    def draws(self) -> Array:
        """The resamples (R, K) that intervals are read from: none where the outcome denies them."""
        return self.resampled[:0] if self.outcome.denies else self.resampled

    @property
    def ending(self) -> str:
        """What the outcome means, why, and whether that denies intervals."""
        denied = NO_INTERVAL if self.outcome.denies else ""
        return " ".join(filter(None, (self.outcome.sentence, self.reason, denied)))

    @property
    def caveats(self) -> tuple[str, ...]:
        """What a person must know of every number taken from this fit: an outcome that denies
        intervals, and the notes."""
        if not self.outcome.denies:
            return self.notes
        return (f"{self.outcome.replace('_', ' ').capitalize()}: {self.ending}", *self.notes)

    @property
    def target_unit(self) -> str:
        """The unit of the target, and so of predictions, in words."""
        return self.unit or f"unit of {self.target}"

    def unit_of(self, param: Param) -> str:
        """A parameter's unit for this table, whose target may be in another unit than the law's."""
        own = self.law.own_unit
        return param.unit.replace(own, self.target_unit) if own else param.unit

    @property
    def values(self) -> dict[str, float]:
        """Parameters by name."""
        return {name: float(v) for name, v in zip(self.law.names, self.theta, strict=True)}

    @property
    def se(self) -> dict[str, float]:
        """Bootstrap standard errors by name; NaN where the outcome or the notes deny intervals.

        Of the resamples before they were stretched, which is what papers print; the draws, and so
        the intervals, are stretched for small samples.

        Raises:
            InputError: no resamples were made.
        """
        if self.unsampled:
            raise InputError(UNSAMPLED, hint="Fit with resamples=1000, the default.")
        return self._errors

    @property
    def _errors(self) -> dict[str, float]:
        known = {} if self.outcome.denies else self.errors
        return {name: known.get(name, float("nan")) for name in self.law.names}

    def interval(self, level: float = 0.9) -> dict[str, tuple[float, float]]:
        """Percentile interval of each parameter from the draws."""
        if len(self.draws) < 2:
            return {name: (float("nan"), float("nan")) for name in self.law.names}
        ends = np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return {n: (float(a), float(b)) for n, a, b in zip(self.law.names, *ends, strict=True)}

    def predict(self, x: Any) -> Any:
        """Prediction at inputs: of arrays by name an array (rows,), of a table a table.

        A table of any kind, or a file, comes back as that kind with columns ``value``, ``low90``
        and ``high90`` in the target's unit, and ``decades_out``: how far the row lies outside the
        fitted runs, by the input that lies farthest. Counts may be written as 7B there.
        """
        if not isinstance(x, Mapping) or any(_is_text(one) for one in x.values()):
            return importlib.import_module("scaling.api.predict").predict(self, x)
        return self.law(self.theta[None], x)[0]

    def to_frame(self) -> Any:
        """A row a parameter: parameter, value, se, low90, high90, unit, meaning; null where the fit
        has no interval. A table of the kind that came in."""
        import polars as pl

        ends, known = self.interval(), self._errors
        rows = [
            {
                "parameter": one.name,
                "value": self.values[one.name],
                "se": known[one.name],
                "low90": ends[one.name][0],
                "high90": ends[one.name][1],
                "unit": self.unit_of(one),
                "meaning": one.meaning,
            }
            for one in self.law.params
        ]
        return self._out(pl.DataFrame(rows).with_columns(pl.col(pl.Float64).fill_nan(None)))

    def predict_draws(self, x: Mapping[str, Any]) -> Array:
        """Predictions of every draw, (R, rows): the same draws give every derived quantity."""
        return self.law(self.draws, x)

    def draws_at(self, x: Mapping[str, Any]) -> Array:
        """What the draws predict at one place (R,); empty without draws."""
        return self.predict_draws(x)[:, 0] if len(self.draws) else np.zeros(0)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        return html(self)

    def _repr_markdown_(self) -> str:
        """The same in Markdown."""
        return markdown(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything but draws and residuals, as plain values for JSON."""
        se, ends = self._errors, self.interval()
        parameters = {
            param.name: {
                "value": self.values[param.name],
                "se": se[param.name],
                "unit": self.unit_of(param),
                "low90": ends[param.name][0],
                "high90": ends[param.name][1],
            }
            for param in self.law.params
        }
        made = self.resampling
        return {
            "law": self.law.name,
            "target": self.target,
            "parameters": parameters,
            "objective": self.objective,
            "objective_name": self.objective_name,
            "outcome": str(self.outcome),
            "outcome_text": self.ending,
            "notes": list(self.notes),
            "rows": self.rows,
            "ranges": {name: list(ends) for name, ends in self.ranges.items()},
            "certificate": self.certificate.to_dict(),
            "resampling": None
            if made is None
            else {
                "method": made.method,
                "cluster": made.cluster,
                "clusters": made.clusters,
                "resamples": made.resamples,
                "stretched": made.stretched,
                "naive_se": {} if self.outcome.denies else dict(made.naive_se),
            }
            | ({"without_answer": made.without_answer} if made.without_answer else {}),
        }


UNSAMPLED = "No resamples were asked for, so there are no standard errors and no intervals"
_HEAD = ("parameter", "value", "standard error", "90 % interval", "unit", "meaning")


def html(made: Fit) -> str:
    """A heading, a table and two lines, every text escaped."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in _lines(made))
    title = f"<strong>{escape(made.law.title)}</strong> <code>{escape(made.law.formula)}</code>"
    return f"<div><p>{title}</p>{html_table(_HEAD, _rows(made))}{lines}</div>"


def text(made: Fit) -> str:
    """The same in plain text, without the parameters' meaning."""
    table = text_table(_HEAD[:-1], [row[:-1] for row in _rows(made)])
    return "\n".join([f"{made.law.title}: {made.law.formula}", "", *table, "", *_lines(made)])


def markdown(made: Fit) -> str:
    """The same in Markdown."""
    lines = [f"**{one_line(made.law.title)}**: {one_line(made.law.formula)}", ""]
    lines += markdown_table(_HEAD, _rows(made))
    lines += [part for line in _lines(made) for part in ("", one_line(line))]
    return "\n".join(lines) + "\n"


def _rows(made: Fit) -> list[tuple[str, ...]]:
    ends = made.interval()
    return [
        (
            param.name,
            _number(made.values[param.name], 6),
            _number(made._errors[param.name], 3),
            _between(*ends[param.name]),
            made.unit_of(param),
            param.meaning,
        )
        for param in made.law.params
    ]


def _lines(made: Fit) -> tuple[str, ...]:
    seen = made.certificate
    return (
        f"{made.outcome.replace('_', ' ')}: {made.ending}",
        *made.notes,
        *([f"{UNSAMPLED}. Fit with resamples=1000 for them."] if made.unsampled else []),
        *_resampled(made.resampling),
        *_beyond(made),
        f"{made.objective_name} {made.objective:.10g} over {made.rows} rows; "
        f"{seen.starts_agreeing:.0%} of {seen.starts} starts agree; "
        f"condition {seen.condition:.3g}.",
    )


def _resampled(how: Resampling | None) -> list[str]:
    """What was resampled, and as what."""
    if how is None:
        return []
    units = f"{how.clusters} rows, each as a run of its own"
    units = units if how.cluster == "row" else f"{how.clusters} clusters"
    return [f"Intervals from {how.resamples} resamples by {how.cluster} ({units})."]


def _beyond(made: Fit) -> list[str]:
    """From where the law extrapolates."""
    ends = ", ".join(f"{name} {low:.3g} to {high:.3g}" for name, (low, high) in made.ranges.items())
    return [f"Fitted to {ends}; beyond these the law extrapolates."] if ends else []


def _is_text(value: object) -> bool:
    if isinstance(value, str):
        return True
    return isinstance(value, list | tuple) and any(isinstance(one, str) for one in value)


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}g}" if math.isfinite(value) else "\u2014"


def _between(low: float, high: float) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return "\u2014"
    return f"{low:.4g} to {high:.4g}"
