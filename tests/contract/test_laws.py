"""Contract tests over the registry of laws: a new file is tested without writing a test.

The checks are the package's own (`scaling.fitting.law_contract`), which `scaling discover --save`
runs too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from scaling import laws
from scaling.errors import InputError
from scaling.fitting import law_contract
from scaling.fitting.data import law_inputs
from scaling.fitting.engine import fit
from scaling.laws import Law

ALL = list(laws.load().values())
# Laws that bind to a table or bring their own procedure are tested on the table of their example.
LAWS = [law for law in ALL if law.bind is None and law.estimate is None]
OWN = [law for law in ALL if law not in LAWS]
Check = Callable[[Law], None]


def named(one: Law | Check) -> str:
    return one.name if isinstance(one, Law) else one.__name__


@pytest.mark.parametrize("law", ALL, ids=named)
@pytest.mark.parametrize("check", law_contract.EVERY, ids=named)
def test_every_law_holds_the_contract(check: Check, law: Law) -> None:
    check(law)


@pytest.mark.parametrize("law", LAWS, ids=named)
@pytest.mark.parametrize("check", law_contract.FORMULAS, ids=named)
def test_every_formula_holds_the_contract(check: Check, law: Law) -> None:
    check(law)


# A copy of Chinchilla's law with one thing wrong, and the check that sees it.
CHINCHILLA = laws.get("chinchilla")
WRONG = {
    "span and direction hold": replace(CHINCHILLA, monotone={"params": 1}),
    "page is complete": replace(CHINCHILLA, assumes=" "),
    "terms equal predict": replace(CHINCHILLA, predict=lambda p, x: p.E + p.A * x.params**-p.alpha),
    "batch equals loop": replace(
        CHINCHILLA, terms=(), predict=lambda p, x: CHINCHILLA.predict(p, x) + 0.01 * np.mean(p.E)
    ),
    "no overflow": replace(
        CHINCHILLA,
        terms=(),
        predict=lambda p, x: CHINCHILLA.predict(p, x) * np.exp(1e-27 * x.params),
    ),
}


@pytest.mark.parametrize("check", WRONG)
def test_a_law_with_a_fault_is_refused_by_the_check_that_sees_it(check: str) -> None:
    with pytest.raises(InputError, match=f"chinchilla fails the check '{check}'"):
        law_contract.check(WRONG[check])


@pytest.mark.parametrize("law", OWN, ids=named)
def test_own_procedure_finds_what_made_the_table(law: Law) -> None:
    assert law.example is not None
    runs, truth = law.example(np.random.default_rng(3))
    made = fit(runs, law, resamples=20, target=law.target)
    found = {name: made.values[name] for name in truth}
    assert truth and found == pytest.approx(dict(truth), rel=0.1)
    assert np.isfinite(made.theta).all() and len(made.draws) >= 10
    x = law_inputs(runs, made.law, to_fit=False)
    one_by_one = np.concatenate([made.law(theta[None], x) for theta in made.draws[:4]])
    np.testing.assert_array_equal(made.law(made.draws[:4], x), one_by_one)


def test_unknown_law_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'chinchilla'"):
        laws.get("chinchila")
