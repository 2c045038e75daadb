"""docs/benchmarks/checks.md: what checks find, known defects, and how often checks are wrong.

    python -m benchmarks.validation

Reads data/published as the stages do. What each check found in each source was reviewed: ``FALSE``
lists findings that are no defect, ``RIGHT`` those that are and were not known. A source and check
that is in neither of these nor in `benchmarks.defects` was not reviewed yet and counts as false.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from benchmarks.defects import DEFECTS
from scaling.io.atomic import write
from scaling.pipeline.ingest import ingest
from scaling.runs.validation.partition import Checked, validate_all
from scaling.runs.validation.suite import suite_checks

PAGE = Path("docs/benchmarks/checks.md")

# Right, and not among the defects that were known before: what the check found there.
RIGHT: dict[tuple[str, str], str] = {
    ("active_experts_gt_experts", "clark-routing"): "one expert, of which a token takes 2 or 4",
    ("also_elsewhere", "epoch-benchmarks"): "METR's horizons",
    ("also_elsewhere", "obs-scaling"): "models that are in sloth too",
    ("also_elsewhere", "pythia-evals"): "a result that sloth gives too",
    ("also_elsewhere", "sloth"): "models that are in obs-scaling too",
    ("conflicting_values", "colpret-curves"): "two values at one point of a curve",
    ("conflicting_values", "epoch-benchmarks"): "several values of one model and benchmark",
    ("conflicting_values", "gpt3-curves"): "points of a figure read twice",
    ("conflicting_values", "sloth"): "two results of one model",
    (
        "copied_results",
        "colpret-curves",
    ): "GPT2-2.80B-oscar-3.0 is oscar-4.0; part of pythia-2.8b is -deduped",
    ("copied_results", "dclm-downstream"): "runs of other days with all scores equal",
    (
        "copied_results",
        "pythia-evals",
    ): "94 results of pythia-2.8b stand for pythia-2.8b-deduped too",
    ("copied_results", "sloth"): "one model under two names",
    ("copied_value", "colpret-curves"): "the same two pairs of runs",
    ("copied_value", "finetune-rectified"): "losses equal to 15 digits at other sizes or models",
    ("copied_value", "pythia-evals"): "the same pair of runs",
    ("copy", "epoch-benchmarks"): "two rows twice",
    ("dates_disagree", "epoch-benchmarks"): "the other side of METR's dates",
    ("diverged", "muennighoff-datablations"): "runs that diverged; the authors leave 5 of 6 out",
    ("duplicate_configuration", "dclm-downstream"): "runs that no column tells apart",
    ("duplicate_configuration", "olmo-ladder"): "reruns of one set-up",
    ("few_tokens_per_parameter", "llama3-isoflops"): ".44 tokens per parameter",
    ("few_tokens_per_parameter", "muennighoff-datablations"): ".09 and .04 tokens per parameter",
    ("loss_above_uniform", "finetune-rectified"): "models that were not trained for the task yet",
    ("loss_above_uniform", "muennighoff-datablations"): "two runs that diverged",
    ("loss_spike", "gpt3-curves"): "points of a figure read twice",
    ("mixed_precision", "obs-scaling"): "scores of two decimals among full ones",
    ("params_not_as_named", "sloth"): "Mixtral given one expert's size; a 2B model given 9B",
    ("params_unstated", "obs-scaling"): "closed models",
    ("repeated_point", "colpret-curves"): "a point twice",
    ("repeated_point", "epoch-benchmarks"): "a row twice, once flagged",
    ("required:value", "porian-discrepancies"): "no optimum in the range",
    ("seed_unstated", "dclm-downstream"): "seeds of some runs only",
    ("seed_unstated", "muennighoff-datablations"): "seeds of some runs only",
    ("tokens_unstated", "sloth"): "routed models without tokens",
}
# Not a defect: how many rows, and what they are.
FALSE: dict[tuple[str, str], tuple[int, str]] = {
    ("above_trend", "gadre-overtraining"): (1, "a run 3 % above a quadratic, on another corpus"),
    ("copied_value", "gpt3-curves"): (8, "points of a figure that share a height"),
    ("diverged", "nsl-benchmark"): (28, "double descent, the subject of these curves"),
    ("diverged", "pythia-evals"): (11, "small models that do get worse on LAMBADA late"),
    ("few_tokens_per_parameter", "chinchilla-epoch"): (1, "a run beside the 5 outliers"),
    ("loss_above_uniform", "nsl-benchmark"): (
        19,
        "summed or over-fitted losses of double-descent curves",
    ),
    ("loss_above_uniform", "pythia-evals"): (16, "perplexity per word at step 64"),
    ("loss_spike", "colpret-curves"): (
        2,
        "single points of small runs, above both neighbours by 7 %",
    ),
    ("steps_not_monotone", "olmo-ladder"): (2, "the end of a run before its checkpoints"),
    ("steps_not_monotone", "pythia-evals"): (15, "steps in the order of the alphabet"),
}


def measure() -> dict[str, Checked]:
    """Every published source, validated."""
    parts = ingest(Path("data/published"), Path("data/none"))
    return validate_all({name: pl.concat(tables) for name, tables in parts.items()})


def page(checked: dict[str, Checked]) -> str:
    """The page in Markdown."""
    counts = {
        (check, name): count
        for name, result in checked.items()
        for check, count in result.findings.group_by("check").len().rows()
    }
    rows = sum(one.valid.height + one.quarantine.height for one in checked.values())
    text = (Path(__file__).parent / "validation.head.md").read_text(encoding="utf-8")
    return "\n".join([text, *_checks(counts), *_defects(), *_alarms(counts, rows), *_found(counts)])


def _checks(counts: dict[tuple[str, str], int]) -> list[str]:
    rules = [check for check in suite_checks() if check.target.startswith("rule:")]
    total = {c.label: sum(n for (k, _), n in counts.items() if k == c.label) for c in rules}
    found = sum(1 for check in rules if total[check.label])
    return [
        "## Findings by check\n",
        f"{found} of {len(rules)} checks between cells, rows and sources find something.\n",
        "| check | severity | rows |",
        "|---|---|---|",
        *(
            f"| `{check.name}` | {check.severity} | {total[check.label]:,} |"
            for check in rules
            if total[check.label]
        ),
    ]


def _defects() -> list[str]:
    known = [d for d in DEFECTS if d.check]
    rest = [d for d in DEFECTS if not d.check]
    return [
        "\n## Known defects, and the check that finds each\n",
        "`tests/contract/test_rules.py` compares these numbers with the tables. Tables named with",
        "a slash may not be shipped; the test uses them where they are present.\n",
        "| source | defect | check | rows found |",
        "|---|---|---|---|",
        *(f"| {d.source} | {d.what} | `{d.check}` | {d.rows:,} |" for d in known),
        "\nNot visible in rows:\n",
        "| source | defect | why |",
        "|---|---|---|",
        *(f"| {d.source} | {d.what} | {d.why} |" for d in rest),
    ]


def _alarms(counts: dict[tuple[str, str], int], rows: int) -> list[str]:
    false = {
        key: (min(FALSE[key][0], n), FALSE[key][1]) for key, n in counts.items() if key in FALSE
    }
    unknown = {key: n for key, n in counts.items() if key not in false and key not in _looked_at()}
    number = sum(n for n, _ in false.values()) + sum(unknown.values())
    lines = [
        "\n## False alarms\n",
        f"Of {sum(counts.values()):,} findings on the {rows:,} rows of data/published, {number}",
        f"are false: {number / rows:.2%} of rows. Every source and check with findings was",
        "reviewed, large groups by their kind and some rows. What was not reviewed counts as",
        "false.\n",
        "| check | source | rows | what they are |",
        "|---|---|---|---|",
    ]
    listed = sorted(false.items()) + [(key, (n, "not reviewed")) for key, n in unknown.items()]
    return lines + [f"| `{c}` | {s} | {n} | {why} |" for (c, s), (n, why) in listed]


def _looked_at() -> set[tuple[str, str]]:
    return set(RIGHT) | {(d.check, d.source) for d in DEFECTS if d.check}


def _found(counts: dict[tuple[str, str], int]) -> list[str]:
    return [
        "\n## Found by the checks, not known before\n",
        "| check | source | rows | what they are |",
        "|---|---|---|---|",
        *(f"| `{c}` | {s} | {counts.get((c, s), 0):,} | {why} |" for (c, s), why in RIGHT.items()),
        "",
    ]


def main() -> None:
    """Write the page."""
    write(PAGE, page(measure()).encode())


if __name__ == "__main__":
    main()
