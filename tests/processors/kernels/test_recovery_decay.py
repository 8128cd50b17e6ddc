"""An exponential is found through noise, and told only where its end is seen."""

import math

import numpy as np
import pytest

from processors.kernels.recovery_decay import fit_decays
from tests.naive.recovery import nearest_decay

T_S = np.arange(-60.0, 129.0)
WITHIN = (T_S >= 0.0) & (T_S <= 120.0)


def fit(rate, mask=WITHIN, least_r2=0.75):
    tau_s, r2 = np.empty(1), np.empty(1)
    fit_decays(T_S[None], np.asarray(rate)[None], np.asarray(mask)[None], least_r2, tau_s, r2)
    return tau_s[0], r2[0]


def falling(tau_s, noise=0.0, seed=0):
    rate = 160.0 - 60.0 * (1.0 - np.exp(-np.maximum(T_S, 0.0) / tau_s))
    return rate + noise * np.random.default_rng(seed).standard_normal(len(T_S))


@pytest.mark.parametrize("tau_s", [12.0, 40.0, 110.0])
def test_the_time_constant_of_a_fall_is_told(tau_s):
    found, r2 = fit(falling(tau_s))
    assert found == pytest.approx(tau_s, rel=0.01)
    assert r2 == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_it_equals_the_slow_search(seed):
    rate = falling(35.0 + 10.0 * seed, 2.0, seed)
    mask = WITHIN & (np.random.default_rng(seed).random(len(T_S)) < 0.9)
    assert fit(rate, mask) == pytest.approx(nearest_decay(T_S[mask], rate[mask]), rel=1e-6)


@pytest.mark.parametrize("rate", [falling(250.0), 320.0 - falling(40.0)], ids=["slow", "rises"])
def test_a_fall_whose_end_is_not_seen_has_none(rate):
    assert math.isnan(fit(rate)[0])


def test_nothing_but_noise_or_nothing_at_all_has_none():
    noise = np.random.default_rng(3).standard_normal(len(T_S))
    assert math.isnan(fit(noise)[0])
    found, r2 = fit(noise, np.zeros(len(T_S), bool))
    assert math.isnan(found)
    assert r2 == 0.0
