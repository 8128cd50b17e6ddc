"""Samples of ECG, PPG and acceleration, put together from tables; everybody's window at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from processors.kernels.draw import bits, uniform

# Streams of random numbers of a person.
NOISE, SLOW_A, SLOW_B, STEP_NOISE = 400, 401, 402, 403
BLOCK = 64  # samples of table noise in one piece


@njit(cache=True, nogil=True, error_model="numpy")
def draw_ecg(
    i0: int,
    n: int,
    fs_hz: float,
    slots: NDArray[np.int32],
    people: NDArray[Any],
    beats: NDArray[Any],
    newest: NDArray[np.int64],
    seconds: NDArray[Any],
    shapes: NDArray[np.float32],
    lead_in: int,
    noise: NDArray[np.float32],
    out_mv: NDArray[np.float32],
) -> None:
    """Write the ECG of each slot, mV: beats, breath, wander and noise; float32 ``[k, n]``.

    Noise comes from a table in pieces of 64 samples, each from a place that person and count draw.
    """
    kept = beats.shape[1]
    n_shape = shapes.shape[2]
    n_noise = np.uint64(len(noise) - 2 * BLOCK)
    lead_in_s = lead_in / 1000.0
    for k in range(len(slots)):
        slot = slots[k]
        person = people[slot]
        seed = person.seed
        row = out_mv[k]
        from_s = i0 / fs_hz
        to_s = (i0 + n) / fs_hz
        f_a = 0.025 + 0.05 * uniform(seed, SLOW_A, 0)
        f_b = 0.09 + 0.08 * uniform(seed, SLOW_B, 0)
        p_a = uniform(seed, SLOW_A, 1)
        p_b = uniform(seed, SLOW_B, 1)
        scale = person.ecg_noise_mv
        block = -1
        at = np.int64(0)
        low = rise = 0.0
        for i in range(n):
            if (i0 + i) // BLOCK != block:
                # Breath and slow swings are drawn at the ends of a block and joined.
                block = (i0 + i) // BLOCK
                at = np.int64(bits(seed, NOISE, block) % n_noise) - block * BLOCK
                start_s = block * BLOCK / fs_hz
                end_s = (block + 1) * BLOCK / fs_hz
                low = (
                    _swing(f_a, p_a, start_s)
                    + 0.6 * _swing(f_b, p_b, start_s)
                    + 0.7 * _breath(seconds, slot, start_s)
                )
                high = (
                    _swing(f_a, p_a, end_s)
                    + 0.6 * _swing(f_b, p_b, end_s)
                    + 0.7 * _breath(seconds, slot, end_s)
                )
                low *= person.wander_mv
                rise = (high * person.wander_mv - low) / BLOCK
            inside = i0 + i - block * BLOCK
            row[i] = low + rise * inside + scale * noise[at + i0 + i]
        body = person.body % shapes.shape[0]
        first = max(newest[slot] - kept + 1, 0)
        for b in range(first, newest[slot] + 1):
            beat = beats[slot, b % kept]
            r_s = beat.r_s
            stretch = beat.qt_scale
            # What comes after the QRS (100 ms) is stretched with the QT.
            tail_s = 0.1 + ((n_shape - 1 - lead_in) / 1000.0 - 0.1) * stretch
            if r_s - lead_in_s >= to_s or r_s + tail_s <= from_s:
                continue
            gain = person.ecg_gain * (1.0 + 0.04 * _breath(seconds, slot, max(r_s, 0.0)))
            begin = max(0, math.ceil((r_s - lead_in_s) * fs_hz) - i0)
            end = min(n, math.floor((r_s + tail_s) * fs_hz) + 1 - i0)
            shape = shapes[body, beat.shape]
            for i in range(begin, end):
                u = ((i0 + i) / fs_hz - r_s) * 1000.0
                if u > 100.0:
                    u = 100.0 + (u - 100.0) / stretch
                j = int(u + lead_in + 0.5)
                if 0 <= j < n_shape:
                    row[i] += gain * shape[j]


@njit(cache=True, nogil=True, error_model="numpy")
def draw_ppg(
    i0: int,
    n: int,
    fs_hz: float,
    slots: NDArray[np.int32],
    people: NDArray[Any],
    beats: NDArray[Any],
    newest: NDArray[np.int64],
    seconds: NDArray[Any],
    pulses: NDArray[np.float32],
    kinds: NDArray[np.int32],
    noise: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Write the PPG of each slot: a pulse for each beat, breath and steps; float32 ``[k, n]``."""
    kept = beats.shape[1]
    n_pulse = pulses.shape[1]
    n_noise = np.uint64(len(noise) - 2 * BLOCK)
    for k in range(len(slots)):
        slot = slots[k]
        person = people[slot]
        seed = person.seed
        row = out[k]
        from_s, to_s = i0 / fs_hz, (i0 + n) / fs_hz
        block = -1
        at = np.int64(0)
        low = rise = 0.0
        for i in range(n):
            if (i0 + i) // BLOCK != block:
                block = (i0 + i) // BLOCK
                at = np.int64(bits(seed, NOISE + 1, block) % n_noise) - block * BLOCK
                low = _breath(seconds, slot, block * BLOCK / fs_hz)
                rise = (_breath(seconds, slot, (block + 1) * BLOCK / fs_hz) - low) / BLOCK
            t = (i0 + i) / fs_hz
            inside = i0 + i - block * BLOCK
            row[i] = 0.15 * (low + rise * inside) + 0.012 * noise[at + i0 + i]
            second = seconds[slot, int(t) % seconds.shape[1]]
            if second.cadence > 0:
                steps = second.step_phase + (t - math.floor(t)) * second.cadence / 60.0
                shake = 0.35 * min(second.cadence / 100.0, 1.5)
                row[i] += (
                    shake * math.sin(2 * math.pi * steps) * (0.7 + 0.3 * math.sin(0.37 * steps))
                )
        pulse = pulses[kinds[k]]
        first = max(newest[slot] - kept + 1, 0)
        for b in range(first, newest[slot] + 1):
            beat = beats[slot, b % kept]
            r_s = max(beat.r_s, 0.0)
            second = seconds[slot, int(r_s) % seconds.shape[1]]
            foot_s = beat.r_s + person.pulse_delay_s * (1.0 - 0.2 * min(second.effort, 1.0))
            if foot_s >= to_s or foot_s + n_pulse / 1000.0 <= from_s or beat.fill <= 0.0:
                continue
            size = person.ppg_gain * (1.0 + 0.08 * _breath(seconds, slot, r_s))
            begin = max(0, math.ceil(foot_s * fs_hz) - i0)
            end = min(n, math.floor((foot_s + n_pulse / 1000.0) * fs_hz) + 1 - i0)
            for i in range(begin, end):
                j = int(((i0 + i) / fs_hz - foot_s) * 1000.0 + 0.5)
                if 0 <= j < n_pulse:
                    row[i] += size * beat.fill * pulse[j]


