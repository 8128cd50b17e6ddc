import numpy as np
import pytest
import wfdb

from processors.features.ecg_waves import EcgWaves
from tests.naive.ecg_waves import describe
from tests.needs import recordings
from tests.processors.ecg_cases import ecg, feed, regular


def assert_equals_twin(x, fs):
    found = feed(EcgWaves(), x, float(fs))["ecg_waves"][:, 1:]
    np.testing.assert_allclose(found, describe(x, fs), atol=1e-6)


@pytest.mark.parametrize("fs", [125, 250, 360, 500])
def test_the_kernel_equals_its_slow_twin(fs):
    t = np.arange(30 * fs) / fs
    x = 2.5 + ecg(regular(30.0), fs, 30, noise_mv=0.01)
    waves = sum(0.3 * np.sin(2 * np.pi * hz * t + hz) for hz in (3.3, 4.1, 5.3))
    x[10 * fs : 20 * fs] = 2.5 + waves[10 * fs : 20 * fs]
    x[20 * fs :] = 2.5 + np.sin(2 * np.pi * 2.5 * t[20 * fs :])
    assert_equals_twin(x, fs)


@pytest.mark.parametrize("fs", [125, 250, 360])
@pytest.mark.parametrize(("packet_s", "share"), [(0.01, 0.2), (0.1, 0.3), (0.3, 0.3)])
def test_the_kernel_equals_its_slow_twin_where_packets_are_lost(fs, packet_s, share):
    random = np.random.default_rng(4)
    t = np.arange(40 * fs) / fs
    x = 2.5 + sum(0.3 * np.sin(2 * np.pi * hz * t + hz) for hz in (3.3, 4.1, 5.3))
    x[20 * fs :] = 2.5 + np.sin(2 * np.pi * 2.5 * t[20 * fs :])
    lost = random.random(int(40 / packet_s) + 1) < share
    x[lost[(t / packet_s).astype(int)]] = np.nan
    x[0] = 2.5
    assert_equals_twin(x, fs)


def test_the_kernel_equals_its_slow_twin_on_a_real_signal():
    path = str(recordings("vfdb") / "430")
    start = 250 * 60 * 17
    x = wfdb.rdrecord(path, sampfrom=start, sampto=start + 250 * 60).p_signal[:, 0]
    assert_equals_twin(x, 250)
