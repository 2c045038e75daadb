"""Forecasting: fits and targets -> quantiles.

Called, it is `scaling.forecast.engine.forecast`.
"""

from scaling._callable import make_callable

make_callable(__name__)
