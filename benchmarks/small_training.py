"""A small real training run on one core: a character language model in numpy, which logs its loss.

    python -m benchmarks.small_training LOG [--seed 0] [--steps 4000] [--width 96]
        [--schedule cosine] [--eval-every 0] [--gate FILE]

The text is made of 2,000 invented words, whose frequencies fall with their rank (Zipf) and whose
order depends on the word before. The model reads eight characters: embedding, a hidden layer,
softmax; Adam, batches of 256. Each line of the log is a JSON object with step, loss of the batch
(nats per character), lr and time, and every so many steps the loss on text that is not trained on.
With a gate the run waits where it has done the share that stands in that file, until more does.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CONTEXT, EMBEDDING, BATCH = 8, 12, 256
LETTERS = "abcdefghijklmnopqrstuvwxyz "
WORDS, LENGTH, HELD_OUT = 2000, 300_000, 4096
BETAS, EPSILON = (0.9, 0.98), 1e-8
WARM_UP = 0.02


def _cosine(share: float) -> float:
    return 0.1 + 0.45 * (1.0 + float(np.cos(np.pi * share)))


def _decayed(share: float) -> float:
    """Constant, and in the last fifth straight to 0 (warm-up, stable, decay)."""
    return min(1.0, (1.0 - share) / 0.2 + 1e-3)


# Learning rate by the share of the run that is done, against its peak.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda share: 1.0,
    "cosine": _cosine,
    "wsd": _decayed,
}


@dataclass(frozen=True)
class Design:
    """One run."""

    seed: int = 0
    steps: int = 4000
    width: int = 96
    schedule: str = "cosine"
    peak: float = 3e-3
    eval_every: int = 0

    @property
    def name(self) -> str:
        return f"{self.schedule}-{self.width}-{self.seed}"


def text(seed: int) -> np.ndarray:
    """Numbers of the letters (LENGTH,) of a text."""
    rng = np.random.default_rng([seed, 1])
    chance = 1.0 / np.arange(1, len(LETTERS)) ** 0.8
    words = [
        rng.choice(len(LETTERS) - 1, size=rng.integers(2, 9), p=chance / chance.sum())
        for _ in range(WORDS)
    ]
    frequency = 1.0 / np.arange(1, WORDS + 1)
    drawn = rng.choice(WORDS, size=LENGTH // 3, p=frequency / frequency.sum())
    # The word before chooses between two ways to read the same draw.
    shifted = (drawn[1:] + 7 * (drawn[:-1] % 5)) % WORDS
    space = np.array([len(LETTERS) - 1])
    return np.concatenate([part for one in shifted for part in (words[one], space)])[:LENGTH]


class Model:
    """Embedding, hidden layer, softmax."""

    def __init__(self, width: int, rng: np.random.Generator) -> None:
        inputs, outputs = CONTEXT * EMBEDDING, len(LETTERS)
        self.theta = [
            rng.normal(0.0, 1.0, (outputs, EMBEDDING)),
            rng.normal(0.0, inputs**-0.5, (inputs, width)),
            np.zeros(width),
            rng.normal(0.0, width**-0.5, (width, outputs)),
            np.zeros(outputs),
        ]
        self.moments = [(np.zeros_like(one), np.zeros_like(one)) for one in self.theta]

    def forward(self, x: np.ndarray, y: np.ndarray) -> tuple[float, tuple[np.ndarray, ...]]:
        table, w, b, out, bias = self.theta
        seen = table[x].reshape(len(x), -1)
        hidden = np.tanh(seen @ w + b)
        logits = hidden @ out + bias
        logits -= logits.max(axis=1, keepdims=True)
        share = np.exp(logits)
        share /= share.sum(axis=1, keepdims=True)
        loss = -float(np.log(share[np.arange(len(y)), y]).mean())
        return loss, (seen, hidden, share)

    def step(self, x: np.ndarray, y: np.ndarray, lr: float, number: int) -> float:
        """One step of Adam; the loss of the batch before it."""
        loss, (seen, hidden, share) = self.forward(x, y)
        table, w, _, out, _ = self.theta
        share[np.arange(len(y)), y] -= 1.0
        share /= len(y)
        back = (share @ out.T) * (1.0 - hidden**2)
        of_table = np.zeros_like(table)
        np.add.at(of_table, x.ravel(), (back @ w.T).reshape(-1, EMBEDDING))
        slopes = [of_table, seen.T @ back, back.sum(0), hidden.T @ share, share.sum(0)]
        for one, (first, second), slope in zip(self.theta, self.moments, slopes, strict=True):
            first += (1.0 - BETAS[0]) * (slope - first)
            second += (1.0 - BETAS[1]) * (slope**2 - second)
            scale = np.sqrt(1.0 - BETAS[1] ** number) / (1.0 - BETAS[0] ** number)
            one -= lr * scale * first / (np.sqrt(second) + EPSILON)
        return loss


def train(design: Design) -> Iterator[dict[str, float]]:
    """The log of a run, line by line."""
    letters = text(design.seed)
    rng = np.random.default_rng([design.seed, 2])
    windows = np.lib.stride_tricks.sliding_window_view(letters, CONTEXT + 1)
    known, unseen = windows[:-HELD_OUT], windows[-HELD_OUT:]
    model = Model(design.width, rng)
    for number in range(1, design.steps + 1):
        share = number / design.steps
        lr = design.peak * min(1.0, share / WARM_UP) * SCHEDULES[design.schedule](share)
        rows = known[rng.integers(0, len(known), BATCH)]
        loss = model.step(rows[:, :-1], rows[:, -1], lr, number)
        line = {"step": number, "loss": loss, "lr": lr, "wall_time": time.time()}
        if design.eval_every and number % design.eval_every == 0:
            line["eval_loss"] = model.forward(unseen[:, :-1], unseen[:, -1])[0]
        yield line


def main() -> None:
    """Train, and write the log as it grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path)
    for name, default in (("seed", 0), ("steps", 4000), ("width", 96), ("eval-every", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--schedule", choices=SCHEDULES, default="cosine")
    parser.add_argument("--gate", type=Path)
    args = parser.parse_args()
    design = Design(args.seed, args.steps, args.width, args.schedule, eval_every=args.eval_every)
    with args.log.open("a", encoding="utf-8") as log:
        for line in train(design):
            log.write(json.dumps(line) + "\n")
            log.flush()
            while args.gate and float(args.gate.read_text() or 0) <= line["step"] / args.steps < 1:
                time.sleep(0.1)


if __name__ == "__main__":
    main()
