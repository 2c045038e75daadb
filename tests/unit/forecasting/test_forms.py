"""The generic forms: every one of them is tested as it stands in `FORMS`."""

from __future__ import annotations

import numpy as np
import pytest

from scaling.forecasting import forms, gaussian_process
from scaling.forecasting.forms import FORMS, Form, Rows

INPUTS = 3
NAMES = [form.name for form in FORMS]


def rows_of(u: np.ndarray, h: np.ndarray, log_target: bool) -> Rows:
    """Groups of runs (G, n) that all count, in logs but for the last input."""
    nothing = np.zeros(len(h))
    logs = np.arange(u.shape[2]) < max(u.shape[2] - 1, 1)
    sd = u.reshape(-1, u.shape[2]).std(axis=0)
    raw = Rows(u, h, np.ones(h.shape), logs, sd, nothing, nothing, nothing, sd, log_target)
    return forms.describe(raw)


def some_rows(log_target: bool, seed: int = 0) -> Rows:
    rng = np.random.default_rng(seed)
    return rows_of(rng.normal(0, 1, (2, 9, INPUTS)), rng.normal(0, 1, (2, 9)), log_target)


def some_constants(form: Form, rows: Rows, seed: int = 1) -> np.ndarray:
    before = forms.prior(form, rows)
    return before.mean + 0.7 * before.sd * np.random.default_rng(seed).normal(size=before.sd.shape)


@pytest.mark.parametrize("log_target", [True, False])
@pytest.mark.parametrize("form", FORMS, ids=NAMES)
def test_slopes_are_exact(form: Form, log_target: bool) -> None:
    rows = some_rows(log_target)
    theta, group = some_constants(form, rows), np.arange(2)
    _, slopes = forms.with_slopes(form, theta, rows.u, rows, group)
    for j in range(theta.shape[1]):
        step = np.zeros(theta.shape[1])
        step[j] = 1e-6
        up, down = (
            forms.predict(form, theta + sign * step, rows.u, rows, group) for sign in (1, -1)
        )
        assert slopes[..., j] == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("log_target", [True, False])
@pytest.mark.parametrize("form", FORMS, ids=NAMES)
def test_a_batch_equals_a_loop(form: Form, log_target: bool) -> None:
    rows = some_rows(log_target)
    theta = np.concatenate([some_constants(form, rows, seed) for seed in range(3)])
    group = np.tile([0, 1], 3)
    together = forms.predict(form, theta, rows.u[group], rows, group)
    for b in range(len(theta)):
        one = forms.predict(form, theta[[b]], rows.u[group[[b]]], rows, group[[b]])
        assert together[b] == pytest.approx(one[0], rel=1e-12)


@pytest.mark.parametrize("log_target", [True, False])
@pytest.mark.parametrize("form", FORMS, ids=NAMES)
def test_values_of_a_form_are_recovered(form: Form, log_target: bool) -> None:
    """Runs simulated from a form are fitted to within their noise, in the middle of their range."""
    rng = np.random.default_rng(3)
    u = rng.uniform(-2, 2, (1, 80, INPUTS))
    rows = rows_of(u, rng.normal(0, 0.3, (1, 80)), log_target)
    before = forms.prior(form, rows)
    theta = before.mean + 0.3 * before.sd * rng.normal(size=before.sd.shape)
    clean = forms.predict(form, theta, u, rows, np.zeros(1, dtype=np.int64))
    noise = 0.02 * clean.std() + 1e-3
    seen = rows_of(u, clean + noise * rng.standard_normal(clean.shape), log_target)
    fitted = forms.fit(form, seen)
    found = forms.predict(form, fitted.theta, u, seen, np.zeros(1, dtype=np.int64))
    assert np.median(np.abs(found - clean)) < 2.0 * noise + 0.01 * clean.std()


def test_pooled_constants_lie_closer_together() -> None:
    rng = np.random.default_rng(4)
    u = rng.uniform(0, 3, (12, 5, 1))
    h = np.log(1.0 + np.exp(-0.5 * u[..., 0])) + 0.05 * rng.standard_normal((12, 5))
    rows = rows_of(u, h, True)
    form = next(one for one in FORMS if one.name == "power law")
    own = forms.fit(form, rows)
    pooled = forms.pool(form, rows, own)
    exponent = -1
    assert pooled.theta[:, exponent].std() < own.theta[:, exponent].std()


def test_draws_of_constants_stay_near_the_runs() -> None:
    rows = some_rows(log_target=True)
    form = next(one for one in FORMS if one.name == "coupled")
    fitted = forms.fit(form, rows)
    z = np.random.default_rng(5).standard_normal((100, *fitted.theta.shape))
    drawn = forms.draw(form, fitted, rows, z)
    assert drawn.shape == z.shape
    values = [forms.predict(form, one, rows.u, rows, np.arange(2)) for one in drawn]
    assert np.abs(np.median(values, axis=0) - rows.h).mean() < 3.0 * rows.h.std()


def test_the_slope_of_the_process_is_exact() -> None:
    rng = np.random.default_rng(0)
    v, group, z = rng.normal(size=(20, 2)), np.arange(20) % 2, rng.normal(size=20)
    before, sd = gaussian_process._prior(2, groups=True)
    parts = gaussian_process._parts((v, group), (v, group))
    theta = before + 0.3 * rng.normal(size=len(before))
    _, slopes = gaussian_process._cost(theta, parts, z, before, sd)
    for j in range(len(before)):
        step = np.zeros(len(before))
        step[j] = 1e-6
        up, down = (
            gaussian_process._cost(theta + sign * step, parts, z, before, sd)[0] for sign in (1, -1)
        )
        assert slopes[j] == pytest.approx((up - down) / 2e-6, rel=1e-3, abs=1e-2)
