"""Power by frequency is that of the swings that are there; values in time are those of numpy."""

import math

import numpy as np
import pytest
from scipy.signal import lombscargle

from processors.rr_correction import correct
from processors.variability import bands_of, variability_of

NS = 1_000_000_000


def breathing(seconds=300.0, lf_ms=30.0, hf_ms=20.0, noise_ms=0.0, mean_ms=800.0):
    """Give (end in ns, RR in ms) of a heart that swings at 0.1 and at 0.25 Hz."""
    random, t_s, rows = np.random.default_rng(1), 0.0, []
    while t_s < seconds:
        rr = mean_ms + lf_ms * math.sin(2 * math.pi * 0.1 * t_s)
        rr += hf_ms * math.sin(2 * math.pi * 0.25 * t_s) + noise_ms * random.normal()
        t_s += rr / 1000
        rows.append((round(t_s * NS), rr))
    end_ns, rr_ms = np.array(rows).T
    return end_ns.astype(np.int64), rr_ms


@pytest.mark.parametrize(("lf_ms", "hf_ms"), [(30.0, 20.0), (10.0, 40.0), (50.0, 5.0)])
def test_the_power_of_a_swing_is_half_the_square_of_its_size(lf_ms, hf_ms):
    bands = bands_of(*breathing(lf_ms=lf_ms, hf_ms=hf_ms))
    assert bands.lf_ms2 == pytest.approx(lf_ms**2 / 2, rel=0.06)
    assert bands.hf_ms2 == pytest.approx(hf_ms**2 / 2, rel=0.1)
    assert bands.ratio == pytest.approx(bands.lf_ms2 / bands.hf_ms2)


def test_bands_agree_with_lomb_and_scargle_who_resample_nothing():
    end_ns, rr_ms = breathing(noise_ms=5.0)
    t_s = end_ns / NS
    hz = np.arange(1, 121) / t_s[-1]
    power = lombscargle(t_s, rr_ms - rr_ms.mean(), 2 * np.pi * hz) * 2 / len(rr_ms)
    bands = bands_of(end_ns, rr_ms)
    for low, high, mine in ((0.04, 0.15, bands.lf_ms2), (0.15, 0.4, bands.hf_ms2)):
        assert mine == pytest.approx(power[(hz >= low) & (hz < high)].sum(), rel=0.1)


def test_all_bands_together_are_the_variance():
    end_ns, rr_ms = breathing(noise_ms=0.0)
    bands = bands_of(end_ns, rr_ms)
    assert bands.vlf_ms2 + bands.lf_ms2 + bands.hf_ms2 == pytest.approx(np.var(rr_ms), rel=0.05)


def test_a_stretch_that_is_too_short_has_no_bands():
    assert math.isnan(bands_of(*breathing(120.0)).lf_ms2)
    assert math.isnan(bands_of(np.zeros(0, np.int64), np.zeros(0)).ratio)


def series_of(end_ns, rr_ms):
    return correct(end_ns, rr_ms, np.ones(len(rr_ms), bool))


def test_values_in_time_are_those_of_a_batch_of_the_same_intervals():
    end_ns, rr_ms = breathing(400.0, noise_ms=4.0)
    row = variability_of(series_of(end_ns, rr_ms), 350 * NS, 300 * NS)
    inside = rr_ms[(end_ns > 50 * NS) & (end_ns <= 350 * NS)]
    delta = np.diff(inside)
    assert row.mean_nn_ms == pytest.approx(np.mean(inside), rel=1e-9)
    assert row.sdnn_ms == pytest.approx(np.std(inside, ddof=1), rel=1e-9)
    assert row.rmssd_ms == pytest.approx(np.sqrt(np.mean(delta**2)), rel=1e-9)
    assert row.pnn50_percent == pytest.approx(100 * np.mean(np.abs(delta) > 50), rel=1e-9)
    assert row.sd1_ms == pytest.approx(row.rmssd_ms / math.sqrt(2), rel=1e-9)
    assert row.sd2_ms**2 == pytest.approx(2 * row.sdnn_ms**2 - row.sd1_ms**2, rel=1e-9)
    assert (row.n, row.accepted_percent) == (len(inside), 100.0)


@pytest.mark.parametrize("every", [20, 25])
def test_ectopic_beats_change_no_value_much_once_corrected(every):
    end_ns, rr_ms = breathing(noise_ms=8.0)
    early = rr_ms.copy()
    early[10:-10:every] -= 250
    early[11:-9:every] += 250
    clean = variability_of(series_of(end_ns, rr_ms), 300 * NS, 300 * NS)
    found = variability_of(series_of(np.cumsum(np.rint(1e6 * early)).astype(np.int64), early),
                           300 * NS, 300 * NS)  # fmt: skip
    assert found.accepted_percent < 95
    assert found.rmssd_ms == pytest.approx(clean.rmssd_ms, rel=0.1)
    assert found.lf_ms2 == pytest.approx(clean.lf_ms2, rel=0.15)
    assert found.hf_ms2 == pytest.approx(clean.hf_ms2, rel=0.3)


def test_of_too_little_only_the_counts_are_given():
    end_ns, rr_ms = breathing()
    kept = end_ns < 240 * NS
    row = variability_of(series_of(end_ns[kept], rr_ms[kept]), 300 * NS, 300 * NS)
    assert math.isnan(row.mean_nn_ms)
    assert math.isnan(row.lf_hf)
    assert row.coverage_percent == pytest.approx(80, abs=1)
    nothing = variability_of(series_of(end_ns[:0], rr_ms[:0]), 300 * NS, 300 * NS)
    assert (nothing.n, nothing.coverage_percent) == (0, 0.0)
