"""How stages are run: Prefect tasks, DVC, the server, and sharing between machines."""
