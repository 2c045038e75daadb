"""Plans of data, routed experts and hyperparameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scaling.errors import InputError
from scaling.plan import data_limits as data
from scaling.plan import routed_experts as moe
from scaling.plan import step_laws as hparams
from scaling.plan import stored
from scaling.plan.data_limits import Pool

SHEET = stored.read("published:data_constrained")
EXPERTS = stored.read("published:fine_grained")
RD = 15.387756


def test_plenty_of_data_is_seen_once() -> None:
    made = data.data(SHEET, flops=1e21, pools=[Pool(1e15)])
    assert made.value("epochs").value < 1.0
    assert made.value("loss").value == pytest.approx(made.value("loss_with_fresh_tokens").value)
    assert made.value("next_token_worth").value == 1.0


def test_scarce_data_cost_loss_and_shrink_the_model() -> None:
    made = [data.data(SHEET, flops=1e23, pools=[Pool(u)]) for u in (1e12, 1e11, 1e10)]
    losses = [one.value("loss").value for one in made]
    assert losses == sorted(losses)
    assert made[-1].value("epochs").value > made[0].value("epochs").value
    assert any("15 epochs" in one for one in made[-1].warnings)
    # The optimum: a little more or less of N at the same compute is worse.
    fit, theta = SHEET.get("data_constrained"), SHEET.get("data_constrained").theta[None]
    log_n = np.log([made[1].value("params").value])
    rest = np.log(1e23 / 6.0)
    here = data.loss(fit, theta, log_n, rest - log_n, 1e11)
    for off in (-0.01, 0.01):
        assert data.loss(fit, theta, log_n + off, rest - log_n - off, 1e11) > here


@settings(max_examples=30)
@example([(9.0, 2.0), (13.0, 2.0)], 8.0)
@example([(9.0, 0.0)], 14.0)
@given(
    st.lists(st.tuples(st.floats(9, 13), st.floats(-2, 2)), min_size=1, max_size=4),
    st.floats(8, 15),
)
def test_pools_are_spent_best(pools: list[tuple[float, float]], decade: float) -> None:
    made = [Pool(10.0**size, float(np.exp(quality))) for size, quality in pools]
    tokens, scale = np.array([10.0**decade]), np.array([RD])
    epochs = data.shares(made, tokens, scale)[:, 0]
    assert sum(p.tokens * e for p, e in zip(made, epochs, strict=True)) == pytest.approx(
        tokens[0], rel=1e-4
    )
    # A token more is worth the same everywhere that was touched, and less where not.
    worth = [
        p.quality * np.exp(-max(e - 1, 0) / RD)
        for p, e in zip(made, epochs, strict=True)
        if e > 1 + 1e-5
    ]
    assert not worth or np.ptp(worth) <= 1e-5 * max(worth)
    for one, seen in zip(made, epochs, strict=True):
        if worth and seen == 0.0:
            assert one.quality <= max(worth) * (1 + 1e-5)


def test_better_pool_is_repeated_until_the_other_is_worth_it() -> None:
    epochs = data.shares([Pool(1e11, 2.0), Pool(1e12)], np.array([1e12]), np.array([RD]))
    assert epochs[:, 0] == pytest.approx([10.0, 0.0])
    both = data.shares([Pool(1e11, 2.0), Pool(1e12)], np.array([3e12]), np.array([RD]))
    assert both[0, 0] - both[1, 0] == pytest.approx(RD * np.log(2.0), rel=1e-4)


def test_wall_is_where_the_optimum_sees_the_stock() -> None:
    made = data.data(SHEET, flops=1e24, pools=[Pool(1e12)])
    (rows,) = (rows for title, rows in made.tables.items() if title.startswith("The wall"))
    assert [row["stock"] for row in rows] == [1e14, 3e14, 1e15]
    at = data.data(SHEET, flops=rows[1]["flops"], pools=[Pool(3e14)])
    free = rows[1]["flops"] / 6.0 / at.value("params_with_fresh_tokens").value
    assert free == pytest.approx(3e14, rel=1e-6)


def test_filtering_must_pay_for_repetition() -> None:
    made = data.data(SHEET, flops=1e23, pools=[Pool(1e11)])
    (rows,) = (rows for title, rows in made.tables.items() if title.startswith("Filtering"))
    needed = [row["worth_needed"] for row in rows]
    assert needed[0] == pytest.approx(1.0)
    assert needed == sorted(needed)


@pytest.mark.parametrize("text", ["-5", "1", "much", "1e12:0", "1e12:nan", "1e30"])
def test_absurd_pools_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="allowed"):
        Pool.of(text)


def test_pools_and_budget_are_needed() -> None:
    with pytest.raises(InputError, match="unique"):
        data.data(SHEET, flops=1e22, pools=[])
    with pytest.raises(InputError, match="1000 to"):
        data.data(SHEET, flops=0.0, pools=[Pool(1e12)])
    with pytest.raises(InputError, match="no fit of this law"):
        data.data(EXPERTS, flops=1e22, pools=[Pool(1e12)])


def test_fine_experts_pay_until_routing_costs_more() -> None:
    made = moe.moe(EXPERTS, flops=1e22)
    (rows,) = made.tables.values()
    losses = [row["loss"] for row in rows]
    assert min(losses) == pytest.approx(made.value("loss").value)
    small = moe.moe(EXPERTS, flops=1e18)
    assert small.value("granularity").value <= made.value("granularity").value
    for row in rows:
        rate = moe.counting(64.0, row["granularity"]).log_rate(np.log([row["params"]]))
        assert np.exp(rate[0]) * row["tokens"] == pytest.approx(1e22)
        assert row["active"] == pytest.approx(row["params"] * 12 / 516)


def test_memory_limits_the_experts() -> None:
    free = moe.moe(EXPERTS, flops=1e22)
    tight = moe.moe(EXPERTS, flops=1e22, memory=80e9)
    assert tight.value("params").value == pytest.approx(40e9)
    assert tight.value("tokens").value > free.value("tokens").value
    assert tight.value("loss").value > free.value("loss").value
    with pytest.raises(InputError, match="Bytes, not GB"):
        moe.moe(EXPERTS, flops=1e22, memory=80)


def test_hyperparameters_follow_the_step_laws() -> None:
    sheets = [stored.read(f"published:{name}") for name in ("step_lr", "step_batch")]
    made = hparams.hparams(*sheets, params=1e9, tokens=1e11, loss=2.5)
    assert made.value("learning_rate").value == pytest.approx(1.79 * 1e9**-0.713 * 1e11**0.307)
    assert made.value("batch").value == pytest.approx(0.58 * 1e11**0.571)
    assert made.value("critical_batch").value == pytest.approx(2e8 / 2.5 ** (1 / 0.21))
    with pytest.raises(InputError, match="not trillions"):
        hparams.hparams(*sheets, params=1e9, tokens=0.1)
