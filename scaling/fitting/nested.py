"""One fit inside another law's procedure: weighted rows in, parameters out, no certificate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from scaling.arrays import Array
from scaling.fitting.solver.kernels import centres, kernel_of, sums_terms
from scaling.fitting.solver.newton import minimise
from scaling.fitting.solver.objective import Objective
from scaling.fitting.solver.problem import Problem
from scaling.fitting.solver.search import starts
from scaling.fitting.solver.space import Space
from scaling.laws._law import Law

# Starts polished: a procedure is run once per resample, so fewer than a single fit takes.
POLISHED = 4


def solve(
    law: Law,
    x: Mapping[str, Array],
    y: Array,
    w: Array,
    kind: Literal["huber", "least_squares"] = "huber",
) -> Array:
    """`parameters` by the law's own link and corner: what `Law.estimate` is handed."""
    return parameters(law, x, y, w, Objective(kind, law.link, law.delta))


def parameters(law: Law, x: Mapping[str, Array], y: Array, w: Array, objective: Objective) -> Array:
    """The law's parameters (K,) at the least weighted objective; rows of weight 0 are left out."""
    kept = w > 0
    x, y, w = {name: column[kept] for name, column in x.items()}, y[kept], w[kept]
    space = Space(law, centres=centres(law, x) if sums_terms(law, objective) else None)
    kernel = kernel_of(law, x, space, objective)
    problem = Problem(law, x, objective.to_link(y), w, objective, space, kernel)
    found = minimise(problem, starts(problem, POLISHED))
    best: Array = space.theta(found.u[[int(np.argmin(found.f))]])[0]
    return best
