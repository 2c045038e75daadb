"""Formulas of the law files as MathML: well formed, with the right parts, or left as text."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from scaling.document.mathml import mathml
from scaling.laws import load


@pytest.mark.parametrize("name", sorted(load()))
def test_a_law_is_typeset_or_left_as_text(name: str) -> None:
    made = mathml(load()[name].formula)
    if made:
        assert ElementTree.fromstring(made).tag == "math"


def test_most_laws_are_typeset() -> None:
    made = [mathml(law.formula) for law in load().values()]
    assert sum(map(bool, made)) > 0.7 * len(made)


@pytest.mark.parametrize(
    ("formula", "part"),
    [
        ("E + A/N^alpha", "<mfrac><mrow><mi>A</mi></mrow><mrow><msup><mrow><mi>N</mi></mrow>"),
        ("A x^-alpha", "<mrow><mo>\u2212</mo><mi>\u03b1</mi></mrow></msup>"),
        ("(Nc/N)^alpha_N", "<msub><mi>N</mi><mrow><mi>c</mi></mrow></msub>"),
        ("alpha_D", "<msub><mi>\u03b1</mi><mrow><mi>D</mi></mrow></msub>"),
        ("C = 6ND", "<mn>6</mn><mi>N</mi><mi>D</mi>"),
        ("a - b", "<mi>a</mi><mo>\u2212</mo><mi>b</mi>"),
        ("exp(-k C)", "<mi>exp</mi>"),
    ],
)
def test_parts_of_a_formula(formula: str, part: str) -> None:
    assert part in mathml(formula)


@pytest.mark.parametrize(
    "formula",
    ["approach 3 with words", "a <b> c", "(a", "a)", "", "a ^", "a; b", "x & y", "a / ", "\u202e"],
)
def test_what_is_no_formula_is_left_as_text(formula: str) -> None:
    assert mathml(formula) == ""
