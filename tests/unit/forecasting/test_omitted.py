"""Columns that matter and are not read: found, said with evidence, used where both tables have
them; chance and labels are not taken for news."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import scaling
from scaling.forecasting.inputs import chosen_inputs
from scaling.forecasting.omitted import columns_that_matter
from tests.support.command import cli

SIZES = ("params", "tokens")
PUBLISHED = Path("data/published")


def sizes(rows: int, seed: int) -> tuple[np.random.Generator, pl.DataFrame]:
    """Runs of Chinchilla's law with half a per cent of noise."""
    rng = np.random.default_rng(seed)
    n, d = 10 ** rng.uniform(7, 10, rows), 10 ** rng.uniform(9, 12, rows)
    loss = 1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28
    noise = np.exp(0.005 * rng.standard_normal(rows))
    return rng, pl.DataFrame({"params": n, "tokens": d, "loss": loss * noise})


def with_lr(rows: int = 60, seed: int = 0) -> pl.DataFrame:
    """The loss has a minimum at a learning rate of 1e-3."""
    rng, runs = sizes(rows, seed)
    lr = 10 ** rng.uniform(-4, -2, rows)
    return runs.with_columns(lr=lr, loss=pl.col("loss") + 0.1 * (np.log10(lr) + 3) ** 2)


def with_corpus(rows: int = 90, seed: int = 0) -> pl.DataFrame:
    """The loss is 3 % higher on one of three corpora."""
    rng, runs = sizes(rows, seed)
    corpus = rng.choice(["c4", "pile", "web"], rows)
    return runs.with_columns(corpus=corpus, loss=pl.col("loss") * (1 + 0.03 * (corpus == "web")))


PLANNED = pl.DataFrame({"params": [2e10], "tokens": [1e12]})


@pytest.mark.parametrize(("runs", "name"), [(with_lr(), "lr"), (with_corpus(), "corpus")])
def test_a_column_that_matters_is_found(runs: pl.DataFrame, name: str) -> None:
    found = columns_that_matter(runs, SIZES, "loss")
    assert [one.name for one in found] == [name]
    assert found[0].gain > 0.3 and found[0].p < 0.001
    shuffled = columns_that_matter(runs.sample(fraction=1, shuffle=True, seed=4), SIZES, "loss")
    assert shuffled[0].gain == pytest.approx(found[0].gain)


def test_chance_is_not_taken_for_news() -> None:
    """Five columns of noise in 100 tables: about 1 % of tables may say something."""
    wrong = 0
    for seed in range(100):
        rng, runs = sizes(40, seed)
        noise = {f"z{k}": 10 ** rng.uniform(-4, -2, 40) for k in range(4)}
        runs = runs.with_columns(word=rng.choice(["a", "b", "c"], 40), **noise)
        wrong += bool(columns_that_matter(runs, SIZES, "loss"))
    assert wrong <= 4


@pytest.mark.parametrize("rows", [12, 20, 60])
def test_what_follows_from_the_inputs_is_no_news(rows: int) -> None:
    for seed in range(10):
        _, runs = sizes(rows, seed)
        n, d = pl.col("params"), pl.col("tokens")
        same = runs.with_columns(
            flops=6 * n * d, ratio=d / n, inner=0.9 * n - 2e6, depth=(n**0.3).round(), size=n
        )
        assert columns_that_matter(same, SIZES, "loss") == []


def test_labels_and_other_results_are_not_looked_at() -> None:
    runs = with_corpus()
    web = (runs["corpus"] == "web").cast(pl.Float64)
    named = runs.drop("corpus").with_columns(
        **dict.fromkeys(("seed", "run_id", "val_acc", "mmlu", "date"), web)
    )
    assert columns_that_matter(named, SIZES, "loss") == []
    glossary = runs.drop("corpus").with_columns(glossary=web)  # no loss of that name
    assert [one.name for one in columns_that_matter(glossary, SIZES, "loss")] == ["glossary"]


