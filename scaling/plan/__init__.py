"""Planning: what to train next, and what it costs.

The verbs here take a fit, a study's name or a table, and are those of `scaling.api.plan`; in the
files of this folder each takes a sheet of fits (`scaling.plan.stored`). All return an `Answer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling._exports import lazily

if TYPE_CHECKING:
    from scaling.api.plan import (
        compare,
        cost,
        data,
        experts,
        hparams,
        mixture,
        moe,
        optimal,
        over_trained,
        recommend,
        serve,
        sparsity,
        target,
    )
    from scaling.plan.answer import Answer

__all__ = [
    "Answer",
    "compare",
    "cost",
    "data",
    "experts",
    "hparams",
    "mixture",
    "moe",
    "optimal",
    "over_trained",
    "recommend",
    "serve",
    "sparsity",
    "target",
]

_HOMES = dict.fromkeys(__all__, "scaling.api.plan") | {"Answer": "scaling.plan.answer"}
__getattr__, __dir__ = lazily(__name__, _HOMES)
