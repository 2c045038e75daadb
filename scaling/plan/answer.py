"""What a plan answers: figures with intervals, assumptions, warnings, version and distance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scaling.answers._interval import Interval, of_values
from scaling.errors import InputError
from scaling.fit.result import Fit, Outcome
from scaling.plan.stored import FAR, Sheet
from scaling.plan.surface import Surface, surface

Array = NDArray[np.float64]
Row = dict[str, Any]

# What no plan is made for. Compute: the largest run known is near 5e26 FLOP, 1e36 is a billion
# times what the world computes in a year. Tokens: all text is near 1e15; a person who writes 2 for
# 2T is told so.
FLOPS = (1e3, 1e36)
PARAMS = (1e3, 1e18)
TOKENS = (1e3, 1e20)


@dataclass(frozen=True)
class Answer:
    """An answer to one question.

    Attributes:
        question: in words.
        figures: (name, interval, unit).
        tables: title -> rows of cells.
        source: the study, table or paper, with the law.
        version: of the fits.
        distance: size -> decades beyond the fitted runs.
        assumptions, warnings: sentences.
    """

    question: str
    figures: Sequence[tuple[str, Interval, str]]
    source: str
    version: str
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    distance: Mapping[str, float] = field(default_factory=dict)
    assumptions: Sequence[str] = ()
    warnings: Sequence[str] = ()

    def value(self, name: str) -> Interval:
        """One figure."""
        return next(one for label, one, _ in self.figures if label == name)

    def _repr_html_(self) -> str:
        """How a notebook shows it."""
        from scaling.plan.show import html

        return html(self)

    def _repr_markdown_(self) -> str:
        """The same in Markdown."""
        from scaling.plan.show import markdown

        return markdown(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        figures = [
            {"name": name, "unit": unit, "value": one.value, "low": one.low, "high": one.high}
            | {"level": one.level}
            for name, one, unit in self.figures
        ]
        return {
            "question": self.question,
            "source": self.source,
            "version": self.version,
            "figures": figures,
            "tables": {title: list(rows) for title, rows in self.tables.items()},
            "decades_beyond": dict(self.distance),
            "assumptions": list(self.assumptions),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Batch:
    """A fit's parameters and draws as one surface: (1 + R,), the fit itself first. A quantity is
    computed once for all of them, and its interval read off."""

    one: Surface
    level: float

    def interval(self, values: Array) -> Interval:
        """The interval of values (1 + R,)."""
        return of_values(float(values[0]), np.asarray(values[1:]), self.level)


def batch(made: Fit, level: float, **fixed: float) -> Batch:
    """The batch of a fit; ``fixed`` has inputs of the law other than N and D."""
    if not 0 < level < 1:
        raise InputError("level out of range", value=level, allowed="between 0 and 1")
    theta = np.concatenate([made.theta[None], made.draws])
    return Batch(surface(made.law, theta, fixed), level)


def ends(name: str, one: Interval) -> Row:
    """Cells of a figure: x, x_low and x_high."""
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}


def exact(value: float, level: float = 0.9) -> Interval:
    """A figure that the person gave."""
    return Interval(value, value, value, level)


def within(
    name: str, value: float, ends: tuple[float, float], unit: str, hint: str | None = None
) -> float:
    """The value, where it lies within ``ends``.

    Raises:
        InputError: it does not; the message names the allowed range.
    """
    low, high = ends
    if not (np.isfinite(value) and low <= value <= high):
        allowed = f"{low:g} to {high:g} {unit}".rstrip()
        raise InputError(f"{name} out of range", value=value, allowed=allowed, hint=hint)
    return value


def warnings_of(sheet: Sheet, made: Fit, distance: Mapping[str, float]) -> list[str]:
    """What a reader must be told: missing draws, a fit that is not certain, the distance."""
    out = list(sheet.notes)
    if made.outcome not in (Outcome.CONVERGED, Outcome.ESTIMATED):
        out.append(f"Fit: {made.outcome.sentence}")
    outside = {name: far for name, far in distance.items() if far > 0}
    if outside:
        places = ", ".join(f"{name} {far:.1f}" for name, far in outside.items())
        word = "FAR EXTRAPOLATION" if max(outside.values()) > FAR else "Extrapolation"
        out.append(
            f"{word}: decades outside the fitted runs: {places}. The intervals are of the law's "
            "parameters and hold only if the law does; they do not widen for a wrong law."
        )
    return out
