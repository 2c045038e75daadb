"""One study's fits as a typed record: the fit stage writes it, everything after that reads it.

`StudyFits.to_json` is the content of data/fits/STUDY.json, and `read` takes such a file back.
Versions published earlier lack some parts and a replayed version has no fits, so what a file lacks
or holds in another type reads as None, NaN or empty. A field whose default is None or () is left
out of the JSON where it is that; any other field is written.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from scaling import laws
from scaling.arrays import Array
from scaling.errors import InputError
from scaling.fitting.diagnostics.compare import Criteria
from scaling.fitting.result import Certificate, Fit, Outcome, Resampling
from scaling.io.json_files import as_list, as_map, as_number

Range = tuple[float | None, float | None]
Record = TypeVar("Record")


@dataclass(frozen=True)
class Parameter:
    """One fitted parameter.

    Attributes:
        value: natural value, in ``unit``.
        se: bootstrap standard error, in ``unit``; None without resamples.
        low90, high90: 90 % percentile interval, in ``unit``; None without resamples.
        unit: of all four, "1" for a pure number.
    """

    value: float | None
    se: float | None
    low90: float | None
    high90: float | None
    unit: str


@dataclass(frozen=True)
class FitRecord:
    """One law fitted to the study.

    Attributes:
        parameters: by name, in the file's order.
        objective: value at the optimum (sum, not average).
        outcome: a value of `scaling.fitting.result.Outcome`.
        criteria: None for a law with its own procedure, which maximises no likelihood.
        holdout_error: root mean square log error on the largest runs, fitted on the smaller ones.
        residuals: prediction minus observation on the link scale, in the order of the study's rows.
        notes: sentences that belong beside every number of the fit, such as why it has no interval.
        place: file and position that hold this record; not written.
    """

    law: str
    target: str
    parameters: Mapping[str, Parameter]
    objective: float | None
    objective_name: str
    outcome: str
    outcome_text: str
    rows: int | None
    ranges: Mapping[str, Range]
    certificate: Certificate
    resampling: Resampling | None
    criteria: Criteria | None
    holdout_error: float | None
    residuals: tuple[float, ...]
    notes: tuple[str, ...] = ()
    place: str = field(default="", compare=False)

    @classmethod
    def of(cls, fit: Fit, criteria: Criteria | None, holdout_error: float | None) -> FitRecord:
        """The record of a fit; residuals keep nine digits."""
        more = {
            "criteria": criteria and criteria.to_dict(),
            "holdout_error": holdout_error,
            "residuals": [float(f"{left:.9g}") for left in fit.residuals],
        }
        return _from_json(cls, fit.to_dict() | more)

    @property
    def values(self) -> dict[str, float]:
        """Parameters by name; NaN where the file has no number."""
        return {name: _float(one.value) for name, one in self.parameters.items()}

    def to_fit(self, draws: Mapping[str, Array] | None = None) -> Fit:
        """The fit, with its draws (parameter -> (R,)) where they are at hand.

        Raises:
            InputError: no such law, or the law has other parameters now.
        """
        law = laws.get(self.law)
        if set(self.parameters) != set(law.names):
            raise InputError(
                "stored parameters of another form of the law",
                value=", ".join(self.parameters),
                allowed=", ".join(law.names),
            )
        stacked = np.zeros((0, len(law.names)))
        return Fit(
            law=law,
            target=self.target,
            theta=np.array([self.values[name] for name in law.names]),
            resampled=np.stack([draws[name] for name in law.names], axis=1) if draws else stacked,
            objective=_float(self.objective),
            objective_name=self.objective_name,
            link=law.link,
            outcome=Outcome(self.outcome),
            reason="",
            certificate=self.certificate,
            rows=self.rows or 0,
            residuals=np.array(self.residuals),
            ranges=_complete(self.ranges),
            resampling=self.resampling,
            notes=self.notes,
            unit=next(
                (self.parameters[p.name].unit for p in law.params if p.unit == law.own_unit), ""
            ),
        )


@dataclass(frozen=True)
class ExcludedRows:
    """A rule of params.yaml, its reason, and how many rows it left out.

    ``compare`` asks for every law fitted without the rule too.
    """

    where: str
    reason: str | None = None
    rows: int | None = None
    compare: bool | None = None


@dataclass(frozen=True)
class LiftedFit:
    """One law fitted with the exclusion ``rule`` not applied; ``parameters`` are values by name."""

    law: str
    parameters: Mapping[str, float]
    objective: float | None
    outcome: str
    rows: int | None
    rule: str
    reason: str


@dataclass(frozen=True)
class HorizonErrors:
    """Errors of one law beyond compute budgets, at ``start`` to ``stop`` decades of compute.

    ``bias`` and ``rmse`` are the mean and root mean square of log(predicted / observed).
    """

    law: str
    start: float | None = field(metadata={"key": "from"})
    stop: float | None = field(metadata={"key": "to"})
    origins: int | None
    rows: int | None
    bias: float | None
    rmse: float | None


@dataclass(frozen=True)
class ProfileCurve:
    """Held values of one parameter, and how much worse the fit is at each."""

    values: tuple[float, ...]
    heights: tuple[float, ...]

    @property
    def points(self) -> list[tuple[float, float]]:
        """(value, height) where both are numbers."""
        pairs = zip(self.values, self.heights, strict=False)
        return [(value, height) for value, height in pairs if value == value and height == height]


@dataclass(frozen=True)
class LawProfiles:
    """Profiles of one law's parameters; at ``height90`` one leaves its 90 % interval."""

    law: str
    height90: float | None
    parameters: Mapping[str, ProfileCurve]


