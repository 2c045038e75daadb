"""Results print what matters, and come back from their files as they were."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import scaling
from scaling.laws._law import Law, Param
from tests.support import ROOT
from tests.support.simulated import chinchilla_runs

RUNS = chinchilla_runs()
PLANNED = pl.DataFrame({"name": ["a"], "params": [7e10], "tokens": [1.4e12]})

RESULTS: dict[str, Callable[[], Any]] = {
    "fit": lambda: scaling.fit(RUNS, "chinchilla", resamples=20, profile=True),
    "fit without resamples": lambda: scaling.fit(RUNS, "chinchilla", resamples=0),
    "forecast": lambda: scaling.forecast(RUNS, PLANNED),
    "backtest": lambda: scaling.backtest(RUNS),
    "exponents": lambda: scaling.exponents(RUNS, resamples=10),
    "comparison": lambda: scaling.compare(RUNS, ["chinchilla", "kaplan_joint"]),
    "plan": lambda: scaling.plan.optimal(RUNS, flops=1e24, resamples=10),
    "plan without intervals": lambda: scaling.plan.optimal("published:chinchilla", flops=1e24),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    made = RESULTS[name]()
    file = made.save(tmp_path / "made.json")
    again = scaling.load(file)
    assert type(again) is type(made)
    assert str(again) == str(made)
    assert json.dumps(again.to_dict(), default=str) == json.dumps(made.to_dict(), default=str)
    assert again.to_frame().equals(made.to_frame())
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == file.read_bytes()
    json.loads(file.read_bytes(), parse_constant=pytest.fail)


def test_a_stored_fit_predicts_to_the_bit(tmp_path: Path) -> None:
    made = scaling.fit(RUNS, "chinchilla", resamples=20)
    again = scaling.load(made.save(tmp_path / "made.json"))
    x = {"params": np.array([7e10]), "tokens": np.array([1.4e12])}
    assert again.predict_draws(x).tobytes() == made.predict_draws(x).tobytes()
    assert again.se == made.se


def test_a_law_of_the_table_comes_back(tmp_path: Path) -> None:
    law = scaling.laws.get("families")
    assert law.example is not None
    runs, _ = law.example(np.random.default_rng(0))
    made = scaling.fit(runs, "families", target=law.target, resamples=0)
    again = scaling.load(made.save(tmp_path / "made.json"))
    assert again.values == made.values


def test_a_law_without_a_name_is_not_stored(tmp_path: Path) -> None:
    own = Law(
        name="own", title="own", formula="a x", citation="none", inputs=("x",),
        params=(Param("a", "1", "slope"),), predict=lambda p, x: p.a * x.x,
    )  # fmt: skip
    runs = pl.DataFrame({"x": [1.0, 2.0, 3.0, 4.0], "loss": [1.0, 2.1, 2.9, 4.0]})
    made = scaling.fit(runs, own, resamples=0)
    with pytest.raises(scaling.InputError, match=r"no name finds.*found 'own'"):
        made.save(tmp_path / "own.json")
    assert not (tmp_path / "own.json").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read as JSON"),
        ("[1]", "not a stored result"),
        (
            '{"format": "scaling/2", "result": "fit"}',
            "found 'scaling/2'; allowed: format scaling/1",
        ),
        ('{"format": "scaling/1", "result": "fit"}', "lacks a part"),
        ('{"format": "scaling/1", "result": "pickle"}', "not a stored result"),
    ],
)
def test_a_file_that_is_no_result_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "made.json"
    file.write_text(text)
    with pytest.raises(scaling.InputError, match=f"made.json.*{words}"):
        scaling.load(file)


def test_a_result_is_kept_as_json_alone(tmp_path: Path) -> None:
    made = scaling.fit(RUNS, "chinchilla", resamples=0)
    with pytest.raises(scaling.InputError, match=r"found '\.pkl'; allowed: \.json"):
        made.save(tmp_path / "made.pkl")


def test_without_resamples_no_standard_error_is_silent() -> None:
    made = scaling.fit(RUNS, "chinchilla", resamples=0)
    with pytest.raises(scaling.InputError, match=r"No resamples were asked for.*resamples=1000"):
        _ = made.se
    assert "No resamples were asked for" in str(made)
    assert all(np.isfinite(one) for one in scaling.fit(RUNS, "chinchilla").se.values())


def test_a_printed_fit_has_values_units_intervals_and_runs() -> None:
    made = scaling.fit(RUNS, "chinchilla", resamples=20)
    lines = str(made).splitlines()
    low, high = made.interval()["alpha"]
    row = next(line for line in lines if line.startswith("alpha"))
    assert f"{made.values['alpha']:.6g}" in row and f"{low:.4g} to {high:.4g}" in row
    assert len(lines) < 20 and max(map(len, lines)) < 300
    assert "over 24 rows" in str(made) and "20 resamples by row" in str(made)
    assert "beyond these the law extrapolates" in str(made)
    assert repr(made) == str(made)


def test_predictions_of_a_table_say_how_far_out_they_lie() -> None:
    made = scaling.fit(RUNS, "chinchilla", resamples=20)
    table = made.predict(pl.DataFrame({"params": ["7B", "100B"], "tokens": ["20B", "20B"]}))
    arrays = {"params": np.array([7e9, 1e11]), "tokens": np.array([2e10, 2e10])}
    assert table["value"].to_list() == made.predict(arrays).tolist()
    low, high = np.quantile(made.predict_draws(arrays), [0.05, 0.95], axis=0)
    assert table["low90"].to_list() == low.tolist() and table["high90"].to_list() == high.tolist()
    far = np.log10(1e11 / made.ranges["params"][1])
    assert table["decades_out"].to_list() == pytest.approx([0.0, far])


def test_a_plan_of_a_fit_has_its_figures() -> None:
    made = scaling.fit(RUNS, "chinchilla", resamples=20)
    plan = scaling.plan.optimal(made, flops=1e24)
    e, a, b, alpha, beta = (made.values[n] for n in ("E", "A", "B", "alpha", "beta"))
    g = (alpha * a / (beta * b)) ** (1 / (alpha + beta))
    best = g * (1e24 / 6) ** (beta / (alpha + beta))
    assert plan.value("params").value == pytest.approx(best, rel=1e-6)
    assert plan.value("loss").value == pytest.approx(
        e + a / best**alpha + b / (1e24 / 6 / best) ** beta, rel=1e-6
    )
    assert np.isfinite(plan.value("params").low)
    bare = scaling.plan.optimal(scaling.fit(RUNS, "chinchilla", resamples=0), flops=1e24)
    assert any("no resamples" in one for one in bare.warnings)


def test_plans_read_units() -> None:
    texts = scaling.plan.over_trained("published:chinchilla", params="8B", tokens="15T")
    numbers = scaling.plan.over_trained("published:chinchilla", params=8e9, tokens=15e12)
    assert str(texts) == str(numbers)
    for name in ("no-such-study", "gpt-4.5"):
        with pytest.raises(scaling.InputError, match="no such stored fit"):
            scaling.plan.optimal(name, flops=1e24)
    with pytest.raises(scaling.InputError, match="no such file"):
        scaling.plan.optimal("no-such-table.csv", flops=1e24)


def test_a_version_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = scaling.read_version(root=ROOT)
    assert made.id[:12] in str(made)
    assert set(made.forecasts["study"]) <= set(made.fits)
    with pytest.raises(scaling.InputError, match="no such version"):
        scaling.read_version("ffffffffffffff", root=ROOT)


def test_importing_the_package_imports_no_tables_and_no_charts() -> None:
    heavy = "{'altair', 'pandas', 'narwhals', 'polars', 'plotext', 'typer'}"
    for code in ("import scaling", "import scaling; dir(scaling)"):
        text = f"import sys; {code}; sys.exit(bool({heavy} & set(sys.modules)))"
        assert subprocess.run([sys.executable, "-c", text], cwd=ROOT, check=False).returncode == 0
    text = (
        "import sys, contextlib\nsys.argv = ['scaling', '--help']\n"
        "from scaling.cli.main import main\nwith contextlib.suppress(SystemExit): main()\n"
        "sys.exit(bool({'altair', 'pandas', 'narwhals', 'plotext'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
