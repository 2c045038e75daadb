"""A week of a team, on a small project of the real thing: five sources in five formats, a wrong
mapping undone, a run withdrawn and restored, a correction, a late file, rows held back and let
pass, a study that fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

import pytest
import yaml

from scaling.pipeline import validate
from tests.support import five_sources
from tests.support.command import cli
from tests.support.inbox_project import fill, table
from tests.support.small_project import MAPPING, METRIC, Project, make, write_runs

NAMES = [f"run{i}" for i in range(12)]
ODD = "name,N,D,day,val_loss\nx,1e9,2e10,2026-01-01,-2.5\ny,2e9,2e10,2062-01-01,2.4\n"


def refit(one: Project) -> str:
    """Refit; what it printed, both streams."""
    done = one.scaling("refit")
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def changed(one: Project, *studies: str) -> dict[str, str]:
    """What the newest version says of each study against the one before."""
    version = json.loads(one.versions()[-1])["version"]
    folder = one.root / "reports" / version
    changes = json.loads((folder / "changes.json").read_bytes())
    assert changes["old"] == json.loads(one.versions()[-2])["version"]
    diff = one.scaling("diff", changes["old"], version)
    assert diff.returncode == 0, diff.stderr
    # Further lines speak of a study's new runs and parameters.
    lines = {
        name: next(line for line in diff.stdout.splitlines() if line.startswith(f"{name}: "))
        for name in studies
    }
    # The page says the same.
    page = (folder / "report.md").read_text().replace("\\", "")
    assert all(line.split(".")[0] in page for line in lines.values())
    return {name: line.removeprefix(f"{name}: ") for name, line in lines.items()}


def ok(one: Project, *arguments: str) -> str:
    done = one.scaling(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def correct(file: Path) -> None:
    """Raise the loss of the table's first run."""
    head, first, *rest = file.read_text().splitlines()
    *kept, loss = first.split(",")
    corrected = ",".join([*kept, f"{float(loss) + 0.01:.5f}"])
    file.write_text("".join(f"{line}\n" for line in (head, corrected, *rest)))


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
    line = "0 rows added, 0 revised, 1 removed (1 withdrawn), 11 unchanged."
    assert changed(one, "own")["own"] == f"{line} Withdrawn: internal-1/run-4."

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
    told = changed(one, "own")["own"]
    assert told.startswith("2 rows added (1 restored, 1 new), 1 revised, 0 removed, 10 ")
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
    assert f"params {size:.12g} -> {1e3 * size:.12g}" in changed(one, "own")["own"]
    assert ok(one, "mapping", "team", "--undo").count("- --map params=N:k") == 2
    said = refit(one)
    assert "already published" in said and "is not the newest version" in said
    held_again = json.loads(one.versions()[-2])["version"]
    assert held_again[:12] in ok(one, "show").splitlines()[0]

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


def whois(one: Project, sources: Sequence[str], runs: Sequence[int]) -> list[str]:
    """Who each run of each source is."""
    aliases = [
        f"internal-{i}/run-{run}"
        for i, count in zip(range(1, len(sources) + 1), runs, strict=True)
        for run in range(1, count + 1)
    ]
    return [ok(one, "whois", alias) for alias in aliases]


def test_five_sources_through_ingest_and_validation(tmp_path: Path) -> None:
    """The same without fits: which rows count after each act, and under which names."""
    sources = five_sources.write(tmp_path / "in")
    with chdir(fill(tmp_path / "project", disclosed=False)):
        for name, source in sources.items():
            done = cli("add", source.path, "--as", name, *source.options)
            assert done.returncode == 0, done.stderr
        tokens = {one: table(f"internal-{one}", "run", "tokens") for one in range(1, 6)}
        for act in (["--map", "tokens=step*52428"], ["--undo"]):
            assert not tokens[2].equals(table("internal-2", "run", "tokens")) or act != ["--undo"]
            assert cli("mapping", "wandb", *act).returncode == 0
        assert tokens[2].equals(table("internal-2", "run", "tokens"))
        assert cli("remove", "mlflow", "--run", "m", "--reason", "x", "--by", "Ada").returncode == 0
        five_sources.events(tmp_path / "in", "late-s", "s")
        again = {"wandb": five_sources.wandb(sources["wandb"].path, ["xl", "l", "m", "s"])}
        again |= {"tensorboard": sources["tensorboard"].path}
        again |= {"hf": five_sources.trainer_state(tmp_path / "in", 16000)}
        for name, path in again.items():
            assert cli("add", path, "--as", name, *five_sources.DAY).returncode == 0, name
        now = {one: table(f"internal-{one}", "run", "tokens") for one in range(1, 6)}
        # What was there before keeps its name and its numbers.
        for one, before in tokens.items():
            assert before.join(now[one], on=["run", "tokens"], how="anti").is_empty(), one
        assert [now[one].height for one in now] == [12, 32, 25, 24, 8]
        validate.main()
        found = json.loads(Path("data/validation.json").read_bytes())
        counts = [found[f"internal-{one}"]["valid"] for one in now]
        assert counts == [12, 32, 16, 24, 8]


