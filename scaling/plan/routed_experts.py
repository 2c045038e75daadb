"""Routed models: granularity, active against total params, and a limit of memory.

    L(N, D, G) = c + (g / G^gamma + a) / N^alpha + b / D^beta      (law `fine_grained`)
    FLOP per token and layer = c_f 12 d^2 + c_r d E G

N total params without embeddings, E the expansion rate (experts of full size), G granularity. Of a
layer's (8 E + 4) d^2 params a token uses 12 d^2; layers = d / 64; c_f = 6 and c_r = 14 operations
per active weight and per routing weight. Routing is what makes very fine experts dear: the best G
is the one of least loss at the whole cost.

Source: Krajewski et al. 2024, "Scaling Laws for Fine-Grained Mixture of Experts", arXiv:2402.07871,
sections 4 and 5. The limit of memory is N x bytes per param.
"""

from __future__ import annotations

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.plan.allocation import Counting, Valley, numerical
from scaling.plan.answer import FLOPS, Answer, Row, batch, ends, exact, warnings_of, within
from scaling.plan.calibrated import forecasts
from scaling.plan.stored import Sheet

GRANULARITY = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
ASPECT, PER_WEIGHT, PER_ROUTE = 64.0, 6.0, 14.0
LAW = "fine_grained"


def active_share(expansion: float) -> float:
    """Params that a token uses over all params."""
    return 12.0 / (8.0 * expansion + 4.0)


def counting(expansion: float, granularity: float) -> Counting:
    """ln FLOP per token of N total params."""
    share = active_share(expansion)

    def log_rate(log_n: Array) -> Array:
        active = log_n + np.log(share)
        # 12 d^2 layers = 12 d^3 / 64 active params.
        log_d = (active + np.log(ASPECT / 12.0)) / 3.0
        routing = PER_ROUTE * expansion * granularity / (PER_WEIGHT * 12.0)
        return np.asarray(np.log(PER_WEIGHT) + active + np.log1p(routing * np.exp(-log_d)))

    return Counting(f"experts, expansion {expansion:g}, granularity {granularity:g}", log_rate)


def most_params(memory: float | None, bytes_per_param: float) -> float:
    """ln of the params that fit into a memory (bytes); infinite without a limit.

    Raises:
        InputError: a figure out of range.
    """
    within("bytes per param", bytes_per_param, (0.1, 64.0), "bytes")
    if memory is None:
        return np.inf
    within("memory", memory, (1e6, 1e18), "bytes", "Bytes, not GB.")
    return float(np.log(memory / bytes_per_param))


def moe(
    sheet: Sheet,
    *,
    flops: float,
    expansion: float = 64.0,
    memory: float | None = None,
    bytes_per_param: float = 2.0,
    level: float = 0.9,
) -> Answer:
    """Best granularity, total and active params and tokens at a budget.

    ``memory`` limits total params to ``memory / bytes_per_param`` (bytes).

    Raises:
        InputError: a figure out of range, or a sheet without the law.
    """
    within("compute budget", flops, FLOPS, "FLOP", "FLOP in all, not FLOP per second.")
    within("expansion", expansion, (1.0, 1e4), "experts")
    most = most_params(memory, bytes_per_param)
    made = sheet.get(LAW)
    rows = []
    for g in GRANULARITY:
        drawn = batch(made, level, granularity=g)
        log_c = np.full_like(drawn.one.e, np.log(flops))
        count = counting(expansion, g)
        log_n = np.minimum(numerical(drawn.one, log_c, count), most)
        found = Valley(drawn.one, count, log_n, log_c - count.log_rate(log_n))
        rows.append(_row(g, found, expansion, most) | ends("loss", drawn.interval(found.loss)))
    best = min(rows, key=lambda row: float(row["loss"]))
    if not np.isfinite(best["loss"]):
        raise InputError("no optimum at this budget", value=flops, allowed="a larger budget")
    distance = sheet.beyond(params=best["params"], tokens=best["tokens"], flops=flops)
    units = {"params": "params in all", "active": "params a token uses", "tokens": "tokens"}
    return Answer(
        f"{flops:.4g} FLOP on routed experts, expansion {expansion:g}",
        [
            ("granularity", exact(best["granularity"], level), "fine experts per whole one"),
            *((name, exact(best[name], level), unit) for name, unit in units.items()),
            ("loss", exact(best["loss"], level), made.target_unit),
        ],
        f"{sheet.name}, {LAW}",
        sheet.version,
        forecasts(sheet, made, {name: best[name] for name in made.law.inputs}, level),
        {"By granularity": rows},
        distance,
        [
            f"{made.law.formula}: {made.law.assumes}.",
            "6 operations per active weight and token, 14 per routing weight; depth = width / 64.",
            "N is total params without embeddings; memory is N x bytes per param.",
        ],
        warnings_of(sheet, made, distance),
    )


def _row(granularity: float, found: Valley, expansion: float, most: float) -> Row:
    n = float(np.exp(found.log_n[0]))
    row: Row = {"granularity": granularity, "params": n, "active": n * active_share(expansion)}
    row["tokens"] = float(np.exp(found.log_d[0]))
    if np.isfinite(most):
        row["memory"] = "full" if found.log_n[0] >= most else "enough"
    return row
