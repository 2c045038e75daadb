"""Value-based reinforcement learning: environment steps to reach a given return.

    D(UTD, N) = D_min + (a/UTD)**alpha + (b/N)**beta

D environment steps to a fixed return, UTD gradient steps per environment step, N critic params.

Source: Fu et al. 2025, "Compute-Optimal Scaling for Value-Based Deep RL", arXiv:2508.14881. The
authors' own predictions stand beside each row of the source rl-value; their mean absolute errors
there are 8.7 % (DMC medium), 6.7 % (dog and humanoid) and 6.9 and 4.2 % (SimbaV2, two tasks).
Sizes are searched as terms at one, A = a^alpha and B = b^beta: `a` and `b` alone are undetermined
where the exponent is small.
"""

from __future__ import annotations

from typing import Any

from scaling.arrays import Array
from scaling.laws._law import Input, Law, Param, Term


def predict(p: Any, x: Any) -> Array:
    """Environment steps to the return."""
    value: Array = p.D_min + p.A * x.utd**-p.alpha + p.B * x.params**-p.beta
    return value


LAW = Law(
    name="rl_sample_cost",
    title="Sample cost of value-based RL",
    formula="D = D_min + (a/UTD)^alpha + (b/N)^beta, A = a^alpha, B = b^beta",
    citation="Fu et al. 2025, arXiv:2508.14881",
    params=(
        Param("D_min", "steps", "environment steps that nothing saves", start=(1e3, 1e6)),
        Param("A", "steps", "(a)^alpha: saved by updates", start=(1e3, 1e8)),
        Param("B", "steps", "(b)^beta: saved by params", start=(1e3, 1e12)),
        Param("alpha", "1", "exponent of the updates-to-data ratio"),
        Param("beta", "1", "exponent of critic params"),
    ),
    inputs=("utd", "params"),
    predict=predict,
    linear=("D_min", "A", "B"),
    terms=(
        Term("D_min"),
        Term("A", {"utd": ("alpha", -1.0)}),
        Term("B", {"params": ("beta", -1.0)}),
    ),
    target="value",
    delta=1e-2,
    kinds=("count",),
    monotone={"utd": -1, "params": -1},
    needs=(Input("utd", typical=(0.5, 16.0)),),
    question="reward",
    assumes="one task and one return; other hyper-parameters tuned for each point",
    fails="updates so many that the critic over-fits, where cost rises",
)
