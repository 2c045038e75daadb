"""Which constants of the curve forecaster are needed: each left out, on curves that chose none.

A constant is left out by its neutral value, at which its mechanism does nothing. A weight of the
spread is left out by 0; the others are then multiplied by one factor, so that intervals of the
curves that chose the weights hold as often as before (mean over groups, and over 50, 80, 90 and
95 %). Errors and log scores are compared with those of the forecast in use curve by curve; curves
of one run count as one for standard errors. A curve's shapes and network are fitted once, since no
constant takes part in that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import brentq

from benchmarks.forecast import simulated, tasks
from benchmarks.forecast.page import BARS
from benchmarks.forecast.run import NEAREST
from benchmarks.forecast.tasks import Task, Unseen
from benchmarks.forecast.tune import Scored, coverage, log_score
from scaling.forecasting.curves import (
    DEGREES,
    SCALE_WEIGHTS,
    Constants,
    Fitted,
    combine,
    features,
    fit_shapes,
    spread,
)
from scaling.forecasting.inputs import observed_scale

Array = NDArray[np.float64]
# What a constant does, and the value at which it does nothing.
NEUTRAL: Mapping[str, tuple[str, float]] = {
    "tempering": ("share of the log-likelihood that counts", 1.0),
    "short_curve": ("points up to which all of that share counts", np.inf),
    "penalty": ("price of a parameter", 0.0),
    "break_odds": ("prior odds of one break more", 1.0),
    "damping": ("share of a step that is kept", 1.0),
    "step_errors": ("standard errors that a slow curve's step is compared with", 0.0),
    "step_sharpness": ("power of that ratio; 2 is plain shrinkage", 2.0),
    "slow_slope": ("slope below which a curve is slow", np.inf),
    "noise_cap": ("scatter beyond which more does not stop a curve", np.inf),
    "disagreement_share": ("share of the shapes' disagreement in the step's error", 0.0),
    "network_share": ("most of the location that the network decides", 0.0),
    "network_easing": ("share of the standard errors for the network's step", 1.0),
    "short_points": ("points below which the network decides more", 1e-9),
}
WEIGHTS = (
    ("weight of noise", "scatter of single points in the spread"),
    ("weight of the step", "growth of the spread with the step"),
    ("weight of the network's scale", "the network's own scale in the spread"),
)
MULTI = Unseen("multi-power/curves.csv", ("params", "schedule"), ("step",), "loss", "step", 2.0)
# Runs of 11 points: the cut leaves 6 or 7.
MIXTURES = tuple(
    Unseen("dmsl-mixtures/runs.csv", ("params", "mixture_id"), ("tokens",), target, "tokens", 1.6)
    for target in ("loss", "arxiv_loss", "book_loss", "c4_loss", "github_loss", "commoncrawl_loss",
                   "stackexchange_loss", "wikipedia_loss")
)  # fmt: skip
# Other metrics, or later stages, of runs whose curves chose some constants.
SECOND = (
    Unseen("clark-routing/curves_all_steps.csv", ("run_id",), ("tokens",), "loss_wikitext103",
           "tokens", 4.0),
    Unseen("olmo-ladder/curves.csv", ("run_id",), ("tokens",), "pile_ce", "tokens", 4.0),
    Unseen("gemstones/runs.csv", ("width", "depth"), ("tokens",), "loss", "tokens", 2.0),
    Unseen("pythia-evals/runs.csv", ("model", "task", "shots"), ("tokens",), "y", "tokens", 2.0,
           "y_name = 'ppl' AND tokens > 1e9 AND variant = 'standard'"),
    Unseen("transfer-cherti/runs.csv", ("series",), ("n_shot",), "y", "n_shot", 4.0,
           "y_name = 'test/mean_auc' AND n_shot > 0"),
)  # fmt: skip
RUNS = 40
# No other benchmark draws from this seed.
SEED = 20261130
EACH = 60
# Changes that no figure of a forecast shows: of the error (a share), and of the log score.
INVISIBLE = (0.001, 0.001)
HEAD = """# Which constants of a curve's forecast are needed

`python -m benchmarks.forecast needed` writes this page. Every constant of `Constants` and
`SCALE_WEIGHTS` in `scaling/forecasting/curves.py` is left out: set to the value at which its
mechanism does nothing. A weight of the spread is set to 0, and the others are multiplied by one
factor, so that intervals of the curves that chose the weights hold as often as before. Errors are
root mean square log errors. Changes are to the forecast in use, paired over curves, with their
standard errors; curves of one run count as one.

A constant is not needed if, without it,

- the mean change over the unseen sets is no worse than one standard error, or smaller than .1 % of
  the error and .001 of the log score, which no figure shows,
- no error of a group in [the benchmark](forecast.md) grows by more than the standard error of that
  group's error, and every bar that is met there stays met.

