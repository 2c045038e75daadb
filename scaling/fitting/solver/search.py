"""Where to start: variable projection for laws with linear sizes, a space-filling grid for others.

Only about one start in ten of the customary grid ends at the best optimum of a Chinchilla fit.
Projecting the sizes out leaves a grid over the exponents alone. Its best points descend a few steps
by variable projection, and every start polished from them arrives, in as many steps with eleven
parameters as with five (docs/decisions/007-global-search.md).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.fitting.solver.jet import Jet, differentiated
from scaling.fitting.solver.kernels import kernel_of
from scaling.fitting.solver.linalg import solve_spd
from scaling.fitting.solver.newton import choose, minimise
from scaling.fitting.solver.problem import Derivatives, Problem
from scaling.laws._grids import kronecker
from scaling.laws._law import Law, Param

# Points of the exponent grid in all; 24 x 24 for two exponents.
GRID = 576
# Parameters from which a grid of that many points is too coarse, and a sequence takes its place.
MANY = 4
# Points of that sequence: half as many, because its best points descend.
SEQUENCE = 288
# Steps that the best points descend, where those of the grid are a larger share of a parameter's
# range than the second number. Three leave as many to the polish with five exponents as with one.
DESCENTS, FINE = 3, 0.01
# Longest step of a descent, in logs or logits, or as a share of a real parameter's range, and what
# is left of that where a step failed.
LONGEST, SHARE, SHORTER = 1.0, 0.3, 0.25
# Damping, as a share of each curvature: only against singular matrices.
DAMPING = 1e-6
# Elements of an array that a second-level cache holds with its copies.
CACHED = 25_000
# Rows on which the grid is looked at, and how many a parameter at least; its best points are then
# projected on all rows.
COARSE, PER_PARAMETER = 96, 8
# Least squares again, by how far rows are off.
ROUNDS = 1
# Points of a space-filling search, for laws without linear parameters.
SPREAD = 512
POLISHED = 24


def starts(problem: Problem, count: int = POLISHED) -> Array:
    """The ``count`` best distinct starts, as coordinates (count, P), best first.

    A large table is searched on a sample of its rows, and the starts are polished there, so that
    few steps are left to take on all of them.
    """
    law = problem.law
    projected = law.linear and all(name in problem.space.free for name in law.linear)
    few = _thinned(problem)
    if law.starts is not None:
        theta = _own(few)
        u = _projected_at(few, theta) if projected else few.space.coordinates(theta)
    elif projected:
        coarse = _scattered(few, max(COARSE, PER_PARAMETER * few.space.size))
        u = _projected(coarse, count)
        if coarse is not few:
            u = _projected_at(few, few.space.theta(u))
    else:
        u = few.space.coordinates(_spread(few))
    best = u[_order(few, u)[:count]]
    return best if few is problem else minimise(few, best).u


def _order(problem: Problem, u: Array) -> NDArray[np.intp]:
    """Indices of the coordinates ``u`` (B, P), lowest objective first."""
    value = np.concatenate([problem.value(part) for part in np.array_split(u, 1 + len(u) // 64)])
    return np.argsort(np.where(np.isfinite(value), value, np.inf), kind="stable")


def _thinned(problem: Problem, most: int = 2_000) -> Problem:
    """The problem on evenly spaced rows where it has more than ``most``."""
    if problem.rows <= most:
        return problem
    return _on_rows(problem, np.linspace(0, problem.rows - 1, most).astype(np.int64))


def _scattered(problem: Problem, most: int) -> Problem:
    """The problem on ``most`` of the rows that have weight, where it has more: scattered ones,
    because few even rows of a regular design can hold one level of an input only."""
    if problem.rows <= most:
        return problem
    rows = np.flatnonzero(problem.weights)
    return _on_rows(problem, np.sort(np.random.default_rng(0).permutation(rows)[:most]))


def _on_rows(problem: Problem, rows: NDArray[np.int64]) -> Problem:
    law, space = problem.law, problem.space
    x = {name: column[rows] for name, column in problem.x.items()}
    kernel = kernel_of(law, x, space, problem.objective)
    return replace(
        problem,
        x=x,
        y=problem.y[rows],
        weights=problem.weights[rows],
        kernel=kernel,
        penalty=problem.penalty * len(rows) / problem.rows,
    )


def _at(params: Sequence[Param], place: Array) -> Array:
    """Values (B, n) at ``place`` (B, n), from 0 to 1 along each parameter's range of starts."""
    columns = []
    for param, part in zip(params, place.T, strict=True):
        low, high = param.start
        logs = param.domain == "positive" and low > 0 and high / low > 50
        columns.append(low * (high / low) ** part if logs else low + (high - low) * part)
    return np.stack(columns, axis=1) if columns else place


