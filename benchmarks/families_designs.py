"""Simulated tables of the law families that no public table tests, for `benchmarks.families`.

Each design is a grid of runs that a team could afford, constants that are printed where the law has
any, and planned runs one step of the grid beyond it. Noise of losses is .5 % between runs, as in
`benchmarks.few_runs`; other quantities have that of the way in which they are measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

import numpy as np
import polars as pl

from scaling import laws
from scaling.laws import Law

# Standard deviations between two runs of the same settings: of a loss, as a share of it; of a score
# in points (a test of 2,500 questions at 50 %); of quantities that are read off curves, as a share.
LOSS, SCORE, READ_OFF = 0.005, 0.01, 0.05

Column = float | Callable[[Mapping[str, np.ndarray]], np.ndarray]


@dataclass(frozen=True)
class Design:
    """How the tables of one law are simulated.

    Attributes:
        law: its name.
        truth: constants; those that are missing are the first published ones.
        grid: values of inputs, all combinations of which are run.
        at: values of the planned runs, by input, in one order.
        computed: inputs that follow from the others.
        noise: standard deviation, a share of the target or in its own unit (`linear`).
        linear: whether noise is added rather than multiplied.
        target: column of the result.
        constants: where the constants are from.
    """

    law: str
    grid: Mapping[str, Sequence[float]]
    at: Mapping[str, Sequence[float]]
    truth: Mapping[str, float] = field(default_factory=dict)
    computed: Mapping[str, Column] = field(default_factory=dict)
    noise: float = LOSS
    linear: bool = False
    target: str = "loss"
    variant: str = ""

    @property
    def title(self) -> str:
        """What a line of the page calls it."""
        return f"{self.law}, {self.variant}" if self.variant else self.law

    def bound(self) -> Law:
        """The law with the inputs and constants of this design."""
        return laws.get(self.law).bound(self._filled(self._grid()), self.target)

    def constants(self, law: Law) -> dict[str, float]:
        """True constants."""
        known = [one for one in law.published if set(one.values) == set(law.names)]
        return {**(known[0].values if known else {}), **self.truth}

    def runs(self, rng: np.random.Generator) -> pl.DataFrame:
        """One table."""
        return self._observed(self._filled(self._grid()), rng)

    def planned(self, rng: np.random.Generator) -> pl.DataFrame:
        """The planned runs, with what they will show."""
        return self._observed(
            self._filled({name: np.array(one, float) for name, one in self.at.items()}), rng
        )

    def _grid(self) -> dict[str, np.ndarray]:
        rows = np.array(list(product(*self.grid.values())), dtype=float)
        return {name: rows[:, at] for at, name in enumerate(self.grid)}

    def _filled(self, x: Mapping[str, np.ndarray]) -> pl.DataFrame:
        found = dict(x)
        rows = len(next(iter(x.values())))
        for name, how in self.computed.items():
            found[name] = how(found) if callable(how) else np.full(rows, how)
        return pl.DataFrame(found)

    def _observed(self, table: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
        law = laws.get(self.law)
        law = law.bound(table, self.target)
        x = {name: table[name].to_numpy() for name in law.inputs if name in table.columns}
        if "metric" in law.inputs:  # of one validation domain
            x["metric"] = np.zeros(table.height)
        value = law(self.constants(law), x).ravel()
        error = self.noise * rng.standard_normal(len(value))
        seen = value + error if self.linear else value * np.exp(error)
        low, high = law.span
        return table.with_columns(pl.Series(self.target, np.clip(seen, low, high)))


def _sizes(low: float, high: float, count: int) -> list[float]:
    return [float(one) for one in np.geomspace(low, high, count)]


# Params and tokens of small grids; one step of ratio 3 beyond is 1e9 and 2.7e10.
N, D = _sizes(1.2e7, 3.2e8, 4), _sizes(1e9, 9e9, 3)
NEXT = {"params": [1e9, 3.2e8, 1e9], "tokens": [9e9, 2.7e10, 2.7e10]}


def _next(**other: float) -> dict[str, list[float]]:
    return {**NEXT, **{name: [value] * 3 for name, value in other.items()}}


HOFFMANN = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}


def _approach_3(x: Mapping[str, np.ndarray]) -> np.ndarray:
    """Loss of approach 3, for laws that start from another loss."""
    return np.asarray(laws.get("chinchilla")(HOFFMANN, x)).ravel()


def _supervised(x: Mapping[str, np.ndarray]) -> np.ndarray:
    """The supervised loss of a student (Busbridge et al. 2025, as `coupled` prints it)."""
    law = laws.get("coupled")
    return np.asarray(law(law.published[0].values, x)).ravel()


EXPERTS: tuple[Design, ...] = (
    Design(
        "joint_moe",
        {"params_active": N, "tokens": D, "experts": [1, 4, 16]},
        {"params_active": [1e9, 1e9, 3.2e8], "tokens": [2.7e10] * 3, "experts": [1, 16, 64]},
    ),
    Design(
        "sparse_experts",
        {
            "params": _sizes(1e8, 2.7e9, 4),
            "tokens": D,
            "experts": [4, 16, 64],
            "experts_active": [1, 2],
        },
        {
            "params": [8e9, 8e9, 2.7e9],
            "tokens": [2.7e10] * 3,
            "experts": [64, 16, 128],
            "experts_active": [1, 2, 1],
        },
    ),
    Design(
        "fine_grained",
        {"params": N, "tokens": D, "granularity": [1, 4, 16]},
        _next(granularity=16),
    ),
    Design(
        "efficiency_leverage",
        {
            "active_share": [0.03, 0.06, 0.12, 0.25],
            "granularity": [2, 4, 8],
            "flops": [1e18, 1e19, 1e20],
        },
        {"active_share": [0.03, 0.015, 0.03], "granularity": [8, 8, 16], "flops": [1e21] * 3},
        truth={"a": 1.23, "d": -7.61e-2, "b": -0.117, "c": 1.67e-2, "A_0": 1.63e-2},
        noise=READ_OFF,
        target="leverage",
    ),
    Design(
        "sparse_upcycling",
        {"tokens_dense": _sizes(1e9, 1e11, 5), "tokens_upcycled": _sizes(1e9, 2.7e10, 4)},
        {"tokens_dense": [3e11, 1e11, 3e11], "tokens_upcycled": [2.7e10, 8e10, 8e10]},
        truth={"A": 1e4, "alpha": 0.25, "beta": 0.25, "gamma": 0.004, "E": 1.7},
    ),
)

WEIGHTS: tuple[Design, ...] = (
    Design(
        "quantised_exponential",
        {"params": N, "tokens": _sizes(1e10, 1e11, 3), "bits_after": [2, 3, 4]},
        {"params": [1e9] * 3, "tokens": [1e11, 3e11, 3e11], "bits_after": [3, 3, 2]},
        computed={"loss_full": _approach_3},
    ),
    Design(
        "sparse_connected",
        {"params_nonzero": N, "tokens": D, "sparsity": [0, 0.5, 0.75]},
        {
            "params_nonzero": [1e9, 1e9, 3.2e8],
            "tokens": [2.7e10] * 3,
            "sparsity": [0.5, 0.75, 0.875],
        },
    ),
    Design(
        "precision",
        {"params": N, "tokens": D, "bits_weights": [3, 4, 8, 16], "bits_activations": [4, 8, 16]},
        _next(bits_weights=4, bits_activations=8),
        truth={**HOFFMANN, "g_w": 2.6745, "g_a": 2.2102, "g_kv": 0.9578},
    ),
    Design(
        "quantised_after",
        {"params": N, "tokens": _sizes(1e10, 1e11, 3), "bits_after": [2, 3, 4]},
        {"params": [1e9] * 3, "tokens": [1e11, 3e11, 3e11], "bits_after": [3, 3, 2]},
        computed={"loss_full": _approach_3},
    ),
    Design(
        "quantised_training", {"params": N, "tokens": D, "group": [1, 32, 128]}, _next(group=128)
    ),
)

GENERATORS = [1e9, 1e10]
TEACHERS = [2.0, 2.2, 2.5]
FURTHER = {"params": [7.5e9, 3e9, 7.5e9], "tokens": [6.4e10, 2.5e11, 2.5e11]}

SURFACES: tuple[Design, ...] = (
    Design(
        "farseer",
        {"params": _sizes(3e7, 3e9, 6), "tokens": _sizes(1e9, 1e11, 6)},
        {"params": [7.5e9, 3e9, 7.5e9], "tokens": [1e11, 2.5e11, 2.5e11]},
        truth={"E0": 0.2, "E1": -0.08, "gamma": 0.15, "B0": 6.5, "B1": -0.9, "beta": -0.1,
               "P0": -1.1, "P1": -0.1, "alpha": 0.12},
    ),
    Design(
        "kaplan_offset",
        {"params": N, "tokens": D},
        NEXT,
        truth={"E": 1.7, "A": 1.5e8, "B": 1e9, "alpha": 0.35, "beta": 0.4},
    ),
    Design(
        "loss_to_loss",
        {"params": N, "tokens": D},
        NEXT,
        truth={"K": 0.9658, "kappa": 1.0395, "E1": 1.9},
        computed={"loss_from": _approach_3, "floor_from": HOFFMANN["E"]},
    ),
    Design(
        "distillation",
        {"params": _sizes(1e8, 3e9, 5), "tokens": _sizes(4e9, 6.4e10, 3), "loss_teacher": TEACHERS},
        {**FURTHER, "loss_teacher": [2.0] * 3},
        truth={"c0": 1.0, "c1": 0.8, "d1": 1.3, "f1": 0.2, "A": 2243, "alpha": 0.321, "B": 24181,
               "beta": 0.637, "gamma": 0.764},
        computed={"loss_supervised": _supervised},
    ),
    Design(
        "mixed_modal",
        {"params": N, "tokens": D},
        NEXT,
        truth={"C": 0.15, "A": 400.0, "B": 800.0, "alpha": 0.4, "beta": 0.4},
        computed={"loss_alone": _approach_3},
    ),
    Design(
        "model_collapse",
        {
            "tokens": _sizes(1e9, 1e11, 5),
            "generation": [0, 1, 2, 3],
            "tokens_generator": GENERATORS,
        },
        {"tokens": [3e11] * 3, "generation": [1, 3, 4], "tokens_generator": [1e10, 1e10, 1e10]},
        truth={"E": 1.7, "A": 400.0, "B": 400.0, "c": 0.3},
    ),
    Design("context_length", {"context": _sizes(128, 8192, 7)}, {"context": [16384, 32768]}),
)  # fmt: skip

MIXTURES: tuple[Design, ...] = tuple(
    Design(
        f"mixture_{kind}",
        {"share_code": [0.1, 0.3, 0.5, 0.7, 0.9], "params": N, "tokens": D},
        {**NEXT, "share_code": [0.3, 0.3, 0.7]},
        truth=truth,
        computed={"share_web": lambda x: 1.0 - x["share_code"]},
    )
    for kind, truth in (
        ("additive", {"E_loss": 1.2, "C_loss_code": 3.0, "g_loss_code": 0.4, "C_loss_web": 2.0,
                      "g_loss_web": 0.7, "alpha_loss": 0.35, "A_loss": 450.0, "beta_loss": 0.3,
                      "B_loss": 500.0}),
        ("joint", {"E_loss": 1.2, "C_loss_code": 3.0, "g_loss_code": 0.4, "C_loss_web": 2.0,
                   "g_loss_web": 0.7, "alpha_loss": 0.35, "gA_loss": 0.8, "A_loss_code": 500.0,
                   "A_loss_web": 2000.0, "beta_loss": 0.3, "gB_loss": 1.2, "B_loss_code": 200.0,
                   "B_loss_web": 90.0}),
    )
)  # fmt: skip

SETTINGS: tuple[Design, ...] = (
    Design(
        "critical_mixture",
        {"tokens": _sizes(1e9, 2e10, 8)},
        {"tokens": [4e10, 8e10]},
        noise=SCORE,
        linear=True,
        target="critical_share",
    ),
    Design(
        "critical_batch",
        {"batch_tokens": _sizes(3.2e4, 4e6, 8)},
        {"batch_tokens": [8e6, 1.6e7]},
        truth={"S_min": 4e3, "B_crit": 5e5},
        noise=READ_OFF,
        target="steps",
    ),
    Design(
        "weight_decay",
        {"params": N, "tokens": D},
        NEXT,
        noise=2 * READ_OFF,
        target="timescale",
    ),
    Design(
        "low_communication",
        {"params": _sizes(3.5e7, 2.4e9, 7), "replicas": [1, 2, 4, 8]},
        {"params": [4e9, 1e10, 4e9], "replicas": [2, 2, 16]},
    ),
    Design(
        "sparse_autoencoder",
        {"latents": _sizes(2e3, 5e5, 5), "latents_active": [16, 32, 64, 128]},
        {"latents": [2e6, 2e6, 5e5], "latents_active": [32, 128, 256]},
        noise=2 * LOSS,
        target="mse",
    ),
)

TASKS: tuple[Design, ...] = (
    Design(
        "coverage_compute",
        {"flops": _sizes(1e20, 1e22, 4), "attempts": [1, 4, 16, 64]},
        {"flops": [5e22, 1e22, 5e22], "attempts": [64, 256, 256]},
        truth={"c0": 0.5, "c1": -0.12, "c2": -0.3, "c3": 0.01},
        noise=SCORE,
        linear=True,
        target="accuracy",
    ),
    Design(
        "coverage",
        {"attempts": [1, 2, 4, 8, 16, 32, 64, 128]},
        {"attempts": [256, 512]},
        truth={"a": 1.8, "b": 0.35},
        noise=SCORE,
        linear=True,
        target="accuracy",
    ),
    Design(
        "downstream_direct",
        {"params": _sizes(1e8, 3e9, 5), "tokens": _sizes(1e10, 2.5e11, 3)},
        {"params": [9e9, 3e9, 9e9], "tokens": [2.5e11, 1e12, 1e12]},
        truth={"A": 250.0, "alpha": 0.3, "B": 500.0, "beta": 0.3},
        computed={"chance": 0.25},
        noise=SCORE,
        linear=True,
        target="accuracy",
    ),
    Design(
        "transfer",
        {"finetune_data": _sizes(3e5, 3e8, 5), "params": _sizes(1e6, 3e8, 4)},
        {"finetune_data": [3e8, 3e9, 3e9], "params": [1e9, 3e8, 1e9]},
        noise=2 * READ_OFF,
        target="data_transferred",
    ),
)

REWARDS: tuple[Design, ...] = (
    Design(
        "rl_by_size",
        {"params": [1.5e9, 3e9, 7e9, 1.4e10], "flops": _sizes(1e19, 1e21, 8)},
        {"params": [1.5e9, 3e9, 7e9, 1.4e10], "flops": [2e21] * 4},
        truth={
            "alpha": 0.2,
            "beta": 1.1,
            "N0": 5e8,
            "B_0": 3e19,
            "C0_0": 3e19,
            "B_1": 4e19,
            "C0_1": 3e19,
            "B_2": 8e19,
            "C0_2": 3e19,
            "B_3": 1.5e20,
            "C0_3": 3e19,
        },
        noise=2 * LOSS,
        target="error",
    ),
    *(
        Design(
            name,
            {"kl": _sizes(0.5, 30, 12)},
            {"kl": [45, 60]},
            truth={"alpha": 1.0, "beta": beta},
            noise=2 * SCORE,
            linear=True,
            target="reward",
        )
        for name, beta in (("reward_rl", 0.2), ("reward_best_of_n", 0.08))
    ),
    Design(
        "rl_compute",
        {"x": _sizes(1e8, 3e10, 20)},
        {"x": [6e10, 1.2e11]},
        truth={"R0": 0.3, "G": 0.35, "B": 0.9, "C_mid": 3e9},
        noise=SCORE,
        linear=True,
        target="reward",
    ),
    Design(
        "rl_sizes",
        {"params": [5e8, 1.5e9, 3e9, 7e9, 1.4e10], "examples": _sizes(1e3, 3e4, 6)},
        {"params": [3.2e10, 1.4e10, 3.2e10], "examples": [3e4, 1e5, 1e5]},
        truth={"e0": 2.0, "e1": 0.07, "k_max": 0.08, "N0": 2e9},
        noise=2 * LOSS,
        target="error",
    ),
)

DESIGNS = (*EXPERTS, *WEIGHTS, *SURFACES, *MIXTURES, *SETTINGS, *TASKS, *REWARDS)


def noiseless(design: Design) -> Design:
    """The design without noise, for tests of the design itself."""
    return replace(design, noise=0.0)
