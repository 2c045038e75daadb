"""`scaling pull wandb`: what the library exports is taken whole, or not at all.

No server of Weights & Biases is reached: runs are objects of the library's own classes, filled with
what its query asks for, and the files are Parquet as its exports are described.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scaling.errors import InputError
from scaling.runs import formats
from scaling.runs.servers import Pulled
from scaling.runs.servers import wandb as server
from tests.support.needs import TRACKER, installed

pytestmark = TRACKER.unless(installed("wandb"), "wandb")
STEPS = 50
COUNTS = {"typeCounts": [{"type": "number", "count": STEPS}]}
HISTORY = {"keys": {"loss": COUNTS, "_step": COUNTS}, "lastStep": STEPS - 1}


def _run(name: str = "abc", **changed: Any) -> Any:
    """A run of the library, as a page of its query gives it."""
    from wandb.apis.public.runs import Run

    attributes = {
        "id": "UnVu",
        "name": name,
        "displayName": f"run {name}",
        "state": "finished",
        "config": json.dumps({"lr": {"value": 0.1}, "_wandb": {"value": {}}}),
        "summaryMetrics": "{}",
        "systemMetrics": "{}",
        "historyLineCount": STEPS,
        "historyKeys": HISTORY,
        **changed,
    }
    return Run(None, "team", "laws", name, attributes, lazy=False)


def _result(folder: Path, *parts: pl.DataFrame, **changed: Any) -> Any:
    """What the library says of a download."""
    from wandb.apis.public.runhistory import DownloadHistoryResult

    paths = [folder / f"{number}.parquet" for number in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        part.write_parquet(path)
    return DownloadHistoryResult(paths=paths, **{"contains_live_data": False} | changed)


def _table(steps: range = range(STEPS)) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "_step": list(steps),
            "_timestamp": [1.7e9 + s for s in steps],
            "loss": [3.0 - s / 100 for s in steps],
            "rare": [1.0 if s == 7 else None for s in steps],
        }
    )


def _pull(monkeypatch: pytest.MonkeyPatch, file: Path, *runs: Any, **more: Any) -> Pulled:
    """A pull in which the service lists these runs."""
    import wandb

    class Api:
        def runs(self, path: str, **_: Any) -> list[Any]:
            return list(runs)

    monkeypatch.setattr(wandb, "Api", Api)
    return server.pull("team/laws", file, **more)


def _exports(run: Any, *parts: pl.DataFrame, **changed: Any) -> Any:
    run.download_history_exports = lambda folder, **_: _result(Path(folder), *parts, **changed)
    return run


def test_a_pulled_history_is_read_with_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "laws.wandb.jsonl"
    done = _exports(_run(), _table(range(20)), _table(range(20, STEPS)))
    going = _run("def", state="running")
    found = _pull(monkeypatch, file, done, going)
    assert (found.taken, found.values, found.unchanged) == (["abc"], STEPS + 1, 0)
    assert found.left_out == ["run 'def' ('run def'): running; pulled once it has ended"]
    rows = formats.read_cells(file)
    assert rows.filter(metric="loss")["value"].to_list() == [3.0 - s / 100 for s in range(STEPS)]
    assert set(rows["metric"].unique()) == {"loss", "rare"}
    first = rows.row(0, named=True)
    assert (first["run"], first["run_name"], first["group"]) == ("abc", "run abc", "team/laws")
    assert (first["status"], first["ended"], first["expected_last_step"]) == ("finished", True, 49)
    assert first["config.lr"] == "0.1"
    # Again: nothing; and then only what is new, with what was there kept.
    assert _pull(monkeypatch, file, done, going).unchanged == 1
    going = _exports(_run("def"), _table())
    assert _pull(monkeypatch, file, done, going).taken == ["def"]
    assert formats.read_cells(file).group_by("run").len()["len"].to_list() == [STEPS + 1] * 2
    gone = _pull(monkeypatch, file, going)
    assert gone.remarks == ["run 'abc': no longer on the server; what was pulled of it stays"]


@pytest.mark.parametrize(
    ("changed", "parts", "result", "said"),
    [
        ({}, [range(40)], {}, "40 of 50 rows"),
        ({}, [], {}, "0 of 50 rows"),
        ({}, [range(50)], {"errors": {Path("/x/1.parquet"): "404"}}, "1.parquet.*404"),
        ({}, [range(50)], {"contains_live_data": True}, "not exported yet"),
        ({"historyLineCount": 30}, [range(30)], {}, "ends at step 29 of 49"),
        (
            {"historyKeys": {"keys": {"val": COUNTS}, "lastStep": 49}},
            [range(50)],
            {},
            "0 of 50 values of 'val'",
        ),
    ],
)
def test_a_history_that_is_not_whole_fails_and_writes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, Any],
    parts: list[range],
    result: dict[str, Any],
    said: str,
) -> None:
    file = tmp_path / "laws.wandb.jsonl"
    file.write_text('{"run_id": "old", "_step": 0, "loss": 1.0}\n')
    before = file.read_bytes()
    run = _exports(_run(**changed), *map(_table, parts), **result)
    with pytest.raises(InputError, match=said):
        _pull(monkeypatch, file, run)
    assert file.read_bytes() == before


def test_an_incomplete_export_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from wandb.apis.public.runhistory import IncompleteRunHistoryError

    run = _run()

    def incomplete(*_: Any, **__: Any) -> None:
        raise IncompleteRunHistoryError

    run.download_history_exports = incomplete
    with pytest.raises(InputError, match="run 'abc': its history is not exported in full"):
        _pull(monkeypatch, tmp_path / "laws.wandb.jsonl", run)
    assert list(tmp_path.iterdir()) == []


def test_what_the_service_says_is_an_error_to_act_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    def refuse(*_: Any) -> None:
        raise wandb.errors.CommError("permission denied")

    monkeypatch.setattr(wandb, "Api", refuse)
    with pytest.raises(InputError, match=r"team/laws: .*permission denied.*WANDB_API_KEY"):
        server.pull("team/laws", tmp_path / "x.wandb.jsonl")
    for path in ("team", "team/", "a/b/c"):
        with pytest.raises(InputError, match="ENTITY/PROJECT"):
            server.pull(path, tmp_path / "x.wandb.jsonl")