def _own(problem: Problem) -> Array:
    """The law's own starts (B, K)."""
    assert problem.law.starts is not None
    y = np.exp(problem.y) if problem.objective.link == "log" else problem.y
    theta = problem.law.starts(problem.x, y)
    _hold(problem, theta)
    return theta


def _projected(problem: Problem, count: int) -> Array:
    """The best of a grid over the non-linear parameters, sizes by non-negative reweighted least
    squares. Where the grid is coarse, the best points descend."""
    law, space = problem.law, problem.space
    params = [one for one in law.params if one.name not in law.linear and one.name in space.free]
    points = round(GRID ** (1 / max(len(params), 1)))
    line = np.linspace(0.0, 1.0, points)
    if len(params) < MANY:
        place = np.array(list(itertools.product(*[line] * len(params))))
    else:
        place = kronecker(SEQUENCE, len(params))
    u = _filled(problem, params, place)
    best = u[_order(problem, u)[:count]]
    return best if (points - 1) * FINE >= 1.0 else _descended(problem, params, best)


def _filled(problem: Problem, params: Sequence[Param], place: Array) -> Array:
    """Coordinates (B, P) of points that are given by their non-linear parameters."""
    names = problem.law.names
    theta = np.ones((len(place), len(names)))
    theta[:, [names.index(param.name) for param in params]] = _at(params, place)
    _hold(problem, theta)
    return _projected_at(problem, theta)


