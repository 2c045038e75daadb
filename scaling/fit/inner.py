"""One fit inside another law's procedure: weighted rows in, parameters out, no certificate."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from scaling.fit.kernels import GenericKernel, TermsKernel, centres
from scaling.fit.newton import minimise
from scaling.fit.objective import Objective
from scaling.fit.problem import Problem
from scaling.fit.search import starts
from scaling.fit.space import Space
from scaling.laws._law import Law

Array = NDArray[np.float64]

# Starts polished: a procedure is run once per resample, so fewer than a single fit takes.
POLISHED = 4


def parameters(law: Law, x: Mapping[str, Array], y: Array, w: Array, objective: Objective) -> Array:
    """The law's parameters (K,) at the least weighted objective; rows of weight 0 are left out."""
    kept = w > 0
    x, y, w = {name: column[kept] for name, column in x.items()}, y[kept], w[kept]
    terms = bool(law.terms) and objective.link == "log"
    space = Space(law, centres=centres(law, x) if terms else None)
    kernel = TermsKernel(law, x, space) if terms else GenericKernel(law, x, space, objective.link)
    problem = Problem(law, x, objective.to_link(y), w, objective, space, kernel)
    found = minimise(problem, starts(problem, POLISHED))
    best: Array = space.theta(found.u[[int(np.argmin(found.f))]])[0]
    return best
