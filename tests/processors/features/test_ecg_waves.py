"""What the numbers say of simple waves; size, rate and cut of the signal do not matter."""

import numpy as np
import pytest

from processors.features.ecg_waves import EcgWaves
from tests.processors.ecg_cases import WIDE, ecg, feed, regular

FS = 250.0
LEAKAGE, EVENNESS, FREQUENCY, PEAK_TO_PEAK, LIKENESS, PERIOD = range(1, 7)


def waves_of(x, fs=FS, **how):
    return feed(EcgWaves(), x, fs, **how).get("ecg_waves", np.empty((0, 7)))


def sines(*hz, length_s=12.0, fs=FS):
    t = np.arange(round(length_s * fs)) / fs
    return sum(0.4 * np.sin(2 * np.pi * f * t + f) for f in hz)


def test_a_sine_leaks_nothing_and_is_even_and_alike():
    last = waves_of(sines(3.0))[-1]
    assert last[LEAKAGE] < 0.1
    assert last[EVENNESS] == pytest.approx(8 / np.pi**2, abs=0.02)  # of a sine
    assert last[FREQUENCY] == pytest.approx(3.0, rel=0.05)
    assert last[PEAK_TO_PEAK] == pytest.approx(0.8, rel=0.05)
    assert last[LIKENESS] > 0.98
    assert last[PERIOD] == pytest.approx(1 / 3, abs=1 / 64)


def test_waves_of_several_rates_are_even_and_not_alike():
    rows = waves_of(sines(3.3, 4.1, 5.3))
    assert (rows[2:, LEAKAGE] < 0.62).mean() > 0.8
    assert (rows[:, EVENNESS] > 0.55).all()
    assert np.nanmedian(rows[:, LIKENESS]) < 0.9


@pytest.mark.parametrize("shape", [None, WIDE])
def test_beats_with_rest_between_them_are_spikes(shape):
    r_s = regular(12.0)
    rows = waves_of(ecg(r_s, FS, 12, shapes=shape and [shape] * len(r_s)))
    assert (rows[:, EVENNESS] < 0.4).all()
    assert np.isnan(rows[:, LIKENESS]).all()


def test_size_and_offset_do_not_matter():
    x = sines(3.3, 4.1, 5.3)
    np.testing.assert_allclose(
        waves_of(7.0 + 3.0 * x)[:, LEAKAGE:PEAK_TO_PEAK], waves_of(x)[:, LEAKAGE:PEAK_TO_PEAK],
        rtol=0.01,
    )  # fmt: skip


@pytest.mark.parametrize("fs", [100.0, 128.0, 200.0, 512.0])
def test_the_rate_of_the_signal_hardly_matters(fs):
    found = waves_of(sines(3.3, 4.1, 5.3, fs=fs), fs)
    expected = waves_of(sines(3.3, 4.1, 5.3))
    n = min(len(found), len(expected))
    np.testing.assert_allclose(
        found[:n, LEAKAGE:PEAK_TO_PEAK], expected[:n, LEAKAGE:PEAK_TO_PEAK], atol=0.12
    )


def test_rows_come_each_half_second_from_the_fourth_second_on():
    t_s = waves_of(sines(4.0))[:, 0] / 1e9
    np.testing.assert_allclose(t_s, np.arange(4.0, 12.1, 0.5) - 1 / FS, atol=2e-9)


def test_a_short_loss_is_held_and_a_longer_one_begins_anew():
    x = sines(4.0)
    assert len(waves_of(x, lost=[(1000, 1025)])) == len(waves_of(x))
    t_s = waves_of(x, lost=[(1500, 1526)])[:, 0] / 1e9
    assert not ((t_s > 6.01) & (t_s < 10.0)).any()


def test_missing_samples_are_like_lost_ones():
    x = sines(4.0)
    x[1500:1526] = np.nan
    t_s = waves_of(x)[:, 0] / 1e9
    assert not ((t_s > 6.01) & (t_s < 10.0)).any()
    x[1500:1526] = 5000.0
    np.testing.assert_array_equal(waves_of(x)[:, 0] / 1e9, t_s)
