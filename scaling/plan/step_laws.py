"""Learning rate, batch and weight decay for a planned run: step laws, and the critical batch.

    lr = k N^a D^b,   batch = k D^b   (Li et al. 2025, arXiv:2503.04715)
    weight decay = batch / (lr tau D),  tau = a (D/N)^-b   (Bergsma et al. 2025, arXiv:2505.13738)
    B_crit(L) = B* / L^(1/a_B),  B* = 2e8 tokens, a_B = .21   (Kaplan et al. 2020, arXiv:2001.08361)

At the critical batch a run takes twice the least number of steps and twice the least tokens; far
below it compute is saved, far above it time is not.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from scaling import laws
from scaling.fitting.intervals import from_draws
from scaling.laws._law import Law
from scaling.laws.weight_decay import best_weight_decay
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
    """Peak learning rate, batch, steps, weight decay and, where a loss is expected, the critical
    batch; and the learning rate and batch that other studies print for this compute.

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
        *_decay(params, tokens, (rate.value, size.value), level),
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
        {STUDIES: _studies(params, tokens)},
        distance,
        [
            f"{one.law.formula}: {one.law.assumes}.",
            f"{other.law.formula}: {other.law.assumes}.",
            "N is params without embeddings.",
            *_decay_rests_on(params, tokens),
            "Critical batch: constants of one data set and tokenizer; measure your own.",
        ],
        list(dict.fromkeys(warned)),
    )


def _decay(params: float, tokens: float, found: tuple[float, float], level: float) -> list[Figure]:
    """AdamW's averaging time as a share of the run, and the weight decay that gives it at
    ``found``, the learning rate and batch."""
    law = laws.get("weight_decay")
    p = law.published[0].values
    share = float(law(p, {"params": [params], "tokens": [tokens]})[0])
    decay = best_weight_decay(p, params, tokens, found[1], found[0])
    return [
        ("averaging_time", exact(share, level), "share of the run"),
        ("weight_decay", exact(decay, level), "AdamW, at this learning rate and batch"),
    ]


def _decay_rests_on(params: float, tokens: float) -> list[str]:
    """Where the weight decay is from, and where it does not hold."""
    law = laws.get("weight_decay")
    one = law.published[0]
    a, b = (one.values[name] for name in law.names)
    said = [
        f"Weight decay: {law.formula} with a = {a}, b = {b} ({one.citation}, read in texts that "
        "quote it): no errors and no range of tokens per param are known here. The decay is "
        f"multiplied by the learning rate, as AdamW of PyTorch does it. {law.assumes}."
    ]
    if tokens < params * a ** (1.0 / b):
        said.append(
            f"D/N is {tokens / params:.3g}: the averaging time is longer than the run, so "
            "the weight decay does not hold here."
        )
    return said


STUDIES = "Learning rate and batch by study, at this run's params, tokens and FLOP (6 N D)"


def _studies(params: float, tokens: float) -> list[dict[str, object]]:
    """A row a study: its learning rate and batch, where it prints constants of both."""
    x = {"params": [params], "tokens": [tokens], "flops": [6.0 * params * tokens]}
    rows: list[dict[str, object]] = []
    for of_rate, of_batch in (("step_lr", "step_batch"), ("compute_lr", "compute_batch")):
        rate, batch = laws.get(of_rate), laws.get(of_batch)
        for one, other in zip(rate.published, batch.published, strict=True):
            rows.append(
                {
                    "study": one.citation.split(",")[0],
                    "data": one.data,
                    "learning rate": _at(rate, one.values, x),
                    "batch, tokens": _at(batch, other.values, x),
                    "law": f"{rate.formula}, {batch.formula}",
                }
            )
    return rows


def _at(law: Law, p: Mapping[str, float], x: Mapping[str, list[float]]) -> float:
    return float(law(p, {name: x[name] for name in law.inputs})[0])


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
