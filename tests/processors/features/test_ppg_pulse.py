import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.ppg_pulse import Params, PpgPulse
from processors.features.qrs import Qrs
from processors.records import NS_PER_S, Batch
from tests.needs import recordings
from tests.processors.ppg_cases import batch, feed, ppg, regular

AT_S = regular(75, 40)
CLEAN = ppg(AT_S, 100.0, 40, noise=0.005)


def assert_found(found, at_s=AT_S, within_s=0.02):
    pulses, _ = found
    expected = at_s[(at_s > 0.8) & (at_s < pulses[-1, 1] / 1e9 + 0.1)]
    assert len(expected) >= len(at_s) - 3
    np.testing.assert_allclose(pulses[-len(expected) :, 1] / 1e9, expected, atol=within_s)
    assert len(pulses) <= len(expected) + 1


@pytest.mark.parametrize("fs_hz", [25.0, 32.0, 50.0, 64.0, 100.0, 128.0, 250.0, 500.0])
def test_systolic_peaks_are_found_within_20_ms_at_any_rate(fs_hz):
    assert_found(feed(ppg(AT_S, fs_hz, 40, noise=0.005), fs_hz))


@pytest.mark.parametrize("rate", [30, 45, 60, 90, 120, 150, 180, 220])
def test_the_rate_is_right_from_30_to_220_per_minute(rate):
    _, rates = feed(ppg(regular(rate, 60), 64.0, 60, noise=0.005), 64.0)
    np.testing.assert_allclose(rates[10:, 1], rate, rtol=0.01)
    assert (rates[15:, 2] > 0.8).all()


@pytest.mark.parametrize(
    "what",
    [0.001 * CLEAN, 1000.0 * CLEAN, CLEAN - 300.0, CLEAN + 0.5 * np.sin(np.arange(4000) * 0.0125)],
    ids=["gain 0.001", "gain 1000", "offset", "wander of 0.2 Hz"],
)
def test_gain_level_and_wander_do_not_matter(what):
    assert_found(feed(what, 100.0), within_s=0.03)


@given(st.lists(st.integers(1, len(CLEAN) - 1), max_size=60))
@settings(max_examples=20, deadline=None)
def test_how_the_signal_is_cut_does_not_matter_to_the_bit(cuts):
    for part, whole in zip(feed(CLEAN, 100.0, cuts=cuts), feed(CLEAN, 100.0), strict=True):
        np.testing.assert_array_equal(part, whole)


def test_a_pulse_is_known_at_most_250_ms_after_its_peak():
    pulses, _ = feed(CLEAN, 100.0)
    assert (pulses[:, 0] - pulses[:, 1]).max() <= 250e6


def test_intervals_are_those_of_the_pulses():
    pulses, _ = feed(CLEAN, 100.0)
    assert np.isnan(pulses[0, 2])
    np.testing.assert_allclose(pulses[1:, 2], np.diff(pulses[:, 1]) / 1e6, atol=1e-5)


def test_the_rate_is_told_at_every_whole_second_and_carries_its_time():
    start_ns = 1_700_000_000_250_000_000
    _, rates = feed(CLEAN, 100.0, t0_ns=start_ns)
    seconds = rates[:, 0] / NS_PER_S
    np.testing.assert_array_equal(seconds, np.arange(1_700_000_001, 1_700_000_041))


def test_a_loss_ends_the_interval_and_nothing_is_detected_for_half_a_second():
    pulses, rates = feed(CLEAN, 100.0, lost=(2000, 2300))
    first = np.flatnonzero(pulses[:, 1] > 20e9)[0]
    assert np.isnan(pulses[first, 2])
    assert pulses[first, 1] >= 23.4e9
    assert not np.isin(np.arange(21, 23) * NS_PER_S, rates[:, 0]).any()
    assert 23 * NS_PER_S in rates[:, 0]


def test_a_loss_of_less_than_100_ms_is_bridged():
    pulses, _ = feed(CLEAN, 100.0, lost=(2000, 2008))
    whole, _ = feed(CLEAN, 100.0)
    assert len(pulses) == len(whole)
    np.testing.assert_allclose(pulses[:, 1], whole[:, 1], atol=20e6)


def test_missing_samples_are_as_good_as_lost_ones():
    x = CLEAN.copy()
    x[2000:2300] = np.nan
    missing, _ = feed(x, 100.0)
    lost, _ = feed(CLEAN, 100.0, lost=(2000, 2300))
    np.testing.assert_allclose(missing, lost, atol=1e-9)


@pytest.mark.parametrize("noise", [0.0, 1e-4, 0.003])
def test_without_pulses_the_rate_is_blank_within_5_s(noise):
    x = np.concatenate([CLEAN, ppg([], 100.0, 30, noise=noise, seed=3)])
    pulses, rates = feed(x, 100.0)
    assert np.isfinite(rates[39, 1])
    assert np.isnan(rates[45:, 1]).all()
    assert (pulses[pulses[:, 1] > 45e9, 4] < 0.3).all()


