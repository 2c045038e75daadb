"""Plans of training: closed forms against numerical optima, stored fits, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scaling import laws
from scaling.errors import InputError
from scaling.io.json_files import json_text
from scaling.laws import chinchilla
from scaling.laws._surface import compute_optimal, surface
from scaling.plan import allocation, stored
from scaling.plan.answer import text
from scaling.plan.flops import CONTEXT, VOCABULARY, counted, transformer_counting

SHAPES = ("chinchilla", "coupled", "kaplan_joint", "over_training", "fine_grained")
RANGES = {
    "E": (0.5, 2.5), "A": (50, 5e3), "B": (50, 5e3), "alpha": (0.2, 0.6), "beta": (0.2, 0.6),
    "gamma": (0.4, 1.5), "Nc": (1e12, 1e15), "Dc": (1e12, 1e15), "alpha_N": (0.05, 0.1),
    "alpha_D": (0.06, 0.12), "a": (50, 300), "b": (50, 300), "eta": (0.1, 0.2), "c": (0.3, 1.0),
    "g": (1, 5),
}  # fmt: skip
seeds = st.integers(0, 10_000)
TRUE = {"E": 1.8, "A": 480.0, "B": 2085.0, "alpha": 0.35, "beta": 0.37}


def draw(name: str, seed: int, count: int = 3) -> tuple[laws.Law, np.ndarray]:
    rng, law = np.random.default_rng(seed), laws.get(name)
    return law, np.stack([rng.uniform(*RANGES[one], count) for one in law.names], axis=1)


def study(folder: Path, law: str = "chinchilla", draws: bool = True) -> stored.Sheet:
    """A stored fit made of true values and draws around them."""
    rng, family = np.random.default_rng(0), laws.get(law)
    center = np.array([TRUE[name] for name in family.names])
    drawn = center * np.exp(0.02 * rng.standard_normal((200, len(center))))
    record = {
        "law": law, "target": "loss", "objective": 1.0, "objective_name": "x", "rows": 50,
        "outcome": "converged", "certificate": {"objective": 1.0, "starts": 3},
        "ranges": {}, "parameters": {k: {"value": TRUE[k]} for k in family.names},
    }  # fmt: skip
    document = {
        "fits": [record],
        "metric": "loss@x",
        "ranges": {"params": [1e7, 1e10], "tokens": [1e9, 1e11], "flops": [1e17, 1e21]},
    }
    home = folder / "data" / "fits"
    home.mkdir(parents=True)
    (home / "toy.json").write_text(json_text(document), encoding="utf-8")
    if draws:
        frame = pl.DataFrame(
            {
                "law": [law] * drawn.size,
                "parameter": [name for name in reversed(family.names) for _ in range(200)],
                "value": drawn[:, ::-1].T.reshape(-1),
            }
        )
        frame.write_parquet(home / "toy.parquet")
    return stored.read("toy", folder)


@settings(max_examples=20)
@given(seeds, st.sampled_from(SHAPES), st.floats(18, 27))
def test_closed_form_is_the_numerical_optimum(seed: int, name: str, decade: float) -> None:
    law, theta = draw(name, seed)
    one, log_c = surface(law, theta), np.log(10.0) * decade
    found = allocation.numerical(one, log_c)
    known = np.isfinite(found)  # the closed form has no bounds, the search has
    assert np.allclose(found[known], one.log_params(log_c)[known], rtol=0, atol=1e-8)
    assert known.any() or name == "kaplan_joint"


@settings(max_examples=20)
@given(seeds, st.sampled_from(SHAPES), st.floats(18, 30), st.floats(18, 30))
def test_surface_is_the_law(seed: int, name: str, log_n: float, log_d: float) -> None:
    law, theta = draw(name, seed)
    x = {"params": [np.exp(log_n)], "tokens": [np.exp(log_d)], "granularity": [1.0]}
    one = surface(law, theta)
    sizes = np.full(3, log_n), np.full(3, log_d)
    assert np.allclose(one.loss(*sizes), law(theta, x)[:, 0], rtol=1e-12)
    goal = one.loss(*sizes)
    assert np.allclose(one.log_tokens(sizes[0], goal), log_d, atol=1e-6)
    assert np.allclose(one.log_params_for(sizes[1], goal), log_n, atol=1e-6)


@settings(max_examples=20)
@given(seeds, st.sampled_from(SHAPES))
def test_least_compute_reaches_the_loss_and_is_optimal(seed: int, name: str) -> None:
    law, theta = draw(name, seed)
    one = surface(law, theta)
    goal = one.loss(*allocation.optimal_sizes(one, np.log(1e22)))
    log_n, log_d = one.least_compute(goal)
    assert np.allclose(np.log(6) + log_n + log_d, np.log(1e22), atol=1e-8)
    assert np.allclose(log_n, one.log_params(np.log(1e22)), atol=1e-8)


def test_exact_counting_is_the_transformer_count() -> None:
    sizes = np.geomspace(1e4, 1e15, 301)
    count = transformer_counting()
    want = counted(sizes, CONTEXT, VOCABULARY, 100.0)
    assert np.abs(count.log_rate(np.log(sizes)) - want).max() < 1e-9
    # Long contexts cost more than 6N, embeddings that are only looked up cost less.
    assert count.log_rate(np.log([1e12])) > np.log(6e12)
    found = allocation.valley(_one(), count, flops=1e22)
    assert np.allclose(np.exp(found.log_c), 1e22, rtol=1e-9)
    for off in (-0.01, 0.01):
        log_n = found.log_n + off
        assert (found.one.loss(log_n, found.log_c - count.log_rate(log_n)) > found.loss).all()


def _one() -> allocation.Surface:
    return surface(laws.get("chinchilla"), np.array([list(TRUE.values())]))


def test_valley_has_its_edges_and_prices() -> None:
    found = allocation.valley(_one(), allocation.SIX_ND, flops=1e23)
    for edge in found.near(0.01):
        loss = found.one.loss(edge, found.log_c - np.log(6) - edge)
        assert loss == pytest.approx(1.01 * found.loss, rel=1e-9)
    loss, more = found.misfit(0.5)
    log_n = found.log_n + np.log(0.5)
    tokens = np.log(more) + found.log_c - np.log(6) - log_n
    assert found.one.loss(log_n, tokens) == pytest.approx(found.loss, rel=1e-12)
    assert loss > found.loss and more > 1.0
    assert np.isinf(found.misfit(1e-3)[1]).all()  # too small for any amount of data


def test_stored_fit_answers_with_interval_version_and_distance(tmp_path: Path) -> None:
    sheet = study(tmp_path)
    made = allocation.optimal(sheet, flops=1e24)
    n = made.value("params")
    assert n.low < n.value < n.high
    assert n.value == pytest.approx(compute_optimal(chinchilla.LAW, TRUE, 1e24)[0])
    assert made.distance["flops"] == pytest.approx(3.0)
    assert any("FAR EXTRAPOLATION" in one for one in made.warnings)
    assert made.version.startswith("fit ")
    assert json.loads(json_text(made.to_dict()))["version"] == made.version
    assert "Decades outside" in text(made)
    assert allocation.optimal(sheet, flops=1e20).warnings == []
    back = allocation.optimal(sheet, loss=made.value("loss").value)
    assert back.value("flops").value == pytest.approx(1e24)
    assert back.value("flops").low < 1e24 < back.value("flops").high


def test_draws_are_joint(tmp_path: Path) -> None:
    """Draw i of the parquet is one vector, whatever the order of its parameters."""
    made = study(tmp_path).get("chinchilla")
    assert np.allclose(np.median(made.draws, axis=0), made.theta, rtol=0.02)


def test_without_draws_it_says_so(tmp_path: Path) -> None:
    made = allocation.optimal(study(tmp_path, draws=False), flops=1e20)
    assert np.isnan(made.value("params").low)
    assert "No draws" in made.warnings[0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"flops": 0.0}, "1000 to 1e+36 FLOP"),
        ({"flops": -1e20}, "1000 to 1e+36 FLOP"),
        ({"flops": 1e40}, "1000 to 1e+36 FLOP"),
        ({"flops": float("nan")}, "1000 to 1e+36 FLOP"),
        ({"loss": 1.2}, "> 1.8"),
        ({}, "one of the two"),
        ({"flops": 1e20, "loss": 2.0}, "one of the two"),
        ({"flops": 1e20, "level": 1.5}, "between 0 and 1"),
        ({"flops": 1e20, "share": 0.0}, "1e-06 to 1"),
        ({"flops": 1e20, "law": "coupled"}, "chinchilla"),
    ],
)
def test_absurd_input_is_refused(tmp_path: Path, wrong: dict[str, float], says: str) -> None:
    with pytest.raises(InputError, match="allowed") as error:
        allocation.optimal(study(tmp_path), **wrong)  # type: ignore[arg-type]
    assert says in str(error.value)


def test_unknown_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such stored fit"):
        stored.read("nothing", tmp_path)
    with pytest.raises(InputError, match="1 to 4"):
        stored.read("published:chinchilla:9")
    with pytest.raises(InputError, match="unknown law"):
        stored.read("published:chinchila")


def test_a_table_is_fitted_with_every_approach() -> None:
    rng = np.random.default_rng(0)
    budgets = np.repeat([1e18, 1e19, 1e20, 1e21], 9)
    best_n = compute_optimal(chinchilla.LAW, TRUE, 1e18)[0] * (budgets / 1e18) ** 0.5
    params = best_n * np.tile(np.geomspace(0.1, 10, 9), 4)
    tokens = budgets / 6 / params
    loss = laws.get("chinchilla")(TRUE, {"params": params, "tokens": tokens})
    noisy = loss * np.exp(1e-3 * rng.standard_normal(36))
    runs = pl.DataFrame({"params": params, "tokens": tokens, "flops": budgets, "loss": noisy})
    sheet = stored.fitted(runs, ("isoflop", "chinchilla", "envelope"), label="toy", resamples=20)
    rows = {row["law"]: row for row in allocation.side_by_side(sheet, 1e22)}
    truth = compute_optimal(chinchilla.LAW, TRUE, 1e22)[0]
    for name in ("isoflop", "chinchilla"):
        assert rows[name]["params"] == pytest.approx(truth, rel=0.3)
        assert rows[name]["params_low"] < rows[name]["params"] < rows[name]["params_high"]
    assert "note" in rows["envelope"]
