"""What a fan-out costs beside its work: Prefect on threads, Dask and Ray.

    python -m benchmarks.fan_out overhead          CPU seconds of an empty task on each engine
    python -m benchmarks.fan_out curve             100 studies (or so many: a third argument) on one
                                                   and two workers
    python -m benchmarks.fan_out full              2,000 studies x 5 laws
    python -m benchmarks.fan_out stages            what DVC takes for a stage, by how many there are

A study has 30 simulated runs; five laws are fitted to it, each from all its starts and with its
certificate, without resamples. The engine and the number of workers are chosen as for every flow
(``SCALING_RUNNER``, ``SCALING_WORKERS``); a task fits a batch of studies and says how much CPU its
fits took, so what is left of the CPU seconds of all processes is the engine's, Prefect's and
Python's. The digest is of every parameter and objective. A second argument chooses engines:
``dask,ray``.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil

LAWS = ("chinchilla", "kaplan_joint", "power_law", "kaplan_params", "kaplan_tokens")
RUNS = 30
ENGINES = ("threads", "dask", "ray")


def study(number: int) -> pl.DataFrame:
    """Runs over three decades of compute, by Hoffmann et al.'s approach 3, with 1 % noise."""
    random = np.random.default_rng(number)
    params = 10 ** random.uniform(7.5, 9.5, RUNS)
    tokens = params * 10 ** random.uniform(0.5, 2.0, RUNS)
    loss = 1.69 + 406.4 / params**0.34 + 410.7 / tokens**0.28
    loss *= np.exp(0.01 * random.standard_normal(RUNS))
    return pl.DataFrame({"params": params, "tokens": tokens, "loss": loss})


def fits(first: int, count: int) -> tuple[str, float]:
    """Fit studies; the digest of what was found, and the CPU seconds of it."""
    import scaling

    began, digest = time.thread_time(), hashlib.sha256()
    for number in range(first, first + count):
        for law in LAWS:
            made = scaling.fit(study(number), law, resamples=0)
            digest.update(json.dumps([made.values, made.objective]).encode())
    return digest.hexdigest(), time.thread_time() - began


def run(studies: int, batch: int) -> None:
    """One flow: prints what it took as a line of JSON."""
    from prefect import flow, task

    from scaling.orchestration.server.task_runner import runner, workers

    @task
    def fitted(first: int, count: int) -> tuple[str, float]:
        return fits(first, count) if count else ("", 0.0)

    @flow(task_runner=runner())
    def fan_out() -> dict[str, Any]:
        start = time.monotonic()
        sizes = [(first, min(batch, studies - first)) for first in range(0, studies, batch)]
        sizes = sizes if batch else []
        runs = [fitted.submit(*size) for size in sizes]
        return told([one.result() for one in runs], time.monotonic() - start)

    def told(made: list[tuple[str, float]], wall: float) -> dict[str, Any]:
        me = psutil.Process()
        others = [_cpu(child) for child in me.children(recursive=True)]
        return {
            "engine": os.environ.get("SCALING_RUNNER", "threads"),
            "workers": workers(),
            "studies": studies,
            "tasks": len(made),
            "wall": round(wall, 1),
            "work": round(sum(one[1] for one in made), 2),
            "all": round(_cpu(me) + sum(others), 2),
            "digest": hashlib.sha256("".join(one[0] for one in made).encode()).hexdigest()[:12],
        }

    print(json.dumps(fan_out()))


def empty(tasks: int) -> None:
    """A flow of empty tasks."""
    from prefect import flow, task

    from scaling.orchestration.server.task_runner import runner

    @task
    def nothing(number: int) -> int:
        return number

    @flow(task_runner=runner())
    def many() -> float:
        runs = [nothing.submit(number) for number in range(tasks)]
        assert sum(one.result() for one in runs) == tasks * (tasks - 1) // 2
        me = psutil.Process()
        return _cpu(me) + sum(_cpu(child) for child in me.children(recursive=True))

    print(json.dumps({"tasks": tasks, "all": many()}))


