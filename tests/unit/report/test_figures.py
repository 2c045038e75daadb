"""The figures: valid, the same twice, and showing what they should."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from scaling.document.blocks import Report
from scaling.document.palette import ROLES
from scaling.errors import InputError
from scaling.report.context import context
from scaling.report.figures.export_figure import main as export
from scaling.report.figures.figures import forecast_figure
from scaling.report.figures.plot_forecast import MAX_RUNS, loss_ticks, thin
from scaling.report.model import build
from scaling.report.read import read
from scaling.report.sections.headline import forecast_panels
from tests.support.report_project import figures, project, studies


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that no test changes."""
    return project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def made(here: Path) -> Report:
    """Its report."""
    return build(read(here))


def test_drawings_are_the_same_twice(here: Path, made: Report) -> None:
    assert figures(build(read(here))) == figures(made)


def test_a_panel_shows_every_run_and_target(here: Path) -> None:
    panel = forecast_panels(context(read(here)))[0]
    assert sum(run.used for run in panel.runs) == 38
    assert {aim.name: aim.budget for aim in panel.aims} == {
        "7B model": False, "10²¹ FLOP": True, "10²⁴ FLOP": True,
    }  # fmt: skip


def test_many_runs_are_thinned_evenly() -> None:
    assert thin(range(10)) == range(10)
    kept = thin(range(10 * MAX_RUNS))
    assert len(kept) == MAX_RUNS
    assert list(kept[:3]) == [0, 10, 20]


@pytest.mark.parametrize(("low", "high"), [(1.9, 2.1), (1.4, 3.5), (1.0, 6.2), (0.02, 0.9)])
def test_loss_ticks_are_few_and_inside(low: float, high: float) -> None:
    ticks = loss_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    assert all(low <= tick <= high for tick in ticks)


def test_one_target_and_no_runs_can_be_drawn(tmp_path: Path) -> None:
    root = project(tmp_path, targets={"optimal-1e21": {"flops": 1e21}})
    (root / "data/validated/alpha.parquet").unlink()
    ElementTree.fromstring(forecast_figure(forecast_panels(context(read(root)))))


@pytest.mark.parametrize("name", ["forecast.svg", "forecast.png"])
def test_the_figure_can_be_exported(here: Path, tmp_path: Path, name: str) -> None:
    light, dark = tmp_path / "light" / name, tmp_path / "dark" / name
    assert export([str(light), "--root", str(here)]) == 0
    assert export([str(dark), "--root", str(here), "--dark"]) == 0
    assert light.read_bytes() != dark.read_bytes()
    if name.endswith("svg"):
        drawn = dark.read_text(encoding="utf-8")
        assert not any(f'"{role.light}"' in drawn for role in ROLES)


def test_another_kind_of_picture_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(["out.gif", "--root", str(here)]) == 2
    assert "allowed: .svg | .png" in capsys.readouterr().err


def test_a_wrong_exclusion_names_the_rule(tmp_path: Path) -> None:
    chosen = studies(("alpha",))
    root = project(tmp_path, chosen)
    params = yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))
    params["studies"]["alpha"]["exclude"] = [{"where": "no_such_column > 1", "reason": "x"}]
    (root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    with pytest.raises(InputError, match="no_such_column"):
        read(root)