def _projected_at(problem: Problem, theta: Array, robust: Array | None = None) -> Array:
    """Coordinates (B, P) of ``theta`` (B, K) with its sizes replaced by their best.

    ``robust`` (B, rows) are the weights of nearby points, which save all rounds but one.
    """
    size = len(theta) * problem.rows * len(problem.law.linear)
    count = max(1, size // CACHED)
    parts = np.array_split(np.arange(len(theta)), count)
    made = [_sizes(problem, theta[at], None if robust is None else robust[at]) for at in parts]
    return problem.space.coordinates(np.concatenate(made))


def _descended(problem: Problem, params: Sequence[Param], u: Array) -> Array:
    """Each point after `DESCENTS` steps of variable projection: a Gauss-Newton step of all
    coordinates moves the non-linear ones, then the sizes are made their best again.

    A step that does not improve, or that leaves the ranges of the starts (where many points would
    end at the same edge), is not taken, and the next one is shorter. A step costs one evaluation
    however many parameters there are; trying neighbours would take two a parameter.

    Source: Ruhe and Wedin 1980, "Algorithms for separable nonlinear least squares problems",
    SIAM Review 22.
    """
    reach = np.ones(len(u))
    at = problem.evaluate(u, second=False)
    for _ in range(DESCENTS):
        step, length = _gauss_newton(problem, params, at)
        part = np.minimum(1.0, reach / np.maximum(length, 1e-300))
        trial, inside = _reprojected(problem, params, u, step * part[:, None])
        new = problem.evaluate(trial, second=False)
        better = inside & np.isfinite(new.f) & (new.f < at.f)
        u = np.where(better[:, None], trial, u)
        at = choose(better, new, at)
        reach = np.where(better, reach, SHORTER * np.minimum(reach, length))
    return u


def _gauss_newton(
    problem: Problem, params: Sequence[Param], at: Derivatives
) -> tuple[Array, Array]:
    """Steps (B, P) that minimise the upper quadratic, and the length (B,) of each: the largest
    move of a non-linear parameter relative to the longest allowed."""
    matrix, index = at.majoriser.copy(), np.arange(at.g.shape[1])
    diagonal = matrix[:, index, index]
    most = diagonal.max(axis=1, keepdims=True)
    matrix[:, index, index] += DAMPING * diagonal + 1e-12 * most + 1e-300
    step, good = solve_spd(matrix, -at.g)
    good &= np.isfinite(step).all(axis=1)
    step = np.where(good[:, None], step, 0.0)
    axes = [problem.space.axes[problem.law.names.index(param.name)] for param in params]
    longest = [
        SHARE * (param.start[1] - param.start[0]) if axis.kind == "real" else LONGEST
        for param, axis in zip(params, axes, strict=True)
    ]
    return step, np.abs(step[:, [axis.index for axis in axes]] / longest).max(axis=1)


def _reprojected(
    problem: Problem, params: Sequence[Param], u: Array, step: Array
) -> tuple[Array, NDArray[np.bool_]]:
    """``u + step`` with its sizes the best under the weights of ``u``, and whether its non-linear
    parameters are in their ranges; those that are not are put at the end."""
    theta = problem.space.theta(u + step)
    at = [problem.law.names.index(param.name) for param in params]
    low, high = np.array([param.start for param in params]).T
    held = np.clip(theta[:, at], low, high)
    inside = np.asarray(np.isclose(held, theta[:, at], rtol=1e-9, atol=0.0).all(axis=1))
    theta[:, at] = held
    _hold(problem, theta)
    return _projected_at(problem, theta, _robust(problem, _residuals(problem, u))), inside


def _hold(problem: Problem, theta: Array) -> None:
    names = problem.law.names
    for name, value in problem.space.fixed.items():
        theta[:, names.index(name)] = value
    for name, other in problem.space.tied.items():
        theta[:, names.index(name)] = theta[:, names.index(other)]


def _basis(problem: Problem, theta: Array) -> Array:
    """What multiplies each linear parameter, (batch, linear, rows)."""
    law, x = problem.law, problem.x
    if {term.coef for term in law.terms} == set(law.linear):
        return _powers(law, theta, x)
    return _derived(law, theta, x)


def _derived(law: Law, theta: Array, x: Mapping[str, Array]) -> Array:
    """`_basis` of any law: its slopes by the linear parameters, from one run of `predict`."""
    one = np.ones((len(theta), 1))
    p = SimpleNamespace(**{name: theta[:, k, None] for k, name in enumerate(law.names)})
    for j, name in enumerate(law.linear):
        setattr(p, name, Jet(one, {j: one}, None))
    made = differentiated(law.predict(p, SimpleNamespace(**x)), law.name)
    basis = np.zeros((len(theta), len(law.linear), len(next(iter(x.values())))))
    for j, slope in made.first.items():
        basis[:, j] = slope
    return basis


def _powers(law: Law, theta: Array, x: Mapping[str, Array]) -> Array:
    """`_basis` of a sum of power terms: one exp each, where `predict` takes a power of every."""
    names = law.names
    logs = {name: np.log(column) for name, column in x.items()}
    count = len(next(iter(logs.values())))
    basis = np.zeros((len(theta), len(law.linear), count))
    for term in law.terms:
        power = basis[:, law.linear.index(term.coef)]
        for name, (exponent, sign) in term.powers.items():
            power += sign * theta[:, names.index(exponent), None] * logs[name]
    return np.exp(basis, out=basis)


def _residuals(problem: Problem, u: Array) -> Array:
    """Of predictions at ``u`` (B, P), relative where logs are compared, (B, rows)."""
    eta = problem.predict(u)
    if problem.objective.link == "log":
        return np.expm1(np.minimum(eta - problem.y, 700.0))
    return eta - problem.y


def _robust(problem: Problem, residual: Array) -> Array:
    """Weights of least squares by which it comes near the objective."""
    scale = max(problem.objective.delta, 1e-3)
    out: Array = scale / np.maximum(np.abs(residual), scale)
    return out


def _sizes(problem: Problem, theta: Array, robust: Array | None = None) -> Array:
    """Fill the linear parameters of each row of ``theta`` by reweighted least squares."""
    law = problem.law
    link = problem.objective.link
    y = np.exp(problem.y) if link == "log" else problem.y
    with np.errstate(all="ignore"):
        basis = _basis(problem, theta)
        if not np.isfinite(basis.sum()):
            basis = np.nan_to_num(basis, posinf=0.0, neginf=0.0)
    unit = np.maximum(np.abs(basis).mean(axis=2, keepdims=True), 1e-300)
    basis = basis / unit
    relative = 1.0 / y if link == "log" else np.ones_like(y)
    flat = np.broadcast_to(problem.weights * relative**2, (len(theta), problem.rows))
    sizes = _nonnegative(law, basis, y, flat if robust is None else flat * robust)
    for _ in range(ROUNDS if robust is None else 0):
        residual = (np.matmul(sizes[:, None, :], basis)[:, 0] - y) * relative
        sizes = _nonnegative(law, basis, y, flat * _robust(problem, residual))
    out, names = theta.copy(), law.names
    out[:, [names.index(name) for name in law.linear]] = sizes / unit[:, :, 0]
    return out


def _nonnegative(law: Law, basis: Array, y: Array, weight: Array) -> Array:
    """Weighted least squares with every positive-domain size kept above a small share of y."""
    weighted = basis * weight[:, None, :]
    gram = np.matmul(weighted, basis.transpose(0, 2, 1))
    moment = np.matmul(weighted, y)
    floor = 1e-3 * np.abs(y).mean()
    domains = {param.name: param.domain for param in law.params}
    positive = np.array([domains[name] == "positive" for name in law.linear])
    ridge = 1e-10 * np.einsum("bii->bi", gram)
    index = np.arange(len(law.linear))
    gram[:, index, index] += ridge + 1e-300
    sizes, _ = solve_spd(gram, moment)
    for _ in law.linear:
        low = positive & (sizes < floor)
        if not low.any():
            break
        sizes = _pin(gram, moment, np.where(low, floor, np.nan))
    return np.where(positive, np.maximum(sizes, floor), sizes)


def _pin(gram: Array, moment: Array, pinned: Array) -> Array:
    """Least squares with the entries of ``pinned`` that are not NaN held there."""
    held = ~np.isnan(pinned)
    value = np.where(held, pinned, 0.0)
    rhs = moment - np.einsum("blm,bm->bl", gram, value)
    matrix = np.where(held[:, :, None] | held[:, None, :], 0.0, gram)
    index = np.arange(gram.shape[1])
    matrix[:, index, index] = np.where(held, 1.0, gram[:, index, index])
    sizes, _ = solve_spd(matrix, np.where(held, value, rhs))
    return sizes


def _spread(problem: Problem) -> Array:
    """Points of a Kronecker sequence over the start ranges, (SPREAD, K)."""
    law = problem.law
    part = kronecker(SPREAD, len(law.params))
    theta = np.empty_like(part)
    for j, param in enumerate(law.params):
        low, high = param.start
        logs = param.domain == "positive" and low > 0
        theta[:, j] = low * (high / low) ** part[:, j] if logs else low + (high - low) * part[:, j]
    _hold(problem, theta)
    return theta
