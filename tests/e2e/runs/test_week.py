"""A week of a team, on a small project of the real thing: a wrong mapping undone, a run withdrawn
and restored, a correction, a late file, rows held back, a study that fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.support.small_project import MAPPING, METRIC, Project, make, write_runs

NAMES = [f"run{i}" for i in range(12)]
ODD = "name,N,D,day,val_loss\nx,1e9,2e10,2026-01-01,-2.5\ny,2e9,2e10,2062-01-01,2.4\n"


def refit(one: Project) -> str:
    """Refit; what it printed, both streams."""
    done = one.scaling("refit")
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def changed(one: Project) -> str:
    """What the newest version says of study `own` against the one before."""
    version = json.loads(one.versions()[-1])["version"]
    folder = one.root / "reports" / version
    changes = json.loads((folder / "changes.json").read_bytes())
    assert changes["old"] == json.loads(one.versions()[-2])["version"]
    diff = one.scaling("diff", changes["old"], version)
    assert diff.returncode == 0, diff.stderr
    # Further lines speak of the study's new runs and parameters.
    line = next(line for line in diff.stdout.splitlines() if line.startswith("own: "))
    # The page says the same.
    assert line.split(".")[0] in (folder / "report.md").read_text().replace("\\", "")
    return line


def ok(one: Project, *arguments: str) -> str:
    done = one.scaling(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def choose(one: Project, **studies: object) -> None:
    params = yaml.safe_load((one.root / "params.yaml").read_text())
    params["studies"] |= studies
    params["fit"]["resamples"] = 20
    (one.root / "params.yaml").write_text(yaml.safe_dump(params))


@pytest.mark.slow
def test_what_changed_tells_what_happened(tmp_path: Path) -> None:
    one = make(tmp_path / "small")
    choose(one)
    table = write_runs(tmp_path / "team.csv", NAMES)
    ok(one, "add", str(table), "--as", "team", *MAPPING, *METRIC)
    refit(one)
    size = float(table.read_text().splitlines()[2].split(",")[1])

    # Monday: a run is withdrawn. Its name is not in what is published.
    ok(one, "remove", "team", "--run", "run3", "--reason", "wrong learning rate")
    refit(one)
    line = "own: 0 rows added, 0 revised, 1 removed (1 withdrawn), 11 unchanged."
    assert changed(one) == f"{line} Withdrawn: internal-1/run-4."

    # Tuesday: it is restored, and a late file brings one run and corrects another.
    ok(one, "remove", "team", "--run", "run3", "--undo")
    lines = table.read_text().splitlines()
    head, first = lines[0], lines[1].split(",")
    loss = float(first[4])
    write_runs(tmp_path / "late.csv", ["late"])
    late = (tmp_path / "late.csv").read_text().splitlines()[1]
    corrected = ",".join([*first[:4], f"{loss + 0.01:.5f}"])
    (tmp_path / "late.csv").write_text("\n".join([head, corrected, late]) + "\n")
    said = ok(one, "add", str(tmp_path / "late.csv"), "--as", "team")
    assert f"1 corrected (the first: run 'run0', loss@c4: value {loss:g} -> " in said
    refit(one)
    told = changed(one)
    assert told.startswith("own: 2 rows added (1 restored, 1 new), 1 revised, 0 removed, 10 ")
    assert "Restored: internal-1/run-4." in told
    place = f"internal-1/run-1 ({float(first[2]):.12g} tokens)"
    assert f"{place}: loss {loss:.12g} -> {loss + 0.01:.5f}" in told

    # Wednesday: a wrong mapping, noticed before the refit and undone: nothing is new.
    ok(one, "mapping", "team", "--map", "params=N:M")
    assert "params" in ok(one, "mapping", "team", "--undo")
    before = one.versions()
    assert "already published" in refit(one) and one.versions() == before

    # Thursday: it is noticed after the refit.
    ok(one, "mapping", "team", "--map", "params=N:k")
    refit(one)
    assert f"params {size:.12g} -> {1e3 * size:.12g}" in changed(one)
    assert ok(one, "mapping", "team", "--undo").count("- --map params=N:k") == 2
    said = refit(one)
    assert "already published" in said and "is not the newest version" in said

    # Friday: every row of another source is held back, and a study on it cannot be fitted.
    (tmp_path / "odd.csv").write_text(ODD)
    said = ok(one, "add", str(tmp_path / "odd.csv"), "--as", "odd", *MAPPING, *METRIC)
    assert "1 result observed after today" in said and "hold back" in said
    held = "internal-2: 2 of 2 rows held back (100 %), by observed_in_future (1) and 1 other check"
    said = refit(one)
    assert held in said and "scaling quarantine release" in said
    assert held in refit(one)  # also when nothing is to be done
    shown = ok(one, "show")
    assert "Rows held back" in shown and "observed_in_future (1)" in shown
    choose(one, odd={"source": "internal-2", "metric": "loss@c4", "laws": ["chinchilla"]})
    failed = one.scaling("refit")
    assert failed.returncode == 2
    assert "params.yaml: study odd: no row of this metric can be used: 2 rows held back (1 by " in (
        failed.stderr
    )
    assert "scaling quarantine list --source internal-2" in failed.stderr
    choose(one, odd={"source": "internal-1", "metric": "loss@c4", "laws": ["isoflop"]})
    failed = one.scaling("refit")
    assert failed.returncode == 2
    assert "study odd" in failed.stderr and "isoflop" in failed.stderr
