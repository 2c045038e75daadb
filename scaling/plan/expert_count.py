"""How many experts: the number of least loss at a budget, within a limit of memory.

    L(N, D, E) = a Ê^delta N^(alpha + gamma ln Ê) + b Ê^omega D^(beta + zeta ln Ê) + c

of the law `joint_moe`, N active params, 6 N D = C. A model of width d has d / 64 layers and

    active = 2 d V + 13 d^2 layers,   total = 2 d V + (4 + 9 E) d^2 layers,   V = 50257 tokens,

and the limit of memory is total x bytes per param.

Source: Ludziejewski et al. 2025, "Joint MoE Scaling Laws: Mixture of Experts Can Be Memory
Efficient", arXiv:2502.05172, appendix A.
"""

from __future__ import annotations

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError
from scaling.laws._surface import LN6, bisect
from scaling.plan.answer import FLOPS, Answer, Row, batch, ends, exact, warnings_of, within
from scaling.plan.calibrated import forecasts
from scaling.plan.routed_experts import most_params
from scaling.plan.stored import Sheet

LAW = "joint_moe"
# Powers of two, to about a tenth of where experts saturate (E_max 290).
EXPERTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
VOCABULARY, ASPECT = 50257.0, 64.0
# Widths between which a model is searched.
WIDTHS = (1.0, 1e7)


def total_params(log_active: Array, experts: float) -> Array:
    """ln of all params of models of ln active params (B,)."""
    low, high = (np.full_like(log_active, np.log(one)) for one in WIDTHS)
    log_d = bisect(lambda at: _log_params(at, 1.0) - log_active, low, high)
    return _log_params(log_d, experts)


def _log_params(log_d: Array, experts: float) -> Array:
    """ln of all params of a width; with one expert these are the active ones."""
    d = np.exp(log_d)
    return np.asarray(np.log(2.0 * d * VOCABULARY + (4.0 + 9.0 * experts) * d**3 / ASPECT))


def largest_active(log_total: float, experts: float) -> float:
    """ln of the active params of the model whose total is ``log_total``."""
    low, high = (np.full(1, np.log(one)) for one in WIDTHS)
    log_d = bisect(lambda at: _log_params(at, experts) - log_total, low, high)
    return float(_log_params(log_d, 1.0)[0])


def experts(
    sheet: Sheet,
    *,
    flops: float,
    memory: float | None = None,
    bytes_per_param: float = 2.0,
    level: float = 0.9,
) -> Answer:
    """Best number of experts, active and total params and tokens at a budget.

    ``memory`` limits total params to ``memory / bytes_per_param`` (bytes).

    Raises:
        InputError: a figure out of range, or a sheet without the law.
    """
    within("compute budget", flops, FLOPS, "FLOP", "FLOP in all, not FLOP per second.")
    most = most_params(memory, bytes_per_param)
    made = sheet.get(LAW)
    rows = []
    for count in EXPERTS:
        drawn = batch(made, level, experts=count)
        log_c = np.full_like(drawn.one.e, np.log(flops))
        cap = largest_active(most, count) if np.isfinite(most) else np.inf
        log_n = np.minimum(drawn.one.log_params(log_c), cap)
        loss = drawn.one.loss(log_n, log_c - LN6 - log_n)
        rows.append(_row(count, log_n, float(log_c[0]), cap) | ends("loss", drawn.interval(loss)))
    best = min(rows, key=lambda row: float(row["loss"]))
    if not np.isfinite(best["loss"]):
        raise InputError("no optimum at this budget", value=flops, allowed="a larger budget")
    run = {"params_active": best["active"], "tokens": best["tokens"], "experts": best["experts"]}
    distance = sheet.beyond(tokens=best["tokens"], flops=flops)
    units = {"params": "params in all", "active": "params a token uses", "tokens": "tokens"}
    return Answer(
        f"{flops:.4g} FLOP on routed experts, one of them active",
        [
            ("experts", exact(best["experts"], level), "experts per layer; 1 is dense"),
            *((name, exact(best[name], level), unit) for name, unit in units.items()),
            ("loss", exact(best["loss"], level), made.target_unit),
        ],
        f"{sheet.name}, {LAW}",
        sheet.version,
        forecasts(sheet, made, run, level),
        {"By number of experts": rows},
        distance,
        [
            f"{made.law.formula}: {made.law.assumes}.",
            "6 N D FLOP with N active params; width / 64 layers, 50,257 tokens of vocabulary; "
            "memory is total params x bytes per param.",
        ],
        [*warnings_of(sheet, made, distance), *_at_the_end(best["experts"])],
    )


def _row(count: float, log_n: Array, log_c: float, cap: float) -> Row:
    active = float(log_n[0])
    row: Row = {
        "experts": count,
        "params": float(np.exp(total_params(log_n[:1], count)[0])),
        "active": float(np.exp(active)),
        "tokens": float(np.exp(log_c - LN6 - active)),
    }
    if np.isfinite(cap):
        row["memory"] = "full" if active >= cap else "enough"
    return row


def _at_the_end(best: float) -> list[str]:
    """A warning where more experts might be better still."""
    if best < EXPERTS[-1]:
        return []
    return [f"More than {EXPERTS[-1]:g} experts are not compared."]
