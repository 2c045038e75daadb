"""What the two laws of mixture, params and tokens share: one law a validation domain.

    L_i = E_i + 1 / (sum_j C_ij h_j**g_ij) + a_i N**-alpha_i + b_i D**-beta_i

h_j share of training domain j. In the additive law a_i and b_i are constants A_i and B_i; in the
joint law they depend on the mixture, a_i = (sum_j A_ij h_j)**gA_i and b_i likewise. Every parameter
is positive and is fitted in logarithms, with sizes counted from their geometric mean.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.laws._law import Estimate, Law, Param, Predict
from scaling.laws._marquardt import descend
from scaling.laws._mixtures import domains, needs, outputs

# Shares of the least loss at which the floor starts, exponents of sizes likewise.
FLOORS, EXPONENTS = (0.3, 0.7), (0.2, 0.5)
# Descents of 60 steps each: a valley of thirty parameters takes two or three.
ROUNDS = 3
# Share that stands for 0 in logarithms: h^g is 0 there, to double precision, for any g above .2.
NOTHING = 1e-80


def parameters(names: tuple[str, ...], results: tuple[str, ...], joint: bool) -> tuple[Param, ...]:
    """Parameters of every validation domain, in the order of `_unpack`."""
    return tuple(param for result in results for param in _of_one(names, result, joint))


def _of_one(names: tuple[str, ...], i: str, joint: bool) -> list[Param]:
    found = [Param(f"E_{i}", "nats/token", f"irreducible loss on {i}", start=(0.3, 2.5))]
    for j in names:
        found += [
            Param(f"C_{i}_{j}", "1/(nats/token)", f"{j} for {i}", start=(0.5, 10.0)),
            Param(f"g_{i}_{j}", "1", f"exponent of the share of {j} for {i}", start=(0.2, 1.0)),
        ]
    for size, power, unit in (("A", "alpha", "params"), ("B", "beta", "tokens")):
        found.append(Param(f"{power}_{i}", "1", f"exponent of {unit} for {i}", start=(0.1, 0.6)))
        if not joint:
            meaning = f"size of the {unit} term for {i}"
            found.append(Param(f"{size}_{i}", "nats/token", meaning, start=(10.0, 1e4)))
            continue
        root = f"(nats/token)^(1/g{size})"
        found.append(
            Param(f"g{size}_{i}", "1", f"exponent of the {unit} term's mixture", start=(0.5, 2.0))
        )
        found += [
            Param(f"{size}_{i}_{j}", root, f"{j} in the {unit} term of {i}", start=(10.0, 1e4))
            for j in names
        ]
    return found


def predictor(names: tuple[str, ...], results: tuple[str, ...], joint: bool) -> Predict:
    """The law of all validation domains; ``x.metric`` says which."""

    def predict(p: Any, x: Any) -> Array:
        value: Any = 0.0
        for i, result in enumerate(results):
            here = np.asarray(x.metric == i, dtype=np.float64)
            value = value + here * _loss(p, x, names, result, joint)
        return np.asarray(value)

    return predict


def _loss(p: Any, x: Any, names: tuple[str, ...], i: str, joint: bool) -> Any:
    """Loss on validation domain i."""
    mixed = sum(
        getattr(p, f"C_{i}_{j}") * getattr(x, f"share_{j}") ** getattr(p, f"g_{i}_{j}")
        for j in names
    )
    value = getattr(p, f"E_{i}") + 1.0 / mixed
    for size, power, column in (("A", "alpha", "params"), ("B", "beta", "tokens")):
        scale = getattr(x, column) ** -getattr(p, f"{power}_{i}")
        if joint:
            total = sum(getattr(p, f"{size}_{i}_{j}") * getattr(x, f"share_{j}") for j in names)
            value = value + total ** getattr(p, f"g{size}_{i}") * scale
        else:
            value = value + getattr(p, f"{size}_{i}") * scale
    return value


def estimator(names: tuple[str, ...], results: tuple[str, ...], joint: bool) -> Estimate:
    """Least squares of log loss, one validation domain after the other."""

    def estimate(x: Mapping[str, Array], y: Array, w: Array, solve: Any) -> Array:
        parts = []
        for i in range(len(results)):
            rows = (x["metric"] == i) & (w > 0)
            table = np.stack([x[f"share_{name}"][rows] for name in names], axis=1)
            sizes = np.log(x["params"][rows]), np.log(x["tokens"][rows])
            parts.append(_one(table, sizes, np.log(y[rows]), w[rows], joint))
        return np.concatenate(parts)

    return estimate


def _one(h: Array, sizes: tuple[Array, Array], logs: Array, w: Array, joint: bool) -> Array:
    """Parameters of one validation domain; the joint law starts from the additive one."""
    centre = sizes[0].mean(), sizes[1].mean()
    n, d = sizes[0] - centre[0], sizes[1] - centre[1]
    u = min(
        (_descend(_additive(h, n, d, logs), one, w) for one in _starts(h, logs)),
        key=lambda found: found[1],
    )[0]
    if joint:
        u = _descend(_joint(h, n, d, logs), _widened(u, h.shape[1]), w)[0]
    return _natural(u, h.shape[1], centre, joint)


Miss = Callable[[Array], tuple[Array, Array]]


def _descend(miss: Miss, u: Array, w: Array) -> tuple[Array, float]:
    total = np.inf
    for _ in range(ROUNDS):
        before = total
        u, total = descend(miss, u, w)
        if not total < 0.999 * before:
            break
    return u, total


def _starts(h: Array, logs: Array) -> list[Array]:
    """(ln E, ln C, ln g, ln alpha, ln a, ln beta, ln b) from a few floors and exponents."""
    least, width = float(np.exp(logs.min())), h.shape[1]
    found = []
    for floor in FLOORS:
        rest = np.log((1.0 - floor) * least / 3.0)
        mixed = [*np.full(width, -rest - np.log(np.sqrt(width))), *np.full(width, np.log(0.5))]
        for power in np.log(EXPONENTS):
            found.append(np.array([np.log(floor * least), *mixed, power, rest, power, rest]))
    return found


def _mixed(u: Array, h: Array) -> tuple[Array, Array]:
    """E + 1 / sum_j C_j h_j^g_j, and its derivatives by (ln E, ln C, ln g)."""
    width = h.shape[1]
    log_h, g = np.log(np.maximum(h, NOTHING)), np.exp(u[1 + width : 1 + 2 * width])
    terms = np.exp(u[1 : 1 + width] + g * log_h)
    part = 1.0 / terms.sum(axis=1, keepdims=True)
    by_c = -(part**2) * terms
    floor = np.full((len(h), 1), np.exp(u[0]))
    return (floor + part)[:, 0], np.hstack([floor, by_c, by_c * log_h * g])


def _size(log_power: float, log_level: Any, log_n: Array) -> tuple[Array, Array]:
    """exp(level) N^-alpha and its derivatives by (ln alpha, level)."""
    power = np.exp(log_power)
    value = np.exp(np.clip(log_level - power * log_n, -700.0, 700.0))
    return value, np.stack([-power * log_n * value, value], axis=1)


def _additive(h: Array, n: Array, d: Array, logs: Array) -> Miss:
    """Residuals of log loss and their derivatives, constants a and b."""

    def miss(u: Array) -> tuple[Array, Array]:
        base, by_base = _mixed(u, h)
        a, by_a = _size(u[-4], u[-3], n)
        b, by_b = _size(u[-2], u[-1], d)
        value = base + a + b
        return np.log(value) - logs, np.hstack([by_base, by_a, by_b]) / value[:, None]

    return miss


def _joint(h: Array, n: Array, d: Array, logs: Array) -> Miss:
    """The same with a and b of the mixture: (ln alpha, ln gA, ln A_j) in place of (ln alpha, a)."""
    width = h.shape[1]

    def part(u: Array, log_size: Array) -> tuple[Array, Array]:
        terms = np.exp(u[2:]) * h
        total = terms.sum(axis=1, keepdims=True)
        g = np.exp(u[1])
        value, by = _size(u[0], g * np.log(total[:, 0]), log_size)
        by_g = by[:, 1:] * g * np.log(total)
        return value, np.hstack([by[:, :1], by_g, by[:, 1:] * g * terms / total])

    def miss(u: Array) -> tuple[Array, Array]:
        base, by_base = _mixed(u, h)
        first, second = u[1 + 2 * width : 3 + 3 * width], u[3 + 3 * width :]
        (a, by_a), (b, by_b) = part(first, n), part(second, d)
        value = base + a + b
        return np.log(value) - logs, np.hstack([by_base, by_a, by_b]) / value[:, None]

    return miss


def _widened(u: Array, width: int) -> Array:
    """The additive law's parameters as those of the joint law: gA = gB = 1, one A_j for all."""
    base, (alpha, a, beta, b) = u[: 1 + 2 * width], u[1 + 2 * width :]
    return np.array([*base, alpha, 0.0, *np.full(width, a), beta, 0.0, *np.full(width, b)])


