"""What sensors on the body see of hearts and bodies: ECG, PPG and acceleration, with their faults.

A sample depends on its index, the person, the body and the beats around it only, so windows of any
length give the same samples. Noise comes from tables, from places that follow from the person and
the count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from device_bridges.simulator.acts import (
    Acts,
    Loops,
    ecg_acts,
    loops_at,
    made_loops,
    motion_acts,
    ppg_acts,
)
from device_bridges.simulator.kernels import ecg, motion, ppg
from device_bridges.simulator.kernels.errors import spread
from device_bridges.simulator.kernels.faults import add_acts, spoil
from device_bridges.simulator.noise import NoiseBank
from device_bridges.simulator.plan import Plan
from device_bridges.simulator.shapes import (
    BODIES,
    LEAD_IN,
    PULSE_AGES,
    beat_shapes,
    pulse_shapes,
    qrs_mv,
)
from device_bridges.simulator.textures import LENGTH, envelope, texture

ECG_HZ, PPG_HZ, MOTION_HZ = ecg.FS_HZ, ppg.FS_HZ, motion.FS_HZ
ECG_SCALE_MV = 0.0003  # mV per count: rails at 9.8 mV
PPG_SCALE = 0.0005
MOTION_SCALE = 0.01  # m/s2 per count
RAIL = 32_767
_SEED = 1903
_MOST_NOISE = 64  # samples of a piece of noise
_PLACE, _BREATH, _SWELL, _STEP, _TILT, _ROLL = range(780, 786)  # streams of random numbers
_WANDER = ((0.02, 1.0), (0.08, 1.0), (0.25, 0.2), (0.6, 0.02))  # Hz, power per Hz; default
_SLOW_NOISE = ((0.5, 40.0), (40.0, 0.5))  # pink

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Tables:
    """Noise with a root mean square of 1, float32, and one cycle of a sine."""

    grain: Floats32
    slow: Floats32
    wander: Floats32
    sine: Floats32
    envelope: Floats32


@cache
def _tables() -> _Tables:
    white = np.random.default_rng(_SEED).standard_normal(LENGTH)
    return _Tables(
        grain=np.concatenate([white, white[:_MOST_NOISE]]).astype(np.float32),
        slow=texture(_SLOW_NOISE, ECG_HZ, _SEED + 1).astype(np.float32),
        wander=texture(_WANDER, ECG_HZ / ecg.BLOCK, _SEED + 2).astype(np.float32),
        sine=np.sin(2 * np.pi * np.arange(ecg.CYCLE) / ecg.CYCLE).astype(np.float32),
        envelope=envelope(0.45, ECG_HZ, _SEED + 3),
    )


def _drawn(seeds: NDArray[np.uint64], stream: int, low: float, high: float) -> Floats:
    """Draw one number of each person, evenly between two."""
    values = np.empty(len(seeds))
    spread(seeds, stream, values)
    return low + (high - low) * values


def _added(
    acts: NDArray[Any], i0: int, shape: tuple[int, ...], fs_hz: int, loops: Loops
) -> Floats32:
    """Sum up what acts: float32 ``[places, n]``."""
    added = np.zeros(shape, np.float32)
    if len(acts):
        add_acts(i0, float(fs_hz), acts, loops.values, _tables().envelope, added)
    return added


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
        people = plan.people[slots]
        seeds = np.ascontiguousarray(people["seed"])
        self._slots = np.asarray(slots, np.int32)
        own = self._own = np.zeros(len(slots), ecg.ECG_OWN)
        own["seed"], own["body"] = seeds, people["body"] % BODIES
        own["gain"], own["noise_mv"] = people["ecg_gain"], people["ecg_noise_mv"]
        own["wander_mv"] = people["wander_mv"]
        own["breath_mv"] = people["wander_mv"] * _drawn(seeds, _BREATH, 0.5, 1.3)
        own["swell"] = _drawn(seeds, _SWELL, 0.01, 0.07)
        own["step_mv"] = _drawn(seeds, _STEP, 0.015, 0.06)
        own["slow_at"] = _drawn(seeds, _PLACE, 0, LENGTH)
        self._loops = loops_at(noise, ECG_HZ)
        sizes = qrs_mv()[own["body"]] * own["gain"]
        self._acts = Acts(ecg_acts(plan, slots, self._loops, sizes), len(slots))

    def samples(
        self,
        i0: int,
        i1: int,
        beats: NDArray[Any],
        newest: NDArray[np.int64],
        seconds: NDArray[Any],
    ) -> NDArray[np.int16]:
        """Give samples ``i0`` to ``i1``, sample i at ``i / fs_hz`` s: int16 ``[k, i1 - i0]``."""
        n, tables = i1 - i0, _tables()
        span_s = i0 / ECG_HZ, i1 / ECG_HZ
        acts, place, n_places = self._acts.adding(*span_s)
        added = _added(acts, i0, (n_places, n), ECG_HZ, self._loops)
        counts = np.empty((len(self._slots), n), np.int16)
        ecg.draw_ecg(
            i0, self._slots, self._own, beats, newest, seconds, beat_shapes(), LEAD_IN,
            tables.grain, tables.slow, tables.wander, tables.sine, place, added, ECG_SCALE_MV,
            np.empty(n, np.float32), counts,
        )  # fmt: skip
        spoil(i0, float(ECG_HZ), self._acts.spoiling(*span_s), tables.grain, ECG_SCALE_MV, counts)
        return counts


class PpgWaves:
    """PPG of those who wear it, in counts; arbitrary units, a usual pulse is 1 high."""

    fs_hz = PPG_HZ
    scale = PPG_SCALE

    def __init__(self, plan: Plan, slots: NDArray[np.int32]) -> None:
        people = plan.people[slots]
        seeds = np.ascontiguousarray(people["seed"])
        self._slots = np.asarray(slots, np.int32)
        own = self._own = np.zeros(len(slots), ppg.PPG_OWN)
        own["seed"], own["gain"] = seeds, people["ppg_gain"]
        own["delay_s"] = people["pulse_delay_s"]
        own["pulse"] = np.abs(people["age_years"][:, None] - PULSE_AGES).argmin(axis=1)
        own["step_size"] = _drawn(seeds, _STEP, 0.1, 0.4)
        own["slow_at"] = _drawn(seeds, _PLACE, 0, LENGTH)
        self._loops = made_loops(PPG_HZ)
        self._acts = Acts(ppg_acts(plan, slots, self._loops), len(slots))

    def samples(
        self,
        i0: int,
        i1: int,
        beats: NDArray[Any],
        newest: NDArray[np.int64],
        seconds: NDArray[Any],
    ) -> NDArray[np.int16]:
        """Give samples ``i0`` to ``i1``: int16 ``[k, i1 - i0]``."""
        n, tables = i1 - i0, _tables()
        span_s = i0 / PPG_HZ, i1 / PPG_HZ
        acts, place, n_places = self._acts.adding(*span_s)
        added = _added(acts, i0, (n_places, n), PPG_HZ, self._loops)
        counts = np.empty((len(self._slots), n), np.int16)
        ppg.draw_ppg(
            i0, self._slots, self._own, beats, newest, seconds, pulse_shapes(), tables.grain,
            tables.wander, place, added, PPG_SCALE, np.empty(n, np.float32), counts,
        )  # fmt: skip
        spoil(i0, float(PPG_HZ), self._acts.spoiling(*span_s), tables.grain, PPG_SCALE, counts)
        return counts


class MotionWaves:
    """Acceleration of those who wear a sensor of it, in counts, three axes."""

    fs_hz = MOTION_HZ
    scale = MOTION_SCALE

    def __init__(self, plan: Plan, slots: NDArray[np.int32]) -> None:
        seeds = np.ascontiguousarray(plan.people["seed"][slots])
        self._slots = np.asarray(slots, np.int32)
        own = self._own = np.zeros(len(slots), motion.MOTION_OWN)
        own["seed"] = seeds
        own["tilt"] = _drawn(seeds, _TILT, -0.2, 0.2)
        own["roll"] = _drawn(seeds, _ROLL, -0.1, 0.1)
        own["size"] = _drawn(seeds, _STEP, 0.75, 1.25)
        self._loops = made_loops(MOTION_HZ)
        self._acts = Acts(motion_acts(plan, slots, self._loops), 3 * len(slots))

    def samples(
        self,
        i0: int,
        i1: int,
        beats: NDArray[Any],
        newest: NDArray[np.int64],
        seconds: NDArray[Any],
    ) -> NDArray[np.int16]:
        """Give samples ``i0`` to ``i1``: int16 ``[k, i1 - i0, 3]``."""
        n = i1 - i0
        acts, place, n_places = self._acts.adding(i0 / MOTION_HZ, i1 / MOTION_HZ)
        added = _added(acts, i0, (n_places, n), MOTION_HZ, self._loops)
        counts = np.empty((len(self._slots), n, 3), np.int16)
        motion.draw_motion(
            i0, self._slots, self._own, seconds, _tables().grain,
            np.where(place[::3] >= 0, place[::3] // 3, -1), added.reshape(-1, 3, n), MOTION_SCALE,
            counts,
        )  # fmt: skip
        return counts
