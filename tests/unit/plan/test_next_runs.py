"""Next runs, downstream goals and comparisons, on truths that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scaling import laws
from scaling.errors import InputError
from scaling.plan import design, stored
from scaling.plan.comparison import compare, needed, pair
from scaling.plan.downstream import Off, chance, target
from scaling.plan.next_runs import recommend
from scaling.plan.run_grid import Cells
from scaling.plan.trust import ERRORS, SMALL, belief_of
from tests.unit.plan.test_allocation import TRUE, study

CHINCHILLA = laws.get("chinchilla")


def runs(rng: np.random.Generator, noise: float = 0.003, **changed: float) -> pl.DataFrame:
    n, d = (a.ravel() for a in np.meshgrid(np.geomspace(5e7, 3e9, 6), np.geomspace(2e9, 1e11, 5)))
    loss = CHINCHILLA(TRUE | changed, {"params": n, "tokens": d})
    return pl.DataFrame(
        {"params": n, "tokens": d, "loss": loss * np.exp(noise * rng.standard_normal(len(n)))}
    )


@pytest.fixture(scope="module")
def sheet() -> stored.Sheet:
    return stored.fitted(
        runs(np.random.default_rng(1)), ("chinchilla",), label="toy", resamples=200
    )


def test_variance_falls_as_the_linear_model_says() -> None:
    """For predictions linear in the draws, S after a run is the Bayesian posterior's."""
    rng = np.random.default_rng(0)
    root, rows = rng.standard_normal((4, 4)), rng.standard_normal((3, 4))
    prior, noise = root @ root.T, 0.3
    s = rows @ prior @ rows.T
    posterior = np.linalg.inv(np.linalg.inv(prior) + rows[:2].T @ rows[:2] / noise**2)
    assert design.variance_after(s, noise) == pytest.approx(rows[2] @ posterior @ rows[2])


def test_choice_keeps_its_limits_and_beats_each_single_run() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((30, 5))
    s, flops = rows @ rows.T, rng.uniform(1, 10, 29)
    ways = [design.Model(1.0, s)]
    found = design.choose(ways, flops, 0.5, 20.0, repeats=2)
    assert flops[list(found.order)].sum() <= 20.0
    assert max(found.order.count(j) for j in found.order) <= 2
    assert (np.diff(found.variance) <= 1e-12).all()
    single = [s[-1, -1] - s[-1, j] ** 2 / (0.25 + s[j, j]) for j in range(29)]
    assert found.end <= min(single) + 1e-12
    enough = design.choose(ways, flops, 0.5, 200.0, enough=0.5 * found.start)
    assert enough.end <= 0.5 * found.start
    assert len(enough.order) <= len(design.choose(ways, flops, 0.5, 200.0).order)
    assert len(design.choose(ways, flops, 0.5, 200.0, most=3).order) == 3


def test_next_runs_narrow_the_forecast(sheet: stored.Sheet) -> None:
    made = recommend(sheet, budget=1e21, flops=1e24, holds=1.0)
    rows = made.tables["Train, in this order"]
    assert made.value("spent").value <= 1e21
    assert made.value("width_after").value < made.value("width").value
    widths = [row["width_after"] for row in rows]
    assert widths == sorted(widths, reverse=True)
    grid = made.tables["The same FLOP otherwise"][0]
    assert made.value("width_after").value < grid["width_after"]
    assert all(1.0 <= row["tokens"] / row["params"] <= 1000.0 for row in rows)
    # The expectation is kept: runs as advised, fitted again, are about that narrow.
    cells = Cells(
        np.array([row["params"] for row in rows for _ in range(row["runs"])]),
        np.array([row["tokens"] for row in rows for _ in range(row["runs"])]),
    )
    rng = np.random.default_rng(2)
    loss = CHINCHILLA(TRUE, cells.x) * np.exp(0.003 * rng.standard_normal(len(cells)))
    more = pl.DataFrame({"params": cells.params, "tokens": cells.tokens, "loss": loss})
    both = pl.concat([runs(np.random.default_rng(1)), more])
    again = stored.fitted(both, ("chinchilla",), label="more", resamples=200)
    now = recommend(again, budget=1e21, flops=1e24).value("width").value
    assert 0.4 < now / made.value("width_after").value < 2.0


