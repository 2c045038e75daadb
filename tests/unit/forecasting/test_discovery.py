"""The formula that made a table ranks first or is tied with the first, and intervals hold it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from scaling import laws
from scaling.errors import InputError
from scaling.fitting.engine import fit
from scaling.forecasting import described, forms
from scaling.forecasting.candidates import Candidate
from scaling.forecasting.described import Ranked
from scaling.forecasting.directions import larger_runs, towards
from scaling.forecasting.discovery import Discovery, discover
from scaling.forecasting.formula import constants, formula_of
from scaling.forecasting.ranking import default_columns, study_of
from scaling.io.json_files import json_text
from scaling.runs.schema import RUN

RUNS = 100
NOISE = 0.003


def table(kind: str, seed: int = 0) -> pl.DataFrame:
    """Runs of a known truth with 0.3 % noise, over 2.6 decades of two sizes."""
    rng = np.random.default_rng(seed)
    n, d, lr = (np.exp(rng.uniform(*ends, RUNS)) for ends in ((18, 24), (20, 26), (-9, -4)))
    noise = np.exp(NOISE * rng.standard_normal(RUNS))
    bowl = (np.log(lr) - np.log(2e-3)) ** 2
    columns = {
        "chinchilla": {
            "params": n,
            "tokens": d,
            "loss": 1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28,
        },
        "interaction": {
            "width": n,
            "data": d,
            "loss": np.exp(
                4 - 0.06 * np.log(n) - 0.07 * np.log(d) + 0.0015 * np.log(n) * np.log(d)
            ),
        },
        "optimum": {"params": n, "lr": lr, "loss": 1.7 + 30 * n**-0.2 * np.exp(0.05 * bowl)},
        "one column": {"flops": n, "loss": 1.7 + 40 * n**-0.2},
    }[kind]
    return pl.DataFrame({**columns, "loss": columns["loss"] * noise})


# Form -> constants that its intervals must hold.
TRUTHS = {
    "chinchilla": ("additive", {"E": 1.69, "alpha_params": 0.34, "alpha_tokens": 0.28}),
    "interaction": ("bilinear in logs", {"c_width_data": 0.0015}),
    "optimum": ("power law, quadratic", {"c_lr_lr": 0.05, "best lr": 2e-3}),
    "one column": ("power law", {"E": 1.7, "A": 40.0, "alpha_flops": 0.2}),
}


@pytest.fixture(scope="module")
def found() -> dict[str, Discovery]:
    return {kind: discover(table(kind)) for kind in TRUTHS}


def named(found: Discovery, name: str) -> Ranked:
    return next(one for one in found.ranking if one.name == name)


@pytest.mark.parametrize("kind", TRUTHS)
def test_the_true_form_is_first_or_tied(kind: str, found: dict[str, Discovery]) -> None:
    one = named(found[kind], TRUTHS[kind][0])
    assert one.tied or one.number == 1
    # 0.3 % noise, and a little of what extrapolation adds.
    assert 0.8 * NOISE < one.error < 2 * NOISE


@pytest.mark.parametrize("kind", TRUTHS)
def test_intervals_hold_the_truth(kind: str) -> None:
    name, truth = TRUTHS[kind]
    form = next(one for one in forms.FORMS if one.name == name)
    held = []
    for seed in range(20):
        runs = table(kind, seed)
        study = study_of(runs, [one for one in runs.columns if one != "loss"], "loss")
        one = described.of_form(study, Candidate(name, False, form, forms.fit(form, study.rows)))
        ends = {c.name.split(" at ")[0]: (c.low, c.high) for c in (*one.constants, *one.derived)}
        held += [ends[name][0] <= value <= ends[name][1] for name, value in truth.items()]
    # 90 % intervals of 20 tables; three standard errors of a share of 20.
    assert np.mean(held) > 0.7


def test_ranked_by_error_with_a_yardstick_that_has_no_number(found: dict[str, Discovery]) -> None:
    ranking = found["chinchilla"].ranking
    errors = [one.error for one in ranking]
    assert errors == sorted(errors)
    assert [one.number for one in ranking if one.number] == list(
        range(1, 1 + sum(bool(one.number) for one in ranking))
    )
    process = named(found["chinchilla"], "Gaussian process")
    assert (process.number, process.known) == (0, "a yardstick: it has no formula")


def test_formulas_read_like_formulas(found: dict[str, Discovery]) -> None:
    one = named(found["chinchilla"], "additive")
    assert found["chinchilla"].best is one
    assert any(
        "Best: " in text and "of fewest constants" in text for text in found["chinchilla"].sentences
    )
    value = {c.name: f"{c.value:.4g}" for c in one.constants}
    assert one.formulas[""] == (
        f"loss = {value['E']} + {value['A_params']} params^-{value['alpha_params']} + "
        f"{value['A_tokens']} tokens^-{value['alpha_tokens']}"
    )
    assert one.known == "is chinchilla"
    assert named(found["one column"], "power law").known == "is power_law"
    law = named(found["chinchilla"], "kaplan_joint")
    assert law.known == "the law kaplan_joint" and law.intervals == "200 resamples by row"


def test_the_same_table_in_any_order_gives_the_same_answer() -> None:
    runs = table("one column").head(40)
    one, other = discover(runs), discover(runs.reverse())
    assert [(a.name, a.error) for a in one.ranking if not a.intervals.startswith("200")] == [
        (a.name, a.error) for a in other.ranking if not a.intervals.startswith("200")
    ]
    assert json_text(one.to_dict()) == json_text(discover(runs).to_dict())


@pytest.mark.parametrize("name", described.EQUALS)
def test_a_form_that_is_a_law_fits_what_the_law_fits(name: str) -> None:
    for law_name in described.EQUALS[name]:
        law = laws.get(law_name)
        columns = ("flops",) if law.generic else law.inputs
        rng = np.random.default_rng(2)
        x = {one: np.exp(rng.uniform(18, 24, 60)) for one in columns}
        y = sum(0.7 + 30 * column**-0.2 for column in x.values())
        target = y - 3.0 if law_name == "u_shaped" else y
        study = study_of(pl.DataFrame({**x, "loss": target}), columns, "loss")
        form = next(one for one in forms.FORMS if one.name == name)
        fitted = forms.fit(form, study.rows)
        formula = formula_of(form, study.inputs, study.rows, "loss", study.scale)
        values = constants(formula, study.inputs, study.rows, fitted.theta)
        assert law_name in described.equal_laws(formula, values)
        assert len(formula.names) == len(law.names)
        # Values of the form are fitted by the law without error.
        said = values_of(study.frame, study, Candidate(name, False, form, fitted))
        made = fit(
            study.frame.with_columns(loss=said),
            law,
            inputs=dict(zip(law.inputs, columns, strict=True)),
        )
        assert np.abs(made.residuals).max() < 1e-5, law_name


def values_of(frame: pl.DataFrame, study: object, one: Candidate) -> pl.Series:
    from scaling.forecasting.candidates import points_of, predict

    u, group = points_of(study.rows)  # type: ignore[attr-defined]
    return pl.Series(study.scale.back(predict(one, study.rows, u, group)))  # type: ignore[attr-defined]


def test_planned_runs_choose_what_is_held_out() -> None:
    study = study_of(table("chinchilla"), ("params", "tokens"), "loss")
    rows, inputs = study.rows, study.inputs
    wide = pl.DataFrame({"params": [1e12], "tokens": [1e10]})
    found = towards(rows, inputs, *inputs.points(wide))
    held = found.folds[0][0]
    u = rows.u[0] / rows.sd
    assert u[held, 0].mean() > 0.7 > 0.3 > abs(u[held, 1].mean())
    assert found.asked > 0.5 and "nearest to 1 planned run" in found.text
    inside = towards(
        rows, inputs, *inputs.points(pl.DataFrame({"params": [1e9], "tokens": [1e10]}))
    )
    assert inside.asked == 0.0 and inside.text.startswith("within the runs")
    assert np.isnan(larger_runs(rows, inputs).asked)
    far = towards(rows, inputs, *inputs.points(pl.DataFrame({"params": [1e16], "tokens": [1e18]})))
    assert "was not tested" in far.warning


def test_columns_are_read_or_named() -> None:
    runs = table("chinchilla").with_columns(
        flops=6 * pl.col("params") * pl.col("tokens"),
        lr=pl.Series(np.random.default_rng(5).uniform(1e-4, 1e-2, RUNS)),
        run=pl.Series([f"r{i}" for i in range(RUNS)]),
        corpus=pl.Series(["a", "b"] * (RUNS // 2)),
    )
    used, left = default_columns(runs, None, "loss")
    assert used == ("params", "tokens", "lr")
    assert left["flops"] == "follows from params, tokens"
    assert "text" in left["corpus"] and "too many" in left["run"]
    assert set(used) | set(left) | {"loss"} == set(runs.columns)
    assert "seed" in {one.name for one in RUN}


def test_groups_have_a_formula_each_and_no_law_file() -> None:
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(18, 24, 60))
    corpus = np.repeat(["code", "web"], 30)
    floor = np.where(corpus == "code", 1.0, 2.0)
    y = (floor + 40 * x**-0.2) * np.exp(NOISE * rng.standard_normal(60))
    found = discover(pl.DataFrame({"size": x, "corpus": corpus, "y": y}), target="y")
    one = named(found, "power law, partly pooled")
    assert list(one.formulas) == ["code", "web"]
    ends = {(c.group, c.name): (c.low, c.high) for c in one.constants}
    assert ends["code", "E"][1] < ends["web", "E"][0]
    assert any("Each group has a formula of its own" in text for text in found.sentences)
    assert any("they know no groups" in text for text in found.sentences)
    with pytest.raises(InputError, match="one for each group; found 'groups by corpus'"):
        found.save("mine")


def test_checkpoints_of_one_run_widen_intervals() -> None:
    rng = np.random.default_rng(0)
    x = np.exp(rng.uniform(18, 24, 120))
    run = np.repeat(np.arange(12), 10)
    shared = np.exp(0.01 * rng.standard_normal(12))[run]
    runs = pl.DataFrame({"run": run.astype(str), "flops": x, "loss": (1.7 + 40 * x**-0.2) * shared})
    apart = runs.with_columns(run=pl.Series([f"r{i}" for i in range(120)]))
    form = next(one for one in forms.FORMS if one.name == "power law")
    width = []
    for one in (runs, apart):
        study = study_of(one, ["flops"], "loss")
        fitted = Candidate("power law", False, form, forms.fit(form, study.rows))
        floor = described.of_form(study, fitted).constants[0]
        width.append(floor.high - floor.low)
    assert width[0] > 1.5 * width[1]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.with_columns(loss=pl.lit(2.0)), "all values of the target are equal"),
        (lambda t: t.head(2), "too few runs"),
        (lambda t: t.with_columns(tokens=pl.lit(float("nan"))), "column 'tokens'"),
        (lambda t: t.with_columns(params=pl.lit(1e9)), "column 'params': the column is constant"),
        (lambda t: t.drop("tokens"), "column 'tokens': missing column"),
        (
            lambda t: t.with_columns(dataset=pl.Series(["a", "b"] * (RUNS // 2))),
            "mixes conventions",
        ),
    ],
)
def test_bad_tables_get_a_sentence(change: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        discover(change(table("chinchilla")), inputs=["params", "tokens"])  # type: ignore[operator]


def test_unknown_number_and_notebook(found: dict[str, Discovery]) -> None:
    one = found["one column"]
    with pytest.raises(InputError, match="no such formula; found 99; allowed: 1 to"):
        one.form(99)
    assert "<table>" in one._repr_html_() and "power law" in repr(one)
    assert "| 1 | power law |" in one._repr_markdown_()
    assert set(one.table.columns) >= {"number", "name", "error", "tied", "known", "formula"}
    assert one.constants.filter(pl.col("number") == 1)["name"].to_list()[:3] == [
        "E",
        "A",
        "alpha_flops",
    ]
    assert json.loads(json_text(one.to_dict()))["ranking"][0]["equals"] == ["power_law"]


def test_a_saved_law_is_a_law(
    found: dict[str, Discovery], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = found["chinchilla"]
    path = one.save("mine")
    assert path == Path("laws/mine.py") and "mine" in laws.load()
    runs = table("chinchilla")
    made = scaling.fit(runs, "mine", resamples=0)
    # The solver's optimum, without priors, lies within the intervals that were found.
    for c in named(one, "additive").constants:
        assert c.low <= made.values[c.name] <= c.high
    ahead = scaling.forecast(runs, runs.head(2), laws=["mine"], quantiles=[0.5])
    assert ahead["value"].to_numpy() == pytest.approx(runs["loss"].head(2).to_numpy(), rel=0.1)
    before = path.read_bytes()
    with pytest.raises(InputError, match="is there already"):
        one.save("mine")
    one.save("mine", named(one, "coupled").number, replace=True)
    assert "gamma" in laws.get("mine").names and path.read_bytes() != before
    with pytest.raises(InputError, match="this law is in the package"):
        one.save("chinchilla")
    with pytest.raises(InputError, match="not a name for a law"):
        one.save("../mine")
    assert [file.name for file in Path("laws").iterdir()] == ["mine.py"]


@pytest.mark.parametrize("kind", ["interaction", "optimum", "one column"])
def test_every_formula_can_be_saved(
    kind: str, found: dict[str, Discovery], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for one in found[kind].formulas():
        found[kind].save("mine", one.number, replace=True)
        law = laws.get("mine")
        said = scaling.fit(table(kind), law, resamples=0).residuals
        assert np.isfinite(said).all() and law.target == "loss"
