"""Training and serving together: smaller models trained longer, where many tokens are served.

    cost = w_t 6 N D + 2 N (w_r T_read + w_w T_written)  =  w_t (6 N D + 2 N T)   at  L(N, D) = goal

with w the price of one operation (price per hour / (peak rate x utilisation)) and T the demand in
training's operations: serving at a tenth of training's utilisation counts tenfold. With x the
share that N has in what is above E (A N^-alpha = x s, B D^-beta = (1 - x) s), the optimum is where

    T = 3 D (alpha x / (beta (1 - x)) - 1),   N = (A/(x s))^(1/alpha),   D = (B/((1-x) s))^(1/beta)

T = 0 gives x = beta/(alpha+beta), the compute-optimal model; T rises with x. A model (N, D) costs
as much as the compute-optimal one of the same loss (N', D') at a demand of
T = 3 (N D - N' D') / (N' - N): above it, over-training has paid.

Source: Sardana and Frankle 2023, "Beyond Chinchilla-Optimal: Accounting for Inference in Language
Model Scaling Laws", arXiv:2401.00448, equations 4 to 8; the paper solves by Newton's method, the
condition in x is own reading of its first-order condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import Interval
from scaling.laws._surface import PowerSurface, bisect, closed_form, minimise_scalar
from scaling.plan.allocation import SIX_ND, answering_fit, assumptions
from scaling.plan.answer import (
    FLOPS,
    PARAMS,
    TOKENS,
    Answer,
    Batch,
    Row,
    batch,
    ends,
    exact,
    warnings_of,
    within,
)
from scaling.plan.stored import Sheet

DEMAND = (1e6, 1e20)
RATIOS = (20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
HINT = "Tokens over the model's whole life; not requests, not trillions, not tokens per day."


@dataclass(frozen=True)
class Prices:
    """USD per operation of training, of reading (prompts) and of writing (answers)."""

    train: float = 1.0
    read: float = 1.0
    write: float = 1.0
    unit: str = "FLOP"

    def demand(self, read: float, written: float) -> float:
        """T: the demand in training's operations."""
        return (self.read * read + self.write * written) / self.train


def priced(peak_flops: float, usd_per_hour: float, use: tuple[float, float, float]) -> Prices:
    """Prices on one kind of chip, from its utilisation in training, reading and writing.

    Raises:
        InputError: a price or utilisation out of range.
    """
    within("price", usd_per_hour, (0.01, 1000.0), "USD per chip hour")
    for name, one in zip(("training", "reading", "writing"), use, strict=True):
        within(f"utilisation in {name}", one, (1e-4, 1.0), "of the dense peak rate")
    per_flop = usd_per_hour / 3600.0 / peak_flops
    train, read, write = (per_flop / one for one in use)
    return Prices(train, read, write, "USD")


@dataclass(frozen=True)
class Goal:
    """The quality to reach: one of a loss, the quality of the compute-optimal model of that many
    params, or of that training budget."""

    loss: float | None = None
    like_params: float | None = None
    like_flops: float | None = None

    def log_inner(self, one: PowerSurface) -> Array:
        """ln s (B,): what may be left above E."""
        if self.loss is not None:
            return one.log_inner(self.loss)
        if self.like_flops is not None:
            log_c: Array | float = float(np.log(self.like_flops))
        else:
            assert self.like_params is not None
            both = one.alpha + one.beta
            start = one.log_params(0.0)
            log_c = (np.log(self.like_params) - start) * both / one.beta
        log_n = one.log_params(log_c)
        return np.asarray(one.inner(log_n, log_c - np.log(6.0) - log_n))

    @property
    def words(self) -> str:
        """What is asked for."""
        if self.loss is not None:
            return f"a loss of {self.loss:.5g}"
        if self.like_flops is not None:
            return f"the quality of a compute-optimal model of {self.like_flops:.4g} FLOP"
        return f"the quality of a compute-optimal model of {self.like_params:.4g} params"


def best_served(one: PowerSurface, log_s: Array, demand: float) -> tuple[Array, Array]:
    """ln N and ln D (B,) of the least training and serving for ``demand`` (T)."""
    start = one.beta / (one.alpha + one.beta)
    if demand == 0.0:
        return _sizes(one, log_s, np.log(start), np.log1p(-start))
    # In z = ln(x/(1-x)) the demand rises from 0 without bound.
    low = np.log(one.beta / one.alpha)

    def excess(z: Array) -> Array:
        _, log_d = _sizes(one, log_s, -np.log1p(np.exp(-z)), -np.logaddexp(0.0, z))
        gain = np.log(np.maximum(np.expm1(z - low), 1e-300))
        return np.asarray(np.log(3.0) + log_d + gain - np.log(demand))

    z = bisect(excess, low, low + 60.0, 60)
    return _sizes(one, log_s, -np.log1p(np.exp(-z)), -np.logaddexp(0.0, z))


