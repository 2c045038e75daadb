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

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import Interval, at_place
from scaling.laws._surface import (
    PowerSurface,
    SearchedSurface,
    Surface,
    bisect,
    minimise_scalar,
)
from scaling.plan.allocation import SIX_ND, answering_fit, assumptions
from scaling.plan.answer import (
    FLOPS,
    PARAMS,
    TOKENS,
    Answer,
    Batch,
    Row,
    basis_of,
    batch,
    ends,
    exact,
    warnings_of,
    within,
)
from scaling.plan.stored import Sheet

DEMAND = (1e6, 1e20)
RATIOS = (20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
# Sizes searched at a time: with 250 draws each the splines' terms stay in the processor's cache.
TOGETHER = 17
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

    def curve(self, one: Surface) -> Curve:
        """All sizes (B,) of that quality."""
        if isinstance(one, PowerSurface):
            return PowerCurve(one, self._log_inner(one))
        return SearchedCurve(one, self._loss(one))

    def _log_inner(self, one: PowerSurface) -> Array:
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

    def _loss(self, one: SearchedSurface) -> Array:
        """The loss (B,) that is to be reached."""
        if self.loss is not None:
            return np.full_like(one.e, self.loss)
        if self.like_flops is not None:
            log_n = one.log_params(float(np.log(self.like_flops)))
            return one.loss(log_n, np.log(self.like_flops / 6.0) - log_n)
        assert self.like_params is not None
        log_n = np.full_like(one.e, np.log(self.like_params))
        # A size is compute-optimal on as many tokens as make both slopes equal.
        return one.loss(log_n, one.log_tokens_of_optimum(log_n))

    @property
    def words(self) -> str:
        """What is asked for."""
        if self.loss is not None:
            return f"a loss of {self.loss:.5g}"
        if self.like_flops is not None:
            return f"the quality of a compute-optimal model of {self.like_flops:.4g} FLOP"
        return f"the quality of a compute-optimal model of {self.like_params:.4g} params"


class Curve(ABC):
    """The sizes of one quality: N and D, each (B,), along a curve of equal loss."""

    @property
    @abstractmethod
    def loss(self) -> Array:
        """The loss (B,); NaN or the law's limit where nothing reaches the quality."""

    @abstractmethod
    def best(self, demand: float) -> tuple[Array, Array]:
        """ln N and ln D of the least training and serving for a demand T; 0 for training alone."""

    @abstractmethod
    def at_ratio(self, ratio: float) -> Array:
        """ln N of the model of ``ratio`` tokens per param."""


@dataclass(frozen=True)
class PowerCurve(Curve):
    """In closed form; ``log_s`` is ln of what is left above E."""

    one: PowerSurface
    log_s: Array

    @property
    def loss(self) -> Array:
        """See `Curve`."""
        return np.where(
            np.isfinite(self.log_s), self.one.e + np.exp(self.one.gamma * self.log_s), np.nan
        )

    def best(self, demand: float) -> tuple[Array, Array]:
        """See `Curve`."""
        one = self.one
        start = one.beta / (one.alpha + one.beta)
        if demand == 0.0:
            return self.sizes(np.log(start), np.log1p(-start))
        # In z = ln(x/(1-x)) the demand rises from 0 without bound.
        low = np.log(one.beta / one.alpha)

        def excess(z: Array) -> Array:
            _, log_d = self.sizes(-np.log1p(np.exp(-z)), -np.logaddexp(0.0, z))
            gain = np.log(np.maximum(np.expm1(z - low), 1e-300))
            return np.asarray(np.log(3.0) + log_d + gain - np.log(demand))

        z = bisect(excess, low, low + 60.0, 60)
        return self.sizes(-np.log1p(np.exp(-z)), -np.logaddexp(0.0, z))

    def sizes(self, log_x: Array, log_rest: Array) -> tuple[Array, Array]:
        """ln N and ln D where the share x of what is above E is due to N, and the rest to D."""
        log_n = (self.one.log_a - self.log_s - log_x) / self.one.alpha
        return np.asarray(log_n), np.asarray(
            (self.one.log_b - self.log_s - log_rest) / self.one.beta
        )

    def at_ratio(self, ratio: float) -> Array:
        """See `Curve`."""
        low = np.zeros_like(self.log_s)
        return bisect(
            lambda log_n: np.asarray(self.log_s - self.one.inner(log_n, log_n + np.log(ratio))),
            low,
            low + np.log(1e24),
            60,
        )

    def numerical(self, demand: float) -> Array:
        """ln N of the same optimum as `best`, where the cost's own slope along the curve vanishes:
        the check of the formula. Along ln(x/(1-x)), in which that curve has no edge."""

        def sizes(z: Array) -> tuple[Array, Array]:
            return self.sizes(-np.log1p(np.exp(-z)), -np.logaddexp(0.0, z))

        low = np.log(self.one.beta / self.one.alpha) - 1.0
        cost = minimise_scalar(lambda z: log_total(*sizes(z), demand), low, low + 40.0, 257)
        return sizes(cost)[0]


def _picked(values: Array, rows: NDArray[np.int64]) -> Array:
    return np.asarray(np.take_along_axis(values, rows[None], axis=0)[0])


def _parabola(middle: Array, step: Array, cost: Sequence[Array]) -> Array:
    """Where the parabola through three costs is least, no further off than a step."""
    with np.errstate(invalid="ignore", divide="ignore"):
        bend = cost[0] - 2.0 * cost[1] + cost[2]
        off = 0.5 * (cost[0] - cost[2]) / bend
    return np.asarray(middle + step * np.clip(np.nan_to_num(off), -1.0, 1.0))


def _least(log_n: Array, log_d: Array, demand: float) -> tuple[Array, tuple[Array, Array], Array]:
    """Of sizes (sizes, B): ln N (B,) of least cost by a parabola, the sizes about it, and the least
    cost; infinite where no size reaches the quality."""
    cost = np.where(np.isfinite(log_d), log_total(log_n, log_d, demand), np.inf)
    least = np.clip(np.argmin(cost, axis=0), 1, len(cost) - 2)
    left, middle, right = (_picked(log_n, least + by) for by in (-1, 0, 1))
    found = _parabola(middle, right - middle, [_picked(cost, least + k) for k in (-1, 0, 1)])
    return found, (left, right), cost.min(axis=0)


class SearchedCurve(Curve):
    """By search over sizes: for each N the tokens that reach the loss."""

    def __init__(self, one: SearchedSurface, goal: Array) -> None:
        self.one, self.goal = one, np.where(goal > one.e, goal, np.nan)
        grid = np.linspace(one.smallest, one.largest_n, 65)
        self._sizes = np.broadcast_to(grid[:, None], (65, len(self.goal)))
        self._tokens = self._tokens_at(self._sizes)

    @property
    def loss(self) -> Array:
        """See `Curve`."""
        return self.goal

    def best(self, demand: float) -> tuple[Array, Array]:
        """See `Curve`."""
        found, around, cost = _least(self._sizes, self._tokens, demand)
        for _ in range(2):
            centre = np.linspace(*around, 17)
            found, around, cost = _least(centre, self._tokens_at(centre), demand)
        reached = np.isfinite(cost) & ~np.isnan(self.goal)
        log_n = np.where(reached, found, np.nan)
        return log_n, np.where(reached, self.one.log_tokens(found, self.goal), np.nan)

    def at_ratio(self, ratio: float) -> Array:
        """See `Curve`."""
        low = np.full_like(self.goal, self.one.smallest)
        found = bisect(
            lambda log_n: np.asarray(self.goal - self.one.loss(log_n, log_n + np.log(ratio))),
            low,
            np.full_like(self.goal, self.one.largest_n),
        )
        return np.where(np.isnan(self.goal), np.nan, found)

    def _tokens_at(self, log_n: Array) -> Array:
        """ln D (sizes, B) that reach the loss at ln N (sizes, B), `TOGETHER` sizes at a time."""
        wide = np.arange(log_n.shape[1])
        found = []
        for sizes in np.split(log_n, range(TOGETHER, len(log_n), TOGETHER)):
            rows = np.tile(wide, len(sizes))
            goal = self.goal[rows]
            found.append(self.one.at(rows).log_tokens(sizes.ravel(), goal).reshape(sizes.shape))
        return np.concatenate(found)


def log_total(log_n: Array, log_d: Array, demand: float) -> Array:
    """ln of 6 N D + 2 N T."""
    train = np.log(6.0) + log_n + log_d
    if demand == 0.0:
        return np.asarray(train)
    served = np.log(2.0) + log_n + np.log(demand)
    with np.errstate(invalid="ignore"):  # a draw that never reaches the quality
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
    curve = goal.curve(drawn.one)
    if not np.isfinite(curve.loss[0]):
        allowed = f"> {drawn.one.e[0]:.5g}, the law's limit"
        raise InputError("the law never reaches this loss", value=goal.loss, allowed=allowed)
    (log_n, log_d), plain = curve.best(demand), curve.best(0.0)
    sizes = {"params": float(np.exp(log_n[0])), "tokens": float(np.exp(log_d[0]))}
    distance = sheet.beyond(**sizes, flops=6.0 * sizes["params"] * sizes["tokens"])
    title = f"Over-training at this quality, {read + written:.4g} tokens served"
    return Answer(
        f"Least cost of training and serving for {goal.words}",
        _figures(drawn, curve, ((log_n, log_d), plain), demand, prices),
        f"{sheet.name}, {made.law.name}",
        sheet.version,
        basis_of(
            sheet,
            made,
            lambda: (
                serve(
                    sheet, goal, read=read, written=written, prices=prices, level=level, ratios=()
                ).figures
            ),
        ),
        {title: [_at_ratio(drawn, (m, curve.at_ratio(m)), plain, demand) for m in ratios]},
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
    curve: Curve,
    sizes: tuple[tuple[Array, Array], tuple[Array, Array]],
    demand: float,
    prices: Prices,
) -> list[tuple[str, Interval, str]]:
    (log_n, log_d), plain = sizes
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
            ("loss", curve.loss, ""),
        ]
        shown = [(name, drawn.interval(values), unit) for name, values, unit in rows]
    return [("demand", exact(demand, drawn.level), "tokens in training's operations"), *shown]


