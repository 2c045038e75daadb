"""The flow ``pull``: take the runs that are new from the servers that params.yaml names."""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from scaling.errors import counted
from scaling.orchestration.pull_tasks import pull_source, servers
from scaling.orchestration.server.artifacts import name_run
from scaling.orchestration.tasks import say


@flow(name="pull", flow_run_name="pull")
def pull(root: Path = Path()) -> int:
    """Pull every source under ``pull`` in params.yaml; returns how many runs were new or changed.

    A server that fails keeps none of the others from being pulled. Raises InputError then.
    """
    root = root.resolve()
    named = servers(root)
    if not named:
        say("params.yaml names no server under pull")
    pulls = [pull_source.submit(root, source, words) for source, words in named.items()]
    for one in pulls:
        one.wait()
    taken = sum(one.result() for one in pulls)
    name_run(f"{counted(taken, 'run')} pulled")
    return taken
