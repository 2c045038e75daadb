"""An alias once given stays, in whatever order files come, and its owner can ask who it is."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from scaling.pipeline import ingest
from scaling.runs.inbox.add import add
from scaling.runs.inbox.mapping import Options
from scaling.runs.validation.releases import row_id
from tests.support.command import cli

SETS = (
    *("metric=loss@c4", "metric_kind=loss", "unit=nats/token", "dataset=c4"),
    "observed=2026-01-02",
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text("disclose_internal: false\n")
    Path("data/published").mkdir(parents=True)


def deliver(*runs: tuple[str, float], day: int) -> None:
    lines = [f"{run},{value},{run}-family" for run, value in runs]
    Path("runs.csv").write_text("\n".join(["run,value,family", *lines, ""]))
    add(Path("runs.csv"), "team", Options(sets=SETS), today=date(2026, 1, day))


def table() -> pl.DataFrame:
    ingest.main()
    return pl.read_parquet("data/runs/internal-1.parquet")


def aliases() -> dict[float, str]:
    """The alias of each run; a run's value is its own."""
    return dict(table().select("value", "run").iter_rows())


def test_an_alias_stays_in_whatever_order_files_come() -> None:
    deliver(("c", 3.0), ("d", 2.5), day=3)
    first, ids = aliases(), [row_id(row) for row in table().iter_rows(named=True)]
    assert first == {3.0: "internal-1/run-1", 2.5: "internal-1/run-2"}
    deliver(("e", 2.0), ("d", 2.5), ("c", 3.0), day=4)
    assert aliases() == first | {2.0: "internal-1/run-3"}
    assert set(ids) <= {row_id(row) for row in table().iter_rows(named=True)}
    deliver(("d", 2.4), ("e", 2.0), day=5)
    assert aliases() == {3.0: first[3.0], 2.4: first[2.5], 2.0: "internal-1/run-3"}


def test_aliases_of_an_older_store_stay() -> None:
    """Stores that were filled before names were kept have none of them."""
    deliver(("c", 3.0), ("d", 2.5), day=3)
    Path("data/internal/store/team/names.json").unlink()
    before = aliases()
    deliver(("e", 2.0), ("d", 2.5), ("c", 3.0), day=4)
    assert aliases() == before | {2.0: "internal-1/run-3"}


def test_the_owner_asks_who_it_is() -> None:
    deliver(("c", 3.0), ("d", 2.5), day=3)
    for alias, answer in {
        "internal-1": "internal-1 is source 'team'",
        "internal-1/run-2": "internal-1/run-2 is run 'd' of source 'team'",
        "internal-1/family-1": "internal-1/family-1 is family 'c-family' of source 'team'",
    }.items():
        assert cli("whois", alias).stdout == f"{answer}\n"
    Path("data/internal/store/team/names.json").unlink()
    assert (
        cli("whois", "internal-1/run-2").stdout == "internal-1/run-2 is run 'd' of source 'team'\n"
    )
    for wrong, allowed in {
        "internal-2/run-1": "internal-1",
        "internal-1/run-9": "to internal-1/run-2",
    }.items():
        refused = cli("whois", wrong)
        assert refused.returncode == 2 and wrong in refused.stderr and allowed in refused.stderr


def test_a_damaged_file_of_names_is_refused() -> None:
    deliver(("c", 3.0), day=3)
    file = Path("data/internal/store/team/names.json")
    for text in ("[]", "{", json.dumps({"run": ["c", "c"]})):
        file.write_text(text)
        assert "names.json" in cli("whois", "internal-1").stderr
