"""Smoothly broken power law with one break (BNSL, n = 1).

    y(x) = a + b x**-c0 * prod_i (1 + (x/d_i)**(1/f_i))**(-c_i f_i),    i = 1..n

x is any positive quantity, y positive. c0 is the exponent before the first break, c0 + c1 after
it; d_i is where break i is, in units of x, and f_i how wide it is, in log x (small is sharp).
Exponents may be negative, so the law also rises, or falls after a rise (double descent).

Source: Caballero et al. 2022, "Broken Neural Scaling Laws", arXiv:2210.14891, equation 1.

With its many parameters the law interpolates almost any curve; a break beyond the data cannot be
seen in them. The authors minimise squares of log(1 + y), which is this law fitted to y + 1.
"""

from __future__ import annotations

from scaling.laws._broken import parameters, predictor, starts_of
from scaling.laws._law import Law

LAW = Law(
    name="broken_power",
    title="Broken power law, one break (BNSL)",
    formula="y = a + b x^-c0 (1 + (x/d1)^(1/f1))^(-c1 f1)",
    citation="Caballero et al. 2022, arXiv:2210.14891, equation 1",
    params=parameters(1),
    inputs=("x",),
    predict=predictor(1),
    linear=("a", "b"),
    starts=starts_of(1),
    generic=True,
    question="curve",
    assumes="at most one change of exponent, smooth in log x; rows beyond the 6 parameters",
    fails="breaks beyond the data; few or noisy points, where it fits the noise",
)
