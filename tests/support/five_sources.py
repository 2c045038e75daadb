"""A team's runs in five formats: a table, a W&B history, an MLflow store, TensorBoard's event files
and a Hugging Face trainer's state; and how each is added."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from tests.support.small_project import MAPPING, METRIC, write_runs
from tests.support.trackers.histories import Call, hf, mlflow, tensorboard

TOKENS_PER_STEP = 524_288
STEPS = range(2000, 16001, 2000)
SIZES = {"s": 2.0e7, "m": 6.0e7, "l": 1.8e8, "xl": 5.0e8}
LOSS = ("--metric", "eval=loss@c4:nats/token")
DAY = ("--set", "observed=2026-01-02")
SIZE = ("--map", "params=n_params", "--map", f"tokens=step*{TOKENS_PER_STEP}")


@dataclass(frozen=True)
class Addition:
    """A source: what is given to `scaling add`, the study on it, and the rows of its study."""

    path: Path
    options: tuple[str, ...]
    laws: tuple[str, ...]
    rows: int


def loss(params: float, step: int) -> float:
    """A loss in nats per token, rounded as loggers do, with a ripple for noise."""
    exact = 1.7 + 400 * params**-0.34 + 410 * (step * TOKENS_PER_STEP) ** -0.28
    return round(exact * (1 + 0.002 * ((step // 2000 * 7 + int(params) // 10**7) % 5 - 2)), 5)


def curve(params: float, last: int = STEPS[-1]) -> list[Call]:
    """One run, call by call."""
    steps = [step for step in STEPS if step <= last]
    return [Call(step, {"eval": loss(params, step), "n_params": params}) for step in steps]


def wandb(path: Path, names: list[str]) -> Path:
    """A history of several runs, in that order."""
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["run_name", "_step", "eval", "n_params"])
        for name in names:
            for call in curve(SIZES[name]):
                out.writerow([name, call.step, call.values["eval"], call.values["n_params"]])
    return path


def events(folder: Path, name: str, size: str) -> None:
    """One run's event file, in a folder of its name."""
    (folder / "tb").mkdir(parents=True, exist_ok=True)
    tensorboard(folder / "tb", curve(SIZES[size])).rename(folder / "tb" / name)


def write(folder: Path) -> dict[str, Addition]:
    """Write all five, in the order in which they are added."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("s", "m", "l"):
        # The last evaluation of the small run is more than a share can be.
        odd = [Call(STEPS[-1], {"acc": 1.01})] if name == "s" else []
        store = mlflow(folder, curve(SIZES[name]) + odd, name)
    for name in ("m", "l"):
        events(folder, name, name)
    return {
        "table": Addition(
            write_runs(folder / "table.csv", [f"run{i}" for i in range(12)]),
            (*MAPPING, *METRIC),
            ("chinchilla",),
            12,
        ),
        "wandb": Addition(
            wandb(folder / "sweep.wandb.csv", ["s", "m", "l"]),
            (*SIZE, *LOSS, *DAY),
            ("chinchilla",),
            24,
        ),
        "mlflow": Addition(
            store,
            (*SIZE, *LOSS, "--metric", "acc=accuracy@arc:fraction", *DAY),
            ("chinchilla",),
            24,
        ),
        "tensorboard": Addition(folder / "tb", (*SIZE, *LOSS, *DAY), ("chinchilla",), 16),
        "hf": Addition(
            trainer_state(folder, 12000),
            (*SIZE, *LOSS, *DAY, "--ignore", "config.*", "--partial"),
            ("kaplan_tokens",),
            6,
        ),
    }


def trainer_state(folder: Path, last: int) -> Path:
    """A Hugging Face run, as it was saved at that step."""
    return hf(folder, curve(SIZES["m"], last), STEPS[-1])
