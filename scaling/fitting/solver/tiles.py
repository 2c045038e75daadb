"""Sizes that the compiled loops and their caller share."""

# Loops over a multiple of this many rows have no remainder.
LANES = 8
# Rows visited together: their work arrays stay in a second-level cache.
TILE = 2048
