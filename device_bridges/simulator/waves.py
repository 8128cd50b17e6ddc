"""What sensors on the body see of hearts and bodies: ECG, PPG and acceleration, with their faults.

A sample depends on its index, the person, the body and the beats around it only, so windows of any
length give the same samples.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt

from device_bridges.simulator.events import Kind
from device_bridges.simulator.kernels.wave import draw_ecg, draw_motion, draw_ppg
from device_bridges.simulator.noise import NoiseBank, made_noise, noise_rms_mv
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.shapes import (
    BODIES,
    LEAD_IN,
    PULSE_AGES,
    beat_shapes,
    pulse_shapes,
    qrs_mv,
)

ECG_HZ, PPG_HZ, MOTION_HZ = 250, 100, 50
ECG_SCALE_MV = 0.0003  # mV per count: rails at 9.8 mV
PPG_SCALE = 0.0005
MOTION_SCALE = 0.01  # m/s2 per count
RAIL = 32_767
_NOISE = 1 << 16
_TABLE_S = 120
_SEED = 1903
_ALL = -1

Floats32 = NDArray[np.float32]


@cache
def _grain() -> Floats32:
    """Give a table of noise, mostly white, some of it slower: as amplifiers have."""
    rng = np.random.default_rng(_SEED)
    white = rng.standard_normal(_NOISE)
    slow = sosfiltfilt(butter(1, 15.0, "lowpass", fs=ECG_HZ, output="sos"), white)
    mixed = white + 1.5 * slow / slow.std() * 0.5
    table: Floats32 = (mixed / mixed.std()).astype(np.float32)
    return table


@cache
def _fibrillation() -> Floats32:
    """Give ventricular fibrillation, RMS 1, two minutes that can be gone round: 3 to 7 Hz."""
    rng = np.random.default_rng(_SEED + 1)
    n = _TABLE_S * ECG_HZ
    slow = butter(2, 0.5, "lowpass", fs=ECG_HZ, output="sos")
    wave = np.zeros(n)
    for f_hz, size in ((4.4, 1.0), (5.3, 0.6), (3.4, 0.45), (8.9, 0.2)):
        bend = sosfiltfilt(slow, rng.standard_normal(n), padtype=None)
        swell = sosfiltfilt(slow, rng.standard_normal(n), padtype=None)
        phase = 2 * np.pi * np.cumsum(f_hz * (1 + 0.12 * bend / bend.std())) / ECG_HZ
        wave += size * np.exp(0.45 * swell / swell.std()) * np.sin(phase + rng.uniform(0, 6))
    table: Floats32 = (wave / wave.std()).astype(np.float32)
    return table


@cache
def _flutter_of_atria() -> Floats32:
    """Give f waves, RMS 1: 4 to 9 Hz, sharper than a sine, swelling and ebbing."""
    rng = np.random.default_rng(_SEED + 2)
    n = _TABLE_S * ECG_HZ
    slow = butter(2, 0.8, "lowpass", fs=ECG_HZ, output="sos")
    bend = sosfiltfilt(slow, rng.standard_normal(n), padtype=None)
    swell = sosfiltfilt(slow, rng.standard_normal(n), padtype=None)
    phase = 2 * np.pi * np.cumsum(6.2 * (1 + 0.08 * bend / bend.std())) / ECG_HZ
    wave = np.sin(phase) + 0.35 * np.sin(2 * phase) + 0.12 * np.sin(3 * phase)
    wave *= np.exp(0.4 * swell / swell.std())
    table: Floats32 = (wave / wave.std()).astype(np.float32)
    return table


class EcgWaves:
    """ECG of those who wear it, in counts.

    Attributes
    ----------
    fs_hz, scale
        Rate; mV per count.
    """

    fs_hz = ECG_HZ
    scale = ECG_SCALE_MV

    def __init__(self, plan: Plan, slots: NDArray[np.int32], noise: NoiseBank) -> None:
        self._people = plan.people
        self._slots = slots
        self._bank = noise
        kinds = (Kind.AF, Kind.VF, *(k for k in Kind if Kind.WANDER <= k <= Kind.SATURATION))
        self._rows, self._events = _events_of(plan, slots, kinds, "ecg")
        body = plan.people["body"][slots] % BODIES
        self._qrs_mv = qrs_mv()[body] * plan.people["ecg_gain"][slots]
        self._random = (plan.people["seed"][slots] % np.uint64(1 << 31)).astype(np.int64)

    def samples(
        self,
        i0: int,
        i1: int,
        beats: NDArray[Any],
        newest: NDArray[np.int64],
        seconds: NDArray[Any],
    ) -> NDArray[np.int16]:
        """Give samples ``i0`` to ``i1``, sample i at ``i / fs_hz`` s: int16 ``[k, i1 - i0]``."""
        mv = np.empty((len(self._slots), i1 - i0), np.float32)
        draw_ecg(
            i0, i1 - i0, float(ECG_HZ), self._slots, self._people, beats, newest, seconds,
            beat_shapes(), LEAD_IN, _grain(), mv,
        )  # fmt: skip
        rails = self._disturb(mv, i0, i1)
        counts = _counts(mv / ECG_SCALE_MV)
        for row, off in rails:
            counts[row, off] = RAIL
        return counts

    def _disturb(self, mv: Floats32, i0: int, i1: int) -> list[tuple[int, NDArray[np.bool_]]]:
        """Add what rhythms without beats and faults do; give where an electrode is at the rail."""
        events = self._events
        on = np.flatnonzero((events["start_s"] < i1 / ECG_HZ) & (events["end_s"] * ECG_HZ > i0))
        rails = []
        # Clipping and loose electrodes come last: they act on what all others give.
        for e in sorted(on.tolist(), key=lambda e: int(events["kind"][e] >= Kind.LEAD_OFF)):
            event, row = events[e], int(self._rows[e])
            i = np.arange(i0, i1)
            t_s = i / ECG_HZ
            within = (t_s >= event["start_s"]) & (t_s < event["end_s"])
            kind = int(event["kind"])
            if kind == Kind.LEAD_OFF and event["a"] == 0:
                rails.append((row, within))
                continue
            mv[row, within] = self._altered(event, kind, row, mv[row], i, t_s)[within]
        return rails

    def _altered(
        self,
        event: Any,
        kind: int,
        row: int,
        mv: Floats32,
        i: NDArray[np.int64],
        t_s: NDArray[np.float64],
    ) -> Floats32:
        at = i + self._random[row]
        since_s = t_s - event["start_s"]
        changed: NDArray[Any]
        if kind == Kind.AF:
            changed = mv + 0.05 * _flutter_of_atria()[at % len(_flutter_of_atria())]
        elif kind == Kind.VF:
            # Coarse at first, finer with the minutes.
            size = 0.12 + 0.33 * np.exp(-since_s / 180.0)
            changed = mv + size * _fibrillation()[at % len(_fibrillation())]
        elif kind == Kind.WANDER:
            f_hz = 0.12 + 0.2 * (self._random[row] % 997) / 997
            changed = mv + event["a"] * (
                0.7 * np.sin(2 * math.pi * f_hz * t_s) + 0.3 * np.sin(math.pi * f_hz * t_s + 1)
            )
        elif kind in (Kind.MOTION, Kind.MUSCLE):
            noise = self._bank.motion if kind == Kind.MOTION else self._bank.muscle
            rms = noise_rms_mv(float(self._qrs_mv[row]), float(event["a"]))
            changed = mv + rms * noise[at % len(noise)]
        elif kind == Kind.MAINS:
            changed = mv + event["a"] * np.sin(2 * math.pi * event["b"] * t_s)
        elif kind == Kind.SATURATION:
            changed = np.clip(mv, -event["a"], event["a"])
        elif event["a"] == 1:  # an electrode is off, the input drifts to nothing
            changed = 0.002 * _grain()[at % _NOISE]
        else:  # it is off and picks up the mains
            changed = 1.5 * np.sin(2 * math.pi * 60.0 * t_s) + 0.02 * _grain()[at % _NOISE]
        altered: Floats32 = changed.astype(np.float32)
        return altered


class PpgWaves:
    """PPG of those who wear it, in counts; arbitrary units, a usual pulse is 1 high."""

    fs_hz = PPG_HZ
    scale = PPG_SCALE

    def __init__(self, plan: Plan, slots: NDArray[np.int32]) -> None:
        self._people = plan.people
        self._slots = slots
        ages = plan.people["age_years"][slots]
        nearest = np.abs(ages[:, None] - PULSE_AGES).argmin(axis=1)
        self._kinds = nearest.astype(np.int32)
        self._rows, self._events = _events_of(plan, slots, (Kind.MOTION,), "ppg", "ecg")
        self._random = (plan.people["seed"][slots] % np.uint64(1 << 31)).astype(np.int64)
        self._motion = made_noise().motion

    def samples(
        self,
        i0: int,
        i1: int,
        beats: NDArray[Any],
        newest: NDArray[np.int64],
        seconds: NDArray[Any],
    ) -> NDArray[np.int16]:
        """Give samples ``i0`` to ``i1``: int16 ``[k, i1 - i0]``."""
        height = np.empty((len(self._slots), i1 - i0), np.float32)
        draw_ppg(
            i0, i1 - i0, float(PPG_HZ), self._slots, self._people, beats, newest, seconds,
            pulse_shapes(), self._kinds, _grain(), height,
        )  # fmt: skip
        events = self._events
        on = (events["start_s"] < i1 / PPG_HZ) & (events["end_s"] * PPG_HZ > i0)
        for e in np.flatnonzero(on).tolist():
            i = np.arange(i0, i1)
            within = (i >= events["start_s"][e] * PPG_HZ) & (i < events["end_s"][e] * PPG_HZ)
            at = (i * 5 // 2 + self._random[self._rows[e]]) % len(self._motion)
            size = 0.8 * 10.0 ** (-events["a"][e] / 20.0)
            height[self._rows[e], within] += (size * self._motion[at])[within]
        return _counts(height / PPG_SCALE)


class MotionWaves:
    """Acceleration of those who wear a sensor of it, in counts, three axes."""

    fs_hz = MOTION_HZ
    scale = MOTION_SCALE

    def __init__(self, plan: Plan, slots: NDArray[np.int32]) -> None:
        self._people = plan.people
        self._slots = slots

    def samples(
        self,
        i0: int,
        i1: int,
        beats: NDArray[Any],
        newest: NDArray[np.int64],
        seconds: NDArray[Any],
    ) -> NDArray[np.int16]:
        """Give samples ``i0`` to ``i1``: int16 ``[k, i1 - i0, 3]``."""
        m_s2 = np.empty((len(self._slots), i1 - i0, 3), np.float32)
        draw_motion(
            i0, i1 - i0, float(MOTION_HZ), self._slots, self._people, seconds, _grain(), m_s2
        )
        return _counts(m_s2 / MOTION_SCALE)


def _counts(scaled: Floats32) -> NDArray[np.int16]:
    counts: NDArray[np.int16] = np.rint(np.clip(scaled, -RAIL, RAIL)).astype(np.int16)
    return counts


def _events_of(
    plan: Plan, slots: NDArray[np.int32], kinds: tuple[Kind, ...], *signals: str
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Give the events of some kinds that act on a sensor, with their rows among its slots."""
    place = np.full(plan.n, -1)
    place[slots] = np.arange(len(slots))
    events = plan.events
    indices = [plan.signal_names.index(name) for name in signals if name in plan.signal_names]
    mine = np.isin(events["kind"], kinds) & (place[events["slot"]] >= 0)
    mine &= np.isin(events["signal"], [_ALL, *indices])
    return place[events["slot"][mine]], events[mine]
