"""Evidence packs: what they hold, what the redacted ones do not, and what is flagged."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from html import unescape
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from scaling.cli.main import app
from scaling.errors import InputError
from scaling.govern import at_threshold, evidence, models, redact, runs, verify
from scaling.govern.crossings import VERDICTS, Asked, crossings
from scaling.govern.evidence import Sources
from tests.support import ROOT
from tests.support.govern_tables import LOADED, ON

EXAMPLE = Path("docs/examples/governance-runs.csv")


@pytest.fixture(scope="module")
def gathered() -> tuple[evidence.Tables, evidence.Provenance]:
    sources = Sources(EXAMPLE)
    asked = Asked(ON, ON)
    made, registry = evidence.gather(sources, asked)
    return made, evidence.made_by(sources, asked, registry, "scaling govern", "abc")


@pytest.fixture(scope="module")
def written(
    gathered: tuple[evidence.Tables, evidence.Provenance], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("packs") / "out"
    evidence.write(out, *gathered)
    return out


def test_a_pack_per_entity_and_per_rule_in_four_forms(written: Path) -> None:
    assert len(list((written / "entities").iterdir())) == 3
    assert (written / "rules" / "eu_aia_51_2").is_dir()
    for place in [*(written / "entities").iterdir(), *(written / "rules").iterdir()]:
        names = {path.name for path in place.iterdir()}
        pages = {"pack.md", "pack.html", "pack.json", "crossings.csv"}
        assert names in (pages, pages | {"timeline.svg"})
    assert verify.check(written) == []
    manifest = json.loads((written / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["registry"] == LOADED.version
    assert set(manifest["inputs"]) == {EXAMPLE.name, *LOADED.hashes}


def test_every_comparison_names_its_provision_and_its_figures(written: Path) -> None:
    rows = pl.read_csv(written / "crossings.csv", infer_schema_length=None)
    assert rows["provision"].null_count() == 0 and rows["instrument"].null_count() == 0
    assert set(rows["verdict"]) <= set(VERDICTS)
    known = {row["run"]: row for row in rows.filter(pl.col("rule") == "eu_aia_51_2").to_dicts()}
    assert known["aurora-2"]["verdict"] == "above"
    assert known["aurora-2"]["estimates"] == 2
    assert known["aurora-2"]["notify_by"] == "2026-06-29"
    assert known["borealis"]["missing"] == "markets"
    assert known["aurora-2"]["loss_p05"] < known["aurora-2"]["loss_p50"] < 2.0
    assert 0 < known["aurora-2"]["error_p50"] < 0.5 and known["aurora-2"]["loss_version"]
    page = (written / "entities" / evidence.slug("Example Lab") / "pack.md").read_text("utf-8")
    for words in ("Art. 51(2)", "Model documentation", "loss@massivetext", "error@MMLU", "scaling"):
        assert words in page


def test_the_page_loads_nothing_and_escapes_everything(
    gathered: tuple[evidence.Tables, evidence.Provenance], tmp_path: Path
) -> None:
    made, by = gathered
    evil = "<script>alert(1)</script>"
    tables = evidence.Tables(
        made.crossings.with_columns(entity=pl.lit(evil)),
        made.runs.with_columns(entity=pl.lit(evil)),
        made.history,
        made.footprint,
        made.forecasts,
        made.rules,
    )
    evidence.write(tmp_path / "out", tables, by)
    places = list((tmp_path / "out" / "entities").iterdir())
    assert [place.name for place in places] == [evidence.slug(evil)]
    for path in (tmp_path / "out").rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        assert "default-src 'none'" in unescape(page) and "<script" not in page
        assert not re.search(r"(?:src|href)=\"(?!#)", page)


def test_the_same_input_gives_the_same_bytes(
    gathered: tuple[evidence.Tables, evidence.Provenance], written: Path, tmp_path: Path
) -> None:
    evidence.write(tmp_path / "again", *gathered)
    one, two = (
        json.loads((p / "manifest.json").read_text()) for p in (written, tmp_path / "again")
    )
    assert one == two


def test_a_redacted_pack_gives_no_figure_back(
    gathered: tuple[evidence.Tables, evidence.Provenance], tmp_path: Path
) -> None:
    made, by = evidence.redacted(*gathered)
    evidence.write(tmp_path / "out", made, by)
    text = "".join(p.read_text(encoding="utf-8") for p in (tmp_path / "out").rglob("*.*"))
    without_hashes = re.sub(r"[0-9a-f]{12,64}", "", text)
    for secret in (
        "2.9e25",
        "2.9e+25",
        "2.4e25",
        "7.39",
        "7.4e24",
        "5600000",
        "900000000",
        "0.38,",
    ):
        assert secret not in without_hashes, secret
    page = (tmp_path / "out" / "entities" / evidence.slug("Example Lab") / "pack.md").read_text()
    assert "What was redacted" in page and "22757.12(f)" in page and "withheld" in page
    assert "| not stated |" not in page
    assert "1e25" in page  # the order of magnitude stays
    listed = {name for name, _ in by.redactions}
    assert {"central", "ratio", "chip_hours", "revenue_usd"} <= listed


def test_a_column_that_is_added_later_stays_in() -> None:
    table = pl.DataFrame({"run": ["a"], "rule": ["r"], "codename": ["x"], "size": [3.5]})
    made = redact.redact(table, {"a": "run 1"}).to_dicts()[0]
    assert made == {
        "run": "run 1",
        "rule": "r",
        "codename": None,
        "size": None,
        "redacted": True,
    }
    assert ("codename", redact.NOT_LISTED) in redact.record(table)
    assert not redact.SHOWN & redact.REASONS.keys()


def test_only_what_is_new_is_new(
    gathered: tuple[evidence.Tables, evidence.Provenance], tmp_path: Path
) -> None:
    made, by = gathered
    first = evidence.write(tmp_path / "out", made, by)
    assert "new crossing" in set(first.alerts["alert"])
    second = evidence.write(tmp_path / "out", made, by)
    assert "new crossing" not in set(second.alerts["alert"])
    assert "last day passed" in set(second.alerts["alert"])
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_folder_with_something_else_is_left_alone(
    gathered: tuple[evidence.Tables, evidence.Provenance], tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"):
        evidence.write(tmp_path, *gathered)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_changed_file_is_found(written: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(written, tmp_path / "copy"))
    (copy / "index.md").write_text("changed")
    (copy / "extra.txt").write_text("extra")
    named = [text.partition(":")[0] for text in verify.check(copy)]
    assert named[:2] == ["index.md", "extra.txt"]


def test_forecasts_at_the_thresholds_widen_with_distance() -> None:
    made = at_threshold.at_thresholds([1e23, 1e25])
    loss = made.filter(pl.col("study") == "chinchilla-epoch").sort("threshold")
    assert loss["p50"].is_sorted(descending=True)
    widths = (loss["p95"] / loss["p05"]).log()
    assert widths[1] > widths[0]
    # The largest run there has 1.6e10 params and 3.2e11 tokens.
    assert loss["beyond"].is_sorted() and loss["outside"].str.contains(r"tokens \+\d").all()
    error = made.filter(pl.col("metric").str.starts_with("error@MMLU")).sort("threshold")
    assert error["p50"].is_sorted(descending=True)
    assert (error["p05"] < error["p50"]).all() and (error["p50"] < error["p95"]).all()
    assert made["version"].str.len_chars().min() >= 12  # type: ignore[operator]


def test_benchmark_errors_do_not_rise_with_compute() -> None:
    """Every level falls, within 0 and 1, and the error at one threshold is the same alone."""
    values = [float(f"{10.0**power:.4g}") for power in range(21, 31)]
    made = at_threshold.at_thresholds(values).filter(pl.col("metric").str.starts_with("error"))
    rows = made.sort("threshold")
    assert rows.height == len(values)
    for name in ("p05", "p50", "p95"):
        assert rows[name].is_sorted(descending=True) and rows[name].is_between(0, 1).all()
    assert (rows["p05"] < rows["p50"]).all() and (rows["p50"] < rows["p95"]).all()
    alone = at_threshold.at_thresholds([1e26]).filter(pl.col("metric").str.starts_with("error"))
    assert alone["p50"].item() == pytest.approx(rows.filter(threshold=1e26)["p50"].item())


def test_the_public_table_of_models_against_every_rule() -> None:
    """1,036 models; what the table does not say is unknown, with what is missing."""
    cells = models.runs_of_models()
    assert cells.height == 1036
    table = crossings(runs.prepare(cells, LOADED, ON), LOADED, Asked(ON, ON))
    assert table.height == 1036 * table["rule"].n_unique()
    grok = table.filter(pl.col("run") == "Grok 4", pl.col("rule") == "ca_sb53").to_dicts()[0]
    assert (grok["verdict"], grok["by_compute"]) == ("unknown", "above")
    assert grok["missing"] == "general_purpose"
    above = table.filter(pl.col("rule") == "eu_aia_51_2", pl.col("central") > 1e25)
    assert above.height == 22


def test_on_the_command_line(tmp_path: Path) -> None:
    arguments = ["govern", "--runs", str(EXAMPLE), "--on", str(ON), "--out", str(tmp_path / "out")]
    run = CliRunner().invoke(app, [*arguments, "--redact"])
    assert run.exit_code == 0, run.output
    assert "22 packs" in run.stdout
    bad = tmp_path / "runs.csv"
    bad.write_text("run,entity,state,flop\na,Lab,finished,-1\n")
    failed = CliRunner().invoke(app, ["govern", "--runs", str(bad), "--out", str(tmp_path / "x")])
    assert isinstance(failed.exception, InputError)
    assert "row 1, column 'flop'" in str(failed.exception)
    assert not (tmp_path / "x").exists()
    alone = CliRunner().invoke(app, ["govern", "--ledger", str(bad)])
    assert isinstance(alone.exception, InputError)


@pytest.mark.slow
def test_the_flow_flags_new_crossings_once(tmp_path: Path) -> None:
    """A Prefect server is started twice, so this takes a while."""
    clone = tmp_path / "clone"
    for name in ("scaling", "flows", "data", "reports", "params.yaml", "dvc.yaml", "docs"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, clone / name)
    command = [sys.executable, "-m", "flows.govern", "--runs", str(EXAMPLE), "--on", "2026-11-23"]
    first, second = (
        subprocess.run(command, cwd=clone, capture_output=True, text=True) for _ in range(2)
    )
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "new crossing: aurora-2, eu_aia_51_2" in first.stderr
    assert "new crossing" not in second.stderr
    assert "Traceback" not in first.stderr + second.stderr
    assert "expectations hold" in first.stdout
