"""Training with at most U unique tokens: epochs, what they are worth, and where the wall stands.

    D' = U (1 + R (1 - exp(-(e - 1)/R))),   worth of one more token  exp(-(e - 1)/R),   R = R_D*

for U unique tokens seen e times (the data-constrained law, Muennighoff et al. 2023,
arXiv:2305.16264). N at a budget is the least of that law along 6ND = C; the wall is the budget at
which the compute-optimal D* of the law without repetition is the whole stock.

Filtering against repetition, for pools of unique tokens U_k whose tokens are worth q_k fresh tokens
of the runs: sum_k q_k D'_k at a given total is largest where the worth of the next token is equal,

    e_k = 1 + R ln(q_k / w)  where q_k > w,   none of pool k where q_k < w,

so the better of two pools is repeated 1 + R ln(q_1/q_2) times before the other is touched. That
condition is own derivation; that quality multiplies tokens is an assumption, not a fitted law.

Stock: 300T tokens (100T to 1000T), Villalobos et al. 2024, arXiv:2211.04325.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import Interval, of_values
from scaling.fitting.result import Fit
from scaling.laws._surface import LN6, PowerSurface, bisect, minimise_scalar
from scaling.plan.answer import FLOPS, Answer, Row, ends, exact, warnings_of, within
from scaling.plan.calibrated import forecasts
from scaling.plan.stored import Sheet
from scaling.runs import counts

LAW = "data_constrained"
STOCK = (1e14, 3e14, 1e15)
UNIQUE = (1e6, 1e18)
KEPT = (1.0, 0.5, 0.25, 0.1)
# From this many epochs on the runs behind the published R_D* do not determine it.
OPEN_BEYOND = 15.0


@dataclass(frozen=True)
class Pool:
    """Unique tokens and what one of them is worth in tokens of the fitted runs."""

    tokens: float
    quality: float = 1.0

    @classmethod
    def of(cls, text: str) -> Pool:
        """From ``TOKENS`` or ``TOKENS:QUALITY``; tokens may be 100e9 or 100B.

        Raises:
            InputError: not numbers, or out of range.
        """
        parts = text.split(":")
        try:
            tokens = counts.count(parts[0], "context")  # what is too few, `within` says
            quality = float(parts[1]) if len(parts) > 1 else 1.0
        except ValueError:
            tokens, quality = float("nan"), 1.0
        within("unique tokens", tokens, UNIQUE, "tokens", "TOKENS or TOKENS:QUALITY.")
        return cls(tokens, within("quality", quality, (1e-3, 1e3), "fresh tokens"))


def data(sheet: Sheet, *, flops: float, pools: Sequence[Pool], level: float = 0.9) -> Answer:
    """N, D, epochs and effective tokens at a budget with these pools.

    Raises:
        InputError: a figure out of range, no pool, or a sheet without the data-constrained law.
    """
    within("compute budget", flops, FLOPS, "FLOP", "FLOP in all, not FLOP per second.")
    if not pools:
        raise InputError("no unique tokens", value=0, allowed="one pool or more")
    made = sheet.get(LAW)
    theta = np.concatenate([made.theta[None], made.draws])
    unique, log_c = sum(pool.tokens for pool in pools), float(np.log(flops))
    log_n = minimise_scalar(
        lambda at: loss(made, theta, at, log_c - LN6 - at, unique), *_range(theta, log_c)
    )
    log_d = log_c - LN6 - log_n
    figures = _figures(made, theta, (log_n, log_d), unique, level)
    sizes = {name: one.value for name, one, _ in figures}
    distance = sheet.beyond(params=sizes["params"], tokens=sizes["tokens"], flops=flops)
    run = {"params": sizes["params"], "tokens": sizes["tokens"]}
    run["tokens_unique"] = min(unique, sizes["tokens"])
    scale = _scale(made, theta)
    tables = {
        "Pools: epochs that make the most of the same tokens seen": spend(
            pools, np.exp(log_d), scale, level
        ),
        "Filtering: what kept tokens must be worth to beat repeating less": [
            _filtered(unique, np.exp(log_d), scale, kept, level) for kept in KEPT
        ],
        "The wall: compute-optimal training would see the whole stock once": [
            _wall(made, theta, stock, level) for stock in STOCK
        ],
    }
    warnings = warnings_of(sheet, made, distance)
    if sizes["epochs"] > OPEN_BEYOND:
        warnings.append("Beyond some 15 epochs no run shows what repetition is worth.")
    return Answer(
        f"{flops:.4g} FLOP with {unique:.4g} unique tokens",
        [("flops", exact(flops, level), "FLOP"), *figures],
        f"{sheet.name}, {LAW}",
        sheet.version,
        forecasts(sheet, made, run, level),
        tables,
        distance,
        [
            f"{made.law.formula}: {made.law.assumes}.",
            "Training operations: 6ND.",
            "Quality multiplies a pool's tokens; own assumption, no fitted law.",
        ],
        warnings,
    )


def loss(made: Fit, theta: Array, log_n: Array, log_d: Array, unique: float) -> Array:
    """Loss (B,) at sizes (B,)."""
    x = {
        "params": np.exp(log_n)[:, None],
        "tokens": np.exp(log_d)[:, None],
        "tokens_unique": np.full((len(theta), 1), unique),
    }
    return made.law(theta, x)[:, 0]


def _range(theta: Array, log_c: float) -> tuple[Array, Array]:
    one = np.ones(len(theta))
    return one * np.log(1e3), one * min(log_c - 1.0, float(np.log(1e18)))


def _scale(made: Fit, theta: Array) -> Array:
    return np.asarray(theta[:, made.law.names.index("RD")])


def effective(unique: Array | float, epochs: Array, scale: Array) -> Array:
    """D' of tokens seen ``epochs`` times; below one epoch every token is fresh."""
    more = np.maximum(epochs - 1.0, 0.0)
    return np.asarray(unique * (np.minimum(epochs, 1.0) - scale * np.expm1(-more / scale)))


