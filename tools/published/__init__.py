"""Published sources: for each, the function that maps its upstream tables to run columns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl

from scaling.runs.schema import RUN
from tools.published import (
    benchmarks,
    curves,
    data_choice,
    isoflop,
    ladder,
    pretraining,
    reinforcement,
    routed,
    transfer,
    vision,
)

SOURCES: dict[str, Callable[[Path], pl.DataFrame]] = {
    "chinchilla-epoch": pretraining.chinchilla_epoch,
    "clark-routing": routed.clark_routing,
    "colpret-curves": curves.colpret_curves,
    "dclm-downstream": data_choice.dclm_downstream,
    "epoch-benchmarks": benchmarks.epoch_benchmarks,
    "finetune-rectified": transfer.finetune_rectified,
    "gadre-overtraining": pretraining.gadre_overtraining,
    "gemstones": pretraining.gemstones,
    "gpt3-curves": curves.gpt3_curves,
    "llama3-isoflops": isoflop.llama3_isoflops,
    "metr-horizon": benchmarks.metr_horizon,
    "muennighoff-datablations": pretraining.muennighoff_datablations,
    "nsl-benchmark": curves.nsl_benchmark,
    "obs-scaling": benchmarks.obs_scaling,
    "olmo-ladder": ladder.olmo_ladder,
    "opt-trajectories": curves.opt_trajectories,
    "porian-discrepancies": isoflop.porian_discrepancies,
    "pythia-evals": benchmarks.pythia_evals,
    "regmix": data_choice.regmix,
    "rl-depth": reinforcement.rl_depth,
    "rl-value": reinforcement.rl_value,
    "sloth": benchmarks.sloth,
    "timm-zoo": vision.timm_zoo,
    "transfer-cherti": transfer.transfer_cherti,
    "vision-nfnet": vision.vision_nfnet,
}
# Large tables leave out what repeats: the source is the name of the folder.
WITHOUT_SOURCE = (
    "dclm-downstream",
    "nsl-benchmark",
    "pythia-evals",
    "regmix",
    "sloth",
    "timm-zoo",
    "transfer-cherti",
)


def build(name: str, tables: Path) -> pl.DataFrame:
    """The run table of one source: run columns in schema order, wholly empty ones left out."""
    runs = SOURCES[name](tables / name)
    if name not in WITHOUT_SOURCE:
        runs = runs.with_columns(source=pl.lit(name))
    else:
        runs = runs.drop("source", strict=False)
    runs = runs.with_columns(pl.col(pl.String).replace("", None))
    return runs.select(c.name for c in RUN if c.name in runs and runs[c.name].count() > 0)
