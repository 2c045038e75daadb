"""Results as files of their own: JSON, which no reading of can run code.

    {"format": "scaling/1", "result": "fit", ...}

Numbers keep every digit; those that are not finite are the texts nan, inf and -inf.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from scaling import laws
from scaling.errors import InputError
from scaling.fitting.diagnostics.comparison import Comparison
from scaling.fitting.intervals import Interval
from scaling.fitting.result import Certificate, Fit, Outcome, Resampling
from scaling.forecasting.display import Backtest, Exponents, Forecast
from scaling.forecasting.distance import Distance
from scaling.io import atomic
from scaling.plan.answer import Answer, Basis

FORMAT = "scaling/1"
Stored = Mapping[str, Any]
# Types of columns that are kept; others are kept as text.
_TYPES = {
    str(one): one
    for one in (
        *(pl.Float64, pl.Float32, pl.Int64, pl.Int32, pl.Int16, pl.Int8),
        *(pl.UInt64, pl.UInt32, pl.UInt16, pl.UInt8, pl.Boolean, pl.String, pl.Date),
    )
}


def save(result: Any, path: str | Path) -> Path:
    """Write a result to a JSON file, whole.

    Raises:
        InputError: the name does not end in .json, or the result is of a law that no name finds.
    """
    file = Path(path)
    if file.suffix != ".json":
        raise InputError("a result is kept as JSON", file=file, value=file.suffix, allowed=".json")
    name = next((one for one, (kind, _, _) in _KINDS.items() if isinstance(result, kind)), None)
    if name is None:
        allowed = ", ".join(_KINDS)
        raise InputError("cannot be stored", value=type(result).__name__, allowed=allowed)
    pack = _KINDS[name][1]
    found = {"format": FORMAT, "result": name, **_plain(pack(result))}
    text = json.dumps(found, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    atomic.write(file, (text + "\n").encode())
    return file


def load(path: str | Path) -> Any:
    """The result in a file that ``save`` wrote.

    Raises:
        InputError: no such file, or not one of these.
    """
    file = Path(path)
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        raise InputError("no such file", file=file) from None
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read as JSON ({error})", file=file) from None
    known = found.get("format") if isinstance(found, dict) else None
    name = found.get("result") if isinstance(found, dict) else None
    if known != FORMAT or name not in _KINDS:
        allowed = f"format {FORMAT} of {', '.join(_KINDS)}, as `save` of a result writes it"
        raise InputError("not a stored result", file=file, value=known, allowed=allowed)
    try:
        return _KINDS[name][2](found)
    except InputError as error:
        raise error.at(file) from error
    except (KeyError, TypeError, ValueError, AttributeError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"a stored {name} that lacks a part, or has another in its place ({error})", file=file
        ) from error


def _plain(value: Any) -> Any:
    """As JSON holds it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _number(value: Any) -> Any:
    """A number, where it was one: texts are those of numbers that are not finite."""
    return float(value) if value in ("nan", "inf", "-inf") else value


def _floats(value: Any) -> Any:
    return np.array(value, dtype=np.float64)


def _named(value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _number(one) for name, one in value.items()}


def _pack_frame(frame: pl.DataFrame | None) -> Any:
    if frame is None:
        return None
    kept = {n: d if str(d) in _TYPES else pl.String() for n, d in frame.schema.items()}
    text = [n for n, d in kept.items() if d == pl.Date or d != frame.schema[n]]
    plain = pl.DataFrame(frame).with_columns(pl.col(text).cast(pl.String))
    columns = plain.to_dict(as_series=False)
    return {"types": {n: str(d) for n, d in kept.items()}, "columns": columns}


def _frame(found: Any) -> pl.DataFrame:
    columns = {}
    for name, kind in found["types"].items():
        values = [_number(one) for one in found["columns"][name]] if "Float" in kind else None
        raw = found["columns"][name] if values is None else values
        columns[name] = pl.Series(name, raw).cast(_TYPES[kind])
    return pl.DataFrame(columns)


def _pack_fit(made: Fit) -> Stored:
    known = laws.load().get(made.law.name)
    if known is None or (known != made.law and known.bind is None):
        raise InputError(
            "a law that no name finds cannot be stored",
            value=made.law.name,
            allowed="a law of the package, or of the project's folder laws/",
        )
    parts = {one.name: getattr(made, one.name) for one in fields(Fit)}
    return parts | {
        "law": made.law.name,
        "certificate": asdict(made.certificate),
        "resampling": None if made.resampling is None else asdict(made.resampling),
        "table": _pack_frame(made.table),
    }


