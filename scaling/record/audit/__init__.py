"""Published forecasts held to account: matched to outcomes, scored, summarised, reproduced.

Reads published versions (`scaling.record.versions.store`) and validated runs; nothing that makes a
forecast depends on it.
"""
