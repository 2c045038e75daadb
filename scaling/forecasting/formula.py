"""A form of the bank as a formula in the columns' own units, with named constants.

The bank (`scaling.forecasting.forms`) fits in standardised coordinates. Here its constants become
those of an expression that a person can read and a law file can hold. With T the terms

    T = A prod_j x_j^-alpha_j                        inputs in logs
    T = A exp(-alpha_j x_j ...)                      inputs that are not
    T = A prod_j (x_j/r_j)^-alpha_j exp(c_jk ln(x_j/r_j) ln(x_k/r_k) ...)   products and squares

the target is E + (sum T)^gamma, E + B / (1 + K prod x^alpha), or without a floor T or a polynomial;
E - ... where it rises towards a limit, and 1 / (E + ...) where it rises without one. The number of
constants is that of the form, so that one set gives the other.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from scaling.arrays import Array
from scaling.forecasting.forms import Form, Rows, pairs_of
from scaling.forecasting.table_inputs import TableInputs
from scaling.forecasting.target_scale import Scale

# Largest exponent of e in a law file: its contract asks for finite values at any size.
MOST = 60.0
_GREEK = ("alpha", "beta")
_SIZES = ("A", "B")


@dataclass(frozen=True)
class Column:
    """An input as formulas write it.

    Attributes:
        name: of the column.
        key: the same as a word of Python.
        log: whether it is read as a logarithm.
        reference: what it is divided by (in logs) or measured from; 1 or 0 for nothing.
    """

    name: str
    key: str
    log: bool
    reference: float

    @property
    def shown(self) -> str:
        """The name, in brackets where it is not one word."""
        return self.name if re.fullmatch(r"\w+", self.name) else f"[{self.name}]"

    @property
    def zero(self) -> float:
        """The reference as a coordinate: its logarithm, or itself."""
        return float(np.log(self.reference)) if self.log else self.reference


@dataclass(frozen=True)
class Term:
    """A product: its size, the exponents of inputs (column, constant), and the constants of
    products of two inputs (column, column, constant)."""

    size: str
    powers: tuple[tuple[int, str], ...]
    products: tuple[tuple[int, int, str], ...]


@dataclass(frozen=True)
class Formula:
    """A form for the columns of one table.

    Attributes:
        form: its shape.
        columns: the inputs.
        target: name of the target.
        scale: how the target is modelled.
        names: the constants (K,), in the order of arrays.
        terms: what is added.
    """

    form: Form
    columns: tuple[Column, ...]
    target: str
    scale: Scale
    names: tuple[str, ...]
    terms: tuple[Term, ...]

    @property
    def symbols(self) -> str:
        """With names for the constants."""
        return _text(self, str)

    @property
    def reciprocal(self) -> bool:
        """Whether the target is one over the expression: it rises without an upper end."""
        return self.form.floor and self.scale.kind == "log" and self.scale.sign < 0

    @property
    def falls(self) -> bool:
        """Whether terms are added to the floor, not taken from a ceiling."""
        return self.scale.sign > 0 and self.scale.kind != "one minus"

    @property
    def polynomial(self) -> bool:
        """Whether it is a sum of inputs, not of exponentials of such sums."""
        return not self.form.floor and self.scale.kind == "plain"

    def numbers(self, values: Array) -> str:
        """With the values (K,) of the constants."""
        by = dict(zip(self.names, values.tolist(), strict=True))
        return _text(self, lambda name: f"{by[name]:.4g}")

    def python(self, rising: Collection[str] = frozenset()) -> str:
        """As Python, of ``p.NAME`` and ``x.NAME``; exponents in ``rising`` may be negative."""
        return _python(self, frozenset(rising))


def formula_of(form: Form, inputs: TableInputs, rows: Rows, target: str, scale: Scale) -> Formula:
    """The formula of a form for the inputs of a table."""
    centred = form.features != "plain"
    keys = keys_of(inputs.numeric)
    columns = tuple(
        Column(name, key, bool(log), _reference(bool(log), centre, centred))
        for name, key, log, centre in zip(
            inputs.numeric, keys, inputs.logs, inputs.centre, strict=True
        )
    )
    mask, pairs = form.mask(len(columns)), pairs_of(form.features, len(columns))
    terms = tuple(_term(form, columns, k, one, pairs) for k, one in enumerate(mask))
    head = ["E"] * form.floor + ["gamma"] * form.coupled + ["B"] * form.levels
    exponents = [str(one[-1]) for term in terms for one in (*term.powers, *term.products)]
    names = (*head, *(term.size for term in terms), *exponents)
    return Formula(form, columns, target, scale, names, terms)


def _term(
    form: Form, columns: Sequence[Column], k: int, reads: Array, pairs: Sequence[tuple[int, int]]
) -> Term:
    """Term ``k``, and what its constants are called."""
    count = len(columns)
    of_one = form.reads in ("each", "both") and k < count
    second = form.reads == "two" and k == 1
    whole = form.reads == "both" and k == count
    size = f"A_{columns[k].key}" if of_one else _SIZES[second]
    greek = _GREEK[second or whole]
    powers = tuple((j, f"{greek}_{columns[j].key}") for j in range(count) if reads[j])
    products = tuple(
        (i, j, f"c_{columns[i].key}_{columns[j].key}")
        for place, (i, j) in enumerate(pairs)
        if reads[count + place]
    )
    return Term("K" if form.levels else size, powers, products)


def keys_of(names: Sequence[str]) -> list[str]:
    """Each name as a word of Python; no two alike."""
    found: list[str] = []
    for name in names:
        key = re.sub(r"\W", "_", name, flags=re.ASCII)
        if not key.isidentifier() or keyword.iskeyword(key) or key.startswith("_"):
            key = f"x_{key}"
        while key in found:
            key += "_"
        found.append(key)
    return found


def _reference(log: bool, centre: float, centred: bool) -> float:
    """Where the terms are measured from: the middle of the runs, to two digits, where there are
    products (constants at x = 1 would say nothing and depend on each other)."""
    if not centred:
        return 1.0 if log else 0.0
    return float(f"{np.exp(centre) if log else centre:.2g}")


def constants(formula: Formula, inputs: TableInputs, rows: Rows, theta: Array) -> Array:
    """Constants (..., G, K) of the formula from those of the form (..., G, P)."""
    form, d = formula.form, len(formula.columns)
    mask = form.mask(d)
    terms, place = len(mask), int(form.floor) + int(form.coupled) + int(form.levels)
    e = np.zeros((*theta.shape[:-1], *mask.shape))
    e[..., mask] = theta[..., place + terms :]
    delta = (np.array([one.zero for one in formula.columns]) - inputs.centre) / inputs.unit
    level = theta[..., place : place + terms] - e[..., :d] @ delta
    slope = e[..., :d].copy()
    bend = e[..., d:].copy()
    for at, (i, j) in enumerate(pairs_of(form.features, d)):
        s = e[..., d + at] / (rows.sd[i] * rows.sd[j])
        level -= s * delta[i] * delta[j]
        slope[..., i] += s * delta[j]
        slope[..., j] += s * delta[i]
        bend[..., at] = -s / (inputs.unit[i] * inputs.unit[j])
    slope /= -inputs.unit if formula.polynomial else inputs.unit
    powers = np.concatenate([slope, bend], axis=-1)
    if not form.floor:
        return _without_floor(formula, rows, level, powers[..., mask])
    return _with_floor(formula, rows, theta[..., :place], level, powers[..., mask])


def _without_floor(formula: Formula, rows: Rows, level: Array, powers: Array) -> Array:
    """A power law, or a polynomial where the target has either sign."""
    scale, centre = formula.scale, rows.centre[..., None]
    if formula.polynomial:
        unit = rows.scale[..., None]
        level = scale.sign * (centre + unit * level)
        return np.concatenate([level, scale.sign * unit * powers], axis=-1)
    level = np.exp(scale.sign * (centre + level))
    return np.concatenate([level, scale.sign * powers], axis=-1)


def _with_floor(formula: Formula, rows: Rows, head: Array, level: Array, powers: Array) -> Array:
    form, scale = formula.form, formula.scale
    v, low = np.clip(head[..., 0], -MOST, MOST), rows.low
    if rows.log_target:
        floor, unit = np.exp(low - np.logaddexp(0.0, -v)), rows.centre[..., None]
        floor = 1.0 - floor if scale.kind == "one minus" else floor
    else:
        floor = scale.sign * (low - rows.scale * np.exp(np.clip(v, -9.0, 4.0)))
        unit = np.log(rows.scale)[..., None]
    found = [floor[..., None]]
    if form.coupled:
        gamma = np.exp(head[..., 1])[..., None]
        found.append(gamma)
        unit = unit / gamma
    if form.levels:
        found.append(np.exp(unit + head[..., -1:]))
        level, unit = -level, np.zeros_like(unit)
    return np.concatenate([*found, np.exp(level + unit), powers], axis=-1)


Namer = Callable[[str], str]


def _signed(text: str) -> str:
    """A value after a minus."""
    return text[1:] if text.startswith("-") else f"-{text}"


def _text(formula: Formula, value: Namer) -> str:
    """What a person reads."""
    if formula.polynomial:
        inner = _sum(value(formula.terms[0].size), _addends(formula, formula.terms[0], value))
        return f"{formula.target} = {inner}"
    bodies = [_term_text(formula, term, value) for term in formula.terms]
    if not formula.form.floor:
        return (
            f"{formula.target} = "
            + ("1 - " if formula.scale.kind == "one minus" else "")
            + bodies[0]
        )
    sign = " + " if formula.falls or formula.reciprocal else " - "
    if formula.form.levels:
        rest = f"{value('B')} / (1 + {bodies[0]})"
    elif formula.form.coupled:
        rest = f"({' + '.join(bodies)})^{value('gamma')}"
    else:
        rest = sign.join(bodies)
    whole = f"{value('E')}{sign}{rest}"
    return f"{formula.target} = " + (f"1 / ({whole})" if formula.reciprocal else whole)


def _sum(first: str, others: Sequence[str]) -> str:
    """A sum in which negative values are taken off."""
    text = first
    for one in others:
        text += f" - {one[1:]}" if one.startswith("-") else f" + {one}"
    return text


def _atom(column: Column, log: bool = True) -> str:
    """An input relative to its reference, as text; its logarithm with ``log``."""
    if column.log:
        ratio = column.shown if column.reference == 1.0 else f"{column.shown}/{column.reference:g}"
        return f"ln({ratio})" if log else (ratio if column.reference == 1.0 else f"({ratio})")
    if column.reference == 0.0:
        return column.shown
    sign = "-" if column.reference > 0 else "+"
    return f"({column.shown} {sign} {abs(column.reference):g})"


def _product(formula: Formula, i: int, j: int) -> str:
    first, second = (_atom(formula.columns[k]) for k in (i, j))
    return f"{first}^2" if i == j else f"{first} {second}"


def _addends(formula: Formula, term: Term, value: Namer) -> list[str]:
    """The inputs of a polynomial, each with its constant."""
    found = [f"{value(name)} {_atom(formula.columns[j])}" for j, name in term.powers]
    return found + [f"{value(name)} {_product(formula, i, j)}" for i, j, name in term.products]


def _term_text(formula: Formula, term: Term, value: Namer) -> str:
    flip: Namer = value if formula.form.levels else lambda name: _signed(value(name))
    parts = [value(term.size)]
    inside = [f"{value(name)} {_product(formula, i, j)}" for i, j, name in term.products]
    linear = []
    for j, name in term.powers:
        if formula.columns[j].log:
            parts.append(f"{_atom(formula.columns[j], log=False)}^{flip(name)}")
        else:
            linear.append(f"{flip(name)} {_atom(formula.columns[j])}")
    both = linear + inside
    if both:
        parts.append(f"exp({_sum(both[0], both[1:])})")
    return " ".join(parts)


def _python(formula: Formula, rising: frozenset[str]) -> str:
    if formula.polynomial:
        term = formula.terms[0]
        parts = [f"p.{name} * {_code(formula.columns[j])}" for j, name in term.powers]
        parts += [f"p.{name} * {_code_of_two(formula, i, j)}" for i, j, name in term.products]
        return " + ".join([f"p.{term.size}", *parts])
    bodies = [_term_code(formula, term, rising) for term in formula.terms]
    if not formula.form.floor:
        return ("1.0 - " if formula.scale.kind == "one minus" else "") + bodies[0]
    rest = " + ".join(bodies)
    if formula.form.levels:
        rest = f"p.B / (1.0 + {rest})"
    elif formula.form.coupled:
        rest = f"({rest}) ** p.gamma"
    elif not (formula.falls or formula.reciprocal) and len(bodies) > 1:
        rest = f"({rest})"
    whole = f"p.E {'+' if formula.falls or formula.reciprocal else '-'} {rest}"
    return f"1.0 / ({whole})" if formula.reciprocal else whole


def _code(column: Column) -> str:
    """The coordinate of an input as Python: its logarithm or itself, from its reference."""
    name = f"x.{column.key}"
    if column.log:
        return (
            f"np.log({name})"
            if column.reference == 1.0
            else f"np.log({name} / {column.reference!r})"
        )
    return name if column.reference == 0.0 else f"({name} - {column.reference!r})"


def _code_of_two(formula: Formula, i: int, j: int) -> str:
    first, second = (_code(formula.columns[k]) for k in (i, j))
    return f"{first} ** 2" if i == j else f"{first} * {second}"


def _term_code(formula: Formula, term: Term, rising: frozenset[str]) -> str:
    """A term; its exponent is held below `MOST` where it may rise without end."""
    columns, sign = formula.columns, "" if formula.form.levels else "-"
    names = {name for _, name in term.powers}
    if not term.products and all(columns[j].log for j, _ in term.powers) and not names & rising:
        powers = [f"x.{columns[j].key} ** {sign}p.{name}" for j, name in term.powers]
        return " * ".join([f"p.{term.size}", *powers])
    parts = [f"{sign}p.{name} * {_code(columns[j])}" for j, name in term.powers]
    parts += [f"p.{name} * {_code_of_two(formula, i, j)}" for i, j, name in term.products]
    return f"p.{term.size} * np.exp(np.minimum({_sum(parts[0], parts[1:])}, {MOST!r}))"
