import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from processors.kernels.filters import (
    BUTTERWORTH_4_Q,
    BUTTERWORTH_Q,
    delay_s,
    highpass,
    lowpass,
    median_of_few,
    prime_highpass,
)
from tests.naive.filters import section

RATES = [100.0, 125.0, 250.0, 360.0, 500.0, 1000.0]


@pytest.mark.parametrize("fs_hz", RATES)
@pytest.mark.parametrize("cutoff_hz", [0.5, 8.0, 22.0, 40.0])
def test_a_section_is_the_butterworth_of_scipy(fs_hz, cutoff_hz):
    for design, kind, middle in ((lowpass, "low", 2.0), (highpass, "high", -2.0)):
        b, a = signal.butter(2, cutoff_hz, kind, fs=fs_hz)
        b0, a1, a2 = design(fs_hz, cutoff_hz, BUTTERWORTH_Q)
        np.testing.assert_allclose([b0, middle * b0, b0], b, rtol=1e-9)
        np.testing.assert_allclose([1.0, a1, a2], a, rtol=1e-9)


def test_two_sections_are_the_fourth_order_of_scipy():
    x = np.random.default_rng(1).standard_normal(500)
    y = x
    for q in BUTTERWORTH_4_Q:
        y = section(*lowpass(250.0, 22.0, q), "low", y)
    b, a = signal.butter(4, 22.0, fs=250.0)
    np.testing.assert_allclose(y, signal.lfilter(b, a, x), atol=1e-9)


def test_a_cutoff_beyond_the_band_is_lowered():
    assert lowpass(60.0, 40.0, BUTTERWORTH_Q) == lowpass(60.0, 27.0, BUTTERWORTH_Q)


@given(st.floats(-500, 500))
@settings(deadline=None)
def test_a_primed_highpass_gives_nothing_on_a_steady_input(level_mv):
    b0, a1, a2 = highpass(250.0, 0.5, BUTTERWORTH_Q)
    z1, z2 = prime_highpass(b0, level_mv)
    for _ in range(50):
        y = b0 * level_mv + z1
        z1 = -2.0 * b0 * level_mv - a1 * y + z2
        z2 = b0 * level_mv - a2 * y
        assert abs(y) < 1e-9


@pytest.mark.parametrize("at_hz", [0.5, 12.0, 30.0])
@pytest.mark.parametrize("kind", ["low", "high"])
@pytest.mark.parametrize("fs_hz", RATES)
def test_the_delay_is_that_of_scipy(fs_hz, kind, at_hz):
    _, samples = signal.group_delay(signal.butter(2, 22.0, kind, fs=fs_hz), w=[at_hz], fs=fs_hz)
    assert delay_s(fs_hz, 22.0, BUTTERWORTH_Q, at_hz) * fs_hz == pytest.approx(samples[0], rel=1e-6)


@given(st.lists(st.floats(-1e6, 1e6), max_size=16))
@settings(deadline=None)  # the first call compiles
def test_the_median_is_that_of_numpy(values):
    few = np.array([*values, 7.0])
    expected = np.median(few[:-1]) if values else 0.0
    assert median_of_few(few, len(values)) == pytest.approx(expected)
