"""The stages that DVC runs, one module each: read files, call pure functions, write files."""
