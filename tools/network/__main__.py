"""See the package."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from scaling.forecasting.network import FILE
from tools.network.train import train

# 22 minutes on two cores. Losses still fall slowly.
STEPS, SEED = 20_000, 0


def main() -> None:
    """Train, tell of the loss, and write the weights."""
    parser = argparse.ArgumentParser(prog="python -m tools.network", description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--out", type=Path, default=FILE)
    asked = parser.parse_args()
    typical = 0.0
    for step, loss, weights in train(asked.steps, asked.seed):
        typical += (loss - typical) / min(step + 1, 200)
        if (step + 1) % 500 == 0 or step + 1 == asked.steps:
            print(f"{step + 1} {typical:.4f}", flush=True)
            half = {name: value.astype(np.float16) for name, value in weights.items()}
            np.savez(asked.out, **half)


if __name__ == "__main__":
    main()