def _sizes(one: PowerSurface, log_s: Array, log_x: Array, log_rest: Array) -> tuple[Array, Array]:
    log_n = (one.log_a - log_s - log_x) / one.alpha
    return np.asarray(log_n), np.asarray((one.log_b - log_s - log_rest) / one.beta)


def numerical(one: PowerSurface, log_s: Array, demand: float) -> Array:
    """ln N of the same optimum, where the cost's own slope along the curve of equal loss vanishes:
    the check of the formula. Along ln(x/(1-x)), in which that curve has no edge."""

    def sizes(z: Array) -> tuple[Array, Array]:
        return _sizes(one, log_s, -np.log1p(np.exp(-z)), -np.logaddexp(0.0, z))

    low = np.log(one.beta / one.alpha) - 1.0
    return sizes(minimise_scalar(lambda z: log_total(*sizes(z), demand), low, low + 40.0, 257))[0]


def _split(one: PowerSurface) -> tuple[Array, Array]:
    share = one.beta / (one.alpha + one.beta)
    return np.log(share), np.log1p(-share)


def log_total(log_n: Array, log_d: Array, demand: float) -> Array:
    """ln of 6 N D + 2 N T."""
    train = np.log(6.0) + log_n + log_d
    served = np.log(2.0) + log_n + np.log(demand) if demand else -np.inf
    return np.asarray(np.logaddexp(train, served))


def serve(
    sheet: Sheet,
    goal: Goal,
    *,
    read: float = 0.0,
    written: float = 0.0,
    prices: Prices | None = None,
    law: str | None = None,
    level: float = 0.9,
    ratios: Sequence[float] = RATIOS,
) -> Answer:
    """The model of least training and serving cost for a quality and a demand.

    ``read`` and ``written`` are tokens over the model's life.

    Raises:
        InputError: a figure out of range, no goal or several, or a quality out of the law's reach.
    """
    made, prices = answering_fit(sheet, law), prices or Prices()
    _checked(goal, read, written)
    drawn, demand = batch(made, level), prices.demand(read, written)
    log_s = goal.log_inner(closed_form(drawn.one))
    if not np.isfinite(log_s[0]):
        allowed = f"> {drawn.one.e[0]:.5g}, the law's limit"
        raise InputError("the law never reaches this loss", value=goal.loss, allowed=allowed)
    log_n, log_d = best_served(closed_form(drawn.one), log_s, demand)
    sizes = {"params": float(np.exp(log_n[0])), "tokens": float(np.exp(log_d[0]))}
    distance = sheet.beyond(**sizes, flops=6.0 * sizes["params"] * sizes["tokens"])
    title = f"Over-training at this quality, {read + written:.4g} tokens served"
    return Answer(
        f"Least cost of training and serving for {goal.words}",
        _figures(drawn, log_s, (log_n, log_d), demand, prices),
        f"{sheet.name}, {made.law.name}",
        sheet.version,
        {title: [_at_ratio(drawn, log_s, m, demand) for m in ratios]},
        distance,
        [*assumptions(made, SIX_ND), *_assumed(prices, demand)],
        warnings_of(sheet, made, distance),
    )


def _checked(goal: Goal, read: float, written: float) -> None:
    given = [one for one in (goal.loss, goal.like_params, goal.like_flops) if one is not None]
    if len(given) != 1:
        raise InputError("give one quality", value=given, allowed="a loss, like-params, like-flops")
    if goal.loss is not None:
        within("loss", goal.loss, (1e-3, 1e3), "")
    if goal.like_params is not None:
        within("params", goal.like_params, PARAMS, "params")
    if goal.like_flops is not None:
        within("compute", goal.like_flops, FLOPS, "FLOP")
    for name, one in (("tokens read", read), ("tokens written", written)):
        if one != 0.0:
            within(name, one, DEMAND, "tokens, or 0", HINT)


def _assumed(prices: Prices, demand: float) -> list[str]:
    text = "Serving: 2 N operations per token read or written"
    if prices.unit == "FLOP":
        return [f"{text}, an operation counted alike in training and serving."]
    return [
        f"{text}; a FLOP costs {prices.train:.3g} USD in training, {prices.read:.3g} reading, "
        f"{prices.write:.3g} writing, so the demand counts as {demand:.4g} tokens."
    ]


