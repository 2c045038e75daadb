"""The best spending of a training budget: N*, D*, the flat valley about them, a wrong N's price.

    N* = G (C/6)^(beta/(alpha+beta)),  G = (alpha A / (beta B))^(1/(alpha+beta)),  D* = C / (6 N*)

minimises L(N, D) at 6ND = C (Hoffmann et al. 2022, arXiv:2203.15556, equation 4; the other laws in
`scaling.laws._surface`). With operations counted exactly, C = k(N) D, there is no closed form,
and the root of the slope along the budget is found. The valley is flat: sizes far from N* lose
little, which `near` says; `misfit` says what a wrong N costs in compute to make up for it with more
data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from scaling import laws
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.intervals import Interval, at_place
from scaling.fitting.result import Fit
from scaling.forecasting.model_surface import MODEL, ModelFit, refuse_rising
from scaling.laws._surface import (
    LN6,
    Surface,
    bisect,
    has_surface,
    is_allocation,
    minimise_scalar,
    planning_law,
)
from scaling.plan import published
from scaling.plan.allocation_only import allocated, allocation_answer, allocation_fit
from scaling.plan.answer import (
    FLOPS,
    Answer,
    Batch,
    Figure,
    Row,
    basis_of,
    batch,
    ends,
    exact,
    warnings_of,
    within,
)
from scaling.plan.stored import Sheet

PerToken = Callable[[Array], Array]

FACTORS = (0.25, 0.5, 2.0, 4.0)


@dataclass(frozen=True)
class Counting:
    """How operations are counted: ``log_rate`` maps ln N to ln FLOP per training token."""

    name: str
    log_rate: PerToken = field(repr=False)


SIX_ND = Counting("6ND", lambda log_n: LN6 + log_n)


def answering_fit(sheet: Sheet, law: str | None = None) -> Fit:
    """The fit that answers: the law named, else the study's model, else the first law by role,
    else any in N and D."""
    model = sheet.fits.get(MODEL)
    if model is not None:
        refuse_rising(model)
        if law is None:
            return model
    if law is not None:
        made = sheet.get(law)
        if not has_surface(made.law):
            raise InputError(
                "a plan needs a law of the loss in params and tokens",
                value=law,
                allowed=", ".join(laws.of_role("plan")),
            )
        return made
    found = planning_law(sheet.fits)
    if found is None:
        raise InputError(
            f"{sheet.name} has no law in params and tokens",
            value=", ".join(sheet.fits),
            allowed=", ".join(laws.of_role("plan")),
        )
    return sheet.fits[found]


def numerical(one: Surface, log_c: Array | float, count: Counting = SIX_ND) -> Array:
    """ln N* (B,) at ln C with any counting, by the root of the slope along the budget."""
    log_c = np.broadcast_to(np.asarray(log_c, float), one.e.shape)

    def f(log_n: Array) -> Array:
        # The inner sum has the same minimum as the loss and no constant to cancel against.
        return one.inner(log_n, log_c - count.log_rate(log_n))

    return minimise_scalar(
        f, np.full_like(log_c, np.log(1e3)), np.minimum(log_c - 1.0, np.log(1e18))
    )


def optimal_sizes(
    one: Surface, log_c: Array | float, count: Counting = SIX_ND
) -> tuple[Array, Array]:
    """ln N* and ln D* (B,)."""
    log_n = one.log_params(log_c) if count is SIX_ND else numerical(one, log_c, count)
    return log_n, np.asarray(log_c - count.log_rate(log_n))


def least_compute_sizes(one: Surface, goal: float, count: Counting = SIX_ND) -> tuple[Array, Array]:
    """ln N and ln D of the least compute that reaches a loss."""
    if count is SIX_ND:
        return one.least_compute(goal)

    def f(log_n: Array) -> Array:
        return np.asarray(count.log_rate(log_n) + one.log_tokens(log_n, goal))

    start, _ = one.least_compute(goal)
    start = np.where(np.isfinite(start), start, np.log(1e9))
    log_n = minimise_scalar(f, start - 4.0, start + 4.0, 33)
    return log_n, one.log_tokens(log_n, goal)


@dataclass(frozen=True)
class Valley:
    """An optimum over a batch: ln N*, ln D* and ln C, each (B,), of a surface."""

    one: Surface
    count: Counting
    log_n: Array
    log_d: Array

    @property
    def log_c(self) -> Array:
        """ln of the training compute."""
        return np.asarray(self.count.log_rate(self.log_n) + self.log_d)

    @property
    def loss(self) -> Array:
        """The least loss."""
        return self.one.loss(self.log_n, self.log_d)

    def near(self, share: float) -> Array:
        """ln of the smallest and largest N (2, B) that, at the same compute, stay within ``share``
        of the least loss."""
        allowed, zero = self.loss * (1.0 + share), np.zeros_like(self.log_n)

        def excess(log_n: Array) -> Array:
            with np.errstate(invalid="ignore"):  # a draw that never reaches the loss
                log_d = self.log_c - self.count.log_rate(log_n)
            return np.asarray(self.one.loss(log_n, log_d) - allowed)

        up = bisect(lambda t: excess(self.log_n + t), zero, zero + 20.0)
        down = bisect(lambda t: excess(self.log_n - t), zero, zero + 20.0)
        return np.stack([self.log_n - down, self.log_n + up])

    def misfit(self, factor: float) -> Array:
        """Loss at ``factor`` N* and the compute, as a multiple of C, with which that size reaches
        the least loss by more data, (2, B); infinite where no data suffice."""
        log_n = self.log_n + np.log(factor)
        rate = self.count.log_rate(log_n)
        with np.errstate(over="ignore", invalid="ignore"):  # a draw that never reaches the loss
            more = np.exp(rate + self.one.log_tokens(log_n, self.loss) - self.log_c)
            return np.stack([self.one.loss(log_n, self.log_c - rate), more])


def valley(
    one: Surface, count: Counting, *, flops: float | None = None, loss: float | None = None
) -> Valley:
    """The optimum at a budget, or of the least compute for a loss."""
    if loss is not None:
        return Valley(one, count, *least_compute_sizes(one, loss, count))
    assert flops is not None
    return Valley(one, count, *optimal_sizes(one, float(np.log(flops)), count))


def optimal(
    sheet: Sheet,
    *,
    flops: float | None = None,
    loss: float | None = None,
    law: str | None = None,
    count: Counting = SIX_ND,
    share: float = 0.01,
    usd_per_flop: float | None = None,
    level: float = 0.9,
) -> Answer:
    """How to spend ``flops``, or the least compute that reaches ``loss``, with every law's answer.

    Raises:
        InputError: neither or both given, a figure out of range, or no law in N and D.
    """
    lone = allocation_fit(sheet, law)

    def again(params: float, tokens: float) -> Sequence[Figure]:
        model = sheet.get(MODEL)
        there = at_place(model, {"params": np.array([params]), "tokens": np.array([tokens])}, level)
        figures = _optimum(model, (flops, loss), count, level)[1]
        return [*figures, ("loss_at_law_sizes", there, model.target_unit)]

    if lone is not None:
        only = allocation_answer(sheet, lone, flops, count.name, level, again)
        return replace(only, tables=_beside(sheet, only.value("flops").value, level))
    made = answering_fit(sheet, law)
    within("share", share, (1e-6, 1.0), "(0.01 is 1 %)")
    if usd_per_flop is not None:
        within("price of a FLOP", usd_per_flop, (1e-30, 1e-9), "USD", "USD per hour / FLOP/hour.")
    found, figures, drawn = _optimum(made, (flops, loss), count, level)
    sizes = {name: one.value for name, one, _ in figures}
    distance = sheet.beyond(**{k: sizes[k] for k in ("params", "tokens", "flops")})
    tables = {
        **_beside(sheet, sizes["flops"], level),
        f"Sizes within {share:.3g} of the least loss, same compute": [
            _near_row(found, drawn, share)
        ],
        "A wrong N": [_wrong_row(found, drawn, f, usd_per_flop) for f in FACTORS],
    }
    aim = f"{flops:.4g} FLOP" if flops is not None else f"a loss of {loss:.5g}"
    return Answer(
        f"Compute-optimal training for {aim}, operations counted as {count.name}",
        figures,
        f"{sheet.name}, {made.law.name}",
        sheet.version,
        basis_of(sheet, made, lambda: again(sizes["params"], sizes["tokens"])),
        tables,
        distance,
        assumptions(made, count),
        warnings_of(sheet, made, distance),
        lambda: _valley_rows(found, drawn),
    )


def _valley_rows(found: Valley, drawn: Batch) -> list[Row]:
    """The loss at sizes about the best one, same compute: 1/30 to 30 times N*."""
    middle = found.log_n[0]
    rows = []
    for log_n in middle + np.linspace(-np.log(30.0), np.log(30.0), 41):
        there = np.full_like(found.log_n, log_n)
        with np.errstate(all="ignore"):
            loss = found.one.loss(there, found.log_c - found.count.log_rate(there))
        one = drawn.interval(loss)
        rows.append({"params": float(np.exp(log_n)), "loss": one.value, "low": one.low,
                     "high": one.high})  # fmt: skip
    return rows


def _optimum(
    made: Fit, aim: tuple[float | None, float | None], count: Counting, level: float
) -> tuple[Valley, list[Figure], Batch]:
    """The optimum of one fit for ``aim``, a budget or a loss, with its figures and draws."""
    refuse_rising(made)
    drawn = batch(made, level)
    flops, loss = aim
    _check(drawn, flops, loss)
    found = valley(drawn.one, count, flops=flops, loss=loss)
    _reached(float(found.log_c[0]), loss, drawn)
    return found, _figures(made, found, drawn, flops), drawn


def _beside(sheet: Sheet, budget: float, level: float) -> dict[str, list[Row]]:
    """The other approaches to the same runs, and other papers' constants."""
    return {
        f"Every approach at {budget:.4g} FLOP (6ND)": side_by_side(sheet, budget, level),
        f"Published constants at {budget:.4g} FLOP (6ND), each for its own data": published.rows(
            budget
        ),
    }


