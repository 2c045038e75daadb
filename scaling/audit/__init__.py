"""Published forecasts held to account: matched to what came, scored, summed up, made again.

Reads published versions (`scaling.publish`) and validated runs; nothing that makes a forecast
depends on it.
"""
