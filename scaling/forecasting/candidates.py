"""The forms of a table with their constants, and draws of both.

Every form (`scaling.forecasting.forms`) is fitted with constants of each group and with partly
pooled ones, and a Gaussian process beside them. Draws are numbered, and each number is one form
with one draw of its constants, so that it is a function of the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.forecasting import forms, gaussian_process
from scaling.forecasting.forms import Fitted, Form, Groups, Rows
from scaling.forecasting.gaussian_process import Process
from scaling.forecasting.table_inputs import Table
from scaling.forecasting.target_scale import Scale

Mask = NDArray[np.bool_]

MOST_RUNS = 600
# Weights of larger runs: the power of their size, in standard deviations.
RECENCY = 0.5
# Distance, in ranges of the runs, at which a Gaussian process counts half.
PROCESS_FADE = 0.6
DEGREES = 5.0
BANK = 1000
WAVES = 24


@dataclass(frozen=True)
class Candidate:
    """One form with its constants; ``process`` instead of ``form`` for the Gaussian process."""

    name: str
    pooled: bool = False
    form: Form | None = None
    fitted: Fitted | None = None
    process: Process | None = None
    drawn: Groups = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    constants: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))

    def fade(self, ranges: Array) -> Array:
        """How much of its weight is left (T,) at a distance."""
        half = PROCESS_FADE if self.form is None else self.form.fades
        return np.asarray(1.0 / (1.0 + (ranges / half) ** 2))


def fit_all(rows: Rows) -> tuple[Candidate, ...]:
    """Every form that so many inputs have, alone and partly pooled, and the Gaussian process."""
    found = []
    groups = len(rows.h)
    for form in forms.applicable(len(rows.sd)):
        own = forms.fit(form, rows)
        found.append(Candidate(form.name, False, form, own))
        if groups > 1:
            found.append(Candidate(form.name, True, form, forms.pool(form, rows, own)))
    u, group = points_of(rows)
    made = gaussian_process.fit(u / rows.sd, group, rows.h[rows.weight > 0])
    return (*found, Candidate("Gaussian process", process=made))


def points_of(rows: Rows) -> tuple[Array, Groups]:
    """Coordinates and groups of the runs, one after another."""
    counts = rows.weight > 0
    return rows.u[counts], np.nonzero(counts)[0]


def predict(one: Candidate, rows: Rows, u: Array, group: Groups) -> Array:
    """One form (T,) at points."""
    if one.process is not None:
        return one.process.predict(u / rows.sd, group)[0]
    assert one.form is not None and one.fitted is not None
    theta = one.fitted.theta[group]
    return forms.predict(one.form, theta, u[:, None], rows, group)[:, 0]


def choices(candidates: Sequence[Candidate], weights: Array) -> tuple[Groups, Groups]:
    """The form of each draw (BANK,), and the form that replaces it far out."""
    lasting = np.array([one.form is not None and np.isinf(one.form.fades) for one in candidates])
    first = _chosen(weights, spaced(BANK, 0.6180339887498949))
    second = _chosen(weights * lasting, spaced(BANK, 0.7548776662466927))
    return first, np.where(lasting[first], first, second)


def with_draws(
    candidates: tuple[Candidate, ...], weights: Array, rows: Rows
) -> tuple[Candidate, ...]:
    """The forms with draws of their constants, for the numbers of the bank that chose them."""
    first, second = choices(candidates, weights)
    found = []
    for c, one in enumerate(candidates):
        which = np.flatnonzero((first == c) | (second == c))
        drawn = replace(one, drawn=which)
        if one.form is not None and one.fitted is not None and len(which):
            rng = np.random.default_rng([c, 5])
            z = rng.standard_normal((BANK, *one.fitted.theta.shape))[which]
            drawn = replace(drawn, constants=forms.draw(one.form, one.fitted, rows, z))
        found.append(drawn)
    return tuple(found)


def drawn_values(one: Candidate, number: int, rows: Rows, u: Array, group: Groups) -> Array:
    """The draws (len(one.drawn), T) of one form at points."""
    if one.process is not None:
        mean, sd = one.process.predict(u / rows.sd, group)
        waves = _waves(u / rows.sd, group, len(rows.h), number)
        return np.asarray(mean + sd * waves[one.drawn])
    assert one.form is not None
    count = len(one.drawn)
    found = np.empty((count, len(u)))
    for g in np.unique(group):
        mine = group == g
        points = np.broadcast_to(u[mine], (count, int(mine.sum()), u.shape[1]))
        owner = np.full(count, g)
        found[:, mine] = forms.predict(one.form, one.constants[:, g], points, rows, owner)
    return found


def _chosen(weights: Array, where: Array) -> Groups:
    """Which form each of the numbers in (0, 1) chooses."""
    total = np.cumsum(weights)
    return np.minimum(np.searchsorted(total / total[-1], where), len(weights) - 1)


def spaced(count: int, step: float) -> Array:
    """Numbers in (0, 1) that fill it evenly, one after another."""
    return np.asarray((0.5 + np.arange(count) * step) % 1.0 * (1 - 2e-9) + 1e-9)


def _waves(v: Array, group: Groups, groups: int, number: int) -> Array:
    """Smooth random functions (BANK, T) of variance 1, half shared by the groups."""
    frequency, phase = _random(number, 1, WAVES, v.shape[1]), _random(number, 2, WAVES, 1)[:, 0]
    # Turns of about a radian a standard deviation and a half of the inputs.
    basis = np.sqrt(2.0 / WAVES) * np.cos(v @ frequency.T / 1.5 + 2.0 * np.pi * phase)
    found = _random(number, 3, BANK, WAVES) @ basis.T
    if groups > 1:
        for g in np.unique(group):
            mine = group == g
            own = _random(number, 4 + int(g), BANK, WAVES) @ basis[mine].T
            found[:, mine] = np.sqrt(0.5) * (found[:, mine] + own)
    return np.asarray(found)


def smooth_error(v: Array, group: Groups, groups: int) -> Array:
    """An offset and a smooth error of each draw (BANK, T), with Student's tails."""
    level = _random(1000, 0, BANK, 1)
    if groups > 1:
        own = [_random(1001, int(g), BANK, 1)[:, 0] for g in group]
        level = np.sqrt(0.5) * (level + np.column_stack(own))
    both = np.sqrt(0.5) * (level + _waves(v, group, groups, 1002))
    return np.asarray(_tails()[:, None] * both)


