"""The batched solver: objective, search over starts, Newton steps, compiled kernels."""
