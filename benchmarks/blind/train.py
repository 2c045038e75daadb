"""Train the runs of a batch: small character models, on one core.

    python -m benchmarks.blind.train BATCH      writes benchmarks/blind/BATCH.csv

It needs jax, which the project does not (`pip install jax==0.10.2` in an environment of its own).
The models read characters of a text and say the next one:

- words: 2,000 invented words (`benchmarks.small_training.text`);
- docs: the pages in docs/ of this project at commit f107497;
- code: the modules in scaling/ at that commit;
- chain: 24 letters, each drawn by the two before it.

A transformer reads 32 characters (layer norm, causal attention of two heads, tanh units of four
times the width; 8 texts a batch); the other model reads eight, with a hidden layer (128 a batch).
Logged are the loss on 4,096 characters that are not trained on, and the mean loss of the last 16
batches. A row of the table is a value of a run: its number, step and loss (nats per character).
"""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.blind.designs import BATCHES, Design, Group, designs
from benchmarks.small_training import text as words
from scaling.runs.schedules import plan

FOLDER = Path("benchmarks/blind")
COMMIT = "f107497"
CONTEXT, SHORT, EMBEDDING = 32, 8, 12
BATCH = {True: 8, False: 128}
HELD_OUT, RECENT = 4096, 16
LETTERS, LENGTH = 24, 300_000
MOMENTUM, BETAS, EPSILON, DECAY = 0.9, (0.9, 0.95), 1e-8, 0.1


def letters(task: str, seed: int) -> tuple[np.ndarray, int]:
    """Numbers of the characters of a text, and how many kinds there are."""
    if task == "words":
        found = words(seed)
        return found, int(found.max()) + 1
    if task == "chain":
        return chain(seed), LETTERS
    raw = _files("docs", ".md") if task == "docs" else _files("scaling", ".py")
    kinds, numbers = np.unique(np.frombuffer(raw, np.uint8) & 127, return_inverse=True)
    return numbers, len(kinds)


def chain(seed: int) -> np.ndarray:
    """Letters (LENGTH,): after each pair the chances fall with a rank that is the pair's own."""
    rng = np.random.default_rng([seed, 3])
    chance = 1.0 / np.arange(1, LETTERS + 1) ** 1.5
    edges = np.cumsum(chance / chance.sum())[:-1]
    drawn = np.searchsorted(edges, rng.random(LENGTH))
    ranked = np.argsort(rng.random((LETTERS, LETTERS, LETTERS)), axis=-1)
    made = np.zeros(LENGTH, int)
    for k in range(2, LENGTH):
        made[k] = ranked[made[k - 2], made[k - 1], drawn[k]]
    return made


def _files(folder: str, ending: str) -> bytes:
    """The project's files of a kind, as they were at one commit."""
    listed = ["git", "ls-tree", "-r", "--name-only", COMMIT, folder]
    names = subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split()
    shown = [["git", "show", f"{COMMIT}:{name}"] for name in names if name.endswith(ending)]
    return b"".join(subprocess.run(one, capture_output=True, check=True).stdout for one in shown)