@pytest.mark.slow
def test_a_week_with_five_sources(tmp_path: Path) -> None:
    one = make(tmp_path / "small")
    sources = five_sources.write(tmp_path / "in")
    studies = {
        name: {"source": f"internal-{i}", "metric": "loss@c4", "laws": list(source.laws)}
        for i, (name, source) in enumerate(sources.items(), start=1)
    }
    same = {name: f"the same {source.rows} rows." for name, source in sources.items()}

    # Monday: five sources, a study on each. One accuracy is more than a share can be.
    for name, source in sources.items():
        ok(one, "add", str(source.path), "--as", name, *source.options)
    choose(one, **studies)
    params = yaml.safe_load((one.root / "params.yaml").read_text())
    del params["studies"]["own"]
    (one.root / "params.yaml").write_text(yaml.safe_dump(params))
    assert "internal-3: 1 of 25 rows held back (4 %), by share (1)" in refit(one)
    counts = (12, 3, 3, 2, 1)
    monday = whois(one, list(sources), counts)
    assert monday[12] == "internal-2/run-1 is run 's' of source 'wandb'\n"

    # Tuesday: the accuracy is let pass, and a mapping is changed in the wrong way.
    why = ("--reason", "the harness gives a bonus", "--by", "Ada")
    ok(one, "quarantine", "release", "internal-3:49", *why)
    ok(one, "mapping", "wandb", "--map", "tokens=step*52428")
    assert "held back" not in refit(one)
    told = changed(one, *sources)
    assert told.pop("wandb").startswith(
        "0 rows added, 24 revised, 0 removed, 0 unchanged. Corrected: "
        "internal-2/run-1 (step 2000): tokens 1048576000 -> 104856000; "
    )
    assert told == {name: line for name, line in same.items() if name != "wandb"}

    # Wednesday: the mapping is undone.
    ok(one, "mapping", "wandb", "--undo")
    refit(one)
    told = changed(one, *sources)
    assert "0 rows added, 24 revised, 0 removed" in told["wandb"]
    assert "internal-2/run-1 (step 2000): tokens 104856000 -> 1048576000; " in told["wandb"]

    # Thursday: a run is withdrawn, one is corrected, and a file comes late, before others by name.
    ok(one, "remove", "mlflow", "--run", "m", "--reason", "wrong tokenizer")
    correct(sources["table"].path)
    said = ok(one, "add", str(sources["table"].path), "--as", "table")
    assert "0 new results, 1 corrected (the first: run 'run0'" in said
    five_sources.events(tmp_path / "in", "late-s", "s")
    ok(one, "add", str(sources["tensorboard"].path), "--as", "tensorboard", *five_sources.DAY)
    longer = five_sources.trainer_state(tmp_path / "in", 16000)
    ok(one, "add", str(longer), "--as", "hf", *five_sources.DAY)
    refit(one)
    told = changed(one, *sources)
    assert told["wandb"] == same["wandb"]
    assert told["mlflow"].startswith("0 rows added, 0 revised, 8 removed (8 withdrawn), 16 unch")
    assert "Withdrawn: internal-3/run-2." in told["mlflow"]
    assert told["table"].startswith("0 rows added, 1 revised, 0 removed, 11 unchanged. Corrected: ")
    assert told["tensorboard"] == "8 rows added, 0 revised, 0 removed, 16 unchanged."
    assert told["hf"] == "2 rows added, 0 revised, 0 removed, 6 unchanged."

    # Friday: the run is restored, and the sweep is exported again in another order with one more.
    ok(one, "remove", "mlflow", "--run", "internal-3/run-2", "--undo")
    five_sources.wandb(sources["wandb"].path, ["xl", "l", "m", "s"])
    ok(one, "add", str(sources["wandb"].path), "--as", "wandb", *five_sources.DAY)
    refit(one)
    told = changed(one, *sources)
    assert told["wandb"] == "8 rows added, 0 revised, 0 removed, 24 unchanged."
    assert told["mlflow"].startswith("8 rows added (8 restored), 0 revised, 0 removed, 16 unch")
    assert told["table"] == same["table"]
    assert told["tensorboard"] == "the same 24 rows." and told["hf"] == "the same 8 rows."

    # The names and the release of Monday stand, and so does every version.
    assert whois(one, list(sources), counts) == monday
    assert "internal-2/run-4 is run 'xl'" in ok(one, "whois", "internal-2/run-4")
    assert "internal-4/run-3 is run 'late-s'" in ok(one, "whois", "internal-4/run-3")
    assert "0 rows in quarantine" in ok(one, "quarantine", "list")
    assert "the harness gives a bonus" in ok(one, "quarantine", "released")
    assert len(one.versions()) == 5
    ok(one, "verify")
