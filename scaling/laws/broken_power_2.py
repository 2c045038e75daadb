"""Smoothly broken power law with two breaks (BNSL, n = 2).

    y(x) = a + b x**-c0 (1 + (x/d1)**(1/f1))**(-c1 f1) (1 + (x/d2)**(1/f2))**(-c2 f2)

As `broken_power`, with a second break: c0 + c1 + c2 is the last exponent. For double descent, which
falls, rises and falls again.

Source: Caballero et al. 2022, "Broken Neural Scaling Laws", arXiv:2210.14891, equation 1.
"""

from __future__ import annotations

from scaling.laws._broken import parameters, predictor, starts_of
from scaling.laws._law import Law

LAW = Law(
    name="broken_power_2",
    title="Broken power law, two breaks (BNSL)",
    formula="y = a + b x^-c0 (1 + (x/d1)^(1/f1))^(-c1 f1) (1 + (x/d2)^(1/f2))^(-c2 f2)",
    citation="Caballero et al. 2022, arXiv:2210.14891, equation 1",
    params=parameters(2),
    inputs=("x",),
    predict=predictor(2),
    linear=("a", "b"),
    starts=starts_of(2),
    generic=True,
    question="curve",
    assumes="at most two changes of exponent, smooth in log x; rows beyond the 9 parameters",
    fails="breaks beyond the data; few or noisy points, where it fits the noise",
)
