"""How well `scaling.forecast` at default settings extrapolates, and whether its intervals hold.

python -m benchmarks.forecast           every task; writes docs/benchmarks/forecast.md and .csv
python -m benchmarks.forecast tune      the constants of the spread that have the best log score
python -m benchmarks.forecast distance  the same tables cut earlier and later; forecast_distance.md
python -m benchmarks.forecast needed    each constant of curves left out; constants.md
"""
