"""The 27 nonlinear regression problems of NIST/ITL's Statistical Reference Datasets, as laws.

The data, starts and certified values are in ``tests/nist/NAME.json``; the model formulas are those
that NIST gives with each data set (https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling.fitting.solver.objective import Objective
from scaling.laws import Law
from scaling.laws._law import Param, Predict

FOLDER = Path(__file__).resolve().parent / "nist"

# The engine's laws take positive inputs, so x is handed over with this added and the formula takes
# it off again. 2^-1000 lifts a zero and leaves every other number as it is.
LIFT = {"Lanczos1": 2.0**-1000, "Lanczos2": 2.0**-1000, "Lanczos3": 2.0**-1000}
LIFT |= {"MGH17": 2.0**-1000, "Roszman1": 8192.0, "Thurber": 4.0}


def _saturating(p: Any, x: Any) -> Any:
    return p.b1 * (1.0 - np.exp(-p.b2 * x.x))


def _misra1b(p: Any, x: Any) -> Any:
    return p.b1 * (1.0 - (1.0 + 0.5 * p.b2 * x.x) ** -2.0)


def _misra1c(p: Any, x: Any) -> Any:
    return p.b1 * (1.0 - (1.0 + 2.0 * p.b2 * x.x) ** -0.5)


def _misra1d(p: Any, x: Any) -> Any:
    return p.b1 * p.b2 * x.x / (1.0 + p.b2 * x.x)


def _chwirut(p: Any, x: Any) -> Any:
    return np.exp(-p.b1 * x.x) / (p.b2 + p.b3 * x.x)


def _danwood(p: Any, x: Any) -> Any:
    return p.b1 * x.x**p.b2


def _three_exponentials(p: Any, x: Any) -> Any:
    z = x.x - LIFT["Lanczos1"]
    return p.b1 * np.exp(-p.b2 * z) + p.b3 * np.exp(-p.b4 * z) + p.b5 * np.exp(-p.b6 * z)


def _two_peaks(p: Any, x: Any) -> Any:
    first = p.b3 * np.exp(-(((x.x - p.b4) / p.b5) ** 2))
    second = p.b6 * np.exp(-(((x.x - p.b7) / p.b8) ** 2))
    return p.b1 * np.exp(-p.b2 * x.x) + first + second


def _kirby2(p: Any, x: Any) -> Any:
    return (p.b1 + p.b2 * x.x + p.b3 * x.x**2) / (1.0 + p.b4 * x.x + p.b5 * x.x**2)


def _cubics(p: Any, z: Any) -> Any:
    above = p.b1 + p.b2 * z + p.b3 * z**2 + p.b4 * z**3
    return above / (1.0 + p.b5 * z + p.b6 * z**2 + p.b7 * z**3)


def _hahn1(p: Any, x: Any) -> Any:
    return _cubics(p, x.x)


def _thurber(p: Any, x: Any) -> Any:
    return _cubics(p, x.x - LIFT["Thurber"])


def _nelson(p: Any, x: Any) -> Any:
    return np.exp(p.b1 - p.b2 * x.x1 * np.exp(-p.b3 * x.x2))


def _mgh17(p: Any, x: Any) -> Any:
    z = x.x - LIFT["MGH17"]
    return p.b1 + p.b2 * np.exp(-z * p.b4) + p.b3 * np.exp(-z * p.b5)


def _mgh09(p: Any, x: Any) -> Any:
    return p.b1 * (x.x**2 + x.x * p.b2) / (x.x**2 + x.x * p.b3 + p.b4)


def _mgh10(p: Any, x: Any) -> Any:
    return p.b1 * np.exp(p.b2 / (x.x + p.b3))


def _roszman1(p: Any, x: Any) -> Any:
    z = x.x - LIFT["Roszman1"]
    return p.b1 - p.b2 * z - np.arctan(p.b3 / (z - p.b4)) / np.pi


def _enso(p: Any, x: Any) -> Any:
    turn = 2.0 * np.pi * x.x
    year = p.b2 * np.cos(turn / 12.0) + p.b3 * np.sin(turn / 12.0)
    first = p.b5 * np.cos(turn / p.b4) + p.b6 * np.sin(turn / p.b4)
    second = p.b8 * np.cos(turn / p.b7) + p.b9 * np.sin(turn / p.b7)
    return p.b1 + year + first + second


def _rat42(p: Any, x: Any) -> Any:
    return p.b1 / (1.0 + np.exp(p.b2 - p.b3 * x.x))


def _rat43(p: Any, x: Any) -> Any:
    return p.b1 / (1.0 + np.exp(p.b2 - p.b3 * x.x)) ** (1.0 / p.b4)


def _eckerle4(p: Any, x: Any) -> Any:
    return p.b1 / p.b2 * np.exp(-0.5 * ((x.x - p.b3) / p.b2) ** 2)


def _bennett5(p: Any, x: Any) -> Any:
    return p.b1 * (p.b2 + x.x) ** (-1.0 / p.b3)


# NIST's order: lower, average, higher level of difficulty.
MODELS: dict[str, tuple[str, Predict]] = {
    "Misra1a": ("b1 (1 - exp(-b2 x))", _saturating),
    "Chwirut2": ("exp(-b1 x) / (b2 + b3 x)", _chwirut),
    "Chwirut1": ("exp(-b1 x) / (b2 + b3 x)", _chwirut),
    "Lanczos3": ("b1 exp(-b2 x) + b3 exp(-b4 x) + b5 exp(-b6 x)", _three_exponentials),
    "Gauss1": ("b1 exp(-b2 x) + two Gaussian peaks", _two_peaks),
    "Gauss2": ("b1 exp(-b2 x) + two Gaussian peaks", _two_peaks),
    "DanWood": ("b1 x^b2", _danwood),
    "Misra1b": ("b1 (1 - (1 + b2 x / 2)^-2)", _misra1b),
    "Kirby2": ("quadratic / quadratic", _kirby2),
    "Hahn1": ("cubic / cubic", _hahn1),
    "Nelson": ("log y = b1 - b2 x1 exp(-b3 x2)", _nelson),
    "MGH17": ("b1 + b2 exp(-b4 x) + b3 exp(-b5 x)", _mgh17),
    "Lanczos1": ("b1 exp(-b2 x) + b3 exp(-b4 x) + b5 exp(-b6 x)", _three_exponentials),
    "Lanczos2": ("b1 exp(-b2 x) + b3 exp(-b4 x) + b5 exp(-b6 x)", _three_exponentials),
    "Gauss3": ("b1 exp(-b2 x) + two Gaussian peaks", _two_peaks),
    "Misra1c": ("b1 (1 - (1 + 2 b2 x)^-1/2)", _misra1c),
    "Misra1d": ("b1 b2 x / (1 + b2 x)", _misra1d),
    "Roszman1": ("b1 - b2 x - arctan(b3 / (x - b4)) / pi", _roszman1),
    "ENSO": ("b1 + three cosine and sine pairs of periods 12, b4 and b7", _enso),
    "MGH09": ("b1 (x^2 + b2 x) / (x^2 + b3 x + b4)", _mgh09),
    "Thurber": ("cubic / cubic", _thurber),
    "BoxBOD": ("b1 (1 - exp(-b2 x))", _saturating),
    "Rat42": ("b1 / (1 + exp(b2 - b3 x))", _rat42),
    "MGH10": ("b1 exp(b2 / (x + b3))", _mgh10),
    "Eckerle4": ("(b1 / b2) exp(-((x - b3) / b2)^2 / 2)", _eckerle4),
    "Rat43": ("b1 / (1 + exp(b2 - b3 x))^(1 / b4)", _rat43),
    "Bennett5": ("b1 (b2 + x)^(-1 / b3)", _bennett5),
}


@dataclass(frozen=True)
class Case:
    """One data set: its law, table, objective and NIST's numbers."""

    name: str
    law: Law
    frame: pl.DataFrame
    objective: Objective
    facts: Mapping[str, Any]

    def start(self, number: int) -> dict[str, float]:
        """NIST's start 1 (far) or 2 (near)."""
        found: dict[str, float] = self.facts[f"start{number}"]
        return found

    @property
    def certified(self) -> dict[str, float]:
        """Certified parameters."""
        found: dict[str, float] = self.facts["certified"]
        return found

    def digits(self, values: Mapping[str, float]) -> float:
        """Correct digits of the worst parameter, log relative error; 11 are certified.

        LRE = -log10 |b - c| / |c|; source: McCullough 1998, The American Statistician 52(4),
        "Assessing the reliability of statistical software: part I".
        """
        errors = [abs(values[name] - c) / abs(c) for name, c in self.certified.items()]
        worst = max(errors)
        return float(min(11.0, -np.log10(max(worst, 1e-300)))) if np.isfinite(worst) else 0.0


def load(name: str) -> Case:
    """One data set by NIST's name."""
    facts = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    formula, predict = MODELS[name]
    inputs = tuple(column for column in facts["data"] if column != "y")
    law = Law(
        name=f"nist_{name.lower()}",
        title=f"NIST StRD {name}",
        formula=formula,
        citation=facts["source"],
        params=tuple(Param(b, "1", "", "real", (-1.0, 1.0)) for b in facts["certified"]),
        inputs=inputs,
        predict=predict,
        target="y",
    )
    frame = pl.DataFrame(facts["data"]).with_columns(pl.col(inputs) + LIFT.get(name, 0.0))
    link = "log" if name == "Nelson" else "linear"
    return Case(name, law, frame, Objective("least_squares", link=link), facts)
