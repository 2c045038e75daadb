"""What a law family is: the contract that every file in this folder fills.

A law file holds a docstring (formula, paper), one `predict` and one module-level ``LAW``. The
folder is the registry: `scaling.laws.load` crawls it, and the contract tests, the command line,
the report and docs/laws.md run over what it finds. The common case needs no more than
``inputs``, ``params`` and ``predict``; the rest of `Law` is for laws that are wider than that:

- **What it may be fitted to.** ``needs`` says more about an input than the schema does (other
  columns that can serve, range, default of an optional input, distinct values needed, categories);
  ``size``, ``schedule`` and ``kinds`` say which N, which checkpoints and which target is meant.
  `scaling.fitting.conventions` turns this into verdicts and refusals.
- **Bounded outputs.** ``link`` is the scale of residuals (log, linear, logit); ``span`` bounds the
  output and ``monotone`` gives its direction by input, both held by the contract tests.
- **Implicit laws.** `predict` may solve an equation: `scaling.laws._implicit.root`.
- **Laws whose parameters depend on the table** (one output a domain, one offset a model family,
  loadings of a benchmark): ``bind(runs, target)`` returns the law with the parameters, inputs and
  categories of that table.
- **Own procedures** (envelopes, isoFLOP curves, chains of two fits, principal components, trends):
  ``estimate(x, y, w, solve)`` returns the parameters; the engine resamples it, and everything after
  a fit (intervals, forecasts, reports) is the same. Columns that only the fit reads are in
  ``needs`` with ``only_fit``. ``output`` says what `predict` returns where that is not the target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import SimpleNamespace
from typing import Any, Literal, Protocol

import numpy as np

from scaling.arrays import Array

Predict = Callable[[Any, Any], Array]
Starts = Callable[[Mapping[str, Array], Array], Array]


class Solve(Protocol):
    """The solver, for a procedure that fits other laws on its way."""

    def __call__(
        self,
        law: Law,
        x: Mapping[str, Array],
        y: Array,
        w: Array,
        kind: Literal["huber", "least_squares"] = "huber",
    ) -> Array:
        """Parameters (K,) of ``law`` at the least sum of weighted losses on its link scale."""


# Arrays by input (rows,), target (rows,), row weights (rows,), solver -> parameters (K,).
Estimate = Callable[[Mapping[str, Array], Array, Array, Solve], Array]
Domain = Literal["real", "positive", "unit"]
Link = Literal["log", "linear", "logit"]
Size = Literal["any", "total", "non_embedding", "active"]

FREE = (-float("inf"), float("inf"))

# What a law may be used for by default, and its place in that order: a place in the forecast of
# laws that are weighed together, the law that plans, a row among compute-optimal exponents.
Role = Literal["forecast", "plan", "exponents"]
# Parameters by name (B,) and inputs other than N and D -> E, ln A, ln B, alpha, beta, gamma of
# L = E + (A N^-alpha + B D^-beta)^gamma.
SurfaceOf = Callable[[Mapping[str, Array], Mapping[str, float]], tuple[object, ...]]


class Kind(StrEnum):
    """How a law comes by its parameters, and what `predict` says."""

    FORMULA = "formula"  # the solver fits `predict` to the target
    PROCEDURE = "own procedure"  # `estimate` finds the parameters
    OPTIMUM = "another quantity"  # `predict` gives ``output``, not the target
    TABLE = "parameters of the table"  # `bind` makes one of the other kinds from a table


@dataclass(frozen=True)
class Param:
    """One parameter.

    ``domain`` fixes the transform to the solver's unbounded space: real u, positive exp(u),
    unit 1/(1+exp(-u)). ``start`` is the range, in natural units, that a space-filling search
    covers (in logs where the domain is positive).
    """

    name: str
    unit: str
    meaning: str
    domain: Domain = "positive"
    start: tuple[float, float] = (0.05, 1.5)


@dataclass(frozen=True)
class Input:
    """What a law knows about one input beyond the column of that name in `scaling.runs.schema`.

    Attributes:
        columns: columns that can serve, the first that a table has wins; default: the name.
        low, high: allowed values; ``low`` itself is allowed unless ``open_low``.
        default: value where the table has no such column; None where it is needed.
        levels: distinct values that a fit needs.
        typical: range from which tests draw (in logs where it is positive).
        values: the categories of a text column; the law sees the position in this tuple.
        read: own reader of the table, where an input is not one column of numbers.
        only_fit: read when fitting, not needed to predict.
    """

    name: str
    unit: str = ""
    meaning: str = ""
    columns: tuple[str, ...] = ()
    low: float = 0.0
    high: float = float("inf")
    open_low: bool = True
    default: float | None = None
    levels: int = 3
    typical: tuple[float, float] = (1e8, 1e11)
    values: tuple[str, ...] = ()
    read: Callable[[Any], Array] | None = None
    only_fit: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.values:
            return ", ".join(self.values)
        left = "" if self.low == -float("inf") else f"{'>' if self.open_low else '>='} {self.low:g}"
        right = "" if self.high == float("inf") else f"<= {self.high:g}"
        return " and ".join(part for part in (left, right) if part) or "any finite number"


@dataclass(frozen=True)
class Term:
    """One term ``coef * prod_j x_j ** (sign_j * exponent_j)`` of a law that is a sum of such.

    ``powers`` maps an input to (exponent parameter, sign); empty for the constant term.
    """

    coef: str
    powers: Mapping[str, tuple[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """A published fit: citation, data, values, standard errors, and which optimum is meant.

    ``secondary`` marks values that were read in another text than the paper itself.
    """

    citation: str
    data: str
    values: Mapping[str, float]
    se: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    secondary: bool = False


@dataclass(frozen=True)
class Law:
    """A law family.

    ``predict(p, x)`` takes parameters ``p.NAME`` of shape (batch, 1) and inputs ``x.NAME`` of
    shape (rows,), and returns (batch, rows). It validates nothing, opens nothing and uses only
    operations that broadcast. ``linear`` names the parameters that enter linearly (used for
    variable projection); ``terms`` declares, for laws that are sums of power terms, the structure
    that the fast kernel uses (the contract tests hold it equal to ``predict``).
    ``starts(x, y)`` gives starting points (starts, params) from the inputs and the target, for laws
    whose parameters scale with the data; ``linear`` ones are filled in by variable projection.
    ``generic`` says that the inputs may be any positive columns, taken in order.
    The other fields are told in the module's docstring; ``delta`` is Huber's corner on the scale
    of ``link``, ``simulated`` says that no public table is known that could test the law.
    ``example(rng)`` makes a table of runs with realistic noise, and the parameters that a fit must
    find there to 10 %; laws with ``bind`` or ``estimate`` bring it, the tests make it for others.
    """

    name: str
    title: str
    formula: str
    citation: str
    params: tuple[Param, ...]
    inputs: tuple[str, ...]
    predict: Predict
    linear: tuple[str, ...] = ()
    starts: Starts | None = None
    terms: tuple[Term, ...] = ()
    target: str = "loss"
    generic: bool = False
    published: tuple[Published, ...] = ()
    assumes: str = ""
    fails: str = ""
    needs: tuple[Input, ...] = ()
    size: Size = "any"
    schedule: Literal["any", "complete"] = "any"
    kinds: tuple[str, ...] = ()
    link: Link = "log"
    delta: float = 1e-3
    span: tuple[float, float] = (0.0, float("inf"))
    monotone: Mapping[str, int] = field(default_factory=dict)
    output: str = ""
    bind: Callable[[Any, str], Law] | None = None
    estimate: Estimate | None = None
    simulated: bool = False
    surface: SurfaceOf | None = None
    approach: str = ""
    roles: Mapping[Role, int] = field(default_factory=dict)
    example: Callable[[np.random.Generator], tuple[Any, Mapping[str, float]]] | None = None

    @property
    def kind(self) -> Kind:
        """What kind of law this is."""
        if self.bind is not None:
            return Kind.TABLE
        if self.output:
            return Kind.OPTIMUM
        return Kind.FORMULA if self.estimate is None else Kind.PROCEDURE

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names, in the order of arrays."""
        return tuple(param.name for param in self.params)

    @property
    def all_inputs(self) -> tuple[Input, ...]:
        """Every input with what is known of it: those of `predict`, then those only for the fit."""
        known = {one.name: one for one in self.needs}
        own = tuple(known.get(name, Input(name)) for name in self.inputs)
        return own + tuple(one for one in self.needs if one.only_fit)

    def bound(self, runs: Any, target: str = "loss") -> Law:
        """The law with the parameters of this table (itself, where they do not depend on one)."""
        return self if self.bind is None else self.bind(runs, target)

    def __call__(self, theta: Array | Mapping[str, Any], x: Mapping[str, Any]) -> Array:
        """Predict from an array (..., params) or a mapping, and a mapping of inputs (rows,).

        An optional input that ``x`` lacks takes its default.
        """
        if isinstance(theta, Mapping):
            theta = np.array([theta[name] for name in self.names], dtype=np.float64)
        defaults = {one.name: one.default for one in self.needs if one.default is not None}
        columns = {
            name: np.asarray(x[name] if name in x else defaults[name], dtype=np.float64)
            for name in self.inputs
        }
        p = SimpleNamespace(**{name: theta[..., i, None] for i, name in enumerate(self.names)})
        return np.asarray(self.predict(p, SimpleNamespace(**columns)))