@njit(cache=True, nogil=True, error_model="numpy")
def draw_motion(
    i0: int,
    n: int,
    fs_hz: float,
    slots: NDArray[np.int32],
    people: NDArray[Any],
    seconds: NDArray[Any],
    noise: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Write the acceleration of each slot, m/s2: gravity, steps, tremor; float32 ``[k, n, 3]``."""
    n_noise = np.uint64(len(noise) - 2 * BLOCK)
    gravity = 9.80665  # m/s2, standard gravity
    for k in range(len(slots)):
        slot = slots[k]
        seed = people[slot].seed
        tilt = 0.35 * (uniform(seed, STEP_NOISE, 0) - 0.5)
        block = -1
        at = np.int64(0)
        for i in range(n):
            if (i0 + i) // BLOCK != block:
                block = (i0 + i) // BLOCK
                at = np.int64(bits(seed, STEP_NOISE, block + 1) % n_noise) - block * BLOCK
            t = (i0 + i) / fs_hz
            second = seconds[slot, int(t) % seconds.shape[1]]
            lie = 1.2 if second.posture == 2 else (0.5 if second.posture == 1 else 0.0)
            x, y, z = gravity * math.sin(tilt + lie), 0.0, gravity * math.cos(tilt + lie)
            grain = noise[at + i0 + i]
            if second.cadence > 0:
                steps = second.step_phase + (t - math.floor(t)) * second.cadence / 60.0
                size = 0.8 + 1.7 * second.speed
                turn = 2 * math.pi * steps
                z += size * (math.sin(turn) + 0.45 * math.sin(2 * turn + 0.7))
                x += 0.5 * size * math.sin(turn + 1.1)
                y += 0.45 * size * math.sin(0.5 * turn)
                out[k, i, 0] = x + 0.25 * grain
                out[k, i, 1] = y + 0.2 * grain
                out[k, i, 2] = z + 0.3 * grain
            else:
                out[k, i, 0] = x + 0.03 * grain
                out[k, i, 1] = y + 0.03 * grain
                out[k, i, 2] = z + 0.03 * grain


@njit(cache=True, nogil=True, error_model="numpy")
def _swing(f_hz: float, phase: float, t_s: float) -> float:
    return math.sin(2 * math.pi * (f_hz * t_s + phase))


@njit(cache=True, nogil=True, error_model="numpy")
def _breath(seconds: NDArray[Any], slot: int, t_s: float) -> float:
    """Give where the chest is, -1 to 1."""
    k = math.floor(t_s)
    second = seconds[slot, k % seconds.shape[1]]
    phase = second.breath_phase + (t_s - k) * second.breath_rate / 60.0
    return math.sin(2 * math.pi * phase)
