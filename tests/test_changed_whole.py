"""Two versions by the real stages: what the second one says of the first."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scaling.publish import Published, publish, verify
from tests import small_project as small


def version(root: Path) -> Published:
    """All stages that are stale, then publishing."""
    command = [sys.executable, "-m", "dvc", "repro", "--quiet"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(command, cwd=root, env={**os.environ, "PATH": path}, check=True)
    return publish(root)


@pytest.mark.slow
def test_a_refit_with_new_and_withdrawn_rows_says_so(tmp_path: Path) -> None:
    root = small.make(tmp_path / "project")
    first = version(root)
    assert "This is the first version." in (first.folder / "report.md").read_text()
    small.keep_rows(root, 80)
    table = root / f"data/published/{small.SOURCE}/runs.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:20] + lines[21:]))
    second = version(root)
    told = json.loads((second.folder / "changes.json").read_text())
    assert told["old"] == first.version
    (study,) = told["studies"]
    counts = study["rows"]
    assert [counts[name] for name in ("added", "revised", "withdrawn")] == [20, 0, 1]
    assert study["why"] == {"added": {"new": 20}, "withdrawn": {"no longer in the data": 1}}
    assert told["surprise"]["tests"] == 20
    parts = study["laws"][0]["parameters"]
    assert any(row["added"] for row in parts)
    page = (second.folder / "report.html").read_text()
    assert "What changed, and why" in page
    assert "20 rows came" in page
    assert verify(root) == []
