"""The command; see the package's docstring."""
