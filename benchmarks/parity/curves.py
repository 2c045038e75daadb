"""M1 to M4 on the extrapolation benchmark, and a broken power law on four-digit addition."""

from __future__ import annotations

import functools

import numpy as np
import polars as pl

from benchmarks.parity import Entry, Figure, published, shared_table
from scaling.fitting.engine import fit
from scaling.fitting.solver.objective import Objective

SQUARES = Objective("least_squares")
OTHER = "the authors minimise squares of transformed residuals, we of log y; both at their optimum"


@functools.cache
def mean_error(law: str, subset: str) -> float:
    """Mean over curves of the root mean square of log(predicted/actual) where it extrapolates."""
    rows = published("nsl-benchmark").filter(pl.col("family") == subset)
    errors = []
    for _, curve in rows.group_by("run", maintain_order=True):
        known = curve.filter(pl.col("split") == "train")
        ahead = curve.filter(pl.col("split") != "train")
        made = fit(known, law, target="value", inputs={"x": "axis"}, objective=SQUARES)
        gap = np.log(made.predict({"x": ahead["axis"].to_numpy()}) / ahead["value"].to_numpy())
        errors.append(float(np.sqrt(np.mean(gap**2))))
    return float(np.mean(errors))


def images() -> list[Figure]:
    """72 few-shot image curves."""
    return [
        Figure("M1, 72 image curves", mean_error("power_bare", "IC"), 0.1046, 1e-4, "same optimum"),
        Figure("M2, 72 image curves", mean_error("power_law", "IC"), 0.0823, 0.011, OTHER),
        Figure("M3, 72 image curves", mean_error("power_offset", "IC"), 0.0615, 0.004, OTHER),
        Figure("M4, 72 image curves", mean_error("sigmoid_power", "IC"), 0.0415, 0.001, OTHER),
    ]


def text() -> list[Figure]:
    """Translation, language and BIG-bench curves: the authors' code run again by others."""
    why = OTHER + "; their own re-runs differ from print by up to 2.6 times"
    found = []
    for subset, values in {
        "NMT": (0.222, 0.0341, 0.0471, 0.0208),
        "LM": (0.0140, 0.0010, 0.0023, 0.0009),
        "BB": (0.0148, 0.0148, 0.0087, 0.0123),
    }.items():
        laws = ("power_bare", "power_law", "power_offset", "sigmoid_power")
        for form, law, value in zip(("M1", "M2", "M3", "M4"), laws, values, strict=True):
            allowed = 1e-3 if form == "M1" else 0.035 if subset == "NMT" else 0.006
            found.append(Figure(f"{form}, {subset}", mean_error(law, subset), value, allowed, why))
    return found


def addition() -> list[Figure]:
    """One break on 14 of 17 points; the target y + 1 makes least squares on log(1 + y)."""
    rows = shared_table("nsl-benchmark").filter(pl.col("subset") == "BNSL_ADD")
    known = rows.filter(pl.col("split") == "train").with_columns(above=pl.col("y") + 1.0)
    made = fit(known, "broken_power", target="above", objective=SQUARES)
    errors = []
    for part in (known, rows.filter(pl.col("split") != "train")):
        predicted = made.predict({"x": part["x"].to_numpy().astype(float)}) - 1.0
        gap = np.log(predicted / part["y"].to_numpy())
        errors.append(float(np.sqrt(np.mean(gap**2))))
    why = "same optimum, rounding of the figure"
    return [
        Figure("error on the fitted points", errors[0], 5.98e-4, 1e-6, why),
        Figure("error on the extrapolated points", errors[1], 0.0109, 5e-5, why),
    ]


REVISITING = "Alabdulmohsin et al. 2022, arXiv:2209.06640"
ENTRIES = (
    Entry(
        "nsl-images",
        "sigmoid_power",
        "nsl-benchmark",
        REVISITING,
        images,
        "M4 is printed; M1 to M3 are the authors' code run again (mean root mean square log error)",
        slow=True,
    ),
    Entry(
        "nsl-text",
        "sigmoid_power",
        "nsl-benchmark",
        REVISITING,
        text,
        "carrying the last value on has .0083 (NMT), .0072 (LM), .0092 (BB)",
        slow=True,
    ),
    Entry(
        "bnsl-addition",
        "broken_power",
        "nsl-benchmark",
        "Caballero et al. 2022, arXiv:2210.14891, figure 4 left",
        addition,
        "a second break fits better (.00025) and extrapolates worse (.033)",
        shared="nsl-benchmark",
    ),
)
