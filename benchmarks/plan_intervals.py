"""Do intervals of the compute-optimal size, and of the loss there, hold?

    python -m benchmarks.plan_intervals

Studies are simulated from five true laws, two of them in no registry: an interaction of params and
tokens, and a data term whose exponent falls. Each has one of three designs (isoFLOP valleys, a
grid, runs along a ratio of tokens to params) and noise of .2 to 1.3 %. A study's model plans a
budget 1 to 100 times its largest. Counted is how often the 90 % interval of N* holds the true one,
and how often that of the loss at the planned size holds a new run there, noise included.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from scaling.arrays import Array
from scaling.forecasting.model_surface import compute_optimal
from scaling.forecasting.study_model import study_model
from scaling.io.notebook import markdown_table

PAGE = Path("docs/benchmarks/plan_intervals.md")
STUDIES = 200
Loss = Callable[[Array, Array], Array]
LN6 = np.log(6.0)


def chinchilla(n: Array, d: Array) -> Array:
    return 1.69 + np.exp(6.0 - 0.34 * n) + np.exp(6.02 - 0.28 * d)


def coupled(n: Array, d: Array) -> Array:
    return 1.5 + (np.exp(5.8 - 0.42 * n) + np.exp(6.6 - 0.40 * d)) ** 0.8


def kaplan(n: Array, d: Array) -> Array:
    """Kaplan et al. 2020, arXiv:2001.08361, equation 1.5 with its constants."""
    first = 0.076 / 0.095 * (np.log(8.8e13) - n)
    return (np.exp(first) + np.exp(np.log(5.4e13) - d)) ** 0.095


def interaction(n: Array, d: Array) -> Array:
    both = np.exp(6.3 - 0.19 * n - 0.16 * d)
    return 1.7 + np.exp(5.9 - 0.34 * n) + np.exp(6.0 - 0.29 * d) + both


def broken(n: Array, d: Array) -> Array:
    bend = (1.0 + np.exp((d - np.log(3e9)) / 0.7)) ** (0.7 * 0.08)
    return 1.75 + np.exp(6.0 - 0.34 * n) + np.exp(6.2 - 0.30 * d) * bend


LAWS: dict[str, Loss] = {
    "Chinchilla": chinchilla,
    "coupled": coupled,
    "Kaplan's joint law": kaplan,
    "interaction of N and D (in no registry)": interaction,
    "data exponent that falls (in no registry)": broken,
}


@dataclass(frozen=True)
class Outcome:
    """Of one study: whether the intervals held, and the width of that of ln N*."""

    size: bool
    loss: bool
    width: float
    error: float


def optimum(law: Loss, flops: float) -> tuple[float, float]:
    """ln N* and the least loss of a true law."""
    total = np.log(flops) - LN6
    log_n = np.linspace(0.5 * total - 9.0, 0.5 * total + 9.0, 4001)
    loss = law(log_n, total - log_n)
    best = int(np.argmin(loss))
    return float(log_n[best]), float(loss[best])


def design(law: Loss, rng: np.random.Generator) -> tuple[Array, Array]:
    """ln N and ln D of a study's runs."""
    kind = rng.integers(3)
    if kind == 0:
        low, wide, count = rng.uniform(17.0, 18.5), rng.uniform(1.5, 2.5), rng.integers(4, 7)
        budgets = 10.0 ** (low + np.linspace(0.0, wide, count))
        sizes = [
            optimum(law, c)[0] + rng.normal(0.0, 0.25) + np.linspace(-1.5, 1.5, 7) for c in budgets
        ]
        n = np.concatenate(sizes)
        return n, np.repeat(np.log(budgets) - LN6, 7) - n
    if kind == 1:
        n = np.linspace(np.log(2e7), np.log(10 ** rng.uniform(8.3, 9.3)), rng.integers(5, 8))
        d = np.linspace(np.log(5e8), np.log(10 ** rng.uniform(9.8, 10.8)), rng.integers(4, 7))
        grid = np.meshgrid(n, d)
        return grid[0].ravel(), grid[1].ravel()
    n = rng.uniform(np.log(3e7), np.log(2e9), rng.integers(25, 60))
    return n, n + np.log(20.0) + rng.normal(0.0, 1.1, len(n))


def study(law: Loss, seed: tuple[int, int]) -> Outcome:
    """One simulated study, planned."""
    rng = np.random.default_rng(seed)
    noise = 10 ** rng.uniform(-2.7, -1.9)
    n, d = design(law, rng)
    loss = law(n, d) * np.exp(rng.normal(0.0, noise, len(n)))
    runs = pl.DataFrame({"params": np.exp(n), "tokens": np.exp(d), "loss": loss})
    model = study_model(runs, ("params", "tokens"), "loss")
    flops = float(np.exp((LN6 + n + d).max()) * 10 ** rng.uniform(0.0, 2.0))
    true_n, _ = optimum(law, flops)
    best = compute_optimal(model, flops)[0]
    grid = np.linspace(np.log(best) - 5.0, np.log(best) + 5.0, 81)
    at = pl.DataFrame({"params": np.exp(grid), "tokens": flops / 6.0 / np.exp(grid)})
    low, high = np.quantile(_least(model.draws(at), grid), [0.05, 0.95])
    place = at[40:41]
    ends = model.quantiles(place, np.array([0.05, 0.95]))[:, 0]
    true_loss = float(law(grid[40:41], np.log(flops) - LN6 - grid[40:41])[0])
    new_run = true_loss * float(np.exp(rng.normal(0.0, noise)))
    return Outcome(
        bool(low <= true_n <= high),
        bool(ends[0] <= new_run <= ends[1]),
        float(high - low),
        float(np.log(best) - true_n),
    )


def _least(draws: Array, grid: Array) -> Array:
    """Where each draw (S, T) is least, by the parabola through three points of the grid (T,)."""
    best = np.clip(np.argmin(draws, axis=1), 1, len(grid) - 2)
    rows = np.arange(len(draws))
    a, b, c = (draws[rows, best + by] for by in (-1, 0, 1))
    off = 0.5 * (a - c) / np.maximum(a - 2.0 * b + c, 1e-300)
    return np.asarray(grid[best] + np.clip(off, -1.0, 1.0) * (grid[1] - grid[0]))


def main(count: int = STUDIES) -> None:
    """Write the page."""
    rows, every, began = [], [], time.process_time()
    for place, (name, law) in enumerate(LAWS.items()):
        made = [study(law, (place, k)) for k in range(count)]
        every += made
        rows.append(_row(name, made))
        print(*rows[-1], sep="  ", flush=True)
    rows.append(_row("all", every))
    seconds = (time.process_time() - began) / len(every)
    head = ("true law", "N* inside", "loss inside", "width of ln N*", "error of ln N*")
    doc = (__doc__ or "").split("\n\n", 2)[2]
    text = [
        "# Intervals of compute-optimal sizes\n",
        f"`python -m benchmarks.plan_intervals` writes this page: {count} studies a law, "
        f"{seconds:.2f} CPU seconds each.\n",
        doc.strip() + "\n",
        *markdown_table(head, rows),
    ]
    PAGE.write_text("\n".join(text) + "\n", encoding="utf-8")


def _row(name: str, made: list[Outcome]) -> tuple[str, ...]:
    shares = [np.mean([getattr(one, part) for one in made]) for part in ("size", "loss")]
    width = np.median([one.width for one in made])
    error = np.median([abs(one.error) for one in made])
    return (name, *(f"{100 * share:.0f} %" for share in shares), f"{width:.2f}", f"{error:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES)