def test_rows_of_one_run_count_once() -> None:
    """Ten runs of twelve checkpoints, each with an error of its own, and a column that varies from
    run to run: without the run's name it looks like news."""
    found = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        run = np.repeat(np.arange(40), 5)
        n, d = np.repeat(10 ** rng.uniform(7, 10, 40), 5), 10 ** rng.uniform(9, 12, 200)
        own = np.repeat(0.01 * rng.standard_normal(40), 5)
        loss = (1.69 + 406.4 * n**-0.34 + 410.7 * d**-0.28) * np.exp(own)
        wd = np.repeat(rng.uniform(0, 1, 40), 5)
        runs = pl.DataFrame({"run": run, "params": n, "tokens": d, "wd": wd, "loss": loss})
        found += bool(columns_that_matter(runs, SIZES, "loss"))
    assert found <= 2


def test_pooled_corpora_of_a_published_table_are_found() -> None:
    table = pl.read_csv(PUBLISHED / "gadre-overtraining/runs.csv").filter(metric="loss@c4-val")
    found = {one.name for one in columns_that_matter(table, SIZES, "value")}
    assert "training_data" in found


def test_it_is_said_where_the_planned_runs_lack_the_column(tmp_path: Path) -> None:
    made = scaling.forecast(with_lr(), PLANNED)
    said = "not read, though it matters: lr (held-out error falls by"
    for text in (str(made), made._repr_html_(), made._repr_markdown_()):
        assert said in text
    with_lr().write_csv(tmp_path / "runs.csv")
    PLANNED.write_csv(tmp_path / "planned.csv")
    call = ("forecast", tmp_path / "runs.csv", "--at", tmp_path / "planned.csv")
    assert said in " ".join(cli(*call).stdout.split())
    assert any(said in note for note in json.loads(cli(*call, "--json").stdout)["notes"])
    assert said in " ".join(cli("backtest", tmp_path / "runs.csv").stdout.split())
    quiet = scaling.forecast(sizes(60, 0)[1], PLANNED)
    assert not any("matters" in note for note in quiet.notes)


def test_it_is_used_where_both_tables_have_it_and_when_named() -> None:
    at = PLANNED.with_columns(lr=pl.lit(1e-3))
    made = scaling.forecast(with_lr(), at)
    assert any("lr is an input too: both tables have it" in note for note in made.notes)
    named = scaling.forecast(with_lr(), at, inputs=[*SIZES, "lr"])
    assert made["value"].to_list() == named["value"].to_list()
    assert not any("matters" in note for note in named.notes)
    only = scaling.forecast(with_lr(), at, inputs=SIZES)
    assert any("not read, though it matters: lr" in note for note in only.notes)
    law = scaling.forecast(with_lr(), at, laws=["chinchilla"])  # takes no third input
    assert any("not read, though it matters: lr" in note for note in law.notes)


def test_a_group_is_used_where_all_planned_runs_are_of_a_known_one() -> None:
    runs = with_corpus()
    known, new = (PLANNED.with_columns(corpus=pl.lit(name)) for name in ("web", "books"))
    assert chosen_inputs(runs, known, "loss")[0] == (*SIZES, "corpus")
    assert chosen_inputs(runs, new, "loss")[0] == SIZES
    assert (
        chosen_inputs(
            runs.rename({"corpus": "source"}), known.rename({"corpus": "source"}), "loss"
        )[0]
        == SIZES
    )


@pytest.mark.parametrize(
    "name", ["run_name", "seed", "id", "date", "source", "flops", "step", "acc"]
)
def test_some_columns_are_never_used_by_themselves(name: str) -> None:
    runs = with_corpus().with_columns((pl.col("corpus") == "web").cast(pl.Float64).alias(name))
    at = PLANNED.with_columns(pl.lit(1.0).alias(name))
    assert chosen_inputs(runs.drop("corpus"), at, "loss")[0] == SIZES


def test_labels_are_no_inputs_of_tables_without_params_either() -> None:
    runs = with_lr().rename({"params": "size"})
    runs = runs.with_columns(seed=pl.int_range(pl.len()), val_acc=1 / pl.col("loss"))
    used, notes = chosen_inputs(runs, runs.head(2), "loss")
    assert used == ("size", "tokens", "lr")
    assert "seed (tells runs apart" in notes[0]


def test_it_is_cheap() -> None:
    rng, runs = sizes(200, 0)
    runs = runs.with_columns(**{f"z{k}": rng.uniform(0, 1, 200) for k in range(10)})
    started = time.process_time()
    columns_that_matter(runs, SIZES, "loss")
    assert time.process_time() - started < 1.0