@lru_cache(maxsize=256)
def _random(number: int, part: int, rows: int, columns: int) -> Array:
    """Standard normal numbers that are the same in every model."""
    return np.random.default_rng([number, part]).standard_normal((rows, columns))


@lru_cache(maxsize=1)
def _tails() -> Array:
    """Factors (BANK,) that make normal numbers Student's t."""
    return np.asarray(np.sqrt(DEGREES / np.random.default_rng(11).chisquare(DEGREES, BANK)))


def rows_of(table: Table, scale: Scale) -> Rows:
    """Runs by group, at most `MOST_RUNS`, the larger ones more likely kept."""
    u, group, h = table.u, table.group, scale.forth(table.y)
    sd = np.maximum(u.std(axis=0), 1e-9)
    sizes = ~table.inputs.shares
    size = ((u - u.mean(axis=0)) / sd)[:, sizes].mean(axis=1) if sizes.any() else np.zeros(len(h))
    weight = np.exp(RECENCY * (size - size.max()))
    if len(h) > MOST_RUNS:
        order = np.lexsort([np.arange(len(h)), size])
        total = np.cumsum(weight[order]) / weight.sum()
        steps = np.searchsorted(total, (np.arange(MOST_RUNS) + 0.5) / MOST_RUNS)
        kept = np.sort(order[np.unique(steps)])
        u, group, h, weight = u[kept], group[kept], h[kept], np.ones(len(kept))
    weight = weight / weight.mean()
    groups = len(table.inputs.levels)
    most = int(np.bincount(group, minlength=groups).max())
    shape = (groups, most)
    padded_u, padded_h, padded_w = np.zeros((*shape, u.shape[1])), np.zeros(shape), np.zeros(shape)
    for g in range(groups):
        mine = np.flatnonzero(group == g)
        padded_u[g, : len(mine)], padded_h[g, : len(mine)] = u[mine], h[mine]
        padded_w[g, : len(mine)] = weight[mine]
    nothing = np.zeros(groups)
    raw = Rows(
        padded_u,
        padded_h,
        padded_w,
        table.inputs.logs,
        sd,
        nothing,
        nothing,
        nothing,
        sd,
        scale.kind != "plain",
    )
    return forms.describe(raw)
