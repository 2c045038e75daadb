"""The fit stage's JSON as records. Whatever a fit does not say is None or empty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scaling.document.format import clean, number
from scaling.io.json_files import as_list, as_map


@dataclass(frozen=True)
class Estimate:
    """One fitted parameter."""

    name: str
    value: float | None
    se: float | None
    low: float | None
    high: float | None
    unit: str


@dataclass(frozen=True)
class Fit:
    """One law fitted to one study; ``place`` is where it stands in the file."""

    study: str
    law: str
    place: str
    estimates: tuple[Estimate, ...]
    objective: float | None
    objective_name: str
    outcome: str
    outcome_text: str
    rows: float | None
    holdout: float | None
    certificate: Mapping[str, Any]
    resampling: Mapping[str, Any]
    criteria: Mapping[str, Any]


def records(fits: Mapping[str, Any]) -> list[Fit]:
    """All fits, in the order of the studies and of their files."""
    return [
        _record(str(study), index, as_map(entry))
        for study, document in fits.items()
        for index, entry in enumerate(as_list(as_map(document).get("fits")))
    ]


def _record(study: str, index: int, entry: Mapping[str, Any]) -> Fit:
    place = f"data/fits/{study}.json#fits[{index}]"
    parameters = as_map(entry.get("parameters"))
    return Fit(
        study=clean(study),
        law=clean(entry.get("law") or ""),
        place=clean(place),
        estimates=tuple(_estimate(name, as_map(value)) for name, value in parameters.items()),
        objective=number(entry.get("objective")),
        objective_name=clean(entry.get("objective_name") or ""),
        outcome=clean(entry.get("outcome") or ""),
        outcome_text=clean(entry.get("outcome_text") or ""),
        rows=number(entry.get("rows")),
        holdout=number(entry.get("holdout_error")),
        certificate=as_map(entry.get("certificate")),
        resampling=as_map(entry.get("resampling")),
        criteria=as_map(entry.get("criteria")),
    )


def _estimate(name: str, entry: Mapping[str, Any]) -> Estimate:
    return Estimate(
        name=clean(name),
        value=number(entry.get("value")),
        se=number(entry.get("se")),
        low=number(entry.get("low90")),
        high=number(entry.get("high90")),
        unit=clean(entry.get("unit") or ""),
    )
