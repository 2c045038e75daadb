"""Results and runs shared through Git and a DVC remote."""