def _figures(
    made: Fit, theta: Array, sizes: tuple[Array, Array], unique: float, level: float
) -> list[tuple[str, Interval, str]]:
    log_n, log_d = sizes
    n, d = np.exp(log_n), np.exp(log_d)
    scale, unit = _scale(made, theta), made.target_unit
    now = loss(made, theta, log_n, log_d, unique)
    plain = _approach3(made, theta)
    free = plain.log_params(LN6 + log_n + log_d)
    fresh = plain.loss(free, log_n + log_d - free)
    rows = [
        ("params", n, "params"),
        ("tokens", d, "tokens seen"),
        ("epochs", d / unique, "epochs"),
        ("effective_tokens", effective(unique, d / unique, scale), "tokens"),
        ("next_token_worth", np.exp(-np.maximum(d / unique - 1, 0) / scale), "of a fresh one"),
        ("loss", now, unit),
        ("loss_with_fresh_tokens", fresh, unit),
        ("params_with_fresh_tokens", np.exp(free), "params"),
    ]
    return [(name, of_values(float(v[0]), v[1:], level), unit) for name, v, unit in rows]


def _approach3(made: Fit, theta: Array) -> PowerSurface:
    """The law without repetition."""
    p = {name: theta[:, i] for i, name in enumerate(made.law.names)}
    one = np.ones(len(theta))
    return PowerSurface(p["E"], np.log(p["A"]), np.log(p["B"]), p["alpha"], p["beta"], one)


def shares(pools: Sequence[Pool], tokens: Array, scale: Array) -> Array:
    """Epochs (pools, B) of each pool that make the most of ``tokens`` seen (B,)."""
    quality = np.array([pool.quality for pool in pools])[:, None]
    size = np.array([pool.tokens for pool in pools])[:, None]

    def epochs(log_w: Array) -> Array:
        with np.errstate(over="ignore"):
            # A pool enters over a sliver of w: its first epoch is worth q all along.
            enter = np.clip((np.log(quality) - log_w) * 1e7, 0.0, 1.0)
            more = scale * np.maximum(np.log(quality) - log_w, 0.0)
        return np.asarray(enter + more)

    def spare(log_w: Array) -> Array:
        return np.asarray(tokens - (size * epochs(log_w)).sum(axis=0))

    high = np.full_like(tokens, np.log(quality).max() + 1.0)
    # Tokens T need at most T/U more epochs of all: w no lower than this.
    low = high - 2.0 - np.ptp(np.log(quality)) - tokens / size.sum() / scale
    found = epochs(bisect(spare, low, high, 80))
    # Rounding of w is worth many tokens to a large pool that has just begun: it takes up the rest.
    begun = (found > 0.0) & (found < 1.0)
    open_size = np.where(begun.any(axis=0), (size * found * begun).sum(axis=0), np.inf)
    rest = tokens - (size * found).sum(axis=0)
    return np.asarray(np.where(begun, np.clip(found * (1.0 + rest / open_size), 0.0, 1.0), found))


def spend(pools: Sequence[Pool], tokens: Array, scale: Array, level: float) -> list[Row]:
    """One row a pool."""
    found = shares(pools, tokens, scale)
    rows = []
    for pool, epochs in zip(pools, found, strict=True):
        worth = pool.quality * effective(pool.tokens, epochs, scale)
        row: Row = {"unique_tokens": pool.tokens, "quality": pool.quality}
        row |= ends("epochs", of_values(float(epochs[0]), epochs[1:], level))
        rows.append(row | ends("effective_tokens", of_values(float(worth[0]), worth[1:], level)))
    return rows


def _filtered(unique: float, tokens: Array, scale: Array, kept: float, level: float) -> Row:
    """Keeping a share of the tokens and repeating them more: the quality at which it is equal."""
    every = effective(unique, tokens / unique, scale)
    some = effective(kept * unique, tokens / (kept * unique), scale)
    epochs = tokens / (kept * unique)
    needed = every / some
    row: Row = {"kept": kept} | ends("epochs", of_values(float(epochs[0]), epochs[1:], level))
    return row | ends("worth_needed", of_values(float(needed[0]), needed[1:], level))


def _wall(made: Fit, theta: Array, stock: float, level: float) -> Row:
    """ln D* = ln C - ln 6 - ln N*(C) is linear in ln C."""
    one = _approach3(made, theta)
    at_one = -LN6 - one.log_params(0.0)
    slope = one.alpha / (one.alpha + one.beta)
    compute = np.exp((np.log(stock) - at_one) / slope)
    return {"stock": stock} | ends("flops", of_values(float(compute[0]), compute[1:], level))
