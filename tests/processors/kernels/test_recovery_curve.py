"""A curve is read through noise, outliers and gaps, and tells how sure it is."""

import numpy as np
import pytest

from processors.kernels.recovery_curve import LAGS_S, USUAL_LAG_S, read_curve

T_S = np.arange(-60.0, 128.0)


def rates(drop=20.0, tau_s=50.0, noise=0.0, seed=0, corner_s=0.0, level=160.0):
    """Give a level and a fall of so much in 60 s, with noise from second to second."""
    fall = drop / (1 - np.exp(-60 / tau_s))
    rate = level - fall * (1 - np.exp(-np.maximum(T_S - corner_s, 0) / tau_s))
    return rate + noise * np.random.default_rng(seed).standard_normal(len(T_S))


def at_the_stop(rate):
    return read_curve(T_S, rate, np.zeros(1), np.inf)


@pytest.mark.parametrize("drop", [0.0, 5.0, 20.0, 45.0])
@pytest.mark.parametrize("tau_s", [20.0, 60.0, 180.0, 5000.0])
def test_a_curve_without_noise_is_read_as_it_is(drop, tau_s):
    curve = at_the_stop(rates(drop, tau_s))
    assert curve.peak == pytest.approx(160, abs=0.3)
    assert curve.peak - curve.hr60 == pytest.approx(drop, abs=0.5)


def test_noise_of_4_per_min_is_read_through_and_told():
    drops = np.random.default_rng(1).uniform(3, 45, 100)
    taus_s = np.random.default_rng(2).uniform(20, 180, 100)
    curves = [
        at_the_stop(rates(*one, 4.0, k)) for k, one in enumerate(zip(drops, taus_s, strict=True))
    ]
    off = np.abs([one.peak - one.hr60 for one in curves] - drops)
    assert np.mean(off <= 2.0) >= 0.95
    assert np.mean(off <= [one.error for one in curves]) >= 0.9


def test_outliers_and_gaps_change_little():
    rate = rates(noise=0.5)
    whole = at_the_stop(rate)
    rate[::17] += 35.0
    rate[70:76] = np.nan
    curve = at_the_stop(rate)
    assert curve.hr60 == pytest.approx(whole.hr60, abs=0.4)
    assert curve.peak == pytest.approx(whole.peak, abs=0.4)


def test_what_lies_before_the_effort_is_not_its_level():
    rate = rates(noise=0.5)
    rate[:25] = 90.0
    assert at_the_stop(rate).peak == pytest.approx(160, abs=0.5)


@pytest.mark.parametrize("behind_s", [0.0, 5.0, 10.0])
def test_how_far_a_device_is_behind_is_seen_and_taken_into_account(behind_s):
    off, lags_s = [], []
    for seed in range(30):
        rate = rates(25.0, 60.0, 1.0, seed, corner_s=behind_s)
        curve = read_curve(T_S, rate, LAGS_S, USUAL_LAG_S)
        off.append(curve.peak - curve.hr60 - 25.0)
        lags_s.append(curve.corner_s)
    assert np.max(np.abs(off)) < 2.0
    assert abs(np.mean(off)) < 0.5
    assert np.median(lags_s) == pytest.approx(behind_s, abs=1.0)


def test_a_rate_that_does_not_fall_is_no_drop():
    curve = at_the_stop(np.full(len(T_S), 160.0))
    assert curve.peak - curve.hr60 == pytest.approx(0.0, abs=0.01)
