import numpy as np
import pytest
import wfdb

from processors.features.signal_quality import SignalQuality
from tests.naive.signal_quality import judge
from tests.needs import recordings
from tests.processors.ecg_cases import ecg, feed, regular


def assert_equals_twin(x, fs):
    found = feed(SignalQuality(), x, float(fs))["ecg_quality"][:, 1:]
    expected = judge(x, fs)
    np.testing.assert_allclose(found[: len(expected)], expected, atol=1e-6)


@pytest.mark.parametrize("fs", [125, 250, 500])
def test_the_kernel_equals_its_slow_twin(fs):
    r = np.random.default_rng(3)
    x = ecg(regular(30.0), fs, 30, noise_mv=0.01)
    x[4 * fs : 6 * fs] = 4.0
    x[9 * fs : 12 * fs] += 0.3 * r.standard_normal(3 * fs)
    x[15 * fs : 20 * fs] = 0.005 * r.standard_normal(5 * fs)
    x[20 * fs : 25 * fs] = 0.5 * np.sin(2 * np.pi * 50 * np.arange(5 * fs) / fs)
    assert_equals_twin(x, fs)
    fast = ecg(np.arange(0.5, 19.0, 0.37), fs, 20, noise_mv=0.05)
    fast[5 * fs : 5 * fs + fs // 2] = 9.0  # a rail that ends within a second
    assert_equals_twin(fast, fs)


def test_the_kernel_equals_its_slow_twin_on_a_real_signal():
    path = str(recordings("mitdb") / "203")
    x = wfdb.rdrecord(path, sampfrom=0, sampto=360 * 60).p_signal[:, 0]
    assert_equals_twin(x, 360)
