"""Large tables: read, ingested and validated in parts, with the rows that one piece would give."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.pipeline import ingest, validate
from scaling.runs import formats
from scaling.runs.formats import csv_file
from tests.support import ROOT
from tests.support.inbox_project import MAPS, project, scaling_add, table, tree

__all__ = ["project"]
PAPER = ROOT / "data/published/olmo-ladder/runs.csv"


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table counts as large."""
    monkeypatch.setattr(formats, "LARGE", 1)
    monkeypatch.setattr(csv_file, "_BLOCK", 20_000)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_parts_make_the_whole(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"runs.{kind}"
    rows = pl.read_csv(PAPER, infer_schema=False)
    rows.write_csv(path) if kind == "csv" else rows.write_parquet(path)
    whole = ingest.run_table("paper", [path])
    monkeypatch.setattr(formats, "LARGE", 1)
    monkeypatch.setattr(csv_file, "_BLOCK", 20_000)
    assert ingest.run_table("paper", [path]).equals(whole)
    if kind == "csv":
        assert len(list(formats.read_batches(path))) > 3


def test_a_bad_row_far_down_is_refused(
    in_parts: None, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["run,value", *(f"r{i},{i}" for i in range(20_000)), "cut"]
    Path("in/team.csv").write_text("\n".join(lines) + "\n")
    before = tree()
    assert scaling_add("in/team.csv", "--set", "observed=2026-01-01") == 2
    assert "team.csv" in capsys.readouterr().err
    Path("in/team.csv").write_bytes(b"run,value\n" + b"r,1\n" * 20_000 + b"\xff,1\n")
    with pytest.raises(InputError, match="not UTF-8"):
        list(formats.read_batches(Path("in/team.csv")))
    assert tree() == before


def test_a_large_source_is_validated_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that break a check go the same way, whichever way the table is parted by runs."""
    monkeypatch.chdir(tmp_path)
    rows = ingest.run_table("olmo-ladder", [PAPER]).head(900)
    bad = pl.when(pl.int_range(pl.len()) % 100 == 7).then(-1.0).otherwise("tokens")
    rows = rows.with_columns(tokens=bad)
    Path("data/runs").mkdir(parents=True)
    rows.write_parquet("data/runs/olmo-ladder.parquet")
    found = []
    for large, part in ((10_000, 10_000), (400, 450)):
        monkeypatch.setattr(validate, "LARGE", large)
        monkeypatch.setattr(validate, "PART", part)
        validate.main()
        found.append(
            [pl.read_parquet(f"data/{f}/olmo-ladder.parquet") for f in ("validated", "quarantine")]
        )
    assert not Path("data/.runs.parts").exists()
    (valid, bad_rows), (valid_parts, bad_parts) = found
    assert valid.height + bad_rows.height == rows.height and bad_rows.height == 9
    assert bad_parts.sort("row").equals(bad_rows.sort("row"))
    cells = [name for name in valid.columns if name != "flags"]
    key = ["run", "metric", "step"]
    assert valid_parts.sort(key).select(cells).equals(valid.sort(key).select(cells))


def test_hidden_names_are_in_no_output(project: Path) -> None:
    Path("params.yaml").write_text("disclose_internal: false\n")
    text = Path("in/team.csv").read_text().replace("\na,", "\nzebra-a,")
    Path("in/okapi.csv").write_text(text.replace("140B", "many"))
    assert scaling_add("in/okapi.csv", *MAPS, "--set", "family=wildebeest") == 0
    assert table("internal-1").height == 2
    validate.main()
    outputs = {name: data for name, data in tree().items() if "/internal/" not in name}
    assert any("quarantine" in name for name in outputs)
    for name, data in outputs.items():
        if name.endswith(".parquet"):
            data = pl.read_parquet(name).write_csv().encode()
        assert not any(word in data for word in (b"zebra", b"okapi", b"wildebeest")), name
        assert not any(word in name for word in ("zebra", "okapi", "wildebeest"))