def test_the_quality_of_noise_is_bad_and_that_of_pulses_good():
    noise = ppg([], 100.0, 120, noise=1.0, seed=4)
    _, rates = feed(noise, 100.0)
    assert np.nanmedian(rates[:, 2]) < 0.5  # CLINICAL 3.10: below 0.5 is bad
    pulses, _ = feed(CLEAN, 100.0)
    assert (pulses[3:, 4] > 0.8).all()


def test_a_dicrotic_wave_is_no_pulse_at_a_slow_rate():
    pulses, _ = feed(ppg(regular(40, 60), 100.0, 60), 100.0)
    assert len(pulses) in (39, 40)


def test_a_touch_of_a_hundred_times_the_pulse_blinds_for_a_few_seconds_only():
    x = CLEAN.copy()
    x[1500:1530] += 100.0
    pulses, _ = feed(x, 100.0)
    assert_found((pulses[pulses[:, 1] > 20e9], None), AT_S[AT_S > 20.1])


HOSTILE = {
    "not a number": np.nan,
    "zero": 0.0,
    "huge": 3e38,
    "a thousand": 1e3,
    "infinite": np.inf,
    "tiny": 1e-38,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_samples_do_no_harm(what):
    x = np.concatenate([CLEAN, np.full(1000, HOSTILE[what], np.float32), CLEAN])
    pulses, rates = feed(x, 100.0)
    assert np.isfinite(pulses[:, [0, 1, 3, 4]]).all()
    assert rates[-1, 1] == pytest.approx(75, abs=1)


@pytest.mark.parametrize("fs_hz", [1.0, 15.0, 4000.0, 0.0, np.nan])
def test_rates_that_no_ppg_has_are_passed_over(fs_hz):
    good = batch(CLEAN, 100.0, 0)
    odd = Batch(
        "ppg", good.slots, good.until_ns, good.offsets, good.values, np.array([fs_hz]),
        good.t0_ns, good.seq, good.t_ns, good.source,
    )  # fmt: skip
    assert not PpgPulse().process(odd).derived


def test_a_column_that_is_not_there_becomes_the_first():
    for column in (-1, 3):
        pulses, _ = feed(CLEAN, 100.0, processor=PpgPulse(Params(column)))
        assert len(pulses) > 40


# Record 03 of bidmc has P waves as tall as its QRS in lead II, and the reference takes them.
REFERENCE_LEAD = {"03": "V"}


def read_bidmc(record):
    """Give PPG and reference lead at 125 Hz, float32 ``[n]``."""
    path = recordings("bidmc") / f"bidmc_{record}_Signals.csv.gz"
    names = [name.strip() for name in np.loadtxt(path, str, delimiter=",", max_rows=1)]
    columns = [names.index("PLETH"), names.index(REFERENCE_LEAD.get(record, "II"))]
    table = np.loadtxt(path, np.float32, delimiter=",", skiprows=1, usecols=columns)
    return table[:, 0], table[:, 1]


def r_times_s(ecg):
    n = len(ecg)
    whole = Batch(
        "ecg", np.zeros(1, np.int32), np.array([n * 8_000_000]), np.array([0, n]), ecg[:, None],
        np.array([125.0]), np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(0, np.int64),
        np.zeros(0, np.int8),
    )  # fmt: skip
    windows = next(b for b in Qrs().process(whole).derived if b.name == "beat_windows")
    return np.sort(windows.t_ns - windows.values[:, 0]) / 1e9


def matched(reference_s, found_s):
    """Match one to one within 150 ms; give the differences, s."""
    differences, i, j = [], 0, 0
    while i < len(reference_s) and j < len(found_s):
        difference = found_s[j] - reference_s[i]
        if abs(difference) <= 0.15:
            differences.append(difference)
        i += difference >= -0.15
        j += difference <= 0.15
    return np.array(differences)


def test_pulses_of_bidmc_are_those_of_the_ecg():
    """CLINICAL 1.3, 6: F1 within 150 ms of R plus the record's median transit time."""
    hits = misses = false = 0
    latencies_ms = []
    for record in ("01", "03", "05", "07", "09", "11"):
        x, ecg = read_bidmc(record)
        pulses, _ = feed(x, 125.0)
        latencies_ms += ((pulses[:, 0] - pulses[:, 1]) / 1e6).tolist()
        r_s, pulse_s = r_times_s(ecg), pulses[:, 1] / 1e9
        r_s = r_s[r_s > 3.0]  # what is before belongs to the start of both detectors
        shift_s = max(np.arange(-0.2, 0.9, 0.02), key=lambda s: len(matched(r_s + s, pulse_s)))
        expected_s = r_s + shift_s + np.median(matched(r_s + shift_s, pulse_s))
        expected_s = expected_s[expected_s < 479.6]
        pulse_s = pulse_s[pulse_s > expected_s[0] - 0.15]
        n = len(matched(expected_s, pulse_s))
        hits, misses, false = hits + n, misses + len(expected_s) - n, false + len(pulse_s) - n
    f1 = 2 * hits / (2 * hits + misses + false)
    figures = f"F1 {100 * f1:.2f}, {misses} missed, {false} false of {hits + misses}"
    # 28 + 20 of what is missed lie in two stretches in which the sensor had lost the finger.
    assert f1 >= 0.990, figures
    assert np.median(latencies_ms) <= 190
    assert np.max(latencies_ms) <= 260
