"""Published constants by paper: found by law or by paper, and side by side at a budget.

    LAW                 the first set of the law: chinchilla
    LAW:PAPER           chinchilla:hoffmann2022; with a variant over_training:gadre2024-c4
    LAW:NUMBER          chinchilla:2, the second set of the law
    PAPER               every set of the paper: kaplan2020

A paper gives a loss in N and D, an allocation N* = G C^a without a loss, or the exponent a alone.
Its sizes are those of its own data and way to count params, so rows differ by more than the law.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scaling import laws
from scaling.arrays import Array
from scaling.errors import InputError, nearest
from scaling.fitting.result import Fit, Outcome
from scaling.fitting.study_record import NO_CERTIFICATE
from scaling.laws._law import Law, Published
from scaling.laws._surface import has_surface, is_allocation, log_optimal_params, surface

PREFIX = "published:"
COUNTED = {
    "any": "params as the paper counts them",
    "total": "params with embeddings",
    "non_embedding": "params without embeddings",
    "active": "params that a token uses",
}


@dataclass(frozen=True)
class Constants:
    """One set: a law with one paper's constants."""

    law: Law
    paper: Published

    @property
    def key(self) -> str:
        """LAW:PAPER, which finds this set alone."""
        return f"{self.law.name}:{self.paper.key}"

    @property
    def missing(self) -> list[str]:
        """Parameters of the law that the paper does not print."""
        return [name for name in self.law.names if name not in self.paper.values]

    @property
    def counts(self) -> str:
        """Which N the constants are about."""
        return COUNTED[self.law.size if self.paper.size == "any" else self.paper.size]

    @property
    def plans(self) -> bool:
        """Whether it says something of N* at a budget: a loss in N and D, or an allocation."""
        return has_surface(self.law) or is_allocation(self.law)

    @property
    def theta(self) -> Array:
        """The constants (1, K); NaN where the paper does not print one."""
        return np.array([[self.paper.values.get(name, np.nan) for name in self.law.names]])

    def fit(self) -> Fit:
        """The constants as a fit without draws."""
        return Fit(
            law=self.law, target=self.law.target, theta=self.theta[0],
            resampled=np.zeros((0, len(self.law.names))), objective=float("nan"),
            objective_name="published", link=self.law.link, outcome=Outcome.ESTIMATED,
            reason=self.paper.note, certificate=NO_CERTIFICATE, rows=0, residuals=np.zeros(0),
            ranges={}, unit=self.law.own_unit,
        )  # fmt: skip

    def refusal(self) -> str:
        """Why nothing can be computed from a set with constants missing, and what it does say."""
        text = f"{self.key} has no {', '.join(self.missing)}: the source does not print it"
        if is_allocation(self.law) and "a" in self.paper.values:
            more = 10.0 ** self.paper.values["a"]
            text += f"; ten times the compute takes {more:.2g} times the params"
        return text

    def remark(self) -> str:
        """Where it is from, which N it counts, and what is known to be wrong with it."""
        one = self.paper
        parts = [f"{self.key}: published constants ({one.citation}; {one.data}; {self.counts})"]
        parts += ["no draws, so no intervals", *([one.note] if one.note else [])]
        fault = (
            f"Known to be wrong: {one.caveat}"
            if one.caveat
            else (f"No fault of these constants is recorded; the law fails: {self.law.fails}")
        )
        return f"{'; '.join(parts)}. {fault.rstrip('.')}."


@dataclass(frozen=True)
class Found:
    """The sets of a name, as a sheet holds them.

    Attributes:
        fits: by law, the first set of each.
        refused: law -> why its set cannot answer.
        lead: the law that answers first, where the paper names one.
        version: hash of the constants.
        notes: what a reader must know.
    """

    fits: Mapping[str, Fit]
    refused: Mapping[str, str]
    lead: str
    version: str
    notes: tuple[str, ...]


def sets() -> list[Constants]:
    """Every published set, by law."""
    return [Constants(law, one) for law in laws.load().values() for one in law.published]


def named(name: str) -> Found:
    """The sets of ``published:LAW``, ``published:LAW:PAPER``, ``published:LAW:NUMBER`` or
    ``published:PAPER``.

    Raises:
        InputError: no such law, paper or set, or none with all its constants.
    """
    chosen, others = _chosen(name)
    first = {one.law.name: one for one in reversed(chosen)}
    kept = [one for one in chosen if first[one.law.name] is one]
    whole = [one for one in kept if not one.missing]
    if not whole:
        raise InputError(kept[0].refusal(), value=name, allowed=_asked(_complete()))
    others += [one for one in chosen if one not in kept]
    notes = [one.remark() for one in [one for one in whole if one.plans] or whole]
    if others:
        notes.insert(0, f"Took {_asked(kept)}; there are also {_asked(others)}.")
    notes.append("How far a plan lies beyond the papers' runs is not measured.")
    digest = hashlib.sha256(b"".join(one.theta.tobytes() for one in whole)).hexdigest()[:12]
    return Found(
        {one.law.name: one.fit() for one in whole},
        {one.law.name: one.refusal() for one in kept if one.missing},
        next((one.law.name for one in whole if one.paper.lead), ""),
        f"constants {digest}",
        tuple(notes),
    )


