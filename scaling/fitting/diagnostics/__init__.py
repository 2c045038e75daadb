"""Is the fit any good: comparisons, influence, sensitivity, exclusions, rolling fits."""
