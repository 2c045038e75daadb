"""The explorer: one page on which sizes are dragged, and loss, cost and thresholds follow."""
