"""The notebook of the documentation runs in a real kernel, and its results show themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests.support import ROOT

NOTEBOOK = ROOT / "docs" / "examples" / "first-forecast.ipynb"


def test_the_notebook_runs_and_shows_results(tmp_path: Path) -> None:
    for name in ("scaling.toml", "params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("data", "laws", "library"):
        (tmp_path / name).symlink_to(ROOT / name)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "kept without outputs"
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, resources=resources).execute()
    shown = {
        "".join(cell.source).split("\n")[-1]: "".join(
            output.get("data", {}).get("text/html", "") for output in cell.outputs
        )
        for cell in notebook.cells
        if cell.cell_type == "code"
    }
    for last in ("model", "ahead", "best"):
        assert "<table" in shown[last], shown[last][:500]
    for last in ("model.plot()", "ahead.plot()", "best.plot()"):
        assert "vega" in shown[last], shown[last][:500]
    assert (tmp_path / "model.json").is_file()