def test_sequence_stops_when_narrow_enough(sheet: stored.Sheet) -> None:
    full = recommend(sheet, budget=1e22, flops=1e24)
    goal = 0.5 * (full.value("width").value + full.value("width_after").value)
    made = recommend(sheet, budget=1e22, flops=1e24, narrow=goal)
    assert made.value("width_after").value <= goal
    assert made.value("spent").value <= full.value("spent").value


def test_a_law_that_does_not_hold_is_trained_nearer_to_the_target(sheet: stored.Sheet) -> None:
    def largest(holds: float) -> float:
        made = recommend(sheet, budget=1e22, flops=1e23, holds=holds)
        return max(float(row["flops_each"]) for row in made.tables["Train, in this order"])

    assert largest(0.0) >= largest(1.0)


def test_runs_tell_whether_the_law_holds() -> None:
    rng = np.random.default_rng(0)
    n, d = (a.ravel() for a in np.meshgrid(np.geomspace(3e7, 3e10, 7), np.geomspace(1e9, 1e12, 6)))
    cells = Cells(n, d)
    coupled = {"E": 1.6, "A": 3000.0, "B": 9000.0, "alpha": 0.45, "beta": 0.45, "gamma": 0.7}
    found = {}
    for name, values in (("chinchilla", TRUE), ("coupled", coupled)):
        loss = laws.get(name)(values, cells.x) * np.exp(0.003 * rng.standard_normal(len(n)))
        frame = pl.DataFrame({"params": n, "tokens": d, "loss": loss})
        sheet = stored.fitted(frame, ("chinchilla",), label=name, resamples=40)
        assert sheet.runs is not None
        found[name] = belief_of(sheet.fits["chinchilla"], sheet.runs)
    assert found["chinchilla"].holds > 0.6
    assert found["coupled"].holds < 0.05
    for one in found.values():
        assert one.noise == pytest.approx(0.003, rel=0.35)
    few = belief_of(sheet.fits["chinchilla"], cells.take(np.arange(3)))
    assert few.holds == pytest.approx(np.mean(ERRORS <= SMALL))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"budget": 0.0, "flops": 1e23}, "1000 to 1e+36"),
        ({"budget": 1e4, "flops": 1e23}, ">= "),
        ({"budget": 1e21}, "params and tokens, or flops"),
        ({"budget": 1e21, "flops": 1e40}, "1000 to 1e+36"),
        ({"budget": 1e21, "params": 1e9, "tokens": -1.0}, "Tokens, not trillions"),
        ({"budget": 1e21, "flops": 1e23, "repeats": 0}, "1 to 100"),
        ({"budget": 1e21, "flops": 1e23, "narrow": 0.9}, "below"),
        ({"budget": 1e21, "flops": 1e23, "doubt": -1.0}, "0 to 1000"),
        ({"budget": 1e21, "flops": 1e23, "holds": 1.5}, "0 to 1"),
        ({"budget": 1e21, "flops": 1e23, "most": 0}, "1 to 200"),
    ],
)
def test_absurd_requests_are_refused(
    sheet: stored.Sheet, wrong: dict[str, float], says: str
) -> None:
    with pytest.raises(InputError) as error:
        recommend(sheet, **wrong)  # type: ignore[arg-type]
    assert says in str(error.value)


