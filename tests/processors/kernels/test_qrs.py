import numpy as np
import pytest
import wfdb

from processors.features.qrs import Qrs
from processors.kernels.qrs import QRS_STATE
from tests.naive.qrs import detect
from tests.needs import recordings
from tests.processors.ecg_cases import WIDE, ecg, feed, regular


def assert_equals_twin(x, fs_hz):
    found = feed(Qrs(), x, fs_hz)["beats"]
    expected = detect(x, fs_hz)
    assert len(found) == len(expected)
    for (t_ns, lag_ns, withdrawn, mv, _, late, gap), twin in zip(found, expected, strict=True):
        assert round(t_ns * fs_hz / 1e9) == twin[0]
        assert (t_ns - lag_ns) * fs_hz / 1e9 == pytest.approx(twin[1], abs=0.01)
        assert mv == pytest.approx(twin[3], abs=1e-3)
        assert (bool(withdrawn), bool(late), bool(gap)) == (twin[2], twin[4], twin[5])


@pytest.mark.parametrize("fs_hz", [125.0, 250.0, 500.0])
def test_the_kernel_equals_its_slow_twin(fs_hz):
    r_s = [*regular(12.0), *np.arange(13.0, 18.0, 0.45), 24.0, 25.0, *np.arange(36.0, 42.0, 1.1)]
    shapes = [
        WIDE if k % 5 == 4 else ((0.0, 0.011, 1.0), (0.27, 0.045, 0.4)) for k in range(len(r_s))
    ]
    assert_equals_twin(ecg(r_s, fs_hz, 44, shapes=shapes, noise_mv=0.02), fs_hz)


def test_the_kernel_equals_its_slow_twin_where_the_baseline_jumps():
    x = ecg(regular(44.0), 250.0, 44, noise_mv=0.02)
    for k, at_s in enumerate(np.arange(3.0, 42.0, 1.37)):  # anywhere between two beats
        x[round(at_s * 250) :] += (-1) ** k * (0.4 + 0.15 * k)
    assert_equals_twin(x, 250.0)


@pytest.mark.parametrize("record", ["203", "208", "116"])
def test_the_kernel_equals_its_slow_twin_on_real_signals(record):
    path = recordings("mitdb") / record
    x = wfdb.rdrecord(str(path), sampfrom=360 * 60, sampto=360 * 180).p_signal[:, 0]
    assert_equals_twin(x.astype(np.float32), 360.0)


def test_the_state_of_a_slot_stays_small():
    assert QRS_STATE.itemsize <= 7 * 1024