def _figures(
    drawn: Batch,
    log_s: Array,
    sizes: tuple[Array, Array],
    demand: float,
    prices: Prices,
) -> list[tuple[str, Interval, str]]:
    one, (log_n, log_d) = closed_form(drawn.one), sizes
    plain = _sizes(one, log_s, *_split(one))
    total = log_total(log_n, log_d, demand)
    usual = log_total(*plain, demand)
    with np.errstate(over="ignore", invalid="ignore"):
        rows = [
            ("params", np.exp(log_n), "params"),
            ("tokens", np.exp(log_d), "tokens"),
            ("tokens_per_param", np.exp(log_d - log_n), "tokens/param"),
            ("training", prices.train * 6.0 * np.exp(log_n + log_d), prices.unit),
            ("total", prices.train * np.exp(total), prices.unit),
            ("compute_optimal_params", np.exp(plain[0]), "params"),
            ("compute_optimal_tokens", np.exp(plain[1]), "tokens"),
            ("compute_optimal_total", prices.train * np.exp(usual), prices.unit),
            ("saving", -np.expm1(total - usual), "share of the total"),
            ("loss", one.e + np.exp(one.gamma * log_s), ""),
        ]
        shown = [(name, drawn.interval(values), unit) for name, values, unit in rows]
    return [("demand", exact(demand, drawn.level), "tokens in training's operations"), *shown]


def at_ratio(one: PowerSurface, log_s: Array, ratio: float) -> Array:
    """ln N (B,) of the model of ``ratio`` tokens per param that reaches ln s."""

    def missing(log_n: Array) -> Array:
        return np.asarray(log_s - one.inner(log_n, log_n + np.log(ratio)))

    low = np.full_like(log_s, np.log(1.0))
    return bisect(missing, low, low + np.log(1e24), 60)


def _at_ratio(drawn: Batch, log_s: Array, ratio: float, demand: float) -> Row:
    one = closed_form(drawn.one)
    log_n = at_ratio(one, log_s, ratio)
    plain = _sizes(one, log_s, *_split(one))
    log_d = log_n + np.log(ratio)
    more = np.exp(log_n + log_d - plain[0] - plain[1])
    saving = -np.expm1(log_total(log_n, log_d, demand) - log_total(*plain, demand))
    row: Row = {"tokens_per_param": ratio} | ends("params", drawn.interval(np.exp(log_n)))
    row["tokens"] = float(np.exp(log_d[0]))
    row |= ends("training_over_least", drawn.interval(more))
    row |= ends("saving_per_token", drawn.interval(-np.expm1(log_n - plain[0])))
    return row | ends("saving", drawn.interval(saving))


def over_trained(
    sheet: Sheet, params: float, tokens: float, *, law: str | None = None, level: float = 0.9
) -> Answer:
    """What a model of N params on D tokens gives up and saves (8B on 15T, for example).

    Raises:
        InputError: sizes out of range.
    """
    within("params", params, PARAMS, "params")
    within("tokens", tokens, TOKENS, "tokens", "Tokens, not trillions.")
    made = answering_fit(sheet, law)
    drawn = batch(made, level)
    one, log_n, log_d = closed_form(drawn.one), float(np.log(params)), float(np.log(tokens))
    size, data = np.full_like(one.e, log_n), np.full_like(one.e, log_d)
    log_s = one.inner(size, data)
    plain = _sizes(one, log_s, *_split(one))
    same = one.log_params(np.log(6.0) + log_n + log_d)
    equal = one.loss(same, log_n + log_d - same)
    apart = np.exp(plain[0]) - params
    with np.errstate(divide="ignore", invalid="ignore"):
        extra = params * tokens - np.exp(plain[0] + plain[1])
        pays = np.where(apart > 0, 3.0 * extra / apart, np.inf)
    unit = made.target_unit
    rows = [
        ("loss", one.loss(size, data), unit),
        ("loss_given_up", one.loss(size, data) - equal, f"{unit}, against the same compute"),
        ("same_loss_params", np.exp(plain[0]), "params, compute-optimal"),
        ("same_loss_tokens", np.exp(plain[1]), "tokens, compute-optimal"),
        ("extra_training", params * tokens / np.exp(plain[0] + plain[1]) - 1.0, "share"),
        ("saving_per_token", 1.0 - params / np.exp(plain[0]), "share of a served token"),
        ("pays_from", pays, "tokens served (in training's operations)"),
    ]
    distance = sheet.beyond(params=params, tokens=tokens, flops=6.0 * params * tokens)
    return Answer(
        f"{params:.4g} params on {tokens:.4g} tokens ({tokens / params:.4g} tokens per param)",
        [(name, drawn.interval(values), unit) for name, values, unit in rows],
        f"{sheet.name}, {made.law.name}",
        sheet.version,
        {},
        distance,
        [*assumptions(made, SIX_ND), "Serving: 2 N operations per token."],
        warnings_of(sheet, made, distance),
    )
