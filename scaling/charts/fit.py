"""A fit: runs and law, residuals, the compute-optimal path, isoFLOP valleys, draws as pairs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import altair as alt
import numpy as np

from scaling.arrays import Array
from scaling.charts import _marks as m
from scaling.document.palette import COLOUR
from scaling.fitting.result import Fit
from scaling.laws._isoflop import GROUP, budgets
from scaling.laws._surface import has_surface, is_allocation, log_optimal_params

# Draws behind a band, and dots of a pair.
MAX_DRAWS = 200
# How far a law is drawn beyond the largest run.
FURTHER = 100.0
POINTS = 33
BUDGETS = 5
# Sizes that make a valley: those of a parabola.
SIZES = 3
COMPUTE = "training compute, FLOP (6ND)"


def _by_compute(made: Fit) -> bool:
    """Whether the law divides a budget between params and tokens."""
    sizes = set(made.x) == {"params", "tokens"}
    return sizes and has_surface(made.law) and not is_allocation(made.law)


def _is_optimum(made: Fit) -> bool:
    """Whether the law gives the best params of a budget, and its runs are at hand."""
    return made.law.inputs == ("flops",) and {"flops", "params"} <= made.x.keys()


def _across(made: Fit) -> tuple[Array, str]:
    """What runs are drawn against: compute, or the first input."""
    if {"params", "tokens"} <= made.x.keys():
        return 6.0 * made.x["params"] * made.x["tokens"], COMPUTE
    name = next(iter(made.x))
    return made.x[name], name


def _target(made: Fit) -> str:
    return f"{made.target}, {made.target_unit}"


def _some(made: Fit) -> Array:
    """The fit and some of its draws (1 + R, K)."""
    step = max(1, len(made.draws) // MAX_DRAWS)
    return np.concatenate([made.theta[None], made.draws[::step][:MAX_DRAWS]])


def _ends(drawn: Array) -> Mapping[str, Array]:
    """Middle and ends of the 90 % band of (1 + R, points)."""
    found = {"value": drawn[0]}
    if len(drawn) > 2:
        low, high = np.nanquantile(drawn[1:], [0.05, 0.95], axis=0)
        found |= {"low": low, "high": high}
    return found


def law(made: Fit) -> m.Drawing | None:
    """Runs and law, its 90 % band, and where extrapolation begins."""
    if not made.x or len(made.observed) == 0:
        return None
    if _by_compute(made):
        return _along(made, *_best(made), "least loss at each budget, 90 % band")
    if len(made.law.inputs) == 1 and not made.law.output:
        grid = _grid(made.x[made.law.inputs[0]])
        drawn = made.law(_some(made), {made.law.inputs[0]: grid})
        return _along(made, grid, drawn, "law with its 90 % band")
    return _observed_predicted(made) if len(made.residuals) else None


def _grid(values: Array) -> Array:
    low, high = float(values.min()), float(values.max())
    if low <= 0:
        return np.linspace(low, high + (high - low), POINTS)
    return np.geomspace(low, high * FURTHER, POINTS)


def _best(made: Fit) -> tuple[Array, Array]:
    """Budgets, and the least losses of the fit and its draws there (1 + R, budgets)."""
    compute = _grid(_across(made)[0])
    theta = _some(made)
    with np.errstate(all="ignore"):
        log_n = np.stack([log_optimal_params(made.law, theta, float(c)) for c in np.log(compute)])
        n = np.exp(log_n.T)
        loss = made.law(theta, {"params": n, "tokens": compute / 6.0 / n})
    return compute, np.asarray(loss)


def _along(made: Fit, grid: Array, drawn: Array, what: str) -> m.Drawing:
    values, name = _across(made)
    log = float(values.min()) > 0
    across, up = m.x("x", name, log=log), m.y("y", _target(made), log=float(drawn[0].min()) > 0)
    runs = m.records(x=values, y=made.observed)
    rows = m.records(x=grid, **_ends(drawn))
    low = up.copy()
    low.shorthand = "low"
    middle = up.copy()
    middle.shorthand = "value"
    layers: list[m.Drawing] = [m.band(rows, across, low, "high")] if "low" in rows[0] else []
    layers += [m.points(m.thinned(runs), across, up), m.line(rows, across, middle)]
    layers += [m.beyond(float(values.max()), across)]
    return m.size(alt.layer(*layers), m.titled(made.law.formula, f"{m.shown(runs)}; {what}"))


def _observed_predicted(made: Fit) -> m.Drawing:
    """Observed against predicted, for laws of several inputs."""
    predicted = made.predict(made.x)
    log = min(float(predicted.min()), float(made.observed.min())) > 0
    across = m.x("predicted", f"predicted {_target(made)}", log=log)
    up = m.y("observed", "observed", log=log)
    rows = m.records(predicted=predicted, observed=made.observed)
    ends = [
        float(min(predicted.min(), made.observed.min())),
        float(max(predicted.max(), made.observed.max())),
    ]
    equal = m.line(m.records(predicted=ends, observed=ends), across, up)
    below = f"{m.shown(rows)}; on the line where the law is right"
    return m.size(equal + m.points(m.thinned(rows), across, up), m.titled(made.law.formula, below))


def residuals(made: Fit) -> m.Drawing | None:
    """Errors of the fitted runs."""
    if not made.x or len(made.residuals) != made.rows:
        return None
    values, name = _across(made)
    log = made.link == "log"
    errors = 100.0 * np.expm1(made.residuals) if log else made.residuals
    title = "predicted over observed, %" if log else f"predicted minus observed, {made.link} scale"
    rows = m.records(x=values, error=errors)
    across, up = m.x("x", name, log=float(values.min()) > 0), m.y("error", title)
    zero = alt.Chart(m.data([{"error": 0.0}])).mark_rule(color=COLOUR["axis"]).encode(y=up)
    panel = zero + m.points(m.thinned(rows), across, up)
    return m.size(panel, m.titled("Residuals", m.shown(rows)))


def frontier(made: Fit) -> m.Drawing | None:
    """Compute-optimal params at each budget."""
    if not (_by_compute(made) or _is_optimum(made)):
        return None
    compute = made.x["flops"] if _is_optimum(made) else _across(made)[0]
    grid, theta = _grid(compute), _some(made)
    with np.errstate(all="ignore"):
        if _is_optimum(made):
            drawn = made.law(theta, {"flops": grid})
        else:
            drawn = np.exp([log_optimal_params(made.law, theta, float(c)) for c in np.log(grid)]).T
    name = "training compute, FLOP" if _is_optimum(made) else COMPUTE
    across, up = m.x("x", name), m.y("value", "params", log=True)
    low, run = up.copy(), up.copy()
    low.shorthand, run.shorthand = "low", "y"
    rows, runs = m.records(x=grid, **_ends(drawn)), m.records(x=compute, y=made.x["params"])
    layers: list[m.Drawing] = [m.band(rows, across, low, "high")] if "low" in rows[0] else []
    layers += [m.points(m.thinned(runs), across, run), m.line(rows, across, up)]
    layers += [m.beyond(float(compute.max()), across)]
    return m.size(
        alt.layer(*layers), m.titled("Compute-optimal params", "90 % band; dots are runs")
    )


def valleys(made: Fit) -> m.Drawing | None:
    """IsoFLOP valleys: the loss over sizes at one budget each, with the optimum."""
    if _is_optimum(made) and GROUP in made.x:
        return _observed_valleys(made)
    if not _by_compute(made):
        return None
    compute, _ = _across(made)
    curves: m.Rows = []
    best: m.Rows = []
    for budget in np.geomspace(float(np.median(compute)), float(compute.max()), BUDGETS):
        label = f"{budget:.1e} FLOP"
        middle = log_optimal_params(made.law, made.theta[None], float(np.log(budget)))
        if not np.isfinite(middle[0]):
            continue
        n = np.exp(middle[0] + np.linspace(-np.log(30.0), np.log(30.0), POINTS))
        loss = made.predict({"params": n, "tokens": budget / 6.0 / n})
        curves += m.records(params=n, loss=loss, budget=[label] * POINTS)
        best.append({"params": float(np.exp(middle[0])), "loss": float(loss[POINTS // 2])})
    if not best:
        return None
    across, up = m.x("params", "params"), m.y("loss", _target(made))
    shade = alt.Color("budget:N", title="budget (6ND)", sort=None, scale=alt.Scale(scheme="blues"))
    lines = alt.Chart(m.data(curves)).mark_line().encode(x=across, y=up, color=shade)
    dots = m.points(best, across, up, color=COLOUR["planned"], size=60, opacity=1.0)
    return m.size(
        lines + dots, m.titled("IsoFLOP valleys of the law", "dots: compute-optimal params")
    )


def _observed_valleys(made: Fit) -> m.Drawing:
    """The runs of each budget, and the size that the law finds best there."""
    runs: m.Rows = []
    best: m.Rows = []
    for here in budgets(made.x, SIZES):
        budget = float(np.median(made.x["flops"][here]))
        label = [f"{budget:.1e} FLOP"] * len(here)
        sizes = made.x["params"][here]
        runs += m.records(params=sizes, loss=made.observed[here], budget=label)
        optimum = float(made.predict({"flops": np.array([budget])})[0])
        best.append({"params": optimum, "loss": float(made.observed[here].min())})
    across, up = m.x("params", "params"), m.y("loss", _target(made))
    shade = alt.Color("budget:N", title="budget", sort=None, scale=alt.Scale(scheme="blues"))
    lines = alt.Chart(m.data(m.thinned(runs))).mark_line(point=True).encode(
        x=across, y=up, color=shade
    )  # fmt: skip
    dots = m.points(best, across, up, color=COLOUR["planned"], size=60, opacity=1.0)
    below = f"{m.shown(runs)}; dots: best size by the law, at the least loss observed"
    return m.size(lines + dots, m.titled("IsoFLOP valleys", below))


def draws(made: Fit) -> m.Drawing | None:
    """Parameter draws, each against each."""
    names = [name for name in made.law.names if name in (made.free or made.law.names)]
    if len(made.draws) < 2 or len(names) < 2:
        return None
    columns = {}
    for param, values in zip(made.law.params, _some(made)[1:].T, strict=True):
        if param.name in names:
            log = param.domain == "positive" and float(values.max() / values.min()) > 10.0
            columns[f"log10 {param.name}" if log else param.name] = (
                np.log10(values) if log else values
            )
    rows = m.records(**columns)
    pairs = [
        alt.Chart(m.data(rows))
        .mark_point(size=8, filled=True, opacity=0.5, color=COLOUR["band50"])
        .encode(x=m.x(a, a, log=False), y=m.y(b, b))
        .properties(width=130, height=110)
        for a, b in itertools.combinations(columns, 2)
    ]
    title = m.titled("Draws of the parameters", f"{len(rows)} of {len(made.draws)} resamples")
    return alt.concat(*pairs, columns=3, title=title)


PANELS = {
    "law": law,
    "residuals": residuals,
    "frontier": frontier,
    "valleys": valleys,
    "draws": draws,
}
