"""The runs of each batch: a model, an optimiser and a schedule of the learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Points that a cosine after a restart is drawn with.
PIECES = 16


@dataclass(frozen=True)
class Group:
    """Runs that train side by side: the same model, optimiser and number of steps.

    Attributes:
        task: the text that is learnt (`benchmarks.blind.train`).
        width, layers: of the model; 0 layers is a model of eight characters with a hidden layer.
        optimiser: adamw or sgd (momentum of .9).
        steps: of each run.
        peaks: learning rates.
        logged: how many times the loss is logged.
        seed: of the starts and of the batches.
    """

    task: str
    width: int
    layers: int
    optimiser: str
    steps: int
    peaks: tuple[float, ...]
    logged: int
    seed: int

    @property
    def model(self) -> str:
        kind = f"transformer of {self.layers}" if self.layers else "hidden layer"
        return f"{kind} x {self.width}"


@dataclass(frozen=True)
class Design:
    """One run: its kind of schedule, the schedule as a text, and the loss that is forecast."""

    kind: str
    schedule: str
    peak: float
    metric: str


# The first batch was drawn before any forecast of it was looked at, and so was the second, after
# the constants had been chosen.
BATCHES = {
    1: (
        Group("words", 32, 0, "adamw", 16_000, (1e-3, 3e-3, 1e-2), 80, 1),
        Group("words", 96, 0, "sgd", 8_000, (0.03, 0.1, 0.3), 160, 2),
        Group("words", 192, 0, "adamw", 4_000, (1e-3, 2e-3, 4e-3), 50, 3),
        Group("docs", 24, 1, "adamw", 8_000, (2e-3, 4e-3, 8e-3), 100, 4),
        Group("docs", 32, 2, "adamw", 4_000, (1e-3, 3e-3, 6e-3), 64, 5),
        Group("docs", 48, 2, "adamw", 2_500, (1e-3, 2e-3, 4e-3), 50, 6),
    ),
    2: (
        Group("chain", 64, 0, "adamw", 10_000, (1e-3, 2e-3, 5e-3), 125, 11),
        Group("chain", 128, 0, "sgd", 6_000, (0.05, 0.1, 0.2), 60, 12),
        Group("code", 20, 1, "adamw", 6_000, (3e-3, 5e-3, 1e-2), 80, 13),
        Group("code", 40, 2, "adamw", 3_000, (1e-3, 2e-3, 4e-3), 75, 14),
    ),
}


def designs(group: Group) -> Iterator[Design]:
    """Thirteen runs of a group: every kind of schedule, two of them twice."""
    rng = np.random.default_rng([group.seed, 7])
    for place, (kind, schedule) in enumerate(_schedules(group.steps, rng)):
        peak = float(group.peaks[(place + group.seed) % len(group.peaks)])
        yield Design(kind, schedule, peak, "train" if rng.random() < 0.2 else "validation")


def _schedules(steps: int, rng: np.random.Generator) -> Iterator[tuple[str, str]]:
    """Kinds and texts; warm-ups of 1 to 4 %, all else drawn."""

    def share(low: float, high: float) -> int:
        return int(steps * rng.uniform(low, high))

    def common() -> str:
        return f"warmup={share(0.01, 0.04)},end={steps}"

    for _ in range(2):
        yield "cosine to 10 %", f"cosine:floor=10%,{common()}"
        yield "WSD, linear", f"wsd:floor=0,decay={share(0.05, 0.3)},{common()}"
    yield "constant", f"constant:{common()}"
    yield "cosine to 0", f"cosine:floor=0,{common()}"
    yield "linear to 0", f"linear:floor=0,{common()}"
    yield "WSD, sqrt", f"wsd:floor=0,shape=sqrt,decay={share(0.05, 0.3)},{common()}"
    yield "WSD, exp", f"wsd:floor=2%,shape=exp,decay={share(0.05, 0.3)},{common()}"
    first, second, warm = share(0.3, 0.55), share(0.6, 0.85), share(0.01, 0.04)
    yield "steps", f"points:0=0,{warm}=1,{first}=1,{first}=.3,{second}=.3,{second}=.1,{steps}=.1"
    yield "long warm-up", f"cosine:floor=10%,warmup={share(0.15, 0.3)},end={steps}"
    yield "restart", _points([(0, 0.0), *_cosine(share(0.01, 0.04), first, 1.0, 0.05),
                              *_cosine(first, steps, 0.8, 0.05)])  # fmt: skip
    back = share(0.03, 0.06)
    yield "warmed again", _points([(0, 0.0), *_cosine(warm, first, 1.0, 0.1), (first + back, 0.6),
                                   (second, 0.6), (steps, 0.0)])  # fmt: skip


def _cosine(begin: int, end: int, top: float, floor: float) -> list[tuple[float, float]]:
    u = np.linspace(0.0, 1.0, PIECES + 1)
    rate = floor + (top - floor) * 0.5 * (1.0 + np.cos(np.pi * u))
    return [(float(x), float(y)) for x, y in zip(begin + (end - begin) * u, rate, strict=True)]


def _points(pairs: list[tuple[float, float]]) -> str:
    return "points:" + ",".join(f"{x:.0f}={rate:.4f}" for x, rate in pairs)