def _chosen(name: str) -> tuple[list[Constants], list[Constants]]:
    """The sets that a name means, and those of the law that it leaves open."""
    first, *rest = name.removeprefix(PREFIX).split(":")
    every = sets()
    of_paper = [one for one in every if first in (one.paper.paper, one.paper.key)]
    if of_paper and not rest:
        return of_paper, []
    if of_paper:
        hint = f"A paper's set of one law is {_asked(of_paper)}."
        raise InputError("the law is named before the paper", value=name, hint=hint)
    if first not in laws.load():
        papers = list(dict.fromkeys(one.paper.paper for one in every))
        known = [*dict.fromkeys(one.law.name for one in every), *papers]
        close = nearest(first, [*known, *laws.load()])
        raise InputError("unknown law or paper", value=first, allowed=", ".join(known), hint=close)
    own = [one for one in every if one.law.name == first]
    if not own:
        raise InputError(
            f"no published constants of {first}",
            value=name,
            allowed=", ".join(dict.fromkeys(one.law.name for one in every)),
        )
    if not rest:
        return own[:1], own[1:]
    return _of_law(name, own, ":".join(rest)), []


def _of_law(name: str, own: Sequence[Constants], word: str) -> list[Constants]:
    """The sets of a law by paper, by paper and variant, or by number."""
    found = [one for one in own if word in (one.paper.paper, one.paper.key)]
    exact = [one for one in own if word == one.paper.key]
    if re.fullmatch("[0-9]+", word) and 1 <= int(word) <= len(own):
        exact = [own[int(word) - 1]]
    if exact or found:
        return exact or found
    keys = [one.paper.key for one in own]
    elsewhere = [one for one in sets() if word in (one.paper.paper, one.paper.key)]
    hint = f"This paper has {_asked(elsewhere)}." if elsewhere else nearest(word, keys)
    numbers = f"1 to {len(own)}"
    raise InputError(
        "no such published fit", value=name, allowed=f"{', '.join(keys)}, or {numbers}", hint=hint
    )


def _asked(found: Sequence[Constants]) -> str:
    """The names that find these sets."""
    return ", ".join(f"{PREFIX}{one.key}" for one in found)


def _complete() -> list[Constants]:
    """The sets that plan, with all their constants."""
    return [one for one in sets() if one.plans and not one.missing]


def rows(flops: float) -> list[dict[str, object]]:
    """Every set that plans at a budget of 6ND, one row each.

    Returns:
        Rows with ``set`` (as it is asked for after ``published:``), ``paper``, ``counts`` (which
        N), ``params``, ``tokens``, ``tokens_per_param`` and ``loss`` (in the paper's unit, on its
        data: not to be compared between rows; None where there is none), ``params_10x`` and
        ``tokens_10x`` (what ten times the compute multiplies them by) and ``caveat``.

    Raises:
        InputError: a budget out of range.
    """
    if not 1e3 <= flops <= 1e36:
        raise InputError("compute budget out of range", value=flops, allowed="1e3 to 1e36 FLOP")
    return [_row(one, flops) for one in sets() if one.plans]


def _row(one: Constants, flops: float) -> dict[str, object]:
    row: dict[str, object] = {
        "set": one.key,
        "paper": one.paper.citation.split(", ")[0],
        "counts": one.counts,
    }
    names = ("params", "tokens", "tokens_per_param", "loss", "params_10x", "tokens_10x")
    figures = [None if np.isnan(value) else value for value in _figures(one, flops)]
    return row | dict(zip(names, figures, strict=True)) | {"caveat": one.paper.caveat}


def _figures(one: Constants, flops: float) -> tuple[float, ...]:
    """N*, D*, D*/N*, loss, and the factors of N* and D* for ten times the compute; NaN where the
    set does not say."""
    inputs = (other for other in one.law.all_inputs if not other.only_fit)
    needed = {other.name for other in inputs if other.default is None}
    if not needed <= {"params", "tokens", "flops"}:
        return (float("nan"),) * 6
    theta, log_c = one.theta, float(np.log(flops))
    log_n = log_optimal_params(one.law, theta, log_c)
    if is_allocation(one.law):
        loss, power = np.nan, float(theta[0, one.law.names.index("a")])
    else:
        log_d = log_c - np.log(6.0) - log_n
        loss = float(surface(one.law, theta).loss(log_n, log_d)[0])
        more = log_optimal_params(one.law, theta, log_c + np.log(10.0))
        power = float((more - log_n)[0] / np.log(10.0))
    n = float(np.exp(log_n[0]))
    d = flops / 6.0 / n
    return n, d, d / n, loss, 10.0**power, 10.0 ** (1.0 - power)
