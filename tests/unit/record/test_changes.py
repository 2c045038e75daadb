"""What changed between two versions: rows, what moved parameters, new runs that stand out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling.document.blocks import Cell, Report, Section, Table, Text, all_blocks
from scaling.document.render import html
from scaling.document.report_json import load, to_json, with_section
from scaling.fitting.engine import fit
from scaling.fitting.study_record import FitRecord, Parameter
from scaling.io.tables import write_table
from scaling.pipeline.publish import publish
from scaling.record.changes.attribution import STEPS, attribute_changes
from scaling.record.changes.history_section import parameter_history
from scaling.record.changes.history_section import section as history
from scaling.record.changes.new_run_test import RATE, forecast_new_runs, holm, outside
from scaling.record.changes.rows import Rows, compared, read
from scaling.record.changes.section import points, section, written
from scaling.record.versions.ledger import Entry
from scaling.record.versions.verify import verify
from scaling.report.places import CHANGES_TEXT, HISTORY_TEXT
from scaling.runs.row_identity import listed
from tests.support.publish_project import NOON, fill

DELTA = 1e-3


def runs(count: int = 40, seed: int = 0) -> pl.DataFrame:
    """Runs of a Chinchilla law, in the columns of a list of rows."""
    rng = np.random.default_rng(seed)
    params, tokens = 10 ** rng.uniform(7.5, 9.5, count), 10 ** rng.uniform(9, 11, count)
    loss = 1.7 + 400 / params**0.34 + 410 / tokens**0.28
    return pl.DataFrame(
        {
            "run": [f"r{i}" for i in range(count)],
            "at": "final",
            "params": params,
            "tokens": tokens,
            "loss": loss * np.exp(rng.normal(0, 0.003, count)),
        }
    )


def entry(table: pl.DataFrame, law: str = "chinchilla") -> FitRecord:
    """What the fit stage records of a law, each parameter with a tenth of it as standard error."""
    record = FitRecord.of(fit(table, law), None, None)
    parameters = {
        name: replace(one, se=0.1 * abs(record.values[name]))
        for name, one in record.parameters.items()
    }
    return replace(record, parameters=parameters)


# --------------------------------------------------------------------------- rows


@given(st.lists(st.sampled_from(["same", "added", "revised", "withdrawn"]), min_size=1))
def test_rows_are_told_apart(kinds: list[str]) -> None:
    table = pl.DataFrame({"run": [f"r{i // 2}" for i in range(len(kinds))], "at": "final",
                          "loss": np.arange(len(kinds)) + 1.0, "kind": kinds})  # fmt: skip
    # Two rows of one place are told apart by their order, so only the last may come or go.
    last = table["run"].is_last_distinct()
    table = table.with_columns(
        kind=pl.when(last | (pl.col("kind") == "revised")).then("kind").otherwise(pl.lit("same"))
    )
    old = table.filter(pl.col("kind") != "added").drop("kind")
    moved = pl.col("loss") + 0.5 * (pl.col("kind") == "revised")
    new = table.filter(pl.col("kind") != "withdrawn").with_columns(loss=moved).drop("kind")
    made = compared(old, new)
    assert made.counts() == {name: kinds_of(table, name) for name in made.counts()}
    for mask, whole in ((made.old, old), (made.new, new)):
        kept = made.table.filter(pl.Series(mask, dtype=pl.Boolean))
        assert sorted(kept["loss"]) == sorted(whole["loss"])


def test_a_correction_names_each_column_with_both_values() -> None:
    old = runs(3)
    was = old.row(1, named=True)
    hit = pl.col("run") == "r1"
    new = old.with_columns(
        loss=pl.when(hit).then(2.5).otherwise("loss"),
        tokens=pl.when(hit).then(None).otherwise("tokens"),
    )
    columns = {"tokens": [was["tokens"], None], "loss": [was["loss"], 2.5]}
    made = list(compared(old, new).corrections())
    assert made == [{"run": "r1", "at": "final", "columns": columns}]
    told = {"study": "s", "rows": {"revised": 3}, "corrected": made}
    (text,) = (one for one in points({"old": "v", "studies": [told]}) if one.startswith("s: "))
    pairs = f"tokens {was['tokens']:.12g} -> empty, loss {was['loss']:.12g} -> 2.5"
    assert text.endswith(f" Corrected: r1 (final): {pairs}; and 2 more.")


def test_changes_of_older_versions_have_no_corrections_and_read_as_before() -> None:
    rows = {"added": 1, "revised": 2, "withdrawn": 0, "same": 3}
    (_, text) = points({"old": "v", "studies": [{"study": "s", "rows": rows}]})
    assert text == "s: 1 rows added, 2 revised, 0 removed, 3 unchanged."


def kinds_of(table: pl.DataFrame, name: str) -> int:
    return int((table["kind"] == name).sum())


def test_a_column_that_only_one_version_lists_revises_nothing() -> None:
    old = runs(5)
    new = old.with_columns(tokenizer=pl.lit("bpe"), recorded=pl.lit("2030-01-01"))
    assert compared(old, new).counts() == {"added": 0, "revised": 0, "withdrawn": 0, "same": 5}


def test_rows_are_listed_and_read_again(tmp_path: Path) -> None:
    texts = ("metric", "dataset", "seed", "split", "axis_name", "checkpoint")
    numbers = ("shots", "step", "examples", "axis", "epochs")
    whole = (
        runs(3)
        .drop("at")
        .with_columns(
            run=pl.Series(["=1+1", "'=2", "a|b"]),
            **{name: pl.lit(None, pl.String) for name in texts},
            **{name: pl.lit(None, pl.Float64) for name in numbers},
            observed=pl.lit(date(2030, 1, 1)),
            flags=pl.Series(["copied_value", None, None]),
        )
    )
    whole = whole.with_columns(step=pl.Series([10.0, 20.0, None]), checkpoint=pl.lit("final"))
    table = listed(whole)
    assert table.columns == ["run", "at", "observed", "params", "tokens", "loss", "step"]
    assert table["at"].to_list() == ["step 10.0", "step 20.0", "final"]
    write_table(tmp_path / "fits/s.csv", table)
    again = read(tmp_path, "s")
    assert again is not None
    assert again.drop("observed").to_dicts() == table.drop("observed").to_dicts()
    assert read(tmp_path, "other") is None


# --------------------------------------------------------------------------- what moved


def test_steps_add_up_and_the_run_that_did_it_is_named() -> None:
    new = runs()
    bad = new.with_columns(
        loss=pl.when(pl.col("run") == "r3").then(pl.col("loss") * 1.2).otherwise("loss")
    )
    old = bad.filter(pl.col("run") != "r7").vstack(runs(41)[40:].with_columns(run=pl.lit("gone")))
    rows = compared(old, new)
    assert rows.counts() == {"added": 1, "revised": 1, "withdrawn": 1, "same": 38}
    told = attribute_changes(rows, entry(old), entry(new), DELTA)
    for row in told["parameters"]:
        assert sum(row[step] for step in STEPS) == pytest.approx(row["change"], abs=1e-5)
        assert abs(row["code"]) < 1e-3
    assert {(one["run"], one["what"]) for one in told["runs"]} == {
        ("r3", "revised"), ("r7", "added"), ("gone", "withdrawn")}  # fmt: skip


def test_of_one_new_run_its_part_is_the_whole() -> None:
    new = runs()
    rows = compared(new[:-1], new)
    told = attribute_changes(rows, entry(new[:-1]), entry(new), DELTA)
    moved = told["runs"][0]["moved"]
    for row in told["parameters"]:
        assert row["added"] == pytest.approx(moved[row["parameter"]], abs=1e-6)
        assert row["withdrawn"] == row["revised"] == 0.0


def test_other_code_is_told_apart_from_data() -> None:
    same = runs()
    old = entry(same)
    shifted = replace(old.parameters["E"], value=old.values["E"] + 0.05)
    old = replace(old, parameters={**old.parameters, "E": shifted})
    told = attribute_changes(compared(same, same), old, entry(same), DELTA)
    row = next(one for one in told["parameters"] if one["parameter"] == "E")
    assert row["code"] == pytest.approx(row["change"], abs=1e-6)
    assert row["added"] == row["revised"] == row["withdrawn"] == 0.0


def test_what_cannot_be_told_is_said() -> None:
    table = runs()
    other = replace(entry(table), parameters={"x": Parameter(1.0, 1.0, None, None, "1")})
    made = attribute_changes(compared(table, table), other, entry(table), DELTA)
    assert made == {"reason": "the law has other parameters than it had"}


# --------------------------------------------------------------------------- new runs


def test_holm_by_hand() -> None:
    assert holm(np.array([0.04, 0.01, 0.03])).tolist() == pytest.approx([0.06, 0.03, 0.06])
    assert holm(np.array([0.9])).tolist() == [0.9]


@pytest.mark.parametrize("shared", [0.0, 0.5, 0.95])
def test_the_family_wise_rate_holds_under_any_dependence(shared: float) -> None:
    """4,000 refits of 20 honest rows whose errors are shared to this degree."""
    from scipy.special import ndtr

    rng = np.random.default_rng(1)
    common = rng.standard_normal((4000, 1)) * np.sqrt(shared)
    u = ndtr(common + rng.standard_normal((4000, 20)) * np.sqrt(1 - shared))
    p = 2 * np.minimum(u, 1 - u)
    called = np.mean([(holm(row) <= RATE).any() for row in p])
    assert called <= RATE + 3 * np.sqrt(RATE * (1 - RATE) / 4000)
    # With shared errors the count outside 90 % is no binomial one: this is why it is not tested.
    many = np.mean((np.abs(u - 0.5) > 0.45).sum(axis=1) >= 5)
    assert (many > 0.09) == (shared > 0.4)


def test_a_new_run_that_is_unlike_the_others_is_called() -> None:
    table = runs(50)
    known, new_runs = table[:42], table[42:]
    honest = outside({"s": forecast_new_runs(known, new_runs)})
    assert (honest["tests"], honest["called"]) == (8, 0)
    wrong = new_runs.with_columns(
        loss=pl.when(pl.col("run") == "r45").then(pl.col("loss") * 1.2).otherwise("loss")
    )
    made = outside({"s": forecast_new_runs(known, wrong)})
    assert made["called"] == 1
    assert made["rows"][0]["run"] == "r45"
    assert outside({})["tests"] == 0


# --------------------------------------------------------------------------- the section


TOLD: dict[str, Any] = {
    "old": "0123456789ab",
    "made_by": [{"kind": "data", "name": "a|b<i>", "what": "revised"}],
    "studies": [
        {
            "study": "s<b>",
            "rows": {"added": 2, "revised": 1, "withdrawn": 1, "same": 9},
            "why": {"added": {"released": 1, "new": 1}, "withdrawn": {"quarantined": 1}},
            "choices": [],
            "laws": [
                {
                    "law": "chinchilla",
                    "parameters": [
                        {"parameter": "E", "old": 1.0, "new": 1.1, "change": 2.0,
                         "code": 0.0, "withdrawn": 0.5, "revised": 0.0, "added": 1.5}
                    ],
                    "runs": [{"run": "x|`y", "what": "added", "moved": {"E": 1.5}}],
                }
            ],
        },
        {"study": "t", "new": True},
    ],
    "surprise": {
        "tests": 2, "called": 1, "rate": 0.05,
        "studies": [{"study": "s", "rows": 2, "outside": 1, "expected": 0.2}],
        "rows": [{"run": "x|`y", "adjusted": 0.01}],
    },
    "parameters": [],
    "forecasts": [
        {"study": "s", "target": "t", "law": "ensemble", "old": 2.0, "new": 2.1,
         "change": 0.05, "outside": True}
    ],
}  # fmt: skip


def test_the_section_takes_its_place_in_the_report() -> None:
    pages = {
        "report.md": f"# R\n\n## W\n\n{CHANGES_TEXT}\n\n## More\n",
        "report.html": f"<h2>W</h2>\n<p>{CHANGES_TEXT}</p>\n</section>",
    }
    for name, text in pages.items():
        made = written(Path(name).suffix, text, section(TOLD))
        assert CHANGES_TEXT not in made
        assert "2 rows added (1 released, 1 new)" in made
        assert "1 stand out" in made
        assert "<b>" not in made and "<i>" not in made
    assert "x\\|\\`y" in written(".md", pages["report.md"], section(TOLD))
    first = written(".html", pages["report.html"], section({"old": None}))
    assert "first version" in first


def test_a_report_with_a_place_is_published_with_what_changed(tmp_path: Path) -> None:
    """And what publishing wrote is rewritten when it is lost."""
    root = fill(tmp_path / "project")
    (root / "reports/current/report.md").write_text(f"# R\n\n{CHANGES_TEXT}\n")
    first = publish(root, now=NOON)
    told = json.loads((first.folder / "changes.json").read_text())
    assert told["old"] is None
    page = (first.folder / "report.md").read_text()
    assert "This is the first version." in page
    assert verify(root) == []
    (first.folder / "report.md").write_text("harm")
    (first.folder / "changes.json").unlink()
    assert len(publish(root).restored) == 2
    assert verify(root) == []
    assert (first.folder / "report.md").read_text() == page


def test_rows_without_a_law_s_columns_are_no_error() -> None:
    table = runs(12).drop("tokens")
    rows = Rows(compared(table, table).table)
    told = attribute_changes(rows, entry(runs(12)), entry(runs(12)), DELTA)
    assert "tokens" in told["reason"]


def test_parameters_over_versions_take_their_place(tmp_path: Path) -> None:
    """From the ledger's versions up to the one before, into page and Markdown."""
    reports, before, lines = tmp_path / "reports", None, b""
    folders = [reports / name for name in ("a" * 12, "b" * 12, "c" * 12)]
    for folder, value in zip(folders, (0.30, 0.34, 0.36), strict=True):
        entry = {"value": value, "se": 0.01, "low90": value - 0.02, "high90": value + 0.02}
        fits = {"fits": [{"law": "<b>law", "parameters": {"alpha": entry}}]}
        (folder / "fits").mkdir(parents=True)
        (folder / "fits/s.json").write_text(json.dumps(fits))
        one = Entry(folder.name, "2030-01-01T00:00:00+00:00", None, None, "3", "0" * 64, before)
        before, lines = one.digest(), lines + one.line()
    (reports / "ledger.jsonl").write_bytes(lines)
    told = parameter_history(folders[1], folders[2])
    assert [one["version"] for one in told["versions"]] == ["a" * 12, "b" * 12]
    assert told["studies"]["s"]["<b>law"]["alpha"]["values"] == [0.30, 0.34]
    made = history(told)
    (table,) = (b for b in all_blocks(Report("", "", (), (made,))) if isinstance(b, Table))
    shown = ["alpha", "0.360", "0.340", "0.300"]
    assert [cell.text for cell in table.groups[0].rows[0]] == shown
    assert "<b>law" not in html(Report("", "", (), (made,)))
    page = written(".md", f"# R\n\n{HISTORY_TEXT}\n", made, HISTORY_TEXT)
    assert HISTORY_TEXT not in page and "| 0.360 | 0.340 | 0.300 |" in page


def test_the_json_of_a_version_has_the_sections_of_its_page() -> None:
    sections = (
        Section("changes", "C", (Text(CHANGES_TEXT),)),
        Section("history", "H", (Text(HISTORY_TEXT),)),
    )
    text = to_json(Report("T", "", (Cell("1 x", 1, "x", "file#x"),), sections))
    for made in (section(TOLD), history({})):
        text = with_section(text, made)
    assert CHANGES_TEXT not in text and HISTORY_TEXT not in text
    whole = load(text)
    assert [one["id"] for one in whole["sections"]] == ["changes", "history"]
    assert whole["facts"][0]["origin"] == "file#x"
    tables = [b for b in whole["sections"][0]["blocks"] if b["kind"] == "table"]
    assert tables[0]["groups"][0]["rows"][0][1]["origin"] == "changes.json"


def test_equal_moves_of_parameters_have_one_order() -> None:
    folder = sorted(path.parent for path in Path("reports").glob("*/manifest.json"))[0]
    code = (
        "from pathlib import Path; from scaling.record.changes.parameters import parameters; "
        f"p = Path({str(folder)!r}); print([one['parameter'] for one in parameters(p, p)])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(told) == 1
