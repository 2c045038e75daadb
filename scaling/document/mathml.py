"""A formula in plain characters (``L = E + A/N^alpha``) as MathML.

Takes what the law files write: names, numbers, ``+ - = / ^ ( ) ,``, ``_`` for an index, ``*`` after
a letter or ``'`` for an accent, and products by juxtaposition. Anything else, such as words, gives
an empty text, and the formula is shown as it is written.
"""

from __future__ import annotations

import re
from html import escape

_LETTERS = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "omicron", "pi", "rho", "varsigma", "sigma", "tau", "upsilon"),
    *("phi", "chi", "psi", "omega"),
)
_GREEK = {name: chr(0x3B1 + place) for place, name in enumerate(_LETTERS)}
_FUNCTIONS = {"exp", "ln", "log", "sqrt", "sigmoid"}
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z]+[0-9]*)(_[A-Za-z0-9]+)?(\*|')?|([-+=/^(),]))")
# A word of this many letters is prose, unless it is a Greek letter or a function.
_WORD = 3


def mathml(formula: str) -> str:
    """The formula as a ``<math>`` element; empty where it is not understood."""
    try:
        parser = _Parser(_tokens(formula))
        body = parser.relation()
        return f'<math displaystyle="true">{body}</math>' if parser.done else ""
    except (ValueError, IndexError):
        return ""


def _tokens(formula: str) -> list[tuple[str, str]]:
    """Pairs of kind ("n" number, "i" name, or the sign itself) and text or markup."""
    found, place = [], 0
    while place < len(formula.rstrip()):
        match = _TOKEN.match(formula, place)
        if match is None:
            raise ValueError(formula[place:])
        number, name, index, accent, sign = match.groups()
        place = match.end()
        if number:
            found.append(("n", f"<mn>{number}</mn>"))
        elif name:
            found.append(_name(name, index, accent))
        else:
            found.append((sign, sign))
    return found


def _name(name: str, index: str | None, accent: str | None) -> tuple[str, str]:
    """A letter with its index: alpha_N, Nc, d1, D*."""
    if name in _FUNCTIONS and not index:
        return "f", f"<mi>{name}</mi>"
    base, digits = re.fullmatch(r"([A-Za-z]+)(\d*)", name).groups()  # type: ignore[union-attr]
    lower = index[1:] if index else digits
    if name == "ND":  # params times tokens, as in 6ND
        return "i", "<mi>N</mi><mi>D</mi>"
    if base not in _GREEK:
        if len(base) > _WORD:
            raise ValueError(name)
        if len(base) == 2 and not index and base[0].isupper() and base[1].islower():
            base, lower = base[0], base[1:] + digits
    shown = f"<mi>{_letter(base)}</mi>"
    if lower:
        shown = f"<msub>{shown}<mrow><mi>{_letter(lower)}</mi></mrow></msub>"
    if accent:
        mark = "\u2032" if accent == "'" else "*"
        shown = f"<msup><mrow>{shown}</mrow><mo>{mark}</mo></msup>"
    return "i", shown


def _letter(name: str) -> str:
    return "\u2211" if name == "sum" else _GREEK.get(name, escape(name))


class _Parser:
    """Recursive descent: relation, sum, product, quotient, power, atom."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def done(self) -> bool:
        return self.at == len(self.tokens)

    def _peek(self) -> str:
        return "" if self.done else self.tokens[self.at][0]

    def _next(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][1]

    def relation(self) -> str:
        parts = [self._sum()]
        while self._peek() in ("=", ","):
            parts.append(f"<mo>{self._next()}</mo>")
            parts.append(self._sum())
        return "".join(parts)

    def _sum(self) -> str:
        parts = []
        if self._peek() == "-":
            self._next()
            parts.append("<mo>\u2212</mo>")
        parts.append(self._product())
        while self._peek() in ("+", "-"):
            parts.append("<mo>+</mo>" if self._next() == "+" else "<mo>\u2212</mo>")
            parts.append(self._product())
        return "".join(parts)

    def _product(self) -> str:
        """Factors side by side; a slash takes the factor before it and the one after it."""
        factors = [self._power()]
        while self._peek() in ("n", "i", "f", "(", "/"):
            if self._peek() == "/":
                self._next()
                over = _bare(factors.pop())
                factors.append(
                    f"<mfrac><mrow>{over}</mrow><mrow>{_bare(self._power())}</mrow></mfrac>"
                )
            else:
                factors.append(self._power())
        return "".join(factors)

    def _power(self) -> str:
        base = self._atom()
        if self._peek() != "^":
            return base
        self._next()
        minus = ""
        if self._peek() == "-":
            self._next()
            minus = "<mo>\u2212</mo>"
        raised = minus + _bare(self._atom())
        return f"<msup><mrow>{base}</mrow><mrow>{raised}</mrow></msup>"

    def _atom(self) -> str:
        kind = self._peek()
        if kind in ("n", "i"):
            return self._next()
        if kind == "f":
            return self._next() + (self._atom() if self._peek() in ("(", "n", "i") else "")
        if kind != "(":
            raise ValueError(kind)
        self._next()
        inner = self.relation()
        if self._peek() != ")":
            raise ValueError("(")
        self._next()
        return f"{_OPEN}{inner}{_CLOSE}"


_OPEN, _CLOSE = "<mrow><mo>(</mo>", "<mo>)</mo></mrow>"


def _bare(markup: str) -> str:
    """Without brackets that a fraction's bar or a raised place makes needless."""
    if markup.startswith(_OPEN) and markup.endswith(_CLOSE):
        inner = markup.removeprefix(_OPEN).removesuffix(_CLOSE)
        if inner.count("<mo>(</mo>") == 0 or not _splits(inner):
            return inner
    return markup


def _splits(inner: str) -> bool:
    """Whether the outer brackets are not one pair: (a)(b)."""
    depth = 0
    for found in re.findall(r"<mo>([()])</mo>", inner):
        depth += 1 if found == "(" else -1
        if depth < 0:
            return True
    return False
