"""Runs under way: the forecast of a run's end from its log so far.

`source` reads a log as a `series`, `progress` forecasts its end, `signs` finds spikes and values
that are no numbers, `remaining` says what the rest costs, `journal` keeps the forecasts and scores
them, `watcher` looks again as the log grows.
"""
