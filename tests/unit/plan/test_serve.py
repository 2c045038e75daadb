"""Plans of serving and of cost: closed forms, the reference cases, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling.errors import InputError
from scaling.laws._surface import NumericalSurface, surface
from scaling.plan import costs as cost
from scaling.plan import serving as serve
from scaling.plan import stored
from tests.unit.plan.test_allocation import SHAPES, draw, seeds

SHEET = stored.read("published:chinchilla")


@settings(max_examples=20)
@given(seeds, st.sampled_from(SHAPES), st.floats(9, 15))
def test_serving_optimum_is_the_numerical_one(seed: int, name: str, decade: float) -> None:
    law, theta = draw(name, seed)
    one, demand = surface(law, theta), 10.0**decade
    curve = serve.Goal(like_params=1e10).curve(one)
    assert isinstance(curve, serve.PowerCurve)
    log_n, log_d = curve.best(demand)
    assert np.allclose(one.inner(log_n, log_d), curve.log_s, atol=1e-9)
    found = curve.numerical(demand)
    known = np.isfinite(found)
    assert known.any()
    assert np.allclose(found[known], log_n[known], rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    "goal", [serve.Goal(like_params=1e10), serve.Goal(like_flops=1e23), serve.Goal(loss=2.1)]
)
def test_a_law_without_a_closed_form_is_searched(goal: serve.Goal) -> None:
    law, theta = SHEET.fits["chinchilla"].law, SHEET.fits["chinchilla"].theta[None]
    searched = goal.curve(NumericalSurface(law, theta, {}))
    closed = goal.curve(surface(law, theta))
    for demand in (0.0, 1e12, 1e14):
        for found, known in zip(searched.best(demand), closed.best(demand), strict=True):
            assert found == pytest.approx(known, abs=2e-3)
    assert searched.at_ratio(100.0) == pytest.approx(closed.at_ratio(100.0), abs=1e-6)


def test_without_demand_it_is_the_compute_optimum() -> None:
    made = serve.serve(SHEET, serve.Goal(like_params=1.3e10))
    assert made.value("params").value == pytest.approx(1.3e10)
    assert made.value("saving").value == pytest.approx(0.0, abs=1e-12)


def test_more_demand_means_smaller_and_longer() -> None:
    """The paper's table: sizes fall and tokens rise with demand, at every quality."""
    for size in (1e9, 7e9, 7e10):
        made = [
            serve.serve(SHEET, serve.Goal(like_params=size), read=demand)
            for demand in (1e10, 1e12, 1e14)
        ]
        for name, sign in (("params", -1), ("tokens", 1), ("saving", 1), ("training", 1)):
            values = [one.value(name).value for one in made]
            assert (np.diff(values) * sign > 0).all(), name
        # The same demand matters less to a model that costs more to train.
    small, large = (
        serve.serve(SHEET, serve.Goal(like_params=n), read=1e12).value("saving").value
        for n in (1e9, 1e11)
    )
    assert small > large


def test_dear_writing_counts_as_more_demand() -> None:
    prices = serve.priced(1e15, 2.0, (0.4, 0.4, 0.04))
    assert prices.demand(1e12, 1e12) == pytest.approx(1.1e13)
    made = serve.serve(SHEET, serve.Goal(loss=2.1), written=1e12, prices=prices)
    plain = serve.serve(SHEET, serve.Goal(loss=2.1), written=1e12)
    assert made.value("params").value < plain.value("params").value
    usd = 6 * made.value("params").value * made.value("tokens").value * prices.train
    assert made.value("training").value == pytest.approx(usd)


