"""Planning: what to train next, and what it costs.

Every plan takes a sheet of fits (`scaling.plan.stored.read`) and returns an `Answer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling._exports import lazily

if TYPE_CHECKING:
    from scaling.plan.allocation import optimal
    from scaling.plan.answer import Answer
    from scaling.plan.comparison import compare
    from scaling.plan.costs import cost
    from scaling.plan.data_limits import data
    from scaling.plan.downstream import target
    from scaling.plan.mixtures import mixture
    from scaling.plan.next_runs import recommend
    from scaling.plan.routed_experts import moe
    from scaling.plan.serving import over_trained, serve
    from scaling.plan.step_laws import hparams

__all__ = [
    "Answer",
    "compare",
    "cost",
    "data",
    "hparams",
    "mixture",
    "moe",
    "optimal",
    "over_trained",
    "recommend",
    "serve",
    "target",
]

_HOMES = {
    "Answer": "scaling.plan.answer",
    "compare": "scaling.plan.comparison",
    "cost": "scaling.plan.costs",
    "data": "scaling.plan.data_limits",
    "hparams": "scaling.plan.step_laws",
    "mixture": "scaling.plan.mixtures",
    "moe": "scaling.plan.routed_experts",
    "optimal": "scaling.plan.allocation",
    "over_trained": "scaling.plan.serving",
    "recommend": "scaling.plan.next_runs",
    "serve": "scaling.plan.serving",
    "target": "scaling.plan.downstream",
}
__getattr__, __dir__ = lazily(__name__, _HOMES)
