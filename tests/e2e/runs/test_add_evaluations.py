"""What a harness says of an evaluation stands in the table's own columns."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.inbox_project import project, scaling_add, table

__all__ = ["project"]


def _results(file: Path, version: int, value: float) -> Path:
    found = {
        "results": {"arc": {"acc,none": value, "acc_stderr,none": 0.01}},
        "versions": {"arc": version},
        "n-shot": {"arc": 25},
        "n-samples": {"arc": {"original": 1172, "effective": 1172}},
        "model_name": "small",
        "date": 1.7e9,
    }
    file.write_text(json.dumps(found))
    return file


def test_version_count_error_and_shots_reach_the_table(project: Path) -> None:
    columns = ("task_version", "evaluated", "shots", "value", "value_se")
    assert scaling_add(_results(project / "results_1.json", 1, 0.5), "--as", "evals") == 0
    assert table("evals", *columns).rows() == [("1", 1172.0, 25.0, 0.5, 0.01)]
    # Another version of the task is another result; the same version again corrects it.
    assert scaling_add(_results(project / "results_2.json", 2, 0.4), "--as", "evals") == 0
    assert scaling_add(_results(project / "results_3.json", 2, 0.45), "--as", "evals") == 0
    assert table("evals", *columns).sort("task_version").rows() == [
        ("1", 1172.0, 25.0, 0.5, 0.01),
        ("2", 1172.0, 25.0, 0.45, 0.01),
    ]