def _check(drawn: Batch, flops: float | None, loss: float | None) -> None:
    if (flops is None) == (loss is None):
        raise InputError("give a budget or a loss", value=(flops, loss), allowed="one of the two")
    if flops is not None:
        within("compute budget", flops, FLOPS, "FLOP", "FLOP in all, not FLOP per second.")
    if loss is not None:
        within("loss", loss, (1e-3, 1e3), "")


def _reached(log_c: float, loss: float | None, drawn: Batch) -> None:
    if loss is not None and not log_c < np.log(FLOPS[1]):
        raise InputError(
            "the law never reaches this loss",
            value=loss,
            allowed=f"> {float(drawn.one.e[0]):.5g}, the law's limit",
        )


def _figures(made: Fit, found: Valley, drawn: Batch, flops: float | None) -> list[Figure]:
    with np.errstate(over="ignore"):
        compute = np.exp(found.log_c)
        n, d = np.exp(found.log_n), np.exp(found.log_d)
    with np.errstate(invalid="ignore"):  # a draw that never reaches the loss
        ratio = d / n
    spent = drawn.interval(compute) if flops is None else exact(flops, drawn.level)
    return [
        ("flops", spent, "FLOP"),
        ("params", drawn.interval(n), "params"),
        ("tokens", drawn.interval(d), "tokens"),
        ("tokens_per_param", drawn.interval(ratio), "tokens/param"),
        ("loss", loss_at_best(made, found, drawn), made.target_unit),
    ]


