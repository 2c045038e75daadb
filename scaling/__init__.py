"""Scaling-law forecasts that can be made again.

>>> import polars as pl, scaling
>>> runs = pl.DataFrame({"params": [...], "tokens": [...], "loss": [...]})
>>> scaling.fit(runs, "chinchilla", resamples=1000).values
>>> scaling.forecast(runs, pl.DataFrame({"params": [7e10], "tokens": [1.4e12]}))
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

# One BLAS thread: the systems here are tiny, and results must not depend on the core count.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
# Nor on the kind of processor: OpenBLAS has other kernels, and so other last digits, for each.
# These run on whatever has AVX2: docs/decisions/021-one-kind-of-linear-algebra.md.
try:
    if {"avx2", "fma"} <= set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split()):
        os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
except (OSError, UnicodeDecodeError):
    pass

__version__ = "0.1.0"
__all__ = ["Box", "Fit", "InputError", "Objective", "Prior", "backtest", "fit", "forecast"]

_HOMES = {
    "Box": ("scaling.fit.space", "Box"),
    "Fit": ("scaling.fit.result", "Fit"),
    "InputError": ("scaling.errors", "InputError"),
    "Objective": ("scaling.fit.objective", "Objective"),
    "Prior": ("scaling.fit.space", "Prior"),
    "backtest": ("scaling.forecast.backtest", "backtest"),
    "fit": ("scaling.fit", None),
    "forecast": ("scaling.forecast", None),
}


def __getattr__(name: str) -> Any:
    # Imports cost more than small stages compute, so names load on first use.
    if name not in _HOMES:
        raise AttributeError(f"module 'scaling' has no attribute {name!r}")
    home, member = _HOMES[name]
    module = importlib.import_module(home)
    return module if member is None else getattr(module, member)
