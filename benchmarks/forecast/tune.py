"""The constants of the spread: the best by log score, and how those in use hold.

A forecast of log y is Student's t with `DEGREES` degrees of freedom about the centre, with

    sigma^2 = sum_k (c_k feature_k)^2

The best maximise the mean over groups of the mean log score, so that a group of many curves counts
as much as a group of few. Those in use are chosen by how often intervals hold; `left_out` says how
they hold on each group when all tasks of the others choose how wide they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, stdtr

LEVELS = (0.5, 0.8, 0.9, 0.95)
WIDTHS = np.geomspace(0.5, 2.0, 29)


@dataclass(frozen=True)
class Scored:
    """One task: its group, features (T, K), and error of the centre (T,), observed minus it."""

    group: str
    features: np.ndarray
    error: np.ndarray


def sigma(constants: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Scale of each forecast (T,)."""
    return np.sqrt((features**2) @ constants**2)


def log_score(error: np.ndarray, scale: np.ndarray, degrees: float) -> np.ndarray:
    """Log density of Student's t at the error, of log y."""
    z = error / scale
    constant = gammaln((degrees + 1) / 2) - gammaln(degrees / 2) - 0.5 * np.log(degrees * np.pi)
    return np.asarray(constant - np.log(scale) - (degrees + 1) / 2 * np.log1p(z**2 / degrees))


def group_mean(tasks: Sequence[Scored], constants: np.ndarray, degrees: float) -> float:
    """Mean over groups of the mean over tasks of the mean log score."""
    by: dict[str, list[float]] = {}
    for task in tasks:
        score = log_score(task.error, sigma(constants, task.features), degrees)
        by.setdefault(task.group, []).append(float(score.mean()))
    return float(np.mean([np.mean(values) for values in by.values()]))


def tune(tasks: Sequence[Scored], degrees: float, rounds: int = 2) -> np.ndarray:
    """Constants with the best mean log score."""
    best = np.zeros(tasks[0].features.shape[1] - 1)
    for _ in range(rounds):
        made = minimize(
            lambda logs: -group_mean(tasks, _whole(logs), degrees),
            best,
            method="Nelder-Mead",
            options={"maxiter": 400, "xatol": 0.01, "fatol": 1e-5},
        )
        best = made.x
    return _whole(best)


def _whole(logs: np.ndarray) -> np.ndarray:
    """All constants: the first, of the noise of single runs, is 1, or a forecast within the data
    would promise more than runs repeat."""
    return np.concatenate([[1.0], np.exp(logs)])


def coverage(task: Scored, constants: np.ndarray, degrees: float) -> dict[float, float]:
    """Share of targets inside each central interval."""
    rank = stdtr(degrees, task.error / sigma(constants, task.features))
    return {level: float((np.abs(rank - 0.5) <= level / 2).mean()) for level in LEVELS}


@dataclass(frozen=True)
class Tuned:
    """Constants with the best log score, degrees of freedom, and coverage of each group by the
    constants in use, as wide as suits the other groups: group -> level -> share."""

    constants: tuple[float, ...]
    degrees: float
    coverage: dict[str, dict[float, float]]


def left_out(tasks: Sequence[Scored], in_use: Sequence[float], degrees: float) -> Tuned | None:
    """The best constants by log score, and how those in use hold where others choose the width."""
    if not tasks:
        return None
    wide = [np.concatenate([in_use[:1], width * np.array(in_use[1:])]) for width in WIDTHS]
    # Shares of targets inside (W, N, 4), of every width and task.
    held = np.array([[list(coverage(t, one, degrees).values()) for t in tasks] for one in wide])
    groups = np.array([task.group for task in tasks])
    found = {}
    for group in dict.fromkeys(groups.tolist()):
        others = held[:, groups != group].mean(axis=1)
        best = int(np.argmin(np.abs(others - LEVELS).mean(axis=1)))
        shares = held[best, groups == group].mean(axis=0)
        found[group] = dict(zip(LEVELS, shares.tolist(), strict=True))
    return Tuned(tuple(tune(tasks, degrees).tolist()), degrees, found)
