"""Every plan says what its figures rest on: the study's model, or one law with the model beside it.

A new plan has an example here, by one law of a table of runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import scaling
from scaling import laws, plan
from scaling.plan import Answer, stored
from scaling.plan.answer import BY_MODEL, Basis, html, markdown, text
from scaling.plan.comparison import pair
from scaling.plan.costs import hardware
from scaling.plan.data_limits import Pool
from scaling.plan.serving import Goal
from scaling.plan.stored import Sheet
from tests.support import ROOT

RATE = 0.01


# Values of inputs other than params and tokens.
MORE = {"tokens_unique": (1e9, 1e10, 1e11), "granularity": (1.0, 4.0, 16.0)}
MORE |= {"params_nonzero": np.geomspace(3e7, 3e9, 5), "sparsity": (0.0, 0.5, 0.75)}
MORE |= {"params_active": np.geomspace(3e7, 3e9, 5), "experts": (1.0, 4.0, 16.0)}


def table_of(name: str) -> pl.DataFrame:
    """Runs of a law with .1 % of noise: its own example, or its published constants on a grid."""
    law, rng = laws.get(name), np.random.default_rng(0)
    if law.example is not None:
        return law.example(rng)[0]
    sizes = {"params": np.geomspace(3e7, 3e9, 5), "tokens": np.geomspace(1e9, 1e11, 5)}
    grid = np.meshgrid(*(sizes.get(one, MORE.get(one)) for one in law.inputs), indexing="ij")
    x = {one: values.ravel() for one, values in zip(law.inputs, grid, strict=True)}
    if "tokens_unique" in x:
        x["tokens_unique"] = np.minimum(x["tokens_unique"], x["tokens"])
    theta = np.array([[law.published[0].values[one] for one in law.names]])
    noise = np.exp(1e-3 * rng.standard_normal(len(x["tokens"])))
    return pl.DataFrame(x | {"loss": law(theta, x)[0] * noise})


def sheet_of(law: str, target: str = "loss") -> Sheet:
    return stored.fitted(table_of(law), (law,), label="runs", resamples=60, target=target)


def sweep() -> Sheet:
    rows = []
    for n, d in ((1e8, 4e9), (2e8, 4e9), (4e8, 8e9), (8e8, 8e9), (8e8, 1.6e10)):
        best, most = 30.0 * n**-0.5 * d**0.05, 20.0 * d**0.5
        for lr in best * 2.0 ** np.arange(-2, 3):
            for batch in most * 2.0 ** np.arange(-2, 3):
                bowl = 0.01 * np.log(lr / best) ** 2 + 0.004 * np.log(batch / most) ** 2
                scatter = 1.0 + 3e-4 * np.sin(len(rows) ** 2)
                loss = (1.8 + 400 * n**-0.34 + 400 * d**-0.3) * (1.0 + bowl) * scatter
                rows.append((n, d, lr, batch, loss))
    names = ["params", "tokens", "lr", "batch_tokens", "loss"]
    runs = pl.DataFrame(rows, schema=names, orient="row")
    return stored.fitted(runs, ("step_lr", "step_batch"), label="sweep", resamples=40)


def compared() -> Answer:
    a = table_of("chinchilla")
    both = pair(a, a.with_columns(loss=1.02 * pl.col("loss")), resamples=40)
    return plan.compare(both, flops=1e23)


def cost() -> Answer:
    by = hardware("NVIDIA H100 SXM5 80GB")
    return plan.cost(by, sheet=sheet_of("chinchilla"), loss=2.4, law="chinchilla")


def mixture() -> Answer:
    runs = table_of("mixture_exponential")
    return plan.mixture(sheet_of("mixture_exponential"), runs)


def hparams() -> Answer:
    made = sweep()
    return plan.hparams(made, made, params=4e8, tokens=8e9)


def by_chinchilla(function: Callable[..., Answer], **how: object) -> Callable[[], Answer]:
    return lambda: function(sheet_of("chinchilla"), law="chinchilla", **how)


EXAMPLES: dict[str, Callable[[], Answer]] = {
    "compare": compared,
    "cost": cost,
    "data": lambda: plan.data(sheet_of("data_constrained"), flops=1e21, pools=[Pool(1e10)]),
    "experts": lambda: plan.experts(sheet_of("joint_moe"), flops=1e20),
    "hparams": hparams,
    "mixture": mixture,
    "moe": lambda: plan.moe(sheet_of("fine_grained"), flops=1e20),
    "optimal": by_chinchilla(plan.optimal, flops=1e22),
    "over_trained": by_chinchilla(plan.over_trained, params=1e9, tokens=1e12),
    "recommend": by_chinchilla(plan.recommend, budget=1e21, flops=1e23),
    "serve": lambda: plan.serve(
        sheet_of("chinchilla"), Goal(loss=2.4), read=1e12, written=1e12, law="chinchilla"
    ),
    "sparsity": lambda: plan.sparsity(sheet_of("sparse_connected"), params=1e8, flops=1e20),
    "target": lambda: plan.target(sheet_of("ladder", "accuracy"), accuracy=0.85, flops=1e23),
}


def test_every_plan_has_an_example() -> None:
    assert set(EXAMPLES) == set(plan.__all__) - {"Answer"}
    verbs = {one.stem for one in (ROOT / "scaling/cli/commands/plan").glob("[!_]*.py")}
    assert verbs - {"next"} <= set(EXAMPLES)  # `recommend` is its function


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_by_one_law_the_models_answer_stands_beside(name: str) -> None:
    made = EXAMPLES[name]()
    assert made.basis.one_law
    assert made.basis.model, made.basis.why_not
    known = made.to_dict()
    assert known["by_one_law"] is True
    shared = {one["name"] for one in known["model"]} & {one["name"] for one in known["figures"]}
    assert shared, "the same figure, by both"
    for one in known["model"]:
        assert one["missing"] < 1.0 or np.isfinite(one["value"]), one
    for show in (text, html, markdown):
        assert BY_MODEL in show(made).replace("&#x27;", "'"), show.__name__
        assert "By one law" in show(made)


def test_an_answer_by_one_law_has_the_models_or_the_reason() -> None:
    with pytest.raises(ValueError, match="or says why not"):
        Basis(one_law=True)


def test_without_the_runs_the_answer_says_so() -> None:
    sheet = replace(sheet_of("fine_grained"), table=None)
    made = plan.moe(sheet, flops=1e20)
    assert not made.basis.model
    assert "The study's model has no answer here: the fitted runs are not at hand" in text(made)
    assert made.to_dict()["no_model"].startswith("the fitted runs are not at hand")


def test_mixtures_measured_in_part_have_no_model_of_the_whole() -> None:
    runs = table_of("mixture_exponential")
    metrics = runs["metric"].unique(maintain_order=True).to_list()
    assert len(metrics) > 1
    mixtures = runs["mixture"].unique(maintain_order=True).to_list()
    one = {mixture: metrics[i % len(metrics)] for i, mixture in enumerate(mixtures)}
    part = runs.filter(pl.col("mixture").replace_strict(one) == pl.col("metric"))
    made = plan.mixture(sheet_of("mixture_exponential"), part)
    assert made.basis.one_law
    assert made.basis.why_not.startswith("no mixture was measured on every weighed validation")


def test_published_constants_have_no_model() -> None:
    made = plan.moe(stored.read("published:fine_grained"), flops=1e20)
    assert made.basis == Basis(one_law=False)
    assert made.to_dict()["model"] == []
    assert BY_MODEL not in text(made)


def test_what_stands_beside_is_the_forecast() -> None:
    """`plan data` and `plan moe` give the figures of `scaling forecast` for the planned run."""
    runs = table_of("fine_grained")
    made = EXAMPLES["moe"]()
    run = {name: made.value(name).value for name in ("params", "tokens", "granularity")}
    known = scaling.forecast(runs, pl.DataFrame([run]), quantiles=(0.05, 0.5, 0.95))
    ((_, one, _),) = made.basis.model
    assert [one.low, one.value, one.high] == known["value"].to_list()


def test_a_sweep_by_the_model_finds_its_optimum() -> None:
    made = EXAMPLES["hparams"]()
    found = {name: one for name, one, _ in made.basis.model}
    n, d = 4e8, 8e9
    best, most = 30.0 * n**-0.5 * d**0.05, 20.0 * d**0.5
    assert found["learning_rate"].value == pytest.approx(best, rel=0.3)
    assert found["batch"].value == pytest.approx(most, rel=0.5)
    assert found["loss"].value == pytest.approx(1.8 + 400 * n**-0.34 + 400 * d**-0.3, rel=0.01)


def test_equal_interventions_are_even_by_the_model() -> None:
    a = table_of("chinchilla")
    made = plan.compare(pair(a, a, resamples=40), params=1e9, tokens=1e11)
    found = {name: one for name, one, _ in made.basis.model}
    assert found["difference"].value == 0.0
    assert found["difference"].low < 0.0 < found["difference"].high
    assert found["probability"].value == pytest.approx(0.5, abs=0.1)
