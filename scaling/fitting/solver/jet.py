"""Exact first and second derivatives of any `predict`, by carrying them through its arithmetic.

A `Jet` is a value with its derivatives by the solver's coordinates. It answers numpy's ufuncs, so
a law's `predict`, written for arrays, runs on jets unchanged, and exp and log are evaluated once
where finite differences would need dozens of evaluations
(docs/decisions/005-numpy-batches-and-jets.md). Each jet carries only the coordinates it depends on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scaling.arrays import Array
from scaling.errors import InputError

Pair = tuple[int, int]


class Jet:
    """value, {coordinate: first derivative}, {(i, j), i <= j: second derivative} or None.

    Second derivatives are carried where ``second`` is a dict (possibly empty), else not at all.
    """

    __slots__ = ("first", "second", "value")

    def __init__(
        self, value: Array, first: dict[int, Array], second: dict[Pair, Array] | None
    ) -> None:
        self.value, self.first, self.second = value, first, second

    def chain(self, value: Array, slope: Array, bend: Array | None) -> Jet:
        """g(self) from g, g' and g'' at the value (bend is None where g'' = 0)."""
        first = {i: slope * d for i, d in self.first.items()}
        if self.second is None:
            return Jet(value, first, None)
        second = {pair: slope * h for pair, h in self.second.items()}
        if bend is not None:
            _add_products(second, self.first, self.first, 0.5 * bend)
        return Jet(value, first, second)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        rule = _RULES.get(ufunc.__name__)
        if method != "__call__" or kwargs or rule is None:
            return NotImplemented
        return rule(*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.where and not kwargs:
            return _where(*args)
        return NotImplemented

    def __add__(self, other: Any) -> Jet:
        return _add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Jet:
        return _subtract(self, other)

    def __rsub__(self, other: Any) -> Jet:
        return _subtract(other, self)

    def __mul__(self, other: Any) -> Jet:
        return _multiply(self, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Jet:
        return _divide(self, other)

    def __rtruediv__(self, other: Any) -> Jet:
        return _divide(other, self)

    def __pow__(self, other: Any) -> Jet:
        return _power(self, other)

    def __rpow__(self, other: Any) -> Jet:
        return _power(other, self)

    def __neg__(self) -> Jet:
        return self.chain(-self.value, np.asarray(-1.0), None)

    def __gt__(self, other: Any) -> Any:
        return self.value > _value(other)

    def __lt__(self, other: Any) -> Any:
        return self.value < _value(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= _value(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= _value(other)


def differentiated(value: object, name: str) -> Jet:
    """The jet that a law's ``predict`` returned.

    Raises:
        InputError: it returned something else, so its derivatives are lost.
    """
    if not isinstance(value, Jet):
        raise InputError(
            f"{name}: predict returns no derivatives",
            value=type(value).__name__,
            allowed="arithmetic and numpy functions of p and x alone",
            hint="np.asarray, float() and loops over values lose them.",
        )
    return value


def variable(index: int, value: Array, slope: Array, bend: Array, *, second: bool) -> Jet:
    """A parameter as a function of solver coordinate ``index``."""
    return Jet(value, {index: slope}, {(index, index): bend} if second else None)


def _value(a: Any) -> Any:
    return a.value if isinstance(a, Jet) else a


def _add_products(
    into: dict[Pair, Array], left: dict[int, Array], right: dict[int, Array], factor: Any
) -> None:
    """Add factor * (l_i r_j + l_j r_i) for all i <= j."""
    for i, a in left.items():
        for j, b in right.items():
            pair = (i, j) if i <= j else (j, i)
            part = factor * (a * b)
            part = 2.0 * part if i == j else part
            into[pair] = into[pair] + part if pair in into else part


def _merge(a: dict[Any, Array], b: dict[Any, Array], sign: float) -> dict[Any, Array]:
    out = dict(a)
    for key, value in b.items():
        part = value if sign > 0 else -value
        out[key] = out[key] + part if key in out else part
    return out


def _linear(a: Any, b: Any, sign: float) -> Jet:
    value = _value(a) + sign * _value(b)
    if not isinstance(b, Jet):
        return Jet(value, a.first, a.second)
    if not isinstance(a, Jet):
        return b.chain(value, np.asarray(sign), None)
    second = None if a.second is None or b.second is None else _merge(a.second, b.second, sign)
    return Jet(value, _merge(a.first, b.first, sign), second)


def _add(a: Any, b: Any) -> Jet:
    return _linear(a, b, 1.0)


def _subtract(a: Any, b: Any) -> Jet:
    return _linear(a, b, -1.0)


def _multiply(a: Any, b: Any) -> Jet:
    if not isinstance(b, Jet):
        only: Jet = a.chain(a.value * b, np.asarray(b), None)
        return only
    if not isinstance(a, Jet):
        return b.chain(a * b.value, np.asarray(a), None)
    first = _merge(
        {i: d * b.value for i, d in a.first.items()},
        {i: d * a.value for i, d in b.first.items()},
        1.0,
    )
    if a.second is None or b.second is None:
        return Jet(a.value * b.value, first, None)
    second = _merge(
        {pair: h * b.value for pair, h in a.second.items()},
        {pair: h * a.value for pair, h in b.second.items()},
        1.0,
    )
    _add_products(second, a.first, b.first, 1.0)
    return Jet(a.value * b.value, first, second)


def _divide(a: Any, b: Any) -> Jet:
    if not isinstance(b, Jet):
        return _multiply(a, 1.0 / np.asarray(b))
    inverse = 1.0 / b.value
    return (
        _multiply(a, b.chain(inverse, -(inverse**2), 2.0 * inverse**3))
        if isinstance(a, Jet)
        else b.chain(a * inverse, -a * inverse**2, 2.0 * a * inverse**3)
    )


def _power(a: Any, b: Any) -> Jet:
    if not isinstance(b, Jet):
        value = a.value**b
        slope, bend = b * a.value ** (b - 1.0), b * (b - 1.0) * a.value ** (b - 2.0)
        only: Jet = a.chain(value, slope, bend)
        return only
    if not isinstance(a, Jet):
        logs = np.log(a)
        value = np.exp(b.value * logs)
        return b.chain(value, value * logs, value * logs * logs)
    return _exp(_multiply(b, _log(a)))


def _exp(a: Jet) -> Jet:
    value = np.exp(a.value)
    return a.chain(value, value, value)


def _log(a: Jet) -> Jet:
    inverse = 1.0 / a.value
    return a.chain(np.log(a.value), inverse, -(inverse**2))


def _log1p(a: Jet) -> Jet:
    inverse = 1.0 / (1.0 + a.value)
    return a.chain(np.log1p(a.value), inverse, -(inverse**2))


def _expm1(a: Jet) -> Jet:
    value = np.exp(a.value)
    return a.chain(np.expm1(a.value), value, value)


def _sqrt(a: Jet) -> Jet:
    root = np.sqrt(a.value)
    return a.chain(root, 0.5 / root, -0.25 / (root * a.value))


def _square(a: Jet) -> Jet:
    return a.chain(a.value**2, 2.0 * a.value, np.asarray(2.0))


def _tanh(a: Jet) -> Jet:
    value = np.tanh(a.value)
    slope = 1.0 - value**2
    return a.chain(value, slope, -2.0 * value * slope)


def _sin(a: Jet) -> Jet:
    value = np.sin(a.value)
    return a.chain(value, np.cos(a.value), -value)


def _cos(a: Jet) -> Jet:
    value = np.cos(a.value)
    return a.chain(value, -np.sin(a.value), -value)


def _arctan(a: Jet) -> Jet:
    slope = 1.0 / (1.0 + a.value**2)
    return a.chain(np.arctan(a.value), slope, -2.0 * a.value * slope**2)


def _absolute(a: Jet) -> Jet:
    return a.chain(np.abs(a.value), np.sign(a.value), None)


def _logaddexp(a: Any, b: Any) -> Jet:
    value = np.logaddexp(_value(a), _value(b))
    share = np.exp(_value(a) - value)
    bend = share * (1.0 - share)
    left = a.chain(value, share, bend) if isinstance(a, Jet) else None
    right = b.chain(value, 1.0 - share, bend) if isinstance(b, Jet) else None
    if left is None or right is None:
        only = left or right
        assert only is not None
        return only
    first = _merge(left.first, right.first, 1.0)
    if left.second is None or right.second is None:
        return Jet(value, first, None)
    second = _merge(left.second, right.second, 1.0)
    _add_products(second, a.first, b.first, -bend)
    return Jet(value, first, second)


def _extreme(pick: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Jet]:
    def rule(a: Any, b: Any) -> Jet:
        return _where(pick(_value(a), _value(b)), a, b)

    return rule


def _where(condition: Any, a: Any, b: Any) -> Jet:
    take = np.asarray(condition, dtype=np.float64)
    value = np.where(condition, _value(a), _value(b))
    parts = [
        jet.chain(value, weight, None)
        for jet, weight in ((a, take), (b, 1.0 - take))
        if isinstance(jet, Jet)
    ]
    if len(parts) == 1:
        return parts[0]
    second = None
    if parts[0].second is not None and parts[1].second is not None:
        second = _merge(parts[0].second, parts[1].second, 1.0)
    return Jet(value, _merge(parts[0].first, parts[1].first, 1.0), second)


_RULES: dict[str, Callable[..., Jet]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
    "float_power": _power,
    "negative": lambda a: -a,
    "exp": _exp,
    "expm1": _expm1,
    "log": _log,
    "log1p": _log1p,
    "log2": lambda a: _multiply(_log(a), 1.0 / np.log(2.0)),
    "log10": lambda a: _multiply(_log(a), 1.0 / np.log(10.0)),
    "sqrt": _sqrt,
    "square": _square,
    "reciprocal": lambda a: _divide(1.0, a),
    "tanh": _tanh,
    "sin": _sin,
    "cos": _cos,
    "arctan": _arctan,
    "absolute": _absolute,
    "logaddexp": _logaddexp,
    "maximum": _extreme(lambda a, b: a >= b),
    "minimum": _extreme(lambda a, b: a <= b),
    "greater": lambda a, b: _value(a) > _value(b),
    "less": lambda a, b: _value(a) < _value(b),
    "greater_equal": lambda a, b: _value(a) >= _value(b),
    "less_equal": lambda a, b: _value(a) <= _value(b),
}
