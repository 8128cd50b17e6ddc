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


def lose(x, packet_s, share, seed=1):
    """Give the spans of a signal whose packets are lost with this chance."""
    n = round(packet_s * FS)
    starts = range(n, len(x) - n, n)
    random = np.random.default_rng(seed).random(len(starts))
    return [(a, a + n) for a, one in zip(starts, random, strict=True) if one < share]


@pytest.mark.parametrize("packet_s", [0.04, 0.1, 0.24])
def test_what_is_lost_is_left_out(packet_s):
    """Three of ten packets: what is left is as even and as fast, and as alike."""
    for x in (sines(3.3, 4.1, 5.3, length_s=60), sines(4.0, length_s=60)):
        whole, torn = waves_of(x), waves_of(x, lost=lose(x, packet_s, 0.3))
        assert len(torn) > 0.85 * len(whole)
        torn, whole = np.nanmedian(torn, 0), np.nanmedian(whole, 0)
        np.testing.assert_allclose(torn[LEAKAGE:PERIOD], whole[LEAKAGE:PERIOD], 0.1, 0.25)
    assert torn[PERIOD] == whole[PERIOD]  # of the sine


def test_what_is_left_of_beats_is_not_even():
    x = ecg(regular(60.0), FS, 60, noise_mv=0.01)
    rows = waves_of(x, lost=lose(x, 0.24, 0.3))
    assert (rows[:, EVENNESS] < 0.5).mean() > 0.98


def test_rows_come_with_the_sample_after_a_hole():
    t_s = waves_of(sines(4.0), lost=[(1600, 1700)])[:, 0] / 1e9
    np.testing.assert_allclose(t_s[4:8], [5.996, 6.8, 6.996, 7.496])


def test_a_window_of_which_more_than_half_is_lost_is_not_told():
    lost = [(a, a + 180) for a in range(1500, 2400, 250)]
    t_s = waves_of(sines(4.0), lost=lost)[:, 0] / 1e9
    assert not ((t_s > 8.8) & (t_s < 10.0)).any()
    assert (t_s < 8.0).sum() == 9


def test_after_more_than_a_second_all_begins_anew():
    x = sines(4.0)
    assert len(waves_of(x, lost=[(1000, 1250)])) == len(waves_of(x)) - 1
    t_s = waves_of(x, lost=[(1500, 1751)])[:, 0] / 1e9
    assert not ((t_s > 6.01) & (t_s < 11.0)).any()


def test_missing_samples_are_like_lost_ones():
    x = sines(3.3, 4.1, 5.3)
    lost = [(1100, 1130), (1500, 1650), (2000, 2260)]
    expected = waves_of(x, lost=lost)
    for bad in (np.nan, 5000.0):
        for a, b in lost:
            x[a:b] = bad
        np.testing.assert_array_equal(waves_of(x), expected)
