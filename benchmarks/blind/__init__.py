"""Training curves on which no constant of a forecast was chosen."""
