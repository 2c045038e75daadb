"""Learning rate and batch for a planned run: step laws, and the critical batch.

    lr = k N^a D^b,   batch = k D^b   (Li et al. 2025, arXiv:2503.04715)
    B_crit(L) = B* / L^(1/a_B),  B* = 2e8 tokens, a_B = .21   (Kaplan et al. 2020, arXiv:2001.08361)

At the critical batch a run takes twice the least number of steps and twice the least tokens; far
below it compute is saved, far above it time is not.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from scaling.fitting.intervals import from_draws
from scaling.plan.answer import PARAMS, TOKENS, Answer, Figure, exact, warnings_of, within
from scaling.plan.calibrated import beside, best_values
from scaling.plan.stored import Sheet

B_STAR, A_B = 2e8, 0.21


def critical_batch(loss: float) -> float:
    """Tokens at a loss in nats per token (Kaplan's data and tokenizer)."""
    within("loss", loss, (0.1, 20.0), "nats per token")
    return float(B_STAR / loss ** (1.0 / A_B))


def hparams(
    lr: Sheet,
    batch: Sheet,
    *,
    params: float,
    tokens: float,
    loss: float | None = None,
    level: float = 0.9,
) -> Answer:
    """Peak learning rate, batch, steps and, where a loss is expected, the critical batch.

    Raises:
        InputError: sizes out of range, or sheets without `step_lr` and `step_batch`.
    """
    within("params", params, PARAMS, "params")
    within("tokens", tokens, TOKENS, "tokens", "Tokens, not trillions.")
    one, other = lr.get("step_lr"), batch.get("step_batch")
    x = {"params": np.array([params]), "tokens": np.array([tokens])}
    rate = from_draws(one, lambda theta: one.law(theta, x)[:, 0], level)
    size = from_draws(other, lambda theta: other.law(theta, x)[:, 0], level)
    steps = from_draws(other, lambda theta: tokens / other.law(theta, x)[:, 0], level)
    figures: list[Figure] = [
        ("learning_rate", rate, "peak"),
        ("batch", size, "tokens per step"),
        ("steps", steps, "steps"),
    ]
    if loss is not None:
        found = critical_batch(loss)
        figures.append(("critical_batch", exact(found, level), "tokens"))
        figures.append(("batch_over_critical", exact(size.value / found, level), ""))
    distance = lr.beyond(params=params, tokens=tokens)
    warned = [*warnings_of(lr, one, distance), *warnings_of(batch, other, {})]
    return Answer(
        f"Learning rate and batch of {params:.4g} params on {tokens:.4g} tokens",
        figures,
        f"{lr.name}, {batch.name}",
        f"{lr.version}; {batch.version}",
        beside(lr, lambda table: _by_model(table, params, tokens, level)),
        {},
        distance,
        [
            f"{one.law.formula}: {one.law.assumes}.",
            f"{other.law.formula}: {other.law.assumes}.",
            "N is params without embeddings.",
            "Critical batch: constants of one data set and tokenizer; measure your own.",
        ],
        list(dict.fromkeys(warned)),
    )


def _by_model(table: pl.DataFrame, params: float, tokens: float, level: float) -> list[Figure]:
    """Learning rate and batch of least loss for the run, and that loss, by the sweep's model."""
    free = [name for name in ("lr", "batch_tokens") if table[name].n_unique() > 1]
    run = {"params": params, "tokens": tokens}
    found = best_values(table, "loss", run, free, level)
    labels = {"lr": ("learning_rate", "peak"), "batch_tokens": ("batch", "tokens per step")}
    shown = [
        (labels[name][0], one, labels[name][1]) for name, one in zip(free, found, strict=False)
    ]
    return [*shown, ("loss", found[-1], "at these")]
