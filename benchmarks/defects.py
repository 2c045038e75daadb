"""Known defects of real tables, and the check that finds each.

`tests/contract/test_rules.py` holds every line to the tables; `python -m benchmarks.validation`
prints them in docs/benchmarks/checks.md. ``source`` is a folder of data/published, or the file of a
table that may not be shipped. ``rows`` is how many rows the check finds in that source, ``runs``
are some of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """One known defect; without a check, ``why`` says why rows cannot show it."""

    what: str
    source: str
    check: str | None = None
    rows: int = 0
    runs: tuple[str, ...] = ()
    why: str = ""


DEFECTS: tuple[Defect, ...] = (
    Defect(
        "five outliers, of few tokens per parameter",
        *("chinchilla-epoch", "few_tokens_per_parameter", 6),
        runs=("chin-000", "chin-001", "chin-002", "chin-003", "chin-004"),
    ),
    Defect(
        "two near-duplicates",
        *("chinchilla-epoch", "near_duplicate", 4),
        runs=("chin-063", "chin-088", "chin-120", "chin-132"),
    ),
    Defect(
        "loss copied between two runs",
        *("muennighoff-datablations", "copied_value", 2),
        runs=("83m32b100m", "83m60b100m"),
    ),
    Defect(
        "unfinished runs without a value",
        *("muennighoff-datablations", "required:value", 9),
        runs=("3b926b400m", "220m900b1b5"),
    ),
    Defect(
        "runs set up alike with losses .03 to .09 apart",
        *("clark-routing", "duplicate_configuration", 80),
        runs=("clark-28", "clark-67", "clark-47", "clark-56"),
    ),
    Defect("no value in the middle of curves", "clark-routing", "required:value", 24),
    Defect(
        "largest C4 run 4 % above its extrapolation",
        *("gadre-overtraining", "above_trend", 3),
        runs=("c4_original-open_lm_7b-1.0",),
    ),
    Defect("seed missing in 92 runs", "gadre-overtraining", "seed_unstated", 92 * 56),
    Defect(
        "loss spike at 120B tokens",
        *("gemstones", "loss_spike", 1),
        runs=("PyGemma-1024x28_pretrain",),
    ),
    Defect(
        "tokens 1,000 times too many",
        *("obs-scaling", "unit_slip", 8),
        runs=("cerebras/btlm-3b-8k-base",),
    ),
    Defect(
        "tokens 1,000 times too many (absolute)",
        *("obs-scaling", "unusual_scale", 8),
        runs=("cerebras/btlm-3b-8k-base",),
    ),
    Defect("tokens missing for 25 base models", "obs-scaling", "tokens_unstated", 621),
    Defect(
        "total and active parameters mixed",
        *("obs-scaling", "params_not_as_named", 56),
        runs=("mistralai/Mixtral-8x22B-v0.1",),
    ),
    Defect(
        "rows of F7_wide repeat F7",
        *("vision-nfnet", "copied_results", 10),
        runs=("NFNet-F7_wide@4711.947707", "NFNet-F7@4711.947707"),
    ),
    Defect("points listed twice", "nsl-benchmark", "repeated_point", 2, runs=("DD|df18k",)),
    Defect(
        "other batch sizes than the rest of the suite",
        *("pythia-evals", "tokens_per_step_unlike", 150),
        runs=("pythia-1b-0.5MtokBS",),
    ),
    Defect("scores rounded to 2 decimals among full ones", "sloth", "mixed_precision", 411),
    Defect(
        "perplexities among losses; losses above guessing",
        *("colpret-curves", "loss_above_uniform", 102),
        runs=("OPT-0.12B",),
    ),
    Defect(
        "days that two sources give differently",
        *("metr-horizon", "dates_disagree", 3),
        runs=("gpt2-xl", "gpt-3.5-turbo-instruct"),
    ),
    Defect("results that stand in another source too", "metr-horizon", "also_elsewhere", 28),
    Defect(
        "diverged runs in the grid",
        "steplaw/runs.csv",
        "diverged",
        181,
        runs=("steplaw-dense-0355",),
    ),
    Defect(
        "the same end point at 19.998B and 20.000B tokens",
        *("dmsl-mixtures/runs.csv", "near_duplicate", 448),
        runs=("dmsl-m005-N122M-D19998M", "dmsl-m005-N122M-D20000M"),
    ),
    Defect("exact duplicate rows", "nsl-benchmark/runs.csv", "copy", 685),
    Defect(
        "losses to 67.5",
        *("nsl-benchmark/runs.csv", "loss_above_uniform", 152),
        runs=("COLPRET|OPT-0.12B",),
    ),
    Defect(
        "history revised between snapshots",
        *("epoch-models/models_snapshots.csv", "restated_value", 229),
        runs=("Llama 3-70B",),
    ),
    Defect(
        "loss read off 256 levels of colour",
        "chinchilla-epoch",
        why="99 different values in 245 rows are as likely by rounding; the paper says so",
    ),
    Defect(
        "name misread by the authors' parser",
        "muennighoff-datablations",
        why="the shipped row has the right count; the slip is in code elsewhere",
    ),
    Defect(
        "12 runs on deduplicated text",
        "muennighoff-datablations",
        why="no defect: the column training_data tells them apart, and the study leaves them out",
    ),
    Defect("corpus of the loss not named", "gemstones", why="rows cannot say what they leave out"),
    Defect(
        "compute is 6ND throughout",
        "obs-scaling",
        why="no defect: flops_method says so, and flops_not_6nd holds it to that",
    ),
    Defect(
        "published frontier does not match the points",
        "gpt3-curves",
        why="the formula is in the paper, not in the table",
    ),
    Defect(
        "a row of the paper's table repeats another (NMT, Dec-only)",
        "nsl-benchmark",
        why="the printed table is not part of the source",
    ),
    Defect(
        "extrapolates only twice in x, so carrying the last value forward wins",
        "nsl-benchmark",
        why="a property of the benchmark, not of a row",
    ),
    Defect(
        "names that left the list between snapshots",
        "epoch-models/models_snapshots.csv",
        why="a row that is gone is not there to be checked",
    ),
    Defect(
        "parameter counts that are approximate, compute that is estimated",
        "transfer-cherti",
        why="a plausible estimate looks like a count; source.yaml says so",
    ),
    Defect(
        "pipeline runs instead of the prize's final tables",
        "inverse-scaling",
        why="which files were taken does not show in rows",
    ),
)
