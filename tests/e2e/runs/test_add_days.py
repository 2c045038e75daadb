"""`scaling add`: corrections, past days, and names that stay inside."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

import pytest

from scaling.errors import InputError
from scaling.pipeline import ingest
from scaling.runs.inbox.aliases import unnumbered
from scaling.runs.inbox.mapping import Options
from tests.support.inbox_project import MAPS, TABLE, add_text, project, scaling_add, table, tree

__all__ = ["project"]


def _as_of(day: str) -> list[tuple[object, ...]]:
    Path("params.yaml").write_text(f"as_of: {day}\ndisclose_internal: true\n")
    return table("team", "run", "value", "recorded").rows()


def test_any_past_day_can_be_made_again(project: Path) -> None:
    first, second, third = date(2026, 1, 5), date(2026, 1, 7), date(2026, 1, 9)
    add_text(TABLE, 5)
    day_5 = tree("data/runs") if _as_of("null") else {}
    assert "1 new result, 1 corrected (the first: run 'b', loss@c4: value 2 -> 1.9)" in add_text(
        TABLE.replace("2.0,y", "1.9,y") + "c,7B,1T,2026-01-06,1.8,\n", 7
    )
    add_text(TABLE.replace("2.0,y", "1.95,y"), 9)
    assert _as_of("2026-01-05") == [("a", 2.1, first), ("b", 2.0, first)]
    assert tree("data/runs") == day_5 or sorted(tree("data/runs")) == ["data/runs/paper.parquet"]
    assert _as_of("2026-01-08") == [("a", 2.1, first), ("b", 1.9, second), ("c", 1.8, second)]
    assert _as_of("null") == [("c", 1.8, second), ("a", 2.1, first), ("b", 1.95, third)]


def test_a_correction_of_the_mapping_is_a_new_version(project: Path) -> None:
    add_text(TABLE, 5)
    bits = Options(metrics=["val_loss=loss@c4:bits/token:nats/token"])
    assert add_text(TABLE, 6, bits) != ["nothing"]
    now = _as_of("null")
    assert now[0][1] == pytest.approx(2.1 * 0.6931471805599453)
    assert _as_of("2026-01-05")[0][1] == 2.1
    text = Path("data/internal/store/team/mapping.yaml").read_text()
    assert "version: 1" in text and "version: 2" in text
    assert add_text(TABLE, 7, bits)[0].startswith("nothing was added")


def test_results_of_days_to_come_are_told(project: Path) -> None:
    said = add_text(TABLE.replace("2026-01-03", "2062-01-03"), 5)
    held = "which the refit will hold back (the first: row 2, 2062-01-03)"
    assert f"1 result observed after today, 2026-01-05, {held}" in said


def test_published_sources_count_from_the_day_they_were_read(project: Path) -> None:
    Path("params.yaml").write_text("as_of: 2024-12-31\n")
    ingest.main()
    assert tree("data/runs") == {}
    Path("params.yaml").write_text("as_of: 2025-01-01\n")
    assert table("paper", "recorded").rows() == [(date(2025, 1, 1),)]


def test_the_log_does_not_go_back(project: Path) -> None:
    add_text(TABLE, 5)
    with pytest.raises(InputError, match="ahead of the clock"):
        add_text(TABLE + "c,7B,1T,2026-01-06,1.8,\n", 4)


def test_names_stay_inside(project: Path) -> None:
    Path("params.yaml").write_text("disclose_internal: false\n")
    shutil.copy("in/team.csv", "in/secret.csv")
    assert scaling_add("in/secret.csv", *MAPS) == 0
    rows = table("internal-1")
    assert rows["run"].to_list() == ["internal-1/run-1", "internal-1/run-2"]
    assert rows["source"].unique().to_list() == ["internal-1"]
    assert not Path("data/runs/secret.parquet").exists()


@pytest.mark.parametrize("disclosed", ["true", "false"])
def test_rows_of_several_sources_keep_their_own_name(project: Path, disclosed: str) -> None:
    Path("params.yaml").write_text(f"disclose_internal: {disclosed}\n")
    for name in ("one", "other"):
        assert scaling_add("in/team.csv", "--as", name, *MAPS) == 0
    ingest.main()
    names = {"true": ["one", "other"], "false": ["internal-1", "internal-2"]}[disclosed]
    for name in names:
        assert table(name)["source"].to_list() == [name, name]


def test_a_foreign_source_in_a_cell_stays_inside(project: Path) -> None:
    Path("params.yaml").write_text("disclose_internal: false\n")
    text = "source,run,metric,value\nelsewhere,a,loss,1\nloose,b,loss,1\n"
    Path("data/internal/loose.csv").write_text(text)
    alias = unnumbered("loose")
    assert table(alias)["source"].to_list() == [f"{alias}/source-2", alias]