@dataclass(frozen=True)
class Choice:
    """The study's first law under one objective and set of exclusions.

    Attributes:
        space: "log" or "raw", where residuals are taken.
        kind: loss function of the objective; ``delta`` its Huber corner, None without one.
        lifted: the exclusion that is not applied, empty where all are.
        tokens_per_param: compute-optimal at 5.76e23 FLOP.
        prediction: loss at the target of `Sensitivity`.
    """

    space: str
    kind: str = field(metadata={"key": "loss"})
    lifted: str
    rows: int | None
    outcome: str
    tokens_per_param: float | None
    prediction: float | None
    delta: float | None


@dataclass(frozen=True)
class Sensitivity:
    """How the answer of one law depends on choices; ``target`` names params and tokens."""

    law: str
    target: Mapping[str, float]
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Cut:
    """Rows that a replay knew: those whose ``column`` is at most this."""

    column: str | None
    at_most: float | None


@dataclass(frozen=True)
class StudyFits:
    """All that the fit stage says of one study.

    Attributes:
        rows: fitted rows.
        excluded: what each exclusion left out.
        ranges: params, tokens, flops -> smallest and largest of the fitted rows.
        without_exclusions: every law without each exclusion that says ``compare: true``.
        params_column, cut: which N a replayed version meant, and what it knew.
    """

    study: str
    source: str
    metric: str
    rows: int | None
    excluded: tuple[ExcludedRows, ...]
    ranges: Mapping[str, Range]
    fits: tuple[FitRecord, ...]
    rolling_origin: tuple[HorizonErrors, ...]
    profiles: tuple[LawProfiles, ...]
    sensitivity: Sensitivity | None
    without_exclusions: tuple[LiftedFit, ...]
    params_column: str | None = None
    cut: Cut | None = None

    @classmethod
    def from_json(cls, document: Any) -> StudyFits:
        """The record of a parsed fit file."""
        made = _from_json(cls, document)
        file = f"data/fits/{made.study}.json"
        fits = (replace(fit, place=f"{file}#fits[{at}]") for at, fit in enumerate(made.fits))
        return replace(made, fits=tuple(fits))

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        written: dict[str, Any] = _to_json(self)
        return written

    @property
    def laws(self) -> tuple[str, ...]:
        """The laws that were fitted."""
        return tuple(one.law for one in self.fits)

    def fit(self, law: str) -> FitRecord | None:
        """One law's record, or None."""
        return next((one for one in self.fits if one.law == law), None)

    @property
    def complete_ranges(self) -> dict[str, tuple[float, float]]:
        """The ranges with both ends: a table without compute has no range of it."""
        return _complete(self.ranges)


def read(path: Path) -> StudyFits:
    """The record in a fit file.

    Raises:
        InputError: the file is not JSON.
    """
    return parse(path.read_bytes(), path)


def parse(content: bytes, file: Path) -> StudyFits:
    """The record in the content of a fit file; ``file`` is what an error names.

    Raises:
        InputError: it is not JSON.
    """
    try:
        return StudyFits.from_json(json.loads(content))
    except ValueError as error:
        raise InputError(f"not JSON ({error})", file=file) from None


# From and to JSON --------------------------------------------------------------------------------


