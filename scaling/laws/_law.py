"""What a law family is: the contract that every file in this folder fills.

A law file holds a docstring (formula, paper), one `predict` and one module-level ``LAW``. The
folder is the registry: `scaling.laws.load` crawls it, and the contract tests run over what it
finds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Predict = Callable[[Any, Any], Array]
Starts = Callable[[Mapping[str, Array], Array], Array]
Domain = Literal["real", "positive", "unit"]


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
class Term:
    """One term ``coef * prod_j x_j ** (sign_j * exponent_j)`` of a law that is a sum of such.

    ``powers`` maps an input to (exponent parameter, sign); empty for the constant term.
    """

    coef: str
    powers: Mapping[str, tuple[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Published:
    """A published fit: citation, data, values, standard errors, and which optimum is meant."""

    citation: str
    data: str
    values: Mapping[str, float]
    se: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


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

    @property
    def names(self) -> tuple[str, ...]:
        """Parameter names, in the order of arrays."""
        return tuple(param.name for param in self.params)

    def __call__(self, theta: Array | Mapping[str, Any], x: Mapping[str, Any]) -> Array:
        """Predict from an array (..., params) or a mapping, and a mapping of inputs (rows,)."""
        if isinstance(theta, Mapping):
            theta = np.array([theta[name] for name in self.names], dtype=np.float64)
        columns = {name: np.asarray(x[name], dtype=np.float64) for name in self.inputs}
        p = SimpleNamespace(**{name: theta[..., i, None] for i, name in enumerate(self.names)})
        return np.asarray(self.predict(p, SimpleNamespace(**columns)))