def _natural(u: Array, width: int, centre: tuple[float, float], joint: bool) -> Array:
    """Natural parameters in the order of `parameters`, sizes counted from 1."""
    c, g = np.exp(u[1 : 1 + width]), np.exp(u[1 + width : 1 + 2 * width])
    found = [np.exp(u[0]), *np.ravel(np.column_stack([c, g]))]
    rest = u[1 + 2 * width :].reshape(2, -1)
    for part, log_size in zip(rest, centre, strict=True):
        power = np.exp(part[0])
        shift = power * log_size / (np.exp(part[1]) if joint else 1.0)
        if joint:
            found += [power, np.exp(part[1]), *np.exp(part[2:] + shift)]
        else:
            found += [power, np.exp(part[1] + shift)]
    return np.array(found)


def bound(law: Law, names: tuple[str, ...], results: tuple[str, ...], joint: bool) -> Law:
    """The law with the parameters of these training and validation domains."""
    return replace(
        law,
        params=parameters(names, results, joint),
        inputs=(*(f"share_{name}" for name in names), "params", "tokens", "metric"),
        predict=predictor(names, results, joint),
        needs=needs(names, results),
        estimate=estimator(names, results, joint),
    )


def of_table(law: Law, runs: pl.DataFrame, joint: bool) -> Law:
    """The law of the training and validation domains of a table."""
    return bound(law, domains(runs), outputs(runs), joint)


def example(rng: np.random.Generator, law: Law, truth: Mapping[str, float]) -> pl.DataFrame:
    """Fifty mixtures of code and web at twelve sizes each, losses on one validation domain."""
    code = np.repeat(rng.uniform(0.05, 0.95, 50), 12)
    n, d = np.exp(rng.uniform(17.0, 23.0, 600)), np.exp(rng.uniform(20.0, 26.0, 600))
    x = {"share_code": code, "share_web": 1.0 - code, "params": n, "tokens": d}
    y = law(truth, x | {"metric": np.zeros(600)})
    return pl.DataFrame(
        {
            "mixture": [f"code={c:.9f};web={1.0 - c:.9f}" for c in code],
            "params": n,
            "tokens": d,
            "loss": y * np.exp(2e-4 * rng.standard_normal(600)),
        }
    )