def _from_json(kind: type[Record], entry: Any) -> Record:
    """A record from a mapping, each field by its declared type."""
    found = as_map(entry)
    return kind(
        **{
            name: reader(found.get(key))
            for name, key, reader, required in _schema(kind)  # type: ignore[arg-type]
            if required or key in found
        }
    )


@functools.cache
def _schema(kind: Any) -> list[tuple[str, str, Callable[[Any], Any], bool]]:
    """Of each field: its name, its key in JSON, its reader, and whether it has no default."""
    return [
        (
            one.name,
            _key(one),
            _READERS[str(one.type)],
            one.default is MISSING and one.default_factory is MISSING,
        )
        for one in fields(kind)
    ]


def _to_json(value: Any) -> Any:
    if isinstance(value, Certificate):
        return value.to_dict()
    if is_dataclass(value):
        pairs = ((one, getattr(value, one.name)) for one in fields(value))
        return {
            _key(one): _to_json(item)
            for one, item in pairs
            if one.compare and (item not in (None, ()) or one.default is MISSING)
        }
    if isinstance(value, Mapping):
        return {key: _to_json(item) for key, item in value.items()}
    return [_to_json(item) for item in value] if isinstance(value, tuple) else value


def _key(one: Field[Any]) -> str:
    return str(one.metadata.get("key", one.name))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _count(value: Any) -> int | None:
    found = as_number(value)
    return None if found is None else int(found)


def _float(value: Any) -> float:
    found = as_number(value)
    return float("nan") if found is None else found


def _range(value: Any) -> Range:
    ends = as_list(value)
    low, high = ends if len(ends) == 2 else (None, None)
    return as_number(low), as_number(high)


def _complete(ranges: Mapping[str, Range]) -> dict[str, tuple[float, float]]:
    return {
        name: (low, high)
        for name, (low, high) in ranges.items()
        if low is not None and high is not None
    }


def _certificate(entry: Any) -> Certificate:
    named = {"solver": "independent_solver", "profile": "profile90"}
    found = as_map(entry)
    more = {name: found[key] for name, key in named.items() if key in found}
    return _from_json(Certificate, {**found, **more})


def _optional(kind: type[Record]) -> Callable[[Any], Record | None]:
    return lambda entry: _from_json(kind, entry) if as_map(entry) else None


def _tuple(read_item: Callable[[Any], Record]) -> Callable[[Any], tuple[Record, ...]]:
    return lambda items: tuple(map(read_item, as_list(items)))


def _records(kind: type[Record]) -> Callable[[Any], tuple[Record, ...]]:
    return _tuple(lambda entry: _from_json(kind, entry))


def _mapping(read_item: Callable[[Any], Record]) -> Callable[[Any], dict[str, Record]]:
    return lambda items: {str(name): read_item(item) for name, item in as_map(items).items()}


# How a field of each type is read.
_READERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "str | None": lambda value: None if value is None else str(value),
    "bool | None": lambda value: value if isinstance(value, bool) else None,
    "int": lambda value: _count(value) or 0,
    "int | None": _count,
    "float": _float,
    "float | None": as_number,
    "tuple[str, ...]": _tuple(_text),
    "tuple[float, ...]": _tuple(_float),
    "Mapping[str, float]": _mapping(_float),
    "Mapping[str, int]": _mapping(lambda value: _count(value) or 0),
    "Mapping[str, Range]": _mapping(_range),
    "Mapping[str, tuple[float, float]]": _mapping(lambda ends: tuple(map(_float, _range(ends)))),
    "Mapping[str, Parameter]": _mapping(lambda entry: _from_json(Parameter, entry)),
    "Mapping[str, ProfileCurve]": _mapping(lambda entry: _from_json(ProfileCurve, entry)),
    "Certificate": _certificate,
    "Criteria | None": _optional(Criteria),
    "Resampling | None": _optional(Resampling),
    "Sensitivity | None": _optional(Sensitivity),
    "Cut | None": _optional(Cut),
    "tuple[ExcludedRows, ...]": _records(ExcludedRows),
    "tuple[FitRecord, ...]": _records(FitRecord),
    "tuple[HorizonErrors, ...]": _records(HorizonErrors),
    "tuple[LawProfiles, ...]": _records(LawProfiles),
    "tuple[Choice, ...]": _records(Choice),
    "tuple[LiftedFit, ...]": _records(LiftedFit),
}
# Of constants that nobody fitted here.
NO_CERTIFICATE = _certificate({})
