"""Sizes, tokens and compute of one row must agree."""

from __future__ import annotations

import polars as pl

from scaling.runs.validation.rules._rule import Rule, number, short, sizes, where


def _off_6nd() -> pl.Expr:
    """The smallest |log(C / 6ND)| over the counts of parameters that the row gives."""
    # Some count 6ND with active or non-embedding parameters; any of the three will do.
    return pl.min_horizontal(
        (pl.col("flops") / (6.0 * pl.col(name) * pl.col("tokens"))).log().abs() for name in sizes()
    )


_FOUND_6ND = pl.format(
    "{} where 6ND is {}",
    number("flops"),
    short(pl.coalesce(6.0 * pl.col(name) * pl.col("tokens") for name in sizes())),
)
_PER_STEP = pl.coalesce("batch_tokens", pl.col("batch_size") * pl.col("context"))

RULES: tuple[Rule, ...] = (
    Rule(
        "flops_not_6nd",
        "flops",
        "warning",
        means="Compute that is said to be 6ND is 6ND.",
        allowed="within 5 % of 6 x params x tokens where flops_method is '6ND'",
        find=where((pl.col("flops_method") == "6ND") & _off_6nd().gt(0.05), _FOUND_6ND),
    ),
    Rule(
        "flops_far_from_6nd",
        "flops",
        "warning",
        means="Compute counted in any way lies within a band round 6ND.",
        # Above: attention, embeddings, recomputed activations. Below: routed models of which only
        # the total is given have no bound here.
        allowed="a fifth to 5 times 6 x params x tokens",
        find=where(
            (pl.col("flops_method").fill_null("stated") != "6ND")
            & (_off_6nd() > pl.lit(5.0).log())
            & ~(pl.col("experts").fill_null(1.0).gt(1.0) & pl.col("params_active").is_null()),
            _FOUND_6ND,
        ),
    ),
    Rule(
        "tokens_not_steps_x_batch",
        "tokens",
        "warning",
        means="Tokens are steps x tokens per step (batch_tokens, or batch_size x context).",
        # One step more or less, and sizes of batch that are rounded in print.
        allowed="within 2 % or 2 steps of step x batch_tokens (or batch_size x context)",
        find=where(
            (pl.col("tokens") - pl.col("step") * _PER_STEP).abs()
            > pl.max_horizontal(0.02 * pl.col("tokens"), 2.0 * _PER_STEP),
            pl.format(
                "{} where steps x batch is {}", number("tokens"), short(pl.col("step") * _PER_STEP)
            ),
        ),
    ),
    Rule(
        "epochs_not_tokens_over_unique",
        "epochs",
        "warning",
        means="Epochs are tokens seen over unique tokens.",
        allowed="within 1 % of tokens / tokens_unique",
        find=where(
            (pl.col("epochs") * pl.col("tokens_unique") / pl.col("tokens")).log().abs() > 0.01,
            number("epochs"),
        ),
    ),
    Rule(
        "tokens_lt_unique",
        "tokens",
        "warning",
        means="No more unique tokens than tokens.",
        allowed=">= tokens_unique",
        find=where(
            pl.col("tokens") < pl.col("tokens_unique") * (1 - 1e-9),
            number("tokens"),
        ),
    ),
    Rule(
        "part_gt_total",
        "params",
        "warning",
        means="Active and non-embedding parameters are part of all parameters.",
        allowed=">= params_non_embedding and params_active",
        find=where(
            pl.col("params")
            < pl.max_horizontal("params_non_embedding", "params_active") * (1 - 1e-9),
            number("params"),
        ),
    ),
    Rule(
        "active_experts_gt_experts",
        "experts_active",
        "warning",
        means="A token goes through no more experts than there are.",
        allowed="<= experts",
        find=where(
            pl.col("experts_active") > pl.col("experts"),
            pl.format("{} of {}", number("experts_active"), number("experts")),
        ),
    ),
    Rule(
        "unusual_scale",
        "params",
        "warning",
        means="Sizes lie within what is on record, with wide room.",
        # What is outside is mostly a slip of the unit.
        allowed="1e3 to 1e13 parameters, 1e3 to 1e14 tokens, up to 1e28 FLOP",
        find=where(
            ~pl.col("params").is_between(1e3, 1e13)
            | ~pl.col("tokens").is_between(1e3, 1e14)
            | (pl.col("flops") > 1e28),
            pl.format(
                "{} parameters, {} tokens",
                number("params").fill_null("no"),
                number("tokens").fill_null("no"),
            ),
        ),
    ),
    Rule(
        "few_tokens_per_parameter",
        "tokens",
        "warning",
        means="A run sees at least half a token per parameter.",
        # Besiroglu et al. 2024 (arXiv:2404.10102, section 2) leave such runs of Chinchilla out.
        allowed="at least 0.5 tokens per parameter in a finished run",
        find=where(
            (pl.col("tokens") < 0.5 * pl.coalesce("params_active", "params"))
            & (pl.col("checkpoint").fill_null("final") == "final"),
            pl.format(
                "{} tokens for {} parameters",
                number("tokens"),
                number("params").fill_null(number("params_active")),
            ),
        ),
    ),
)
