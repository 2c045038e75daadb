"""What a law family is: the contract that every file in this folder fills.

A law file holds a docstring (formula, paper), one `predict` and one module-level ``LAW``. The
folder is the registry: `scaling.laws.load` crawls it, and the contract tests, the command line,
the report and the reference run over what it finds. The common case needs no more than
``inputs``, ``params`` and ``predict``; the rest of `Law` is for laws that are wider than that:

- **What it may be fitted to**: ``needs``, ``size``, ``schedule`` and ``kinds``, from which
  `scaling.fitting.conventions` makes verdicts and refusals.
- **Bounded outputs**: ``link``, ``span`` and ``monotone``, held by the contract tests.
- **Implicit laws**: `predict` may solve an equation with `scaling.laws._implicit.root`.
- **Planning**: ``surface`` and ``approach``; any law of a loss in params and tokens plans without.

A law is of one `Kind`. Most are a FORMULA, which the solver fits. A PROCEDURE brings ``estimate``
(envelopes, chains of two fits, principal components, trends): the engine resamples it, and
everything after a fit is the same; columns that only the fit reads are in ``needs`` with
``only_fit``. An OPTIMUM predicts another quantity than the target, named by ``output``. A TABLE has
parameters that depend on the table (one output a domain, one offset a model family): ``bind`` makes
the law of one of the other kinds from it.
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

# What runs are judged by: a law of one of these may explain another.
RESULTS = ("loss", "accuracy", "error", "reward", "value")

# What a law may be used for by default, and its place in that order: a place in the forecast of
# laws that are weighed together, the law that plans, a row among compute-optimal exponents.
Role = Literal["forecast", "plan", "exponents"]
# Parameters by name (B,) and inputs other than N and D -> E, ln A, ln B, alpha, beta, gamma of
# L = E + (A N^-alpha + B D^-beta)^gamma, or a surface of its own (`scaling.laws._surface`).
SurfaceOf = Callable[[Mapping[str, Array], Mapping[str, float]], Any]


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
        at_least: another input of the law, which no row's value may be below.
        default: value where the table has no such column; None where it is needed.
        levels: distinct values that a fit needs.
        typical: range from which tests draw (in logs where it is positive).
        values: the categories of a text column; the law sees the position in this tuple.
        labels: values, text too, that only say which rows belong together; the law sees a number
            for each.
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
    at_least: str = ""
    default: float | None = None
    levels: int = 3
    typical: tuple[float, float] = (1e8, 1e11)
    values: tuple[str, ...] = ()
    read: Callable[[Any], Array] | None = None
    only_fit: bool = False
    labels: bool = False

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.values:
            return ", ".join(self.values)
        if self.labels:
            return "any text or number"
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
    """One paper's constants of a law.

    Attributes:
        paper: first author and year, as people ask for it: hoffmann2022.
        citation: where the constants are printed.
        data: the runs behind them.
        values: the constants; without those that the paper does not print.
        variant: which one, where a paper has several sets of a law: a corpus, a task.
        se: standard errors.
        note: which optimum is meant, and what else is needed to use them.
        caveat: what is known to be wrong with them, with its source.
        size: which N they count, where the law leaves it open.
        secondary: read in another text than the paper itself.
        lead: answers a plan that names only the paper, although another set has a loss.
    """

    paper: str
    citation: str
    data: str
    values: Mapping[str, float]
    variant: str = ""
    se: Mapping[str, float] = field(default_factory=dict)
    note: str = ""
    caveat: str = ""
    size: Size = "any"
    secondary: bool = False
    lead: bool = False

    @property
    def key(self) -> str:
        """How it is asked for among the sets of its law: PAPER, or PAPER-VARIANT."""
        return f"{self.paper}-{self.variant}" if self.variant else self.paper


@dataclass(frozen=True)
class Law:
    """A law family.

    Attributes:
        name, title, formula, citation: what it is called, how it reads, where it is from.
        params: the parameters, in the order of arrays.
        inputs: what ``predict`` reads, by name.
        predict: (p, x) -> (batch, rows), from ``p.NAME`` (batch, 1) and ``x.NAME`` (rows,).
            Arithmetic and numpy functions only: it validates nothing and opens nothing.
        linear: parameters that enter linearly; variable projection solves them.
        starts: (x, y) -> starting points (starts, params), where parameters scale with the data.
        terms: the law as a sum of power terms, for the fast kernel; equal to ``predict``.
        target: what it explains by default.
        generic: the inputs may be any positive columns, taken in order.
        published: fits from papers, for parity and for plans without data.
        question: which one it answers, a key of `scaling.laws._questions.QUESTIONS`.
        assumes, fails: when it may be used, and when not, for people.
        needs: more about inputs than the schema says, see `Input`.
        size: which N is meant.
        schedule: whether the learning-rate schedule must have finished.
        kinds: targets it may be fitted to, as the part of a metric's name before "@".
        link: scale of the residuals: log, linear or logit.
        delta: Huber's corner on that scale.
        span: lowest and highest value it can predict.
        monotone: input -> +1 where the prediction rises with it, -1 where it falls.
        output: what ``predict`` gives, where that is not the target.
        bind: (runs, target) -> the law with that table's parameters, inputs and categories.
        estimate: (x, y, w, solve) -> parameters (K,): the law's own procedure.
        remarks: (x, y, w) -> sentences about what that procedure left out of the table.
        simulated: no public table is known that could test the law.
        example: (rng) -> a table of runs with realistic noise and the parameters to find there to
            10 %; laws with ``bind`` or ``estimate`` bring it, tests make it for the others.
        surface: the law in closed form for plans, see `SurfaceOf`; others are searched.
        approach: its approach to compute-optimal sizes, as tables call it.
        roles: uses in which it stands by default, with its place in their order.
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
    question: str = "other"
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
    remarks: Callable[[Mapping[str, Array], Array, Array], tuple[str, ...]] | None = None
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
    def own_quantity(self) -> bool:
        """Whether it explains a quantity of its own, such as steps, that no result of a run is."""
        return self.target not in RESULTS

    @property
    def own_unit(self) -> str:
        """The unit of the target in which the parameters' units are written; "" where they name
        none. A table may be in another (`scaling.fitting.result.Fit.unit_of`)."""
        return {"loss": "nats/token", "accuracy": "fraction", "error": "fraction"}.get(
            self.target, ""
        )

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