def loss_at_best(made: Fit, found: Valley, drawn: Batch) -> Interval:
    """A law's least losses; of a study's model the forecast of the run at the middle's optimum."""
    if not isinstance(made, ModelFit):
        return drawn.interval(found.loss)
    x = {"params": np.exp(found.log_n[:1]), "tokens": np.exp(found.log_d[:1])}
    return at_place(made, x, drawn.level)


def side_by_side(sheet: Sheet, budget: float, level: float = 0.9) -> list[Row]:
    """One row an approach: N*, D*, D*/N* and, where the law has one, the loss, over 6ND."""
    rows: list[Row] = []
    titles = laws.approaches()
    for name in dict.fromkeys([MODEL, *titles, *sheet.fits]):
        title = "all, weighed" if name == MODEL else titles.get(name) or "3, another law"
        fitted = sheet.fits.get(name)
        if fitted is not None and (is_allocation(fitted.law) or has_surface(fitted.law)):
            rows.append({"approach": title, "law": name} | _row(fitted, budget, level))
            if fitted.caveats:
                words = str(fitted.outcome).replace("_", " ")
                rows[-1]["note"] = words if fitted.outcome.denies else " ".join(fitted.notes)
        elif name in sheet.refused:
            rows.append({"approach": title, "law": name, "note": sheet.refused[name]})
    return rows


def _row(made: Fit, budget: float, level: float) -> Row:
    if is_allocation(made.law):
        found = allocated(made, budget, level)
        return {key: v for name, one in found.items() for key, v in ends(name, one).items()}
    drawn = batch(made, level)
    best = valley(drawn.one, SIX_ND, flops=budget)
    return {
        key: value
        for name, one, _ in _figures(made, best, drawn, budget)[1:]
        for key, value in ends(name, one).items()
    }


def _near_row(found: Valley, drawn: Batch, share: float) -> Row:
    sizes = found.near(share)
    row: Row = {}
    for name, log_n in zip(("smallest", "largest"), sizes, strict=True):
        with np.errstate(over="ignore", invalid="ignore"):
            log_d = found.log_c - found.count.log_rate(log_n)
            row |= ends(f"{name}_params", drawn.interval(np.exp(log_n)))
            row[f"tokens_of_{name}"] = float(np.exp(log_d[0]))
    return row


def _wrong_row(found: Valley, drawn: Batch, factor: float, usd_per_flop: float | None) -> Row:
    loss, more = found.misfit(factor)
    extra = drawn.interval(more - 1.0)
    budget = float(np.exp(found.log_c[0]))
    row: Row = {"n_over_best": factor} | ends("loss", drawn.interval(loss))
    row |= ends("extra_compute", extra)
    row["extra_flops"] = extra.value * budget
    if usd_per_flop is not None:
        row["extra_usd"] = extra.value * budget * usd_per_flop
    return row


def assumptions(made: Fit, count: Counting) -> list[str]:
    """What a plan with this law takes for granted."""
    size = made.law.size.replace("_", "-")
    which = "the params column of the runs" if size == "any" else f"{size} params, as in the runs"
    return [
        f"{made.law.formula}: {made.law.assumes}.",
        f"Training operations: {count.name}.",
        f"N is {which}.",
    ]
