"""FLOP of a run from its architecture or hardware; energy, carbon and dated prices."""
