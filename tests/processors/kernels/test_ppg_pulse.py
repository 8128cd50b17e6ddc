import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.kernels.ppg_pulse import PULSE_STATE
from tests.naive.ppg_pulse import pulses_of
from tests.processors.ppg_cases import feed, ppg, regular


@st.composite
def signals(draw):
    fs_hz = draw(st.sampled_from([25.0, 50.0, 64.0, 100.0, 125.0, 128.0, 250.0]))
    rate = draw(st.sampled_from([45.0, 72.0, 110.0, 170.0]))
    noise = draw(st.sampled_from([0.003, 0.05, 0.4]))
    seed = draw(st.integers(0, 1000))
    x = ppg(regular(rate, 25), fs_hz, 25, noise=noise, seed=seed)
    random = np.random.default_rng(seed)
    for length_s in draw(st.lists(st.sampled_from([0.02, 0.09, 0.3, 6.0]), max_size=4)):
        at = int(random.uniform(0, 25) * fs_hz)
        x[at : at + max(int(length_s * fs_hz), 1)] = draw(st.sampled_from([np.nan, np.inf, 2e12]))
    return x, fs_hz


@given(signals(), st.sampled_from([0, 1_700_000_000_300_000_000]))
@settings(max_examples=40, deadline=None)
def test_the_kernel_equals_its_slow_twin(signal, t0_ns):
    x, fs_hz = signal
    pulses, rates = feed(x, fs_hz, t0_ns=t0_ns)
    expected_pulses, expected_rates = (
        np.array(rows, float).reshape(-1, width)
        for rows, width in zip(pulses_of(x, fs_hz, t0_ns), (5, 3), strict=True)
    )
    np.testing.assert_array_equal(pulses[:, 0], expected_pulses[:, 0])
    np.testing.assert_allclose(pulses[:, 1], expected_pulses[:, 1], rtol=0, atol=1000)
    np.testing.assert_allclose(pulses[:, 2:], expected_pulses[:, 2:], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(rates, expected_rates, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fs_hz", [25.0, 64.0, 125.0])
def test_cuts_do_not_matter_to_the_bit(fs_hz):
    x = ppg(regular(80, 30), fs_hz, 30, noise=0.05)
    x[300:350] = np.nan
    whole = feed(x, fs_hz)
    for cuts in (range(1, len(x)), range(7, len(x), 13), [301, 340, 352]):
        for part, all_at_once in zip(feed(x, fs_hz, cuts=cuts), whole, strict=True):
            np.testing.assert_array_equal(part, all_at_once)


def test_the_state_of_a_participant_is_small():
    assert PULSE_STATE.itemsize <= 614  # bytes