Such constants are dropped. [The notes](forecast_notes.md#constants-that-were-dropped) say which
were.

## Curves that chose no constant

Multi-power: loss of 27 runs under nine learning-rate schedules, known up to half. Mixtures: eight
losses of runs on 61 data mixtures, known up to 1 / 1.6, which is 6 or 7 points. Simulated: curves
with a floor (`benchmarks.forecast.simulated`) from a new seed; curves of that kind, from another
seed, did choose. Other shapes: two powers added, powers of the logarithm, arctangents, slopes that
wander, and losses whose learning rate falls, with noise of heavy tails; neither the shapes nor the
network's training have these.

"""
SECOND_HEAD = """
Second evidence, below, are other metrics of runs that chose some constants, and the curves that the
benchmark scored last. It decides nothing.

"""


@dataclass(frozen=True)
class Curve:
    """One fitted curve: its set, its run, and log of what was observed (T,)."""

    group: str
    run: str
    fitted: Fitted
    truth: Array


@dataclass(frozen=True)
class Change:
    """Mean change of the error (a share of it) and of the log score, each with its standard
    error."""

    error: tuple[float, float]
    score: tuple[float, float]

    def worse(self) -> bool:
        """Beyond one standard error, and visibly."""
        return any(
            rise > max(error, least)
            for rise, error, least in (
                (*self.error, INVISIBLE[0]),
                (-self.score[0], self.score[1], INVISIBLE[1]),
            )
        )

    def cells(self) -> str:
        """Two cells of a table."""
        error, score = self.error, self.score
        return f"{100 * error[0]:+.2f} ({100 * error[1]:.2f}) % | {score[0]:+.4f} ({score[1]:.4f})"


def unseen() -> Iterator[Task]:
    """Curves that chose no constant."""
    yield from (replace(task, group="multi-power") for task in tasks.unseen((MULTI,)))
    for one in MIXTURES:
        found = list(tasks.unseen((one,)))
        yield from (replace(task, group="mixtures") for task in found[:: len(found) // RUNS])
    parts = (task for _, task in simulated.curves(SEED))
    for three in zip(*[parts] * len(simulated.FACTORS), strict=True):
        yield replace(three[0], at=pl.concat([one.at for one in three]))
    yield from simulated.other_shapes(SEED, EACH)


def second() -> Iterator[Task]:
    """Other metrics of runs that chose some constants, and the curves that were scored last."""
    return chain(tasks.fresh(SECOND), tasks.fresh(tasks.LAST))


def benchmark() -> Iterator[Task]:
    """The curves that chose them: those of the benchmark's page but the last."""
    found = chain(tasks.curves(), tasks.unseen(), tasks.fresh((*tasks.FRESH, *tasks.ACROSS)))
    return (task for task in found if len(task.inputs) == 1)


def fit(found: Iterable[Task]) -> dict[str, list[Curve]]:
    """The shapes of every curve, by group."""
    groups: dict[str, list[Curve]] = {}
    for task in found:
        x, at = (part[task.inputs[0]].to_numpy() for part in (task.runs, task.at))
        y, increasing = observed_scale(task.runs, task.target, np.log(x))
        truth = np.exp(task.truth)
        if increasing:
            y, truth = 1.0 - y, np.maximum(1.0 - truth, NEAREST)
        one = Curve(task.group, task.name, fit_shapes(x, y, at), np.log(truth))
        groups.setdefault(task.group, []).append(one)
    return groups


def scores(curves: list[Curve], constants: Constants) -> Array:
    """Error and mean log score of every curve (n, 2)."""
    made = []
    for one in curves:
        forecast = combine(one.fitted, constants)
        error = one.truth - forecast.location
        scale = spread(forecast, constants.scale_weights)[0]
        made.append([np.sqrt(np.mean(error**2)), log_score(error, scale, DEGREES).mean()])
    return np.array(made)


def change(curves: list[Curve], before: Array, after: Array) -> Change:
    """What changes on the curves of one set, (n, 2) before and after."""
    _, run = np.unique([one.run for one in curves], return_inverse=True)
    by = after - before
    mean, count = by.mean(axis=0), run.max() + 1
    sums = np.array([np.bincount(run, part) for part in (by - mean).T])
    error = np.sqrt((sums**2).sum(axis=1) * count / max(count - 1, 1)) / len(by)
    size = before[:, 0].mean()
    return Change((mean[0] / size, error[0] / size), (mean[1], error[1]))


def mean_of(changes: Iterable[Change]) -> Change:
    """The mean over sets, which are independent."""
    parts = np.array([(one.error, one.score) for one in changes])
    mean, error = parts[..., 0].mean(axis=0), np.sqrt((parts[..., 1] ** 2).sum(axis=0)) / len(parts)
    return Change((mean[0], error[0]), (mean[1], error[1]))


def held(groups: Mapping[str, list[Curve]], constants: Constants) -> float:
    """Share of targets inside, mean over groups and levels."""
    shares = []
    for curves in groups.values():
        for one in curves:
            made = combine(one.fitted, constants)
            task = Scored(one.group, features(made), one.truth - made.location)
            shares.append(list(coverage(task, np.array(constants.scale_weights), DEGREES).values()))
    sizes = [len(curves) for curves in groups.values()]
    return float(
        np.mean([part.mean() for part in np.split(np.array(shares), np.cumsum(sizes)[:-1])])
    )


def without_weight(place: int, groups: Mapping[str, list[Curve]]) -> Constants:
    """A weight of the spread at 0, the others times what keeps intervals as they were."""
    left = np.where(np.arange(len(SCALE_WEIGHTS)) == place, 0.0, SCALE_WEIGHTS)
    target = held(groups, Constants())

    def made(log_factor: float) -> Constants:
        return Constants(scale_weights=tuple((np.exp(log_factor) * left).tolist()))

    found = brentq(lambda one: held(groups, made(one)) - target, -0.7, 1.5, xtol=1e-3)
    return made(float(found))


def worse_groups(
    groups: Mapping[str, list[Curve]], before: Mapping[str, Array], after: Mapping[str, Array]
) -> list[str]:
    """Groups of the benchmark whose error grows by more than its standard error, and bars that are
    met before and not after."""
    found = []
    for group in groups:
        was, now = before[group][:, 0], after[group][:, 0]
        bar = BARS[group][2] if group in BARS else np.inf
        if was.mean() <= bar < now.mean():
            found.append(f"{group} (bar missed)")
        elif len(was) > 1 and now.mean() - was.mean() > was.std(ddof=1) / np.sqrt(len(was)):
            found.append(group)
    return found


def page() -> str:
    """The page."""
    return written(*(fit(found) for found in (unseen(), second(), benchmark())))


def written(
    new: dict[str, list[Curve]], other: dict[str, list[Curve]], known: dict[str, list[Curve]]
) -> str:
    """The page, of unseen, second and benchmark curves."""
    left_out = {name: replace(Constants(), **{name: value}) for name, (_, value) in NEUTRAL.items()}
    left_out |= {name: without_weight(k, known) for k, (name, _) in enumerate(WEIGHTS)}
    in_use = [_all_scores(part, Constants()) for part in (new, other, known)]
    rows, by_set = [], []
    for name, constants in left_out.items():
        after = [_all_scores(part, constants) for part in (new, other, known)]
        changes = {g: change(new[g], in_use[0][g], after[0][g]) for g in new}
        overall = mean_of(changes.values())
        further = mean_of(change(other[g], in_use[1][g], after[1][g]) for g in other)
        there = worse_groups(known, in_use[2], after[2])
        reasons = ["unseen"] * overall.worse() + there
        verdict = f"needed: {', '.join(reasons)}" if reasons else "not needed"
        rows.append(f"| {_title(name)} | {overall.cells()} | {further.cells()} | {verdict} |\n")
        by_set.append(f"| {name} | {' | '.join(one.cells() for one in changes.values())} |\n")
    return "".join([HEAD, *_sets(new, in_use[0]), *_verdicts(rows), *_by_set(list(new), by_set)])


def _all_scores(groups: Mapping[str, list[Curve]], constants: Constants) -> dict[str, Array]:
    return {group: scores(curves, constants) for group, curves in groups.items()}


def _title(name: str) -> str:
    """Name, what it does, in use, neutral value."""
    if name in NEUTRAL:
        does, neutral = NEUTRAL[name]
        shown = "0" if name == "short_points" else "none" if neutral == np.inf else f"{neutral:g}"
        return f"{name} | {does} | {getattr(Constants(), name):g} | {shown}"
    place = [one for one, _ in WEIGHTS].index(name)
    return f"{name} | {WEIGHTS[place][1]} | {SCALE_WEIGHTS[place]:g} | 0"


def _sets(groups: Mapping[str, list[Curve]], found: Mapping[str, Array]) -> list[str]:
    lines = ["| set | curves | runs | error | log score |\n|---|---|---|---|---|\n"]
    for group, curves in groups.items():
        error, score = found[group].mean(axis=0)
        runs = len({one.run for one in curves})
        lines.append(f"| {group} | {len(curves)} | {runs} | {error:.4f} | {score:.2f} |\n")
    return lines


def _verdicts(rows: list[str]) -> list[str]:
    head = (
        "\n## Each constant left out\n\nMean over the sets. Positive is worse for errors, negative "
        f"for log scores.\n{SECOND_HEAD}"
        "| constant | what it does | in use | neutral | error, unseen | log score, unseen "
        "| error, second | log score, second | verdict, and where it is worse without |\n"
        f"|{'---|' * 9}\n"
    )
    return [head, *rows]


def _by_set(groups: list[str], rows: list[str]) -> list[str]:
    names = " | ".join(f"{group}: error | log score" for group in groups)
    head = f"\n## By set\n\n| constant | {names} |\n|---|{'---|---|' * len(groups)}\n"
    return [head, *rows]
