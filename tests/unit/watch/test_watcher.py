"""Looks at a log that grows, is cut, rotated or restarted; the record; the alert; what is left."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scaling.errors import InputError
from scaling.watching import source
from scaling.watching.alert import left_interval
from scaling.watching.journal import CURVE, FORECASTS, SCORE, Journal
from scaling.watching.progress import progress
from scaling.watching.remaining import hardware, pace, remaining
from scaling.watching.watcher import (
    ENDED,
    RUNNING,
    STOPPED,
    WAITING,
    Look,
    Question,
    Watcher,
    pause,
)

STEPS = 400
LOSS = (1.5 + 4.0 * np.arange(1.0, STEPS + 1) ** -0.3) * np.exp(
    0.01 * np.random.default_rng(3).standard_normal(STEPS)
)


class Bench:
    """A log, its record, and looks at it, each by a new watcher, as after a kill."""

    def __init__(self, folder: Path) -> None:
        self.log, self.out = folder / "run.jsonl", folder / "out"
        self.question, self.wanted = Question(), source.Wanted(steps=STEPS)

    def write(self, first: int, last: int, mode: str = "a", **more: float) -> None:
        with self.log.open(mode) as file:
            for n in range(first, last + 1):
                file.write(json.dumps({"step": n, "loss": LOSS[n - 1], **more}) + "\n")

    def look(self, *, patient: bool = True) -> Look:
        with Journal(self.out).held() as journal:
            return Watcher(self.log, self.wanted, self.question, journal).look(patient=patient)

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / FORECASTS).read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_run_from_its_first_line_to_its_score(bench: Bench) -> None:
    assert bench.look().state == WAITING
    bench.write(1, 10)
    short = bench.look()
    assert (short.state, "too short a log" in short.why) == (WAITING, True)
    for first, last in ((11, 100), (101, 200), (201, 300), (301, 380)):
        bench.write(first, last)
        assert bench.look().state == RUNNING
    bench.write(381, 400)
    done = bench.look()
    assert done.state == ENDED
    assert done.score is not None
    assert [one["made"] for one in done.score["forecasts"]] == ["at the time"] * 4
    assert [one["at"] for one in done.score["forecasts"]] == [100, 200, 300, 380]
    assert done.score == json.loads((bench.out / SCORE).read_text())
    assert done.score["observed"] == pytest.approx(LOSS[-4:].mean())
    assert all(one["inside_90"] for one in done.score["forecasts"])


def test_shares_without_a_forecast_near_them_are_forecast_afterwards(bench: Bench) -> None:
    bench.write(1, 100)
    bench.look()
    bench.write(101, 400)
    found = bench.look().score
    assert found is not None
    made = [one["made"] for one in found["forecasts"]]
    assert made == ["at the time", "afterwards", "afterwards", "afterwards"]


def test_the_same_look_again_records_nothing(bench: Bench) -> None:
    bench.write(1, 200)
    bench.look()
    first = (bench.out / FORECASTS).read_bytes()
    assert bench.look().state == RUNNING
    assert (bench.out / FORECASTS).read_bytes() == first


def test_a_line_that_a_kill_cut_is_replaced(bench: Bench) -> None:
    bench.write(1, 100)
    bench.look()
    bench.write(101, 200)
    bench.look()
    whole = (bench.out / FORECASTS).read_bytes()
    (bench.out / FORECASTS).write_bytes(whole[:-40])
    bench.look()
    again = bench.rows()
    assert [row["at"] for row in again] == [100, 200]
    before = [json.loads(line) for line in whole.splitlines()]
    assert [row["q50"] for row in again] == [row["q50"] for row in before]


def test_a_damaged_record_is_refused_by_its_line(bench: Bench) -> None:
    bench.write(1, 100)
    bench.look()
    with (bench.out / FORECASTS).open("a") as file:
        file.write("not json\n")
    with pytest.raises(InputError, match=r"forecast\.jsonl, row 2: not a forecast; found 'not js"):
        bench.look()


def test_a_rotated_log_goes_on_where_it_was(bench: Bench) -> None:
    bench.write(1, 200)
    bench.look()
    bench.write(201, 300, mode="w")
    found = bench.look()
    assert found.progress is not None
    assert any(CURVE in note for note in found.notes)
    bench.write(1, 300, mode="w")
    whole = progress(source.observations(bench.log, bench.wanted))
    assert found.progress.median == pytest.approx(whole.median, rel=1e-9)


def test_a_restart_from_a_checkpoint_goes_on_in_the_same_record(bench: Bench) -> None:
    bench.write(1, 240)
    bench.look()
    bench.write(201, 300)
    assert bench.look().state == RUNNING
    assert [row["at"] for row in bench.rows()] == [240, 300]
    bench.write(1, 120, mode="w")
    found = bench.look()
    assert found.progress is not None
    assert (found.progress.at, found.progress.points) == (120, 30)


def test_a_file_that_cannot_be_read_is_given_one_look_more(bench: Bench) -> None:
    bench.log.write_text('{"step": 1, "loss": 2.0}\nnot json\n')
    with Journal(bench.out).held() as journal:
        watcher = Watcher(bench.log, bench.wanted, bench.question, journal)
        assert watcher.look().state == WAITING
        with pytest.raises(InputError, match="row 2: not a JSON object"):
            watcher.look()
        bench.write(1, 100, mode="w")
        assert watcher.look().state == RUNNING
    with pytest.raises(InputError, match="no such file"):
        bench.log.unlink()
        bench.look(patient=False)


def test_another_run_or_process_is_kept_out_of_the_folder(bench: Bench) -> None:
    bench.write(1, 100)
    bench.look()
    with Journal(bench.out).held():
        code = "import sys; from scaling.watching.journal import *\n"
        code += "with Journal(Path(sys.argv[1])).held(): pass"
        command = [sys.executable, "-c", code, str(bench.out)]
        done = subprocess.run(command, capture_output=True, text=True)
    assert "another process watches into this folder" in done.stderr
    bench.log = bench.log.rename(bench.log.with_name("other.jsonl"))
    with pytest.raises(InputError, match=r"forecasts of another run; found 'run'"):
        bench.look()


def test_git_does_not_see_the_record(bench: Bench, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    bench.write(1, 100)
    bench.look()
    done = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout.split() == ["??", "run.jsonl"]


def test_a_run_that_stops_early_is_not_scored(bench: Bench) -> None:
    bench.write(1, 200)
    bench.question = Question(ended=True)
    found = bench.look()
    assert (found.state, found.score) == (STOPPED, None)
    assert "ended at step 200 of 400" in found.why
    assert not (bench.out / SCORE).exists()


def test_steps_that_are_counted_from_0_end_too(bench: Bench) -> None:
    bench.write(1, 399)
    assert bench.look().state == ENDED


def test_an_end_that_leaves_its_interval_is_news_once(bench: Bench) -> None:
    bench.question = Question(alert_after=0.0)
    bench.write(1, 200)
    assert bench.look().left is None
    with bench.log.open("a") as file:
        for n in range(201, 301):
            file.write(json.dumps({"step": n, "loss": 3.0}) + "\n")
    found = bench.look()
    assert found.left is not None
    assert (found.news, found.left.side, found.left.at) == (True, "above", 200)
    assert not bench.look().news
    bench.question = replace(bench.question, alert_after=24.0)
    assert bench.look().left is None


def test_the_interval_of_the_day_before_is_that_of_the_latest_row_as_old() -> None:
    rows = [
        {"time": f"2026-01-0{day}T00:00:00+00:00", "at": day, "q05": 2.0, "q95": 2.0 + 0.1 * day}
        for day in (1, 2, 3)
    ]
    now = "2026-01-03T12:00:00+00:00"
    assert left_interval(rows, 2.15, now, 24.0) is None
    found = left_interval(rows, 2.25, now, 24.0)
    assert found is not None
    assert (found.at, found.high, found.side) == (2, 2.2, "above")
    assert left_interval(rows, 1.9, now, 24.0).side == "below"  # type: ignore[union-attr]
    assert left_interval(rows[2:], 9.0, now, 24.0) is None


def test_the_pace_is_that_of_late_and_a_pause_counts_little() -> None:
    at = np.arange(1.0, 1001.0)
    wall = 1.7e9 + 2.0 * at
    assert pace(at, wall) == pytest.approx(0.5)
    wall[900:] += 36000.0
    assert pace(at, wall) == pytest.approx(0.5)
    assert pace(at[:1], wall[:1]) is None
    assert pace(at, np.full(1000, np.nan)) is None


def test_energy_and_money_left_are_those_of_the_chips(bench: Bench) -> None:
    with bench.log.open("w") as file:
        for n in range(1, 201):
            line = {"step": n, "loss": LOSS[n - 1], "wall_time": 1.7e9 + 36.0 * n}
            file.write(json.dumps(line) + "\n")
    run = source.observations(bench.log, bench.wanted)
    nothing = (np.zeros(0), np.zeros(0))
    by = hardware("ours", {"power": "500", "pue": "1.2", "price": "1,2,3"})
    rest = remaining(run, nothing, 8.0, by)
    # 200 steps of 36 s are 2 h; 8 chips 16 chip hours.
    assert rest.hours == pytest.approx(2.0)
    assert rest.energy_kwh is not None and rest.usd is not None
    assert rest.energy_kwh.central == pytest.approx(16 * 0.5 * 1.2)
    assert (rest.usd.low, rest.usd.central, rest.usd.high) == pytest.approx((16, 32, 48))
    assert remaining(run, nothing).missing == (
        "energy and money left: give --chips N (and --chip NAME, --price USD per chip hour)",
    )
    with pytest.raises(InputError, match="not a number of chips"):
        remaining(run, nothing, 0.0, by)


def test_a_log_without_times_has_the_pace_of_the_watch(bench: Bench) -> None:
    bench.write(1, 200)
    run = source.observations(bench.log, bench.wanted)
    rest = remaining(run, (np.array([100.0, 200.0]), np.array([0.0, 3600.0])))
    assert rest.hours == pytest.approx(2.0)
    assert "this watch's own clock" in rest.basis[0]
    assert remaining(run, (np.array([200.0]), np.array([0.0]))).hours is None


def test_looks_wait_longer_where_they_cost_more() -> None:
    assert pause(60.0, 0.5) == 60.0
    assert pause(60.0, 10.0) == 200.0
