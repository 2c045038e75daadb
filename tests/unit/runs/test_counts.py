"""Counts and losses mean the same whichever way they come in, and a unit is never assumed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import scaling
from scaling.errors import InputError
from scaling.runs import counts, unit_words
from tests.support.command import cli

# Besiroglu et al. 2024, arXiv:2404.10102, table 2.
E, A, B, ALPHA, BETA = 1.8172, 482.01, 2085.43, 0.3478, 0.3658
MAPS = ("--map", "params=params_M:M", "--map", "tokens=tokens_B:B")
BARE = ("--map", "params=params_M", "--map", "tokens=tokens_B")


def loss(params: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """The law with those constants."""
    return E + A / params**ALPHA + B / tokens**BETA


def sizes() -> tuple[np.ndarray, np.ndarray]:
    """30M to 1B params, 1B to 50B tokens."""
    n, d = np.meshgrid(np.geomspace(30e6, 1e9, 5), np.geomspace(1e9, 50e9, 5))
    return n.ravel(), d.ravel()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same runs in full, and in M and B; a planned run in both."""
    monkeypatch.chdir(tmp_path)
    n, d = sizes()
    # Through every row without noise, a law would have no intervals.
    measured = loss(n, d) * (1.0 + 1e-3 * np.sin(np.arange(len(n))))
    whole = {"params": n, "tokens": d, "loss": measured}
    pl.DataFrame(whole).write_csv("full.csv")
    pl.DataFrame({"params_M": n / 1e6, "tokens_B": d / 1e9, "loss": measured}).write_csv("mb.csv")
    pl.DataFrame({"params": [7e9], "tokens": [1.4e11]}).write_csv("at.csv")
    pl.DataFrame({"params_M": [7000.0], "tokens_B": [140.0]}).write_csv("at_mb.csv")
    pl.DataFrame({"params": ["7B"], "tokens": ["140 B"]}).write_csv("at_text.csv")
    return tmp_path


def medians(file: str) -> float:
    """The median of the one planned run."""
    table = pl.read_csv(file).filter(pl.col("quantile") == 0.5)
    return float(table["value"][0])


# Tables of a verb ---------------------------------------------------------------------------------


def test_a_header_with_a_unit_needs_the_unit(files: Path) -> None:
    done = cli("forecast", "mb.csv", "--at", "at_mb.csv", "--out", "o.csv", *BARE)
    assert done.returncode == 2
    assert "column 'params_M': the name speaks of 'M', and no unit is stated" in done.stderr
    assert "--map params=params_M:M, or --map params=params_M:1" in done.stderr
    assert not (files / "o.csv").exists()


@pytest.mark.parametrize("at", ["at_mb.csv", "at_text.csv"])
def test_stated_units_give_the_forecast_of_the_table_in_full(at: str, files: Path) -> None:
    assert cli("forecast", "full.csv", "--at", "at.csv", "--out", "whole.csv").returncode == 0
    done = cli("forecast", "mb.csv", "--at", at, "--out", "o.csv", *MAPS)
    assert done.returncode == 0, done.stderr
    assert medians("o.csv") == pytest.approx(medians("whole.csv"), rel=1e-9)
    truth = float(loss(np.array([7e9]), np.array([1.4e11]))[0])
    assert medians("o.csv") == pytest.approx(truth, rel=0.02)


