"""What sensors see: beats where they were planted, faults as strong as was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from device_bridges.simulator.bridge import SimulatorBridge
from device_bridges.simulator.noise import NoiseBank, noise_rms_mv, noise_size
from device_bridges.simulator.plan import Sensor
from device_bridges.simulator.waves import ECG_HZ, ECG_SCALE_MV, MOTION_SCALE, PPG_SCALE, RAIL
from tests.device_bridges.simulator.plans import event, make_plan
from tests.needs import recordings

SCALES = {"ecg": ECG_SCALE_MV, "ppg": PPG_SCALE, "acceleration": MOTION_SCALE}
RATES = {"ecg": 250, "ppg": 100, "acceleration": 50}


def _wave(signal, *events, seconds=20.0, noise=None, beats=None, **person):
    worn = Sensor(signal, "patch", np.array([0], np.int32), fs_hz=RATES[signal])
    plan = make_plan(1, events, duration_s=seconds, sensors=(worn,), **person)

    class Record:
        def on_second(self, *_):
            pass

        def on_beats(self, drawn):
            if beats is not None:
                beats.extend(drawn["r_s"].tolist())

    bridge = SimulatorBridge(plan, noise=noise, record=Record())
    counts = np.concatenate([block.samples for _, steps in bridge.steps() for block in steps])
    return counts * SCALES[signal]


def _ecg(*events, **more):
    return _wave("ecg", *events, **more)[:, 0]


def test_r_waves_stand_where_beats_were_planted():
    beats: list[float] = []
    x = _ecg(beats=beats, ecg_noise_mv=0.0, wander_mv=0.0)
    for r_s in [t for t in beats if 1 < t < 19]:
        i = round(r_s * ECG_HZ)
        near = x[i - 20 : i + 21]
        assert abs(int(np.argmax(np.abs(near))) - 20) <= 1


@pytest.mark.parametrize("body", range(0, 48, 7))
def test_no_body_has_a_step_in_its_trace(body):
    x = _ecg(ecg_noise_mv=0.0, body=body)
    steep = np.abs(np.diff(x)).max()
    assert steep < 0.6  # mV per 4 ms: an R wave, not a jump from rail to rail


def test_fibrillation_has_no_beats_and_its_power_between_3_and_8_hz():
    x = _ecg(event("vf", 0, 60), seconds=60)
    f_hz, power = welch(x, ECG_HZ, nperseg=1024)
    assert 3 <= f_hz[power.argmax()] <= 7
    inside = (f_hz >= 2.5) & (f_hz <= 10)
    assert power[inside].sum() > 0.9 * power[f_hz > 1].sum()


def test_asystole_is_quiet_but_not_a_flat_line():
    x = _ecg(event("asystole", 5, 19), wander_mv=0.02)[8 * ECG_HZ : 18 * ECG_HZ]
    assert 0.005 < np.ptp(x) < 0.2
    assert len(np.unique(x)) > 50


def test_af_has_no_p_but_f_waves():
    fibrillating = _ecg(event("af", 0, 60), seconds=60, ecg_noise_mv=0.001, wander_mv=0.0)
    calm = _ecg(seconds=60, ecg_noise_mv=0.001, wander_mv=0.0)
    f_hz, power = welch(fibrillating, ECG_HZ, nperseg=2048)
    _, usual = welch(calm, ECG_HZ, nperseg=2048)
    near = (f_hz > 5.5) & (f_hz < 7)
    assert power[near].max() > 0.0
    assert np.corrcoef(power, usual)[0, 1] < 0.99


@pytest.mark.parametrize("snr_db", [-6.0, 0.0, 12.0])
def test_noise_is_as_strong_as_asked_for(snr_db):
    clean = _ecg(seconds=240)  # once round the loop of noise
    noisy = _ecg(event("motion", 0, 240, snr=snr_db), seconds=240)
    qrs = np.median([np.ptp(clean[i - 12 : i + 13]) for i in _peaks(clean)])
    measured = 20 * np.log10(qrs / np.sqrt(8) / noise_size(noisy - clean))
    assert measured == pytest.approx(snr_db, abs=1)


def _peaks(x):
    high = np.flatnonzero((x > 0.6 * x.max()) & (x == np.maximum.reduce(
        [np.roll(x, k) for k in range(-30, 31)])))  # fmt: skip
    return [i for i in high if 20 < i < len(x) - 20]


def test_noise_to_signal_follows_the_rule_of_nst():
    assert noise_rms_mv(2.0, 0) == pytest.approx(2 / np.sqrt(8))
    assert noise_rms_mv(2.0, 20) == pytest.approx(0.2 / np.sqrt(8))


def test_recorded_noise_is_used_where_it_is_there():
    bank = NoiseBank(recordings("nstdb"))
    assert bank.source == "nstdb"
    made = NoiseBank()
    assert made.source == "made"
    for name in ("motion", "muscle"):
        f_hz, real = welch(getattr(bank, name), ECG_HZ, nperseg=1024)
        _, ours = welch(getattr(made, name), ECG_HZ, nperseg=1024)
        low = f_hz < 10
        # Most of the power of electrode motion, not of muscle, lies below 10 Hz: as in the record.
        assert abs(real[low].sum() / real.sum() - ours[low].sum() / ours.sum()) < 0.25


def test_mains_have_their_frequency_and_size():
    x = _ecg(event("mains", 0, 20, amplitude=0.3, frequency=50)) - _ecg()
    spectrum = np.abs(np.fft.rfft(x[500:4500])) * 2 / 4000
    assert np.fft.rfftfreq(4000, 1 / ECG_HZ)[spectrum.argmax()] == pytest.approx(50, abs=0.1)
    assert spectrum.max() == pytest.approx(0.3, rel=0.02)


def test_an_electrode_that_is_off_is_at_the_rail_flat_or_hums():
    span = slice(5 * ECG_HZ + 1, 10 * ECG_HZ)
    rail, flat, hum = (_ecg(event("lead_off", 5, 10, form=form))[span] for form in (0, 1, 2))
    assert (rail == RAIL * ECG_SCALE_MV).all()
    assert np.ptp(flat) < 0.03
    assert np.ptp(hum) > 2


def test_saturation_clips_at_its_range():
    x = _ecg(event("saturation", 0, 20, range=0.5))
    assert np.abs(x).max() <= 0.5 + ECG_SCALE_MV


def test_faults_end_when_they_end():
    faults = [event("motion", 5, 8), event("wander", 5, 8), event("lead_off", 6, 7)]
    changed = _ecg(*faults) != _ecg()
    assert not changed[: 5 * ECG_HZ].any()
    assert not changed[8 * ECG_HZ :].any()
    assert changed[5 * ECG_HZ : 8 * ECG_HZ].mean() > 0.9


def test_a_pulse_follows_each_beat_and_none_comes_in_fibrillation():
    beats: list[float] = []
    x = _wave("ppg", event("vf", 10, 18), beats=beats, pulse_delay_s=0.2)[:, 0]
    r_s = [t for t in beats if 1 < t < 8]
    for t in r_s:
        rise = x[round((t + 0.2) * 100) : round((t + 0.45) * 100)]
        assert rise.max() - x[round((t + 0.2) * 100)] > 0.4
    assert np.ptp(x[1300:1750]) < 0.5 * np.ptp(x[100:800])


def test_acceleration_at_rest_is_that_of_gravity():
    x = _wave("acceleration")
    assert np.linalg.norm(x.mean(axis=0)) == pytest.approx(9.81, abs=0.15)
    assert x.std(axis=0).max() < 0.1


def test_walking_is_seen_at_the_cadence():
    x = _wave("acceleration", event("effort", 0, 60, level=0.5), seconds=60)[500:, 2]
    f_hz, power = welch(x - x.mean(), 50, nperseg=1024)
    assert 1.2 < f_hz[power.argmax()] < 3.5
    assert x.std() > 0.5
