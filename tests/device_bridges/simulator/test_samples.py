"""Samples follow from their index, their person and the beats around, and from nothing else."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt, welch

from device_bridges.simulator.noise import NoiseBank
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.shapes import LEAD_IN, SHAPE_SAMPLES, beat_shapes, pulse_shapes
from device_bridges.simulator.tables import (
    BEAT,
    BEATS_KEPT,
    NORMAL,
    SECOND,
    SECONDS_KEPT,
    SUPINE,
    UPRIGHT,
    VENTRICULAR_A,
)
from device_bridges.simulator.waves import (
    ECG_HZ,
    ECG_SCALE_MV,
    PPG_HZ,
    PPG_SCALE,
    EcgWaves,
    MotionWaves,
    PpgWaves,
)
from tests.device_bridges.simulator.plans import event, make_plan
from tests.needs import recordings

SECONDS = 10
MADE = NoiseBank()
RATES = {"ecg": 250, "ppg": 100, "acceleration": 50}

Waves = EcgWaves | PpgWaves | MotionWaves


def waves_of(signal: str, plan: Plan, slots: list[int]) -> Waves:
    worn = np.array(slots, np.int32)
    if signal == "ecg":
        return EcgWaves(plan, worn, MADE)
    return PpgWaves(plan, worn) if signal == "ppg" else MotionWaves(plan, worn)


def hearts(n: int, rr_s: float = 0.8, shape: int = NORMAL) -> NDArray[Any]:
    """Give the beats of the first seconds, everybody's a little later than the last one's."""
    beats = np.zeros((n, BEATS_KEPT), BEAT)
    beats["r_s"] = 0.3 + rr_s * np.arange(BEATS_KEPT) + 0.0137 * np.arange(n)[:, None]
    beats["rr_s"], beats["qt_scale"], beats["fill"] = rr_s, math.sqrt(rr_s), 1.0
    beats["shape"] = shape
    return beats


def bodies(n: int, cadence: float = 0.0) -> NDArray[Any]:
    """Give the first seconds of those who sit still or walk evenly."""
    seconds = np.zeros((n, SECONDS_KEPT), SECOND)
    k = np.arange(SECONDS_KEPT)
    seconds["breath_rate"], seconds["breath_phase"] = 15.0, k * 0.25
    seconds["cadence"], seconds["step_phase"] = cadence, k * cadence / 60
    seconds["speed"] = 1.4 * (cadence > 0)
    seconds["effort"] = 0.4 * (cadence > 0)
    return seconds


def samples(
    waves: Waves, cuts: list[int], beats: NDArray[Any], seconds: NDArray[Any]
) -> NDArray[np.int16]:
    """Give the samples between the first and the last cut, window by window."""
    pieces = []
    for i0, i1 in pairwise(cuts):
        # Hearts are half a second ahead of the window, not more.
        drawn = (beats["r_s"] < i1 / waves.fs_hz + 0.5).sum(axis=1) - 1
        pieces.append(waves.samples(i0, i1, beats, drawn.astype(np.int64), seconds))
    return np.concatenate(pieces, axis=1)


def evenly(waves: Waves, every_s: float = 0.2) -> list[int]:
    return list(range(0, SECONDS * waves.fs_hz + 1, round(every_s * waves.fs_hz)))


EVERYTHING = [
    event("af", 0.5, 9.0, slot=0),
    event("motion", 2.3, 7.7, slot=0, snr=6),
    event("vf", 3.1, 8.0, slot=1),
    event("wander", 1.0, 9.0, slot=1),
    event("muscle", 1.11, 6.0, slot=2),
    event("saturation", 4.0, 5.5, slot=2),
    event("lead_off", 5.2, 6.3, slot=2, form=2),
    event("mains", 0.0, 4.0, slot=2),
    event("lead_off", 2.0, 3.0, slot=1, signal="ppg"),
]


@pytest.mark.parametrize("signal", RATES)
@settings(max_examples=25, deadline=None)
@given(lengths=st.lists(st.floats(0.004, 1.0), min_size=10, max_size=40))
def test_how_windows_are_cut_changes_nothing(signal: str, lengths: list[float]) -> None:
    plan = make_plan(3, EVERYTHING, body=[0, 12, 25])
    waves = waves_of(signal, plan, [0, 1, 2])
    ends = np.cumsum(np.maximum(1, np.array(lengths) * waves.fs_hz).astype(int))
    cuts = [0, *[end for end in ends.tolist() if end < SECONDS * waves.fs_hz]]
    beats, seconds = hearts(3), bodies(3, cadence=105.0)
    whole = samples(waves, evenly(waves), beats, seconds)[:, : cuts[-1]]
    assert np.array_equal(samples(waves, cuts, beats, seconds), whole)


@pytest.mark.parametrize("signal", RATES)
def test_others_do_not_matter(signal: str) -> None:
    plan = make_plan(4, EVERYTHING, body=[0, 12, 25, 3])
    beats, seconds = hearts(4), bodies(4, cadence=105.0)
    all_of_them, one = waves_of(signal, plan, [0, 1, 2, 3]), waves_of(signal, plan, [2])
    cuts = evenly(one)
    together = samples(all_of_them, cuts, beats, seconds)
    assert np.array_equal(samples(one, cuts, beats, seconds)[0], together[2])


def test_ecg_without_noise_is_the_sum_of_its_shapes() -> None:
    plan = make_plan(1, ecg_noise_mv=0.0, wander_mv=0.0, body=7)
    waves = EcgWaves(plan, np.array([0], np.int32), MADE)
    beats = hearts(1, rr_s=0.5)
    beats["qt_scale"] = 0.8
    mv = samples(waves, evenly(waves), beats, bodies(1))[0] * ECG_SCALE_MV
    expected = np.zeros(len(mv))
    t_ms = 1000 * np.arange(len(mv)) / ECG_HZ
    table = beat_shapes()[7, NORMAL]
    for beat in beats[0]:
        u = t_ms - 1000 * beat["r_s"]
        # P comes a little nearer, ST and T are pressed together.
        u = np.where(u < -60, -60 + (u + 60) / 0.94, u)
        u = np.where(u > 55, 55 + (u - 55) / 0.8, u)
        expected += np.interp(u, np.arange(SHAPE_SAMPLES) - LEAD_IN, table, left=0, right=0)
    # Breath and chance change the size of beats by less than a tenth.
    assert np.corrcoef(mv, expected)[0, 1] > 0.998
    assert mv.max() == pytest.approx(expected.max(), rel=0.1)


def test_ppg_is_a_pulse_for_each_beat_and_smaller_for_less_filling() -> None:
    plan = make_plan(1, pulse_delay_s=0.25, age_years=20.0)
    waves = PpgWaves(plan, np.array([0], np.int32))
    beats = hearts(1, rr_s=1.0)
    beats["fill"][0, 5] = 0.3
    height = samples(waves, evenly(waves), beats, bodies(1))[0] * PPG_SCALE
    feet = np.rint((beats["r_s"][0, :8] + 0.25) * PPG_HZ).astype(int)
    sizes = [np.ptp(height[foot : foot + 40]) for foot in feet]
    usual = np.median(sizes)
    assert 0.7 < usual < 1.2
    assert sizes[5] < 0.5 * usual
    top = int(pulse_shapes()[0].argmax())
    tops = [height[foot : foot + 40].argmax() * 10 for foot in feet]
    assert abs(np.median(tops) - top) <= 20


def test_a_ring_without_beats_gives_noise_only() -> None:
    plan = make_plan(2, ecg_noise_mv=0.01, wander_mv=0.0)
    beats = np.zeros((2, BEATS_KEPT), BEAT)
    beats["r_s"] = -np.inf
    for waves in (waves_of("ecg", plan, [0, 1]), waves_of("ppg", plan, [0, 1])):
        counts = waves.samples(0, waves.fs_hz, beats, np.full(2, -1), bodies(2))
        assert np.abs(counts * waves.scale).max() < 0.3
        assert counts.std(axis=1).min() > 3


def test_noise_is_as_large_as_the_person_has_it_and_grows_with_effort() -> None:
    plan = make_plan(1, ecg_noise_mv=0.02, wander_mv=0.0)
    beats = np.zeros((1, BEATS_KEPT), BEAT)
    beats["r_s"] = -np.inf
    waves = waves_of("ecg", plan, [0])
    still = samples(waves, evenly(waves), beats, bodies(1)) * ECG_SCALE_MV
    assert still.std() == pytest.approx(0.02, rel=0.1)
    seconds = bodies(1)
    seconds["effort"] = 0.8
    tired = samples(waves, evenly(waves), beats, seconds) * ECG_SCALE_MV
    assert tired.std() > 1.7 * still.std()


def test_steps_are_seen_in_every_signal_at_the_cadence() -> None:
    plan = make_plan(1, ecg_noise_mv=0.001, wander_mv=0.0)
    beats = np.zeros((1, BEATS_KEPT), BEAT)
    beats["r_s"] = -np.inf
    for signal in RATES:
        waves = waves_of(signal, plan, [0])
        x = samples(waves, evenly(waves), beats, bodies(1, cadence=108.0))[0]
        x = (x if x.ndim == 1 else x[:, 2]) * waves.scale
        f_hz, power = welch(x - x.mean(), waves.fs_hz, nperseg=len(x))
        above = f_hz > 0.5
        assert f_hz[above][power[above].argmax()] == pytest.approx(1.8, abs=0.15), signal


def test_electrode_motion_shakes_ppg_and_acceleration_as_well() -> None:
    plan = make_plan(1, [event("motion", 3, 7, snr=0)])
    for signal in RATES:
        waves = waves_of(signal, plan, [0])
        calm = waves_of(signal, make_plan(1), [0])
        cuts = evenly(waves)
        x, y = (samples(one, cuts, hearts(1), bodies(1))[0] for one in (waves, calm))
        changed = (x != y).reshape(len(x), -1).any(axis=1)
        on = slice(3 * waves.fs_hz + 1, 7 * waves.fs_hz - 1)
        assert changed[on].mean() > 0.95, signal
        assert not changed[: 3 * waves.fs_hz].any()
        assert not changed[7 * waves.fs_hz :].any()


def test_motion_of_the_ppg_leaves_the_ecg_alone() -> None:
    plan = make_plan(1, [event("motion", 3, 7, signal="ppg")])
    for signal, hit in (("ecg", False), ("ppg", True), ("acceleration", False)):
        waves, calm = waves_of(signal, plan, [0]), waves_of(signal, make_plan(1), [0])
        cuts = evenly(waves)
        x, y = (samples(one, cuts, hearts(1), bodies(1)) for one in (waves, calm))
        assert np.array_equal(x, y) != hit, signal


def test_faults_begin_softly() -> None:
    plan = make_plan(1, [event("motion", 3, 7, snr=-6), event("vf", 3, 7)], wander_mv=0.0)
    beats = np.zeros((1, BEATS_KEPT), BEAT)
    beats["r_s"] = -np.inf
    x = samples(waves_of("ecg", plan, [0]), evenly(waves_of("ecg", plan, [0])), beats, bodies(1))[0]
    jumps = np.abs(np.diff(x * ECG_SCALE_MV))
    assert jumps[3 * 250 - 3 : 3 * 250 + 3].max() < 0.1
    assert jumps[7 * 250 - 3 : 7 * 250 + 3].max() < 0.1


def test_who_lies_feels_gravity_elsewhere() -> None:
    plan = make_plan(1)
    waves = waves_of("acceleration", plan, [0])
    seconds = bodies(1)
    seconds["posture"] = UPRIGHT
    seconds["posture"][:, 5:] = SUPINE
    x = samples(waves, evenly(waves), hearts(1), seconds)[0] * waves.scale
    assert x[:200, 2].mean() > 9
    assert abs(x[350:, 2].mean()) < 4
    assert np.linalg.norm(x, axis=1) == pytest.approx(9.81, abs=0.3)
    assert np.abs(np.diff(x, axis=0)).max() < 0.6  # nobody turns over at once


def test_ventricular_beats_are_not_all_alike() -> None:
    plan = make_plan(1, ecg_noise_mv=0.0, wander_mv=0.0)
    waves = waves_of("ecg", plan, [0])
    beats = hearts(1, rr_s=0.9, shape=VENTRICULAR_A)
    mv = samples(waves, evenly(waves), beats, bodies(1))[0] * ECG_SCALE_MV
    at = np.rint(beats["r_s"][0, :9] * ECG_HZ).astype(int)
    sizes = np.abs([mv[i - 5 : i + 6] for i in at]).max(axis=1)
    assert 0.01 < sizes.std() / sizes.mean() < 0.1


def fibrillation(n: int) -> NDArray[np.float64]:
    """Give the first eight seconds of ventricular fibrillation of some people, mV."""
    plan = make_plan(n, [event("vf", 0, 100, slot=k) for k in range(n)], ecg_noise_mv=0.005)
    beats = np.zeros((n, BEATS_KEPT), BEAT)
    beats["r_s"] = -np.inf
    waves = waves_of("ecg", plan, list(range(n)))
    return samples(waves, evenly(waves), beats, bodies(n))[:, 500:] * ECG_SCALE_MV


def bands(x: NDArray[Any]) -> NDArray[np.float64]:
    """Give which share of the power lies in 1-2, 2-4, 4-6, 6-8, 8-15 Hz."""
    x = sosfiltfilt(butter(2, 0.7, "high", fs=ECG_HZ, output="sos"), x)
    f_hz, power = welch(x, ECG_HZ, nperseg=1000)
    edges = (1, 2, 4, 6, 8, 15)
    parts = [power[..., (f_hz >= a) & (f_hz < b)].sum() for a, b in pairwise(edges)]
    return np.array(parts) / np.sum(parts)


def test_ventricular_fibrillation_has_the_spectrum_of_recorded_ones() -> None:
    import wfdb

    parts = []
    # Records of VF (not flutter) of a minute and more, from sample to sample, at 250 Hz.
    for record in ("422", "424", "426", "430"):
        path = str(recordings("vfdb") / record)
        marks = wfdb.rdann(path, "atr")
        starts = [*marks.sample.tolist(), wfdb.rdheader(path).sig_len]
        for k, note in enumerate(marks.aux_note):
            if note.strip("\0") in ("(VF", "(VFIB") and starts[k + 1] - starts[k] > 60 * ECG_HZ:
                one = wfdb.rdrecord(path, starts[k], starts[k + 1], channels=[0])
                parts.append(bands(one.p_signal[:, 0]))
    ours = bands(fibrillation(40))
    assert np.abs(ours - np.mean(parts, axis=0)).max() < 0.2
    rms = fibrillation(40).std(axis=1)
    assert ((rms > 0.1) & (rms < 0.8)).all()
    assert rms.std() > 0.05


def test_f_waves_differ_from_person_to_person() -> None:
    n = 12
    beats = np.zeros((n, BEATS_KEPT), BEAT)
    beats["r_s"] = -np.inf
    plan = make_plan(n, [event("af", 0, 99, slot=k) for k in range(n)], ecg_noise_mv=0.0,
                     wander_mv=0.0)  # fmt: skip
    waves = waves_of("ecg", plan, list(range(n)))
    mv = samples(waves, evenly(waves), beats, bodies(n))[:, 250:] * ECG_SCALE_MV
    sizes = np.percentile(mv, 97.5, axis=1) - np.percentile(mv, 2.5, axis=1)
    assert 0.03 < sizes.min() < 0.12
    assert 0.12 < sizes.max() < 0.25
    f_hz, power = welch(mv, ECG_HZ, nperseg=1024)
    tops = f_hz[power.argmax(axis=1)]
    assert tops.min() >= 3.5
    assert tops.max() <= 9
    assert np.ptp(tops) > 1.5
