"""Published forecasts held to account: matched to what came, scored, summed up, made again.

Reads published versions (`scaling.record.versions.store`) and validated runs; nothing that makes a
forecast depends on it.
"""
