"""Fitting: any law + runs -> `Fit`, with its certificate, uncertainty and diagnostics."""