def _cpu(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


# Driving ----------------------------------------------------------------------------------------


def child(env: dict[str, str], **settings: str | int) -> dict[str, Any]:
    """Run one flow in a process of its own; its line, with what Prefect's server used for it."""
    call, chosen = settings.pop("call"), {key: str(value) for key, value in settings.items()}
    server = int(env["SERVER_PID"])
    before = _cpu(psutil.Process(server))
    command = [sys.executable, "-c", f"from benchmarks.fan_out import *; {call}"]
    done = subprocess.run(command, env={**env, **chosen}, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr[-2000:])
    line: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**line, "server": round(_cpu(psutil.Process(server)) - before, 2)}


def overhead(env: dict[str, str], engines: tuple[str, ...], few: int = 10, many: int = 60) -> None:
    """CPU seconds of an empty task: what fifty more of them cost."""
    print(
        "| engine | start-up, CPU s | a task, CPU s | of it Prefect's server |\n|---|---|---|---|"
    )
    for engine in engines:
        small = child(env, call=f"empty({few})", SCALING_RUNNER=engine)
        large = child(env, call=f"empty({many})", SCALING_RUNNER=engine)
        served = (large["server"] - small["server"]) / (many - few)
        task = (large["all"] - small["all"]) / (many - few) + served
        first = small["all"] + small["server"] - few * task
        print(f"| {engine} | {first:.1f} | {task:.3f} | {served:.3f} |", flush=True)


def curve(
    env: dict[str, str],
    engines: tuple[str, ...],
    studies: int,
    batch: int,
    numbers: tuple[int, ...],
) -> None:
    """The same studies on each engine and each number of workers."""
    for engine in engines:
        for workers in numbers:
            line = child(
                env, call=f"run({studies}, {batch})", SCALING_RUNNER=engine, SCALING_WORKERS=workers
            )
            print(json.dumps(line), flush=True)


def stages(env: dict[str, str], numbers: tuple[int, ...] = (25, 100)) -> None:
    """CPU seconds of DVC for a stage that does nothing, and for a look at all of them."""
    quiet = {"cwd": None, "env": env, "check": True, "capture_output": True}
    print("| stages | one `dvc repro` of all, CPU s a stage | `dvc status` of all, CPU s |")
    print("|---|---|---|", flush=True)
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            _project(Path(folder), number)
            quiet["cwd"] = folder
            subprocess.run(["git", "init", "-q"], **quiet)
            subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], **quiet)
            ran = _children(lambda: subprocess.run([sys.executable, "-m", "dvc", "repro"], **quiet))
            look = _children(
                lambda: subprocess.run([sys.executable, "-m", "dvc", "status"], **quiet)
            )
        print(f"| {number} | {ran / number:.3f} | {look:.2f} |", flush=True)


def _project(root: Path, number: int) -> None:
    names = "".join(f"  s{index}: 1\n" for index in range(number))
    (root / "params.yaml").write_text(f"studies:\n{names}")
    (root / "in.csv").write_text("1\n")
    (root / "dvc.yaml").write_text(
        "stages:\n  fit:\n    foreach: ${studies}\n    do:\n"
        "      cmd: cp in.csv ${key}.json\n      params:\n        - studies.${key}\n"
        "      deps: [in.csv]\n      outs:\n        - ${key}.json:\n            cache: false\n"
    )


def _children(act: Any) -> float:
    before = os.times()
    act()
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def main() -> None:
    """Start one server and run what is asked for."""
    from scaling.orchestration.server.temporary import temporary_server

    what = sys.argv[1]
    engines = tuple(sys.argv[2].split(",")) if len(sys.argv) > 2 else ENGINES
    env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
    env["PREFECT_LOGGING_LEVEL"] = "ERROR"
    if what == "stages":
        stages(env)
        return
    with tempfile.TemporaryDirectory() as folder, temporary_server(Path(folder)) as url:
        env |= {"PREFECT_API_URL": url, "PREFECT_HOME": folder}
        env["SERVER_PID"] = str(psutil.Process().children()[0].pid)
        if what == "overhead":
            overhead(env, engines)
        else:
            own = (int(os.environ.get("SCALING_WORKERS", "2")),)
            number = int(sys.argv[3]) if len(sys.argv) > 3 else 100
            few = (number, number // 10, (1, 2))
            curve(env, engines, *(few if what == "curve" else (2000, 50, own)))


if __name__ == "__main__":
    main()