def _at_ratio(
    drawn: Batch, at: tuple[float, Array], plain: tuple[Array, Array], demand: float
) -> Row:
    """The model of a ratio of tokens to params, ``at`` that ratio and ln N, against ``plain``."""
    ratio, log_n = at
    log_d = log_n + np.log(ratio)
    more = np.exp(log_n + log_d - plain[0] - plain[1])
    saving = -np.expm1(log_total(log_n, log_d, demand) - log_total(*plain, demand))
    row: Row = {"tokens_per_param": ratio} | ends("params", drawn.interval(np.exp(log_n)))
    row["tokens"] = float(np.exp(log_d[0]))
    row |= ends("training_over_least", drawn.interval(more))
    row |= ends("saving_per_token", drawn.interval(-np.expm1(log_n - plain[0])))
    return row | ends("saving", drawn.interval(saving))


def _curve_through(one: Surface, log_n: Array, log_d: Array) -> Curve:
    """All sizes of the quality of one run."""
    if isinstance(one, PowerSurface):
        return PowerCurve(one, one.inner(log_n, log_d))
    return SearchedCurve(one, one.loss(log_n, log_d))


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
    one, log_n, log_d = drawn.one, float(np.log(params)), float(np.log(tokens))
    size, data = np.full_like(one.e, log_n), np.full_like(one.e, log_d)
    plain = _curve_through(one, size, data).best(0.0)
    same = one.log_params(np.log(6.0) + log_n + log_d)
    equal = one.loss(same, log_n + log_d - same)
    apart = np.exp(plain[0]) - params
    with np.errstate(divide="ignore", invalid="ignore"):
        extra = params * tokens - np.exp(plain[0] + plain[1])
        pays = np.where(apart > 0, 3.0 * extra / apart, np.inf)
    unit = made.target_unit
    place = {"params": np.array([params]), "tokens": np.array([tokens])}
    rows = [
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
        [
            ("loss", at_place(made, place, level), unit),
            *((name, drawn.interval(values), unit) for name, values, unit in rows),
        ],
        f"{sheet.name}, {made.law.name}",
        sheet.version,
        basis_of(sheet, made, lambda: over_trained(sheet, params, tokens, level=level).figures),
        {},
        distance,
        [*assumptions(made, SIX_ND), "Serving: 2 N operations per token."],
        warnings_of(sheet, made, distance),
    )
