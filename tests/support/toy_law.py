"""A law in one file, as a person adds it."""

TOY = '''"""A toy: loss falls with the logarithm of tokens.

    L(D) = c / log(1 + D)**a

D tokens, L loss. Source: nobody 2000, made for this test.
"""

import numpy as np

from scaling.laws._law import Law, Param


def predict(p, x):
    return p.c / np.log1p(x.tokens) ** p.a


LAW = Law(
    name="toy_logarithm",
    title="Toy law",
    formula="L = c / log(1 + D)^a",
    citation="nobody 2000",
    params=(Param("c", "nats/token", "size", start=(1.0, 1e4)), Param("a", "1", "exponent")),
    inputs=("tokens",),
    predict=predict,
    monotone={"tokens": -1},
    assumes="a toy",
    fails="always",
)
'''