def test_over_training_curve_and_where_it_pays() -> None:
    made = serve.over_trained(SHEET, 8e9, 15e12)
    n, d = made.value("same_loss_params").value, made.value("same_loss_tokens").value
    demand = made.value("pays_from").value
    assert 6 * 8e9 * 15e12 + 2 * 8e9 * demand == pytest.approx(6 * n * d + 2 * n * demand)
    assert made.value("loss_given_up").value > 0
    curve = serve.serve(SHEET, serve.Goal(like_params=n), read=demand, ratios=(15e12 / 8e9,))
    (row,) = next(iter(curve.tables.values()))
    assert row["params"] == pytest.approx(8e9, rel=1e-6)
    assert row["saving"] == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("goal", "more", "says"),
    [
        (serve.Goal(), {}, "like-params"),
        (serve.Goal(loss=2.0, like_flops=1e22), {}, "like-params"),
        (serve.Goal(loss=1.0), {}, "1.8172"),
        (serve.Goal(like_params=1e9), {"read": 2.0}, "1e+06 to 1e+20 tokens"),
        (serve.Goal(like_params=1e9), {"read": -1e12}, "not requests"),
        (serve.Goal(like_params=0.0), {}, "1000 to 1e+18"),
        (serve.Goal(like_flops=1e40), {}, "1000 to 1e+36"),
    ],
)
def test_absurd_demands_are_refused(goal: serve.Goal, more: dict[str, float], says: str) -> None:
    with pytest.raises(InputError) as error:
        serve.serve(SHEET, goal, **more)  # type: ignore[arg-type]
    assert says in str(error.value)


def test_tokens_in_trillions_are_refused() -> None:
    with pytest.raises(InputError, match="not trillions"):
        serve.over_trained(SHEET, 8e9, 15.0)


# Scale card: H100, 40 % utilisation, 2.35 USD, 1,275 W x .7 x 1.2 (docs/planning.md).
@pytest.mark.parametrize(
    ("flops", "hours", "usd", "mwh"),
    [(1e23, 70e3, 0.165e6, 75), (1e25, 7.02e6, 16.5e6, 7.52e3), (1e27, 702e6, 1.65e9, 752e3)],
)
def test_cost_reproduces_the_scale_card(flops: float, hours: float, usd: float, mwh: float) -> None:
    made = cost.cost(cost.hardware(), flops=flops)
    assert made.value("chip_hours").value == pytest.approx(hours, rel=0.01)
    assert made.value("usd").value == pytest.approx(usd, rel=0.01)
    assert made.value("energy").value == pytest.approx(mwh, rel=0.01)
    assert made.value("usd").low < made.value("usd").value < made.value("usd").high
    assert any("No carbon" in one for one in made.warnings)


def test_llama_65b_energy_and_carbon() -> None:
    """1,022,362 h x 400 W x 1.1 = 449 MWh, 173 t at .385 (Touvron et al. 2023, table 15)."""
    given = {"power": "400", "pue": "1.1", "grid": "0.385", "utilisation": "0.4"}
    by = cost.hardware("NVIDIA A100", given, "2023, United States")
    flops = 1_022_362 * 3600.0 * by.peak_flops * 0.4
    made = cost.cost(by, flops=flops, chips=2048)
    assert made.value("chip_hours").value == pytest.approx(1_022_362)
    assert made.value("days").value == pytest.approx(20.8, rel=0.01)
    assert made.value("energy").value == pytest.approx(449.8, rel=1e-3)
    assert made.value("carbon_location").value == pytest.approx(173.2, rel=1e-3)


def test_cost_of_a_loss_takes_the_laws_compute() -> None:
    made = cost.cost(cost.hardware(), sheet=SHEET, loss=2.1)
    spent = made.value("flops").value
    alone = cost.cost(cost.hardware(), flops=spent)
    assert made.value("usd").value == pytest.approx(alone.value("usd").value)
    assert made.version == SHEET.version


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"utilisation": "40"}, "0.001 to 1"),
        ({"price": "cheap"}, "LOW,MID,HIGH"),
        ({"pue": "1.3,1.2,1.1"}, "LOW,MID,HIGH"),
        ({"grid": "400"}, "0 to 2"),
        ({"grid": "0.4"}, "--grid-dated"),
    ],
)
def test_absurd_circumstances_are_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(InputError) as error:
        cost.hardware(given=given)
    assert says in str(error.value)


def test_unknown_chip_names_the_nearest() -> None:
    with pytest.raises(InputError, match="NVIDIA H100"):
        cost.hardware("NVIDIA H100 SXM5")