def test_a_design_needs_draws(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs draws"):
        recommend(study(tmp_path, draws=False), budget=1e21, flops=1e23)
    with pytest.raises(InputError, match="needs draws"):
        recommend(stored.read("published:chinchilla"), budget=1e21, flops=1e23)


@pytest.fixture(scope="module")
def ladder() -> stored.Sheet:
    frame, _ = laws.get("ladder").example(np.random.default_rng(0))  # type: ignore[misc]
    return stored.fitted(frame, ("ladder",), label="toy", resamples=60, target="accuracy")


def test_goal_by_probability(ladder: stored.Sheet) -> None:
    made = target(ladder, accuracy=0.85, flops=1e23)
    truth = {"E": 0.35, "A": 150, "B": 400, "alpha": 0.3, "beta": 0.3}
    truth |= {"c": 0.95, "a": 0.7, "k": 5.0, "L0": 0.9}
    x = {name: [made.value(name).value] for name in ("params", "tokens")}
    assert laws.get("ladder")(truth, x)[0] == pytest.approx(0.85, abs=0.02)
    rows = made.tables["By the probability wanted, of a run"]
    compute = [row["flops"] for row in rows]
    assert compute == sorted(compute)
    half = target(ladder, accuracy=0.85, flops=compute[1]).value("probability").value
    assert half == pytest.approx(0.5, abs=1e-3)
    # Scatter takes from what is likely and gives to what is not; without any, the law's own share.
    apart = [
        target(ladder, accuracy=0.85, flops=at * compute[1], scatter=scatter).value("probability")
        for at in (3.0, 1 / 3)
        for scatter in (0.0, 0.1)
    ]
    assert apart[0].value > apart[1].value > 0.5 > apart[3].value > apart[2].value
    off = Off(0.0, 0.0)
    fit = ladder.get("ladder")
    alone = chance(fit, fit.draws, 0.85, float(np.log(1e23)), off)
    assert alone == pytest.approx(made.value("probability_of_law").value)
    harder = target(ladder, accuracy=0.9).value("flops").value
    assert harder > made.value("flops").value


def test_goals_out_of_reach_are_refused(ladder: stored.Sheet) -> None:
    with pytest.raises(InputError, match="ceiling"):
        target(ladder, accuracy=0.99)
    with pytest.raises(InputError, match=r"0\.8, not 80"):
        target(ladder, accuracy=80.0)
    with pytest.raises(InputError, match="of the accuracy"):
        target(ladder, accuracy=0.8, scatter=5.0)


def test_better_intervention_is_found_and_the_crossing_too() -> None:
    rng = np.random.default_rng(3)
    # B wins small (lower E is A's), A wins large: E 1.75 against 1.8, A-term 10 % larger.
    a, b = runs(rng, E=1.7, A=600.0), runs(rng)
    found = pair(a, b, resamples=200)
    assert found.paired
    made = compare(found, flops=1e24)
    assert made.value("probability").value > 0.95
    assert made.value("difference").high < 0.0
    assert made.value("study_needed").value < 1.5
    small = compare(found, params=5e7, tokens=1e11)
    assert small.value("probability").value < 0.05
    assert 1e15 < made.value("crossing").value < 1e24
    swapped = compare(pair(b, a, resamples=200), flops=1e24)
    assert swapped.value("difference").value == pytest.approx(-made.value("difference").value)


def test_pairing_cancels_shared_noise() -> None:
    shared = runs(np.random.default_rng(4), noise=0.01)
    better = shared.with_columns(loss=pl.col("loss") * 0.995)
    paired = compare(pair(better, shared, resamples=100), flops=1e23)
    apart = compare(pair(better, shared[:-1], resamples=100), flops=1e23)
    widths = [one.value("difference").high - one.value("difference").low for one in (paired, apart)]
    assert widths[0] < 0.2 * widths[1]


def test_needed_study_shrinks_with_the_difference() -> None:
    drawn = np.random.default_rng(0).normal(0.0, 1.0, 4000)
    assert needed(drawn, 1.645, 0.95) == pytest.approx(1.0, rel=0.1)
    assert needed(drawn, 0.1645, 0.95) == pytest.approx(100.0, rel=0.1)
    assert needed(drawn, 0.0, 0.95) == float("inf")


def test_a_comparison_needs_a_scale() -> None:
    table = runs(np.random.default_rng(5))
    found = pair(table, table, resamples=20)
    with pytest.raises(InputError, match="no scale"):
        compare(found)
    with pytest.raises(InputError, match="Not trillions"):
        compare(found, params=1e9, tokens=1.0)
