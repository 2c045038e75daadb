"""The solver's unbounded coordinates: transforms, bounds, fixed, tied, prior-informed.

A positive parameter is searched as its logarithm, a bounded one as a logit between its ends. The
size of a power term is searched as the logarithm of the term at the data's centre, which is
what decorrelates a size from its exponent (at raw N and D their correlation is above .99).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError, nearest
from scaling.laws._law import Law


@dataclass(frozen=True)
class Prior:
    """A Gaussian belief on a parameter, or on its logarithm, and where it comes from."""

    mean: float
    sd: float
    source: str
    log: bool = False

    def __post_init__(self) -> None:
        if not (self.sd > 0 and np.isfinite(self.mean)):
            raise InputError("prior out of range", value=(self.mean, self.sd), allowed="sd > 0")
        if not self.source.strip():
            raise InputError("a prior needs a source", allowed="a citation or a reason")


@dataclass(frozen=True)
class Box:
    """A belief that a parameter lies between two ends, and where it comes from."""

    low: float
    high: float
    source: str

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise InputError("box", value=(self.low, self.high), allowed="low < high")
        if not self.source.strip():
            raise InputError("a prior needs a source", allowed="a citation or a reason")


@dataclass(frozen=True)
class _Axis:
    """How one law parameter follows from the coordinates: exp, real, interval, or fixed."""

    kind: str
    index: int = -1
    low: float = 0.0
    high: float = 1.0
    value: float = 0.0

    def natural(self, u: Array) -> tuple[Array, Array, Array]:
        """theta and its first two derivatives by the coordinate, each (B,)."""
        if self.kind == "fixed":
            zero = np.zeros(len(u))
            return zero + self.value, zero, zero
        at = u[:, self.index]
        if self.kind == "real":
            return at, np.ones_like(at), np.zeros_like(at)
        if self.kind == "exp":
            value = np.exp(np.clip(at, -700.0, 700.0))
            return value, value, value
        part = 1.0 / (1.0 + np.exp(-np.clip(at, -700.0, 700.0)))
        slope = (self.high - self.low) * part * (1.0 - part)
        return self.low + (self.high - self.low) * part, slope, slope * (1.0 - 2.0 * part)

    def coordinate(self, value: Array) -> Array:
        """Inverse of `natural`."""
        if self.kind == "real":
            return value
        if self.kind == "exp":
            return np.log(np.maximum(value, 1e-300))
        part = np.clip((value - self.low) / (self.high - self.low), 1e-12, 1 - 1e-12)
        return np.log(part) - np.log1p(-part)


class Space:
    """Coordinates of one fit.

    Args:
        law: the law.
        fixed: parameters held at a value.
        tied: parameter -> the parameter that it must equal.
        bounds: parameter -> (low, high), replaces the law's own domain.
        priors: parameter -> Prior, or Box, which bounds the parameter.
        centres: size parameter -> {exponent parameter: centre of its log input}, see module.
    """

    def __init__(
        self,
        law: Law,
        *,
        fixed: Mapping[str, float] | None = None,
        tied: Mapping[str, str] | None = None,
        bounds: Mapping[str, tuple[float, float]] | None = None,
        priors: Mapping[str, Prior | Box] | None = None,
        centres: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        fixed, tied, bounds = fixed or {}, tied or {}, dict(bounds or {})
        self.law = law
        self.priors = {k: v for k, v in (priors or {}).items() if isinstance(v, Prior)}
        for name, box in (priors or {}).items():
            if isinstance(box, Box) and name in bounds:
                raise InputError(f"{name} has both bounds and a box", allowed="one of them")
            if isinstance(box, Box):
                bounds[name] = (box.low, box.high)
        self.fixed, self.tied = dict(fixed), dict(tied)
        for name in (*fixed, *tied, *tied.values(), *bounds, *self.priors):
            _known(law, name)
        free = [name for name in law.names if name not in fixed and name not in tied]
        self.free = tuple(free)
        special = {*fixed, *tied, *tied.values(), *bounds, *self.priors}
        self.centres = {
            name: dict(by) for name, by in (centres or {}).items() if name not in special
        }
        self.axes = tuple(self._axis(param.name, param.domain, bounds) for param in law.params)

    def _axis(self, name: str, domain: str, bounds: Mapping[str, tuple[float, float]]) -> _Axis:
        if name in self.fixed:
            return _Axis("fixed", value=float(self.fixed[name]))
        index = self.free.index(self.tied.get(name, name))
        if name in bounds:
            low, high = bounds[name]
            if not low < high:
                raise InputError(f"bounds of {name}", value=bounds[name], allowed="low < high")
            return _Axis("interval", index, float(low), float(high))
        kind = {"positive": "exp", "real": "real", "unit": "interval"}[domain]
        return _Axis(kind, index)

    def plain(self) -> Space:
        """The same space with every size as its own logarithm, not the term at the centre."""
        other = copy.copy(self)
        other.centres = {}
        return other

    @property
    def by_coordinate(self) -> list[_Axis]:
        """The axis behind each coordinate."""
        return [self.axes[self.law.names.index(name)] for name in self.free]

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return len(self.free)

    def theta(self, u: Array) -> Array:
        """Natural parameters (B, K) of coordinates (B, P)."""
        out = np.stack([axis.natural(u)[0] for axis in self.axes], axis=1)
        for name, centre in self.centres.items():
            k = self.law.names.index(name)
            shift = sum(out[:, self.law.names.index(e)] * z for e, z in centre.items())
            out[:, k] = np.exp(np.clip(u[:, self.axes[k].index] - shift, -700.0, 700.0))
        return out

    def slopes(self, u: Array) -> Array:
        """Derivatives (K, P) of the natural parameters by the coordinates at ``u`` (1, P)."""
        out = np.zeros((len(self.axes), self.size))
        for k, axis in enumerate(self.axes):
            if axis.kind != "fixed":
                out[k, axis.index] = axis.natural(u)[1][0]
        theta = self.theta(u)[0]
        for name, centre in self.centres.items():
            k = self.law.names.index(name)
            shift = sum(out[self.law.names.index(e)] * z for e, z in centre.items())
            own = np.arange(self.size) == self.axes[k].index
            out[k] = theta[k] * (own - shift)
        return out

    def coordinates(self, theta: Array) -> Array:
        """Coordinates (B, P) of natural parameters (B, K)."""
        u = np.zeros((len(theta), self.size))
        for k, (name, axis) in enumerate(zip(self.law.names, self.axes, strict=True)):
            if axis.kind != "fixed" and name not in self.tied:
                u[:, axis.index] = axis.coordinate(theta[:, k])
        for name, centre in self.centres.items():
            k = self.law.names.index(name)
            u[:, self.axes[k].index] += sum(
                theta[:, self.law.names.index(e)] * z for e, z in centre.items()
            )
        return u

    def prior(self, u: Array) -> tuple[Array, Array, Array]:
        """Half the squared distance from the priors, its gradient and its curvature."""
        batch, p = u.shape
        f, g, h = np.zeros(batch), np.zeros((batch, p)), np.zeros((batch, p, p))
        for name, prior in self.priors.items():
            axis = self.axes[self.law.names.index(name)]
            if axis.kind == "fixed":
                continue
            value, slope, _ = axis.natural(u)
            if prior.log:
                value, slope = np.log(value), slope / value
            z = (value - prior.mean) / prior.sd
            f += 0.5 * z * z
            g[:, axis.index] += z * slope / prior.sd
            h[:, axis.index, axis.index] += (slope / prior.sd) ** 2
        return f, g, h


def _known(law: Law, name: str) -> None:
    if name not in law.names:
        raise InputError(
            f"{law.name} has no such parameter",
            value=name,
            allowed=", ".join(law.names),
            hint=nearest(name, law.names),
        )
