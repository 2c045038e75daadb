"""The charts that `--plot FILE.html` writes, opened in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.support.axe import SERIOUS, axe_core
from tests.support.browser import Browser, started
from tests.support.command import scaling

VERBS = {
    "fit": ("fit", "{runs}", "--law", "chinchilla", "--resamples", "50"),
    "forecast": ("forecast", "{runs}", "--params", "7e10", "--tokens", "1.4e12"),
    "plan": ("plan", "optimal", "--runs", "{runs}", "--flops", "1e22"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated runs of a Chinchilla law (Besiroglu et al. 2024, constants) with 0.5 % noise."""
    place = tmp_path_factory.mktemp("charts")
    rng = np.random.default_rng(3)
    n = np.exp(rng.uniform(np.log(5e7), np.log(8e9), 40))
    d = n * np.exp(rng.uniform(np.log(5), np.log(80), 40))
    loss = 1.8172 + 482.01 / n**0.3478 + 2085.43 / d**0.3658
    loss *= np.exp(rng.normal(0, 0.005, 40))
    pl.DataFrame({"params": n, "tokens": d, "loss": loss}).write_csv(place / "runs.csv")
    return place


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.mark.parametrize("verb", VERBS)
def test_a_chart_is_drawn_without_a_network(verb: str, folder: Path, browser: Browser) -> None:
    page = folder / f"{verb}.html"
    given = [one.format(runs=folder / "runs.csv") for one in VERBS[verb]]
    assert scaling(*given, "--plot", page) == 0
    for width, scheme in ((1280, "light"), (390, "dark")):
        browser.open(page, width, 900, scheme)
        assert browser.run("document.querySelectorAll('svg, canvas').length") >= 1
        assert browser.complaints() == []
        assert browser.requests() == [page.as_uri()]
    browser.run(axe_core(folder))
    assert browser.run(SERIOUS) == []
