"""What has to hold after thirty days of faults, and the page that says whether it did."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from tests.support.small_project import Project


@dataclass
class Check:
    """A sentence, whether it held, and what was found."""

    what: str
    held: bool
    found: str


def end(one: Project, runs: dict[str, float], bad: int, say: Callable[[str], None]) -> list[Check]:
    """Every check, in the order in which they are cheapest to read."""
    checks = []
    for what, look in {
        "every version is whole (`scaling verify`)": lambda: _command(one, "verify"),
        "nothing was published twice": lambda: _once(one),
        "issue times never go back": lambda: _forwards(one),
        "no run was lost": lambda: _kept(one, runs, bad),
        "the audit is complete (`scaling audit`)": lambda: _audited(one),
        "every version is tagged and the remote has all": lambda: _shared(one),
        "a fresh clone with `dvc pull` has every byte": lambda: _cloned(one),
        "every version reproduces byte for byte (`scaling reproduce --all`)": lambda: _reproduced(
            one
        ),
    }.items():
        held, found = look()
        checks.append(Check(what, held, found))
        say(str(checks[-1]))
    return checks


def _command(one: Project, *arguments: str) -> tuple[bool, str]:
    done = one.scaling(*arguments)
    lines = (done.stdout + done.stderr).strip().splitlines()
    return done.returncode == 0, lines[-1][:300] if lines else ""


def _once(one: Project) -> tuple[bool, str]:
    entries = [json.loads(line) for line in one.versions()]
    names = [entry["version"] for entry in entries]
    folders = {path.parent.name for path in (one.root / "reports").glob("*/manifest.json")}
    forecasts = Counter(
        _manifest(one, name)["made_by"]["outputs"]["forecast.csv"] for name in names
    )
    same = len(names) == len(set(names)) and folders == set(names)
    return same, f"{len(names)} versions, {len(forecasts)} different forecasts"


def _forwards(one: Project) -> tuple[bool, str]:
    times = [json.loads(line)["issued_at"] for line in one.versions()]
    return times == sorted(times), f"{times[0]} to {times[-1]}"


def _kept(one: Project, runs: dict[str, float], bad: int) -> tuple[bool, str]:
    """Every run that `scaling add` took stands in the validated table or in quarantine."""
    log = one.root / "data" / "internal" / "store" / "team" / "log.jsonl"
    good = pl.read_parquet(one.root / "data" / "validated" / "internal-1.parquet")
    thrown = one.root / "data" / "quarantine" / "internal-1.parquet"
    wrong = pl.read_parquet(thrown) if thrown.is_file() else good.clear()
    # A bad row and its correction, observed on another day, are two rows of one run.
    found = len({*good["run"], *wrong["run"]})
    told = f"{found} of {len(runs)} runs from {len(log.read_text().splitlines())} files"
    return found == len(runs) and wrong.height == bad, f"{told}, {wrong.height} in quarantine"


def _audited(one: Project) -> tuple[bool, str]:
    held, said = _command(one, "audit")
    page = one.root / "reports" / "audit" / "audit.json"
    if not held or not page.is_file():
        return False, said
    versions = {json.loads(line)["version"] for line in one.versions()}
    tables = [one.root / "reports" / "audit" / name for name in ("open.csv", "scores.csv")]
    named = {name for name in versions if any(name in table.read_text() for table in tables)}
    return named == versions, f"{len(named)} of {len(versions)} versions in its tables; {said}"


def _shared(one: Project) -> tuple[bool, str]:
    here = {f"forecast/{json.loads(line)['version']}" for line in one.versions()}
    there = set(one.git("tag", "--list", "forecast/*", at=one.hub).split())
    listed = one.git("show", "main:reports/ledger.jsonl", at=one.hub).splitlines()
    found = f"{len(there)} tags and {len(listed)} lines of the ledger at the remote"
    return here == there and listed == one.versions(), found


def _cloned(one: Project) -> tuple[bool, str]:
    clone = one.root.parent / "clone"
    one.git("clone", "--quiet", str(one.hub), str(clone), at=one.root.parent)
    other = Project(clone, one.hub, one.storage, one.env, one.more)
    pulled = other.python("dvc", "pull", "--quiet", "--remote", "storage")
    held, said = _command(other, "verify")
    fits = sorted(path.name for path in (clone / "data" / "fits").glob("*.parquet"))
    return held and pulled.returncode == 0 and bool(fits), f"{said} {pulled.stderr.strip()[-200:]}"


def _reproduced(one: Project) -> tuple[bool, str]:
    done: subprocess.CompletedProcess[str] = one.scaling("reproduce", "--all")
    # Not the line that counts them at the end.
    same = done.stdout.count("the same byte for byte")
    wrong = [line for line in done.stdout.splitlines() if "byte for byte" not in line]
    told = f"{same} of {len(one.versions())} versions"
    more = "; ".join(wrong[:6]) + done.stderr.strip()[-400:] if done.returncode else ""
    return done.returncode == 0 and same == len(one.versions()), f"{told} {more}".strip()


def _manifest(one: Project, version: str) -> dict[str, Any]:
    file = one.root / "reports" / version / "manifest.json"
    content: dict[str, Any] = json.loads(file.read_text())
    return content


# The page -----------------------------------------------------------------------------------------


def page(days: list[dict[str, Any]], checks: list[Check], unclear: list[str], seed: int) -> str:
    """Markdown: what held, the faults with how each ended, and the days."""
    lines = [
        "# Thirty simulated days",
        "",
        f"`python -m benchmarks.thirty_days --seed {seed} --days {len(days)}`: a small project "
        "with the real command line, Prefect, DVC, a bare Git repository and a DVC remote, on a "
        "disk of its own, with the clock of every process shifted from day to day.",
        "",
        "| at the end | held | found |",
        "|---|---|---|",
        *(f"| {c.what} | {'yes' if c.held else '**no**'} | {_cell(c.found)} |" for c in checks),
        "",
        f"Messages with a traceback: {len(unclear)}.",
        "",
        "| day | arrived | fault | refit | share | version |",
        "|---|---|---|---|---|---|",
        *(_line(day) for day in days),
        "",
        "The columns `refit` and `share` have `ok` or the exit status with the last line that was "
        "said. A negative status is the signal that ended the process. Without `share`, the refit "
        "had not ended well and the next day's had to do the work.",
        "",
    ]
    return "\n".join(lines)


def _line(day: dict[str, Any]) -> str:
    names = ("day", "arrived", "fault", "refit", "share", "version")
    return "| " + " | ".join(_cell(str(day[name])) for name in names) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")