def start(group: Group, kinds: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Parameters of a new model."""
    d = group.width

    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(0.0, shape[0] ** -0.5, shape).astype(np.float32)

    if not group.layers:
        return {
            "table": rng.normal(0.0, 1.0, (kinds, EMBEDDING)).astype(np.float32),
            "in": drawn(SHORT * EMBEDDING, d),
            "in_bias": np.zeros(d, np.float32),
            "out": drawn(d, kinds),
            "out_bias": np.zeros(kinds, np.float32),
        }
    made = {
        "table": rng.normal(0.0, 0.5, (kinds, d)).astype(np.float32),
        "place": rng.normal(0.0, 0.5, (CONTEXT, d)).astype(np.float32),
        "out": drawn(d, kinds),
    }
    for k in range(group.layers):
        made |= {f"qkv{k}": drawn(d, 3 * d), f"mix{k}": 0.5 * drawn(d, d),
                 f"up{k}": drawn(d, 4 * d), f"down{k}": 0.5 * drawn(4 * d, d)}  # fmt: skip
    return made


def loss(group: Group, p: Any, windows: Any) -> Any:
    """Mean loss over windows (B, length + 1)."""
    import jax
    import jax.numpy as jnp

    x, y = windows[:, :-1], windows[:, 1:]
    if not group.layers:
        hidden = jnp.tanh(p["table"][x].reshape(len(x), -1) @ p["in"] + p["in_bias"])
        logits, y = hidden @ p["out"] + p["out_bias"], y[:, -1]
    else:
        h = p["table"][x] + p["place"]
        for k in range(group.layers):
            h = h + _attention(_norm(h) @ p[f"qkv{k}"]) @ p[f"mix{k}"]
            h = h + jnp.tanh(_norm(h) @ p[f"up{k}"]) @ p[f"down{k}"]
        logits = _norm(h) @ p["out"]
    shares = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(shares, y[..., None], axis=-1).mean()


def _norm(h: Any) -> Any:
    import jax.numpy as jnp

    h = h - h.mean(-1, keepdims=True)
    return h / jnp.sqrt((h**2).mean(-1, keepdims=True) + 1e-5)


def _attention(qkv: Any, heads: int = 2) -> Any:
    import jax
    import jax.numpy as jnp

    b, t, wide = qkv.shape
    q, k, v = jnp.moveaxis(qkv.reshape(b, t, 3, heads, wide // 3 // heads), 2, 0)
    score = jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(q.shape[-1])
    score = jnp.where(jnp.tril(jnp.ones((t, t), bool)), score, -1e9)
    return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(score), v).reshape(b, t, wide // 3)


def update(group: Group, p: Any, state: Any, slope: Any, lr: Any, number: Any) -> tuple[Any, Any]:
    """One step of the optimiser."""
    import jax
    import jax.numpy as jnp

    tree = jax.tree_util.tree_map
    if group.optimiser == "sgd":
        first = tree(lambda m, g: MOMENTUM * m + (1.0 - MOMENTUM) * g, state[0], slope)
        return tree(lambda w, m: w - lr * m, p, first), (first, state[1])
    first = tree(lambda m, g: BETAS[0] * m + (1 - BETAS[0]) * g, state[0], slope)
    second = tree(lambda m, g: BETAS[1] * m + (1 - BETAS[1]) * g**2, state[1], slope)
    a, b = 1.0 - BETAS[0] ** number, 1.0 - BETAS[1] ** number
    moved = tree(
        lambda w, m, v: w - lr * (m / a / (jnp.sqrt(v / b) + EPSILON) + DECAY * w), p, first, second
    )
    return moved, (first, second)


def train(group: Group, some: list[Design]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Steps (L,) at which the loss is logged, and the losses (L, runs) by metric."""
    import jax
    import jax.numpy as jnp

    text, kinds = letters(group.task, group.seed)
    size = (CONTEXT if group.layers else SHORT) + 1
    windows = np.lib.stride_tricks.sliding_window_view(text, size)
    tail = HELD_OUT if not group.layers else HELD_OUT // CONTEXT
    cut = len(windows) - HELD_OUT - size
    held = jnp.asarray(windows[cut + size :: (CONTEXT if group.layers else 1)][:tail])
    every, rates = group.steps // group.logged, _rates(group, some)
    known = jnp.asarray(text)
    models = [start(group, kinds, np.random.default_rng([group.seed, k])) for k in range(len(some))]
    p = jax.tree_util.tree_map(lambda *one: jnp.stack(one), *models)
    state = (jax.tree_util.tree_map(jnp.zeros_like, p),) * 2

    def one_step(carry: Any, given: Any) -> tuple[Any, Any]:
        p, state, number = carry
        lr, key = given
        at = jax.random.randint(key, (BATCH[bool(group.layers)],), 0, cut)
        rows = known[at[:, None] + jnp.arange(size)]
        value, slope = jax.value_and_grad(lambda q: loss(group, q, rows))(p)
        p, state = update(group, p, state, slope, lr, number)
        return (p, state, number + 1.0), value

    chunk = jax.jit(jax.vmap(lambda carry, given: jax.lax.scan(one_step, carry, given)))
    judge = jax.jit(jax.vmap(lambda q: loss(group, q, held)))
    keys = jax.random.split(jax.random.PRNGKey(group.seed), (len(some), group.steps))
    carry, found = (p, state, jnp.ones(len(some))), {"validation": [], "train": []}
    for begin in range(0, every * group.logged, every):
        part = slice(begin, begin + every)
        carry, values = chunk(carry, (rates[:, part], keys[:, part]))
        found["validation"].append(judge(carry[0]))
        found["train"].append(values[:, -RECENT:].mean(1))
    step = every * np.arange(1, group.logged + 1)
    return step, {name: np.array(one) for name, one in found.items()}


def _rates(group: Group, some: list[Design]) -> Any:
    import jax.numpy as jnp

    steps = np.arange(group.steps, dtype=float) + 1.0
    return jnp.asarray([one.peak * plan(one.schedule).at(steps) for one in some], jnp.float32)


def main(batch: int, only: int | None = None) -> None:
    """Train a batch and write its values; ``only`` one group, into a file of its own."""
    number = 0
    suffix = "" if only is None else f".{only}"
    with (FOLDER / f"{batch}{suffix}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["run", "step", "loss"])
        for k, group in enumerate(BATCHES[batch]):
            some = list(designs(group))
            if only in (None, k):
                began = time.process_time()
                step, found = train(group, some)
                for j, one in enumerate(some):
                    values = found[one.metric][:, j]
                    table.writerows(
                        (number + j, at, f"{y:.4f}") for at, y in zip(step, values, strict=True)
                    )
                print(group.task, group.model, f"{time.process_time() - began:.0f} CPU s",
                      flush=True)  # fmt: skip
            number += len(some)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