VERBS = {
    "fit": "TABLE --law chinchilla --resamples 0 --json",
    "backtest": "TABLE",
    "compare": "TABLE --law chinchilla --law kaplan_joint",
    "exponents": "TABLE --resamples 5 --json",
    "returns": "TABLE --params 7B --tokens 140B --resamples 5 --json",
    "regime": "TABLE --resamples 5",
    "laws": "--for TABLE",
    "plan optimal": "--runs TABLE --flops 1e22 --resamples 5",
    "plan next": "--runs TABLE --law chinchilla --budget 1e20 --params 7B --tokens 140B",
    "plan serve": "--runs TABLE --law chinchilla --read 1T --write 100B --like-params 7B",
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_refuses_a_header_and_takes_its_unit(verb: str, files: Path) -> None:
    words = [*verb.split(), *VERBS[verb].replace("TABLE", "mb.csv").split()]
    refused = cli(*words, *BARE)
    assert refused.returncode == 2, refused.stdout
    assert "--map params=params_M:M" in refused.stderr
    done = cli(*words, *MAPS)
    assert done.returncode == 0, done.stderr


def test_a_missing_column_names_the_one_with_its_unit(files: Path) -> None:
    done = cli("fit", "mb.csv", "--law", "chinchilla")
    assert "--map params=params_M:M" in done.stderr


@pytest.mark.parametrize(
    ("header", "unit"),
    [
        ("params_M", "M"),
        ("params_B", "B"),
        ("params (billions)", "B"),
        ("params (M)", "M"),
        ("n_params_millions", "M"),
        ("paramsM", "M"),
        ("Params [Bn]", "B"),
        ("params_1e6", "M"),
        ("params (10^9)", "B"),
        ("params_in_thousands", "k"),
        ("model size, trillion", "T"),
        ("params_k", "k"),
    ],
)
def test_units_in_headers(header: str, unit: str) -> None:
    frame = pl.DataFrame({header: [3e7, 1e9]})
    with pytest.raises(InputError, match="no unit is stated") as caught:
        counts.table(frame, {"params": (header, None)})
    assert f"params={header}:{unit}" in str(caught.value)
    assert counts.table(frame, {"params": (header, "1")})["params"].to_list() == [3e7, 1e9]


@pytest.mark.parametrize("header", ["params", "N", "model_size", "n_params", "tokens seen", "num"])
def test_headers_without_units(header: str) -> None:
    assert unit_words.named(header) is None


@pytest.mark.parametrize(
    ("column", "values", "meant"),
    [
        ("params", [30.0, 100.0, 1000.0], "M"),
        ("params", [0.03, 0.06], "B"),
        ("params", [7.0, 13.0, 70.0], "B"),
        ("params", [9_999.0, 1e9], "M"),
        ("params_active", [3.0], "B"),
        ("params_non_embedding", [30.0], "M"),
        ("tokens", [1.0, 26.0], "B"),
        ("tokens", [26_000.0, 300_000.0], "M"),
        ("tokens_unique", [5.0, 1e12], "B"),
    ],
)
def test_sizes_of_no_language_model(column: str, values: list[float], meant: str) -> None:
    frame = pl.DataFrame({column: values})
    with pytest.raises(InputError, match="too small for a language model") as caught:
        counts.table(frame, {})
    assert f"Probably --map {column}={column}:{meant};" in str(caught.value)
    assert f"--map {column}={column}:1" in str(caught.value)
    assert "row 1" in str(caught.value)
    for unit, factor in (("1", 1.0), ("M", 1e6)):
        if max(values) * factor <= 1e16:
            made = counts.table(frame, {column: (column, unit)})[column]
            assert made.to_list() == [value * factor for value in values]


def test_sizes_that_are_believed() -> None:
    frame = pl.DataFrame(
        {
            "params": [1e4, 1e12],
            "params_non_embedding": [768.0, 1e9],
            "tokens": [1e6, 1e13],
            "context": [128, 2048],
            "batch_tokens": [512, 1024],
            "examples": [3, 30],
            "flops": [1.0, 2.0],
            "x": [1, 2],
        }
    )
    assert counts.table(frame, {}).equals(frame)


def test_a_text_states_its_unit_in_the_cell() -> None:
    frame = pl.DataFrame(
        {"params": ["5k", "1.3B", None, " "], "tokens": ["500K", "26 b", "1e9", ""]}
    )
    made = counts.table(frame, {})
    assert made["params"].to_list() == [5e3, 1.3e9, None, None]
    assert made["tokens"].to_list() == [5e5, 26e9, 1e9, None]
    with pytest.raises(InputError, match="row 2, column 'params': too small"):
        counts.table(pl.DataFrame({"params": ["1.3B", "0.03"]}), {})


def test_checkpoints_begin_with_few_tokens() -> None:
    curve = {"tokens": [4096.0, 1e5, 1e7], "loss": [9.0, 6.0, 4.0]}
    assert counts.table(pl.DataFrame(curve), {}).height == 3
    assert counts.table(pl.DataFrame(curve | {"run": ["a"] * 3}), {}).height == 3
    with pytest.raises(InputError, match="row 1, column 'tokens'"):
        counts.table(pl.DataFrame(curve | {"run": ["a", "b", "b"]}), {})
    with pytest.raises(InputError, match="row 1, column 'tokens'"):
        counts.table(pl.DataFrame(curve | {"params": [1e7, 1e8, 1e9]}), {})
    with pytest.raises(InputError, match="row 1, column 'tokens'"):
        counts.table(pl.DataFrame({"tokens": [4096.0, 1e5]}), {})


def test_a_unit_on_numbers_in_full_is_refused() -> None:
    with pytest.raises(InputError, match="row 2, column 'size': more than any run has") as caught:
        counts.table(pl.DataFrame({"size": [1e3, 3e9]}), {"params": ("size", "B")})
    assert "3e+18" in str(caught.value)


def test_two_units_are_refused() -> None:
    with pytest.raises(InputError, match="row 2, column 'size': a unit in the cell and in the"):
        counts.table(pl.DataFrame({"size": ["3", "7B"]}), {"params": ("size", "B")})


def test_a_unit_that_there_is_not_is_refused(files: Path) -> None:
    done = cli("fit", "mb.csv", "--law", "chinchilla", "--map", "params=params_M:G")
    assert done.returncode == 2
    assert "unknown unit of params; found 'G'; allowed: 1, k, M, B, T" in done.stderr


TYPED: dict[str, Any] = {
    "string": pa.array(["30M", "1.3B"]),
    "large_string": pa.array(["30M", "1.3B"], pa.large_string()),
    "dictionary": pa.array(["30M", "1.3B"]).dictionary_encode(),
    "dictionary of numbers": pa.array(["30000000", "1300000000"]).dictionary_encode(),
    "decimal": pa.array([Decimal("30000000"), Decimal("1300000000")], pa.decimal128(20, 0)),
    "int32": pa.array([30_000_000, 1_300_000_000], pa.int32()),
    "uint64": pa.array([30_000_000, 1_300_000_000], pa.uint64()),
    "float": pa.array([3e7, 1.3e9]),
}


@pytest.mark.parametrize("name", ["params", "size"])
@pytest.mark.parametrize("kind", TYPED)
def test_every_dtype_reads_the_same(kind: str, name: str, tmp_path: Path) -> None:
    from scaling.cli.commands._table import read

    file = tmp_path / "runs.parquet"
    pq.write_table(pa.table({name: TYPED[kind], "loss": pa.array([3.0, 2.5])}), file)
    made = read(file, [f"params={name}"] if name != "params" else [])
    assert made.frame["params"].cast(pl.Float64).to_list() == [3e7, 1.3e9]


def test_categories_are_numbers_to_the_law_too() -> None:
    n, d = sizes()
    texts = {"params": [f"{v / 1e6:.9f}M" for v in n], "tokens": [f"{v / 1e9:.9f}B" for v in d]}
    runs = pl.DataFrame({**texts, "loss": loss(n, d).astype(str)}).cast(pl.Categorical)
    assert scaling.fit(runs, "chinchilla", resamples=0).values["alpha"] == pytest.approx(
        ALPHA, rel=1e-4
    )


# Options ------------------------------------------------------------------------------------------


def test_options_take_letters(files: Path) -> None:
    words = ("returns", "full.csv", "--resamples", "5", "--json")
    letters = cli(*words, "--params", "7B", "--tokens", "140B")
    digits = cli(*words, "--params", "7e9", "--tokens", "1.4e11")
    assert json.loads(letters.stdout) == json.loads(digits.stdout)
    refused = cli(*words, "--params", "7", "--tokens", "140B")
    assert refused.returncode == 2
    assert "Probably --params 7B; where it is no language model, --params 7:1" in refused.stderr
    assert "is not a count; found '7x'" in cli(*words, "--params", "7x", "--tokens", "1B").stderr
    assert cli("plan", "hparams", "--params", "1B", "--tokens", "20B").returncode == 0
    assert cli("plan", "data", "--flops", "1e22", "--unique", "100B:0.5").returncode == 0


@pytest.mark.parametrize(
    ("text", "value"),
    [("8B", 8e9), ("8:B", 8e9), ("8e9", 8e9), ("30:1", 30.0), ("350 M", 3.5e8), (1e6, 1e6)],
)
def test_one_count(text: object, value: float) -> None:
    assert counts.count(text, "params") == value


# Python -------------------------------------------------------------------------------------------


def test_python_reads_units_as_the_command_line_does() -> None:
    n, d = sizes()
    full = pl.DataFrame({"params": n, "tokens": d, "loss": loss(n, d)})
    small = full.with_columns(pl.col("params") / 1e6, pl.col("tokens") / 1e9)
    with pytest.raises(InputError, match="too small for a language model") as caught:
        scaling.fit(small, "chinchilla", resamples=0)
    assert 'inputs={"params": "params:M"}' in str(caught.value)
    with pytest.raises(InputError, match="too small for a language model"):
        scaling.backtest(small)
    at = pl.DataFrame({"params": ["7B"], "tokens": ["140B"]})
    with pytest.raises(InputError, match="too small for a language model") as caught:
        scaling.forecast(small, at)
    assert 'inputs=("params:M", ...)' in str(caught.value)
    with pytest.raises(InputError, match="too small for a language model"):
        scaling.forecast(full, pl.DataFrame({"params": [7.0], "tokens": [1.4e11]}))
    units = {"params": "params:M", "tokens": "tokens:B"}
    made = scaling.fit(small, "chinchilla", inputs=units, resamples=0)
    assert made.values["B"] == pytest.approx(
        scaling.fit(full, "chinchilla", resamples=0).values["B"], rel=1e-6
    )
    listed = ("params:M", "tokens:B")
    planned = pl.DataFrame({"params": [7000.0], "tokens": [140.0]})
    one = scaling.forecast(small, planned, inputs=listed, quantiles=[0.5])
    two = scaling.forecast(full, at, quantiles=[0.5])
    assert one["value"][0] == pytest.approx(two["value"][0], rel=1e-9)
    three = scaling.forecast(small, at, inputs=listed, quantiles=[0.5])
    assert three["value"][0] == pytest.approx(two["value"][0], rel=1e-9)
    as_they_are = {"params": "params:1", "tokens": "tokens:1"}
    assert scaling.fit(small, "chinchilla", inputs=as_they_are, resamples=0).rows == len(n)


def test_python_refuses_a_header_with_a_unit() -> None:
    n, d = sizes()
    runs = pl.DataFrame({"params_M": n / 1e6, "tokens": d, "loss": loss(n, d)})
    with pytest.raises(InputError, match="speaks of 'M'") as caught:
        scaling.fit(runs, "chinchilla", inputs={"params": "params_M"}, resamples=0)
    assert 'inputs={"params": "params_M:M"}' in str(caught.value)
    made = scaling.fit(runs, "chinchilla", inputs={"params": "params_M:M"}, resamples=0)
    assert made.values["alpha"] == pytest.approx(ALPHA, rel=1e-4)


def test_python_refuses_a_column_that_there_is_not() -> None:
    n, d = sizes()
    runs = pl.DataFrame({"params": n, "tokens": d, "loss": loss(n, d)})
    with pytest.raises(InputError, match="column 'size': missing column"):
        scaling.fit(runs, "chinchilla", inputs={"params": "size:M"}, resamples=0)
    with pytest.raises(InputError, match="column 'size': missing column"):
        scaling.forecast(runs, runs.head(1), inputs=("size:M", "tokens"))


def test_curves_of_other_names_are_not_affected() -> None:
    x = np.geomspace(1.0, 100.0, 12)
    runs = pl.DataFrame({"n_B": x, "y": 20.0 + 30.0 / x**0.5})
    at = pl.DataFrame({"n_B": [300.0]})
    made = scaling.forecast(runs, at, inputs=["n_B"], target="y", quantiles=[0.5])
    assert made["value"][0] == pytest.approx(20.0 + 30.0 / 300.0**0.5, rel=0.05)
    beside = runs.with_columns(params=pl.lit(3))
    again = scaling.forecast(beside, at, inputs=["n_B"], target="y", quantiles=[0.5])
    assert again["value"][0] == made["value"][0]


# Units of results ---------------------------------------------------------------------------------


def units_shown(done: Any) -> set[str]:
    """Units of the parameters of a fit in JSON."""
    assert done.returncode == 0, done.stderr
    return {one["unit"] for one in json.loads(done.stdout)["parameters"].values()}


def test_the_unit_is_the_tables(files: Path) -> None:
    n, d = sizes()
    sized = {"params": n, "tokens": d}
    pl.DataFrame(sized | {"bpb": loss(n, d) / 3}).write_csv("bpb.csv")
    words = ("--law", "chinchilla", "--resamples", "0", "--json")
    stated = cli("fit", "bpb.csv", *words, "--map", "loss=bpb:bits/byte")
    assert units_shown(stated) == {"bits/byte", "1"}
    assert units_shown(cli("fit", "bpb.csv", *words, "--target", "bpb")) == {"unit of bpb", "1"}
    assert units_shown(cli("fit", "full.csv", *words)) == {"unit of loss", "1"}
    long = {"metric": "m", "metric_kind": "bits_per_byte", "unit": "bits/byte"}
    named = {name: [value] * len(n) for name, value in long.items()}
    pl.DataFrame(sized | named | {"value": loss(n, d) / 3}).write_csv("long.csv")
    assert units_shown(cli("fit", "long.csv", *words, "--metric", "m")) == {"bits/byte", "1"}


def test_a_unit_of_another_column_is_not_the_targets() -> None:
    n, d = sizes()
    results = {"value": n / n.max(), "unit": ["fraction"] * len(n), "loss": loss(n, d)}
    made = scaling.fit(
        pl.DataFrame({"params": n, "tokens": d, **results}), "chinchilla", resamples=0
    )
    assert made.target_unit == "unit of loss"


def test_an_accuracy_in_per_cent_is_no_fraction(files: Path) -> None:
    x = np.geomspace(1e18, 1e22, 12)
    share = 0.25 + 0.5 / (1.0 + (1e20 / x) ** 0.8)
    table = {"flops": x, "accuracy": share, "unit": ["percent"] * 12}
    pl.DataFrame(table).write_csv("acc.csv")
    done = cli("fit", "acc.csv", "--law", "emergent", "--target", "accuracy", "--resamples", "0",
               "--json")  # fmt: skip
    shown = units_shown(done)
    assert "percent" in shown and "fraction" not in shown


def test_plans_say_the_unit_of_the_loss(files: Path) -> None:
    def unit(*words: str) -> str:
        done = cli("plan", "optimal", *words, "--flops", "1e22", "--json")
        assert done.returncode == 0, done.stderr
        figures = json.loads(done.stdout)["figures"]
        return str(next(one["unit"] for one in figures if one["name"] == "loss"))

    assert unit("published:kaplan_joint") == "nats/token"
    assert unit("published:chinchilla") == "nats/token"
    table = ("--runs", "full.csv", "--resamples", "0", "--law", "kaplan_joint")
    assert unit(*table) == "unit of loss"
    assert unit(*table, "--map", "loss=loss:bits/token") == "bits/token"


def test_perplexity_becomes_nats(files: Path) -> None:
    n, d = sizes()
    pl.DataFrame({"params": n, "tokens": d, "ppl": np.exp(loss(n, d))}).write_csv("ppl.csv")
    words = ("fit", "ppl.csv", "--law", "chinchilla", "--resamples", "0", "--json")
    bare = cli(*words, "--map", "loss=ppl")
    assert bare.returncode == 2 and "--map loss=ppl:perplexity" in bare.stderr
    wrong = cli(*words, "--map", "loss=ppl:nats/token")
    assert wrong.returncode == 2 and "too high for a loss in nats/token" in wrong.stderr
    done = cli(*words, "--map", "loss=ppl:perplexity")
    assert units_shown(done) == {"nats/token", "1"}
    found = json.loads(done.stdout)["parameters"]
    assert found["E"]["value"] == pytest.approx(E, rel=1e-4)


def test_perplexity_of_a_long_table_becomes_nats(files: Path) -> None:
    n, d = sizes()
    long = {
        "params": n,
        "tokens": d,
        "metric": ["perplexity@w"] * len(n),
        "value": np.exp(loss(n, d)),
    }
    words = ("fit", "long.csv", "--law", "chinchilla", "--resamples", "0", "--json")
    pl.DataFrame(long | {"unit": ["perplexity"] * len(n)}).write_csv("long.csv")
    done = cli(*words, "--metric", "perplexity@w")
    assert units_shown(done) == {"nats/token", "1"}
    pl.DataFrame(long | {"unit": ["nats/token"] * len(n)}).write_csv("long.csv")
    done = cli(*words, "--metric", "perplexity@w")
    assert done.returncode == 2 and "too high for a loss in nats/token" in done.stderr