def _fit(found: Stored) -> Fit:
    parts = {one.name: found[one.name] for one in fields(Fit)}
    table = None if found["table"] is None else _frame(found["table"])
    law = laws.get(found["law"])
    law = law if table is None else law.bound(table, found["target"])
    how = found["resampling"]
    certificate = _named(found["certificate"])
    certificate |= {
        "at_bound": tuple(certificate["at_bound"]),
        "weakest": _named(certificate["weakest"]),
        "profile": {n: tuple(map(_number, ends)) for n, ends in certificate["profile"].items()},
    }
    arrays = {name: _floats(found[name]) for name in ("theta", "residuals", "observed")}
    return Fit(
        **parts
        | arrays
        | {
            "law": law,
            "table": table,
            "resampled": _floats(found["resampled"]).reshape(-1, len(law.names)),
            "objective": _number(found["objective"]),
            "outcome": Outcome(found["outcome"]),
            "certificate": Certificate(**certificate),
            "ranges": {name: tuple(map(_number, ends)) for name, ends in found["ranges"].items()},
            "resampling": None
            if how is None
            else Resampling(**how | {"naive_se": _named(how["naive_se"])}),
            "free": tuple(found["free"]),
            "errors": _named(found["errors"]),
            "notes": tuple(found["notes"]),
            "x": {name: _floats(one) for name, one in found["x"].items()},
        }
    )


def _pack_table(made: Any) -> Stored:
    parts = {"table": _pack_frame(made), "notes": made.notes, "kind": made.kind}
    if not isinstance(made, Forecast):
        return parts
    far = made.distance
    distance = None if far is None else {one.name: getattr(far, one.name) for one in fields(far)}
    return parts | {"distance": distance, "runs": _pack_frame(made.runs)}


def _table(kind: type) -> Callable[[Stored], Any]:
    def read(found: Stored) -> Any:
        made = kind(_frame(found["table"]))
        made.notes, made.kind = tuple(found["notes"]), found["kind"]
        if isinstance(made, Forecast):
            made.distance = _distance(found["distance"])
            made.runs = None if found["runs"] is None else _frame(found["runs"])
        return made

    return read


def _distance(found: Any) -> Distance | None:
    if found is None:
        return None
    inputs = tuple(found["inputs"])
    return Distance(
        inputs,
        np.array(found["linear"], dtype=np.bool_),
        np.array(found["values"], dtype=np.int64),
        _floats(found["outside"]).reshape(-1, len(inputs)),
        _floats(found["nearest"]),
        _floats(found["usual"]),
    )


def _pack_comparison(made: Comparison) -> Stored:
    frames = {
        name: _pack_frame(getattr(made, name)) for name in ("criteria", "rolling_origin", "groups")
    }
    return frames | {"notes": made.notes, "kind": made.kind}


def _comparison(found: Stored) -> Comparison:
    groups = None if found["groups"] is None else _frame(found["groups"])
    return Comparison(
        _frame(found["criteria"]),
        _frame(found["rolling_origin"]),
        groups,
        tuple(found["notes"]),
        found["kind"],
    )


def _pack_answer(made: Answer) -> Stored:
    parts = {one.name: getattr(made, one.name) for one in fields(Answer) if one.name != "valley"}
    basis = {one.name: getattr(made.basis, one.name) for one in fields(Basis)}
    return parts | {
        "figures": _pack_figures(made.figures),
        "basis": basis | {"model": _pack_figures(made.basis.model)},
        "valley": made.valley() if made.valley else None,
    }


def _pack_figures(figures: Any) -> Any:
    return [[name, asdict(one), unit] for name, one, unit in figures]


def _figures(found: Any) -> Any:
    return [(name, Interval(**_named(one)), unit) for name, one, unit in found]


def _answer(found: Stored) -> Answer:
    parts = {one.name: found[one.name] for one in fields(Answer) if one.name != "valley"}
    basis = found["basis"] | {"model": _figures(found["basis"]["model"])}
    valley = found["valley"] and [_named(row) for row in found["valley"]]
    return Answer(
        **parts
        | {
            "figures": _figures(found["figures"]),
            "basis": Basis(**basis),
            "tables": {
                title: [_named(row) for row in rows] for title, rows in found["tables"].items()
            },
            "distance": _named(found["distance"]),
            "valley": (lambda: valley) if valley else None,
        }
    )


# Name -> the class, what writes it, what reads it.
_KINDS: dict[str, tuple[type, Callable[[Any], Stored], Callable[[Stored], Any]]] = {
    "fit": (Fit, _pack_fit, _fit),
    "forecast": (Forecast, _pack_table, _table(Forecast)),
    "backtest": (Backtest, _pack_table, _table(Backtest)),
    "exponents": (Exponents, _pack_table, _table(Exponents)),
    "comparison": (Comparison, _pack_comparison, _comparison),
    "plan": (Answer, _pack_answer, _answer),
}
