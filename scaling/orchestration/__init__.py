"""How stages are run: Prefect tasks, DVC, the server, and sharing between machines."""

# Before anything of Prefect: settings are read when it loads.
from scaling.orchestration import environment as environment
