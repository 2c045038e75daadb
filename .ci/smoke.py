"""What an installed core must do, away from any checkout: files read, verbs run, extras named."""

from __future__ import annotations

import importlib.util
import json
import math
import random
import subprocess
import sys
from pathlib import Path

random.seed(3)
rows = []
for _ in range(40):
    n = math.exp(random.uniform(math.log(5e7), math.log(8e9)))
    d = n * math.exp(random.uniform(math.log(5), math.log(80)))
    loss = 1.8172 + 482.01 / n**0.3478 + 2085.43 / d**0.3658
    rows.append({"params": n, "tokens": d, "loss": loss * math.exp(random.gauss(0, 0.005))})
lines = ["params,tokens,loss", *(",".join(map(str, row.values())) for row in rows)]
Path("runs.csv").write_text("\n".join(lines) + "\n")
Path("runs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
steps = [f"step {s}: val loss {2 + 500 * (1000 * s) ** -0.3:.6f}" for s in range(2000, 40001, 2000)]
Path("nano.log").write_text("\n".join(["tokens per iteration will be: 1,000", *steps]) + "\n")
Path("at.csv").write_text("params,tokens\n7e10,1.4e12\n")


def run(*arguments: str, status: int = 0) -> str:
    """What `scaling ARGUMENTS` prints; it must end with this status."""
    command = [sys.executable, "-P", "-m", "scaling", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != status:
        sys.exit(f"scaling {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


assert importlib.util.find_spec("flows") is None
run("--help")
run("laws")
run("fit", "runs.csv", "--law", "chinchilla")
for table in ("runs.csv", "runs.jsonl"):
    run("forecast", table, "--at", "at.csv")
steps_as_tokens = ("--map", "x=step*config.tokens_per_step", "--metric", "val loss")
run("fit", "nano.log", "--law", "power_law", *steps_as_tokens, "--resamples", "0")
# A server of MLflow needs no extra, and one of Weights & Biases names its own.
assert "no answer" in run(
    *["pull", "mlflow", "http://127.0.0.1:9", "--experiment", "e", "--out", "e.db"], status=2
)
pulled = run("pull", "wandb", "team/laws", "--out", "laws.wandb.jsonl", status=2)
assert "scaling-forecast[wandb]" in pulled, pulled
run("backtest", "runs.csv")
run("plan", "optimal", "--runs", "runs.csv", "--flops", "1e22")
run("plan", "cost", "--flops", "1e22")
run("thresholds")
run("explore", "runs.csv", "--out", "page.html")
assert "is no workspace" in run("refit", status=2)
plotted = run("fit", "runs.csv", "--law", "chinchilla", "--plot", "fit.svg", status=2)
assert "scaling-forecast[plot]" in plotted, plotted
