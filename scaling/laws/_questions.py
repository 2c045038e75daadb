"""Which law for what you have: the questions that laws answer, and the laws of each.

A law's file names its question (`Law.question`). `docs/laws.md` and ``scaling laws --for`` are made
from this one table.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scaling.laws._law import Law


@dataclass(frozen=True)
class Question:
    """A row of the decision table: the columns that a table has, and what is asked of it."""

    have: str
    ask: str


# In the order of the decision table.
QUESTIONS = {
    "sizes": Question("params and tokens", "loss of a planned run, best params and tokens"),
    "budgets": Question("several sizes at each of several budgets", "best params at a budget"),
    "curve": Question("one size: params, tokens, FLOP or steps", "how a result goes on with it"),
    "rates": Question("one run's steps and learning rate", "how it goes on under a schedule"),
    "repeats": Question("unique tokens or quality of the data", "what repeated or poor data cost"),
    "mixtures": Question("shares of training domains", "loss on each domain, the best mixture"),
    "experts": Question("experts per layer (routed models)", "loss and size of routed models"),
    "sparsity": Question("sparsity of the weights", "loss and best sparsity of pruned models"),
    "bits": Question("bits of weights or activations", "what low precision costs"),
    "shape": Question("width and depth, vocabulary, streams, context", "the best shape"),
    "settings": Question("batch, learning rate, steps", "batch, learning rate, weight decay"),
    "replicas": Question("replicas that train apart", "loss of low-communication training"),
    "other_loss": Question("the loss of another model or corpus", "the loss from that loss"),
    "fine_tuning": Question("fine-tuning examples", "loss after fine-tuning"),
    "tasks": Question("scores of tasks", "accuracy of a larger model"),
    "attempts": Question("attempts or tokens per answer", "accuracy with more test-time compute"),
    "reward": Question("reinforcement learning: reward, steps, examples", "reward and its limit"),
    "synthetic": Question("generations of synthetic data", "what training on outputs adds"),
    "latents": Question("latents of sparse autoencoders", "reconstruction error"),
    "dates": Question("dates of releases", "a trend in time"),
    "other": Question("other columns", "see the law's page"),
}


def asked(law: Law) -> str:
    """What a law answers, in words."""
    return QUESTIONS[law.question].ask


def order(law: Law) -> tuple[int, bool, int, str]:
    """Where a law stands in the table: by question; those first that were tested on public tables,
    then by their place in forecasts."""
    place = list(QUESTIONS).index(law.question)
    return place, law.simulated, law.roles.get("forecast", len(QUESTIONS)), law.name


def decisions(known: Iterable[Law]) -> list[tuple[Question, list[Law]]]:
    """The decision table: each question that a law answers, with its laws, first to try first."""
    ranked = sorted(known, key=order)
    rows = ((QUESTIONS[key], [one for one in ranked if one.question == key]) for key in QUESTIONS)
    return [(question, found) for question, found in rows if found]
