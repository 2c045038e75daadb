"""Loss to loss, quantisation, and laws whose exponents move: the printed figures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest

from scaling import laws
from scaling.errors import InputError
from scaling.fitting.engine import fit
from scaling.laws._surface import NumericalSurface, surface

AT = {"params": np.array([5.94e8]), "tokens": np.array([1e11]), "group": np.array([128.0])}


def terms(variant: str, at: Mapping[str, np.ndarray]) -> float:
    """What quantisation adds by a set of Chen et al."""
    law = laws.get("quantised_training")
    one = next(one for one in law.published if one.variant == variant)
    exact = {**one.values, "E": 0.0, "A": 0.0, "B": 0.0}
    return float(law(exact, at)[0])


def test_four_bits_add_what_the_paper_plots() -> None:
    """.04 to .12 nats at 594M params, 100B tokens and groups of 128: .057."""
    assert terms("w4a4", AT) == pytest.approx(0.057, abs=5e-4)


def test_weights_and_activations_add_up_but_for_a_tenth() -> None:
    both = terms("w4a16", AT) + terms("w16a4", AT)
    assert terms("w4a4", AT) / both == pytest.approx(0.906, abs=0.1)


def test_no_group_is_no_quantisation() -> None:
    assert terms("w4a4", {**AT, "group": np.array([1.0])}) == 0.0


def test_three_bits_after_training() -> None:
    law = laws.get("quantised_after")
    x = {"params": [1e9], "tokens": [1e11], "bits_after": [3.0], "loss_full": [2.0]}
    assert float(law(law.published[0].values, x)[0]) - 2.0 == pytest.approx(0.22, abs=0.005)


def test_bits_of_weights_keep_these_shares_of_params() -> None:
    """Kumar et al.: .950 .776 .674 .527 at 8, 4, 3 and 2 bits."""
    law = laws.get("precision")
    g = law.published[0].values["g_w"]
    kept = 1.0 - np.exp(-np.array([8.0, 4.0, 3.0, 2.0]) / g)
    assert kept == pytest.approx([0.950, 0.776, 0.674, 0.527], abs=5e-4)


def test_a_loss_below_its_floor_is_refused_by_row() -> None:
    table = {"loss_from": [3.0, 2.5, 1.7, 2.8, 3.3], "floor_from": [1.8] * 5}
    with pytest.raises(InputError, match=r"row 3.*loss_from.*1\.7"):
        fit(pl.DataFrame({**table, "loss": [3.0, 2.6, 2.0, 2.9, 3.4]}), "loss_to_loss")


def test_kaplan_with_offset_plans_where_it_is_least() -> None:
    law = laws.get("kaplan_offset")
    theta = np.array([[1.7, 3e9, 4e10, 0.35, 0.4]])
    log_c = float(np.log(1e22))
    closed = surface(law, theta).log_params(log_c)
    assert closed[0] == pytest.approx(NumericalSurface(law, theta, {}).log_params(log_c)[0])
