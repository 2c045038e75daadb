"""Compute governance: thresholds of law, what a run's compute counts as, crossings, trends.

No threshold and no weight stands in code: they are rows of ``data/thresholds/``.
"""
