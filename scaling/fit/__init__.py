"""Fitting: objective, batched solver, uncertainty, certificate. Any law + runs -> Fit.

Called, it is `scaling.fit.engine.fit`.
"""

from scaling._callable import make_callable

make_callable(__name__)
