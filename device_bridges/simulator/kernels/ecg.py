"""Samples of the ECG: beats from tables, breath, wander, steps, noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from processors.kernels.compiling import entry
from processors.kernels.draw import bits, uniform

FS_HZ = 250
MS = 4  # per sample
BLOCK = 50  # samples between two knots of what is slow; noise is laid in pieces of as many
GRAIN = 1 << 16  # samples in the table of noise, which is followed by its first BLOCK
CYCLE = 1 << 12  # samples in the table of a sine
BEAT_JITTER, NOISE = 700, 701  # streams of random numbers
QRS_MS, WIDE_QRS_MS = 55, 100  # from R to where QT stretches the shape: usual, ventricular
FIRST_WIDE = 3  # shapes from here on are wide, tables.VENTRICULAR_A
P_MS = 60  # before it the shape moves with PR, which shortens with QT, less
P_SHARE = 0.3  # default
JITTER, WIDE_JITTER = 0.02, 0.06  # default: how much the size of a beat varies, +- share
TIRED = 1.2  # default: how much noise grows with effort 1

# What is drawn for one person once.
ECG_OWN = np.dtype(
    [
        ("seed", np.uint64),
        ("body", np.int64),
        ("gain", np.float64),
        ("noise_mv", np.float64),
        ("wander_mv", np.float64),  # RMS
        ("breath_mv", np.float64),  # amplitude
        ("swell", np.float64),  # share by which breath changes the size of beats
        ("step_mv", np.float64),  # amplitude of each step at 100 a minute
        ("slow_at", np.int64),  # where this person's wander and slow noise begin in their tables
    ],
    align=True,
)


@entry
def draw_ecg(
    i0: int,
    slots: NDArray[np.int32],
    own: NDArray[Any],
    beats: NDArray[Any],
    newest: NDArray[np.int64],
    seconds: NDArray[Any],
    shapes: NDArray[np.float32],
    lead_in: int,
    grain: NDArray[np.float32],
    slow: NDArray[np.float32],
    wander: NDArray[np.float32],
    sine: NDArray[np.float32],
    added_row: NDArray[np.int32],
    added: NDArray[np.float32],
    scale: float,
    sums: NDArray[np.float32],
    counts: NDArray[np.int16],
) -> None:
    """Fill the counts of each row, samples ``i0`` on.

    Parameters
    ----------
    slots, own
        int32 ``[k]``; dtype `ECG_OWN` ``[k]``.
    beats, newest, seconds
        Rings by slot, see `device_bridges.simulator.tables`.
    shapes
        float32 ``[bodies, shapes, m]``, mV at 1000 Hz, R at `lead_in`, 0 at both ends.
    grain, slow, wander, sine
        Tables, RMS 1, but for the sine's: noise without and with memory at 250 Hz, wander at its
        knots, one cycle.
    added_row, added
        int32 ``[k]``: row of `added` that belongs to a row, -1 none; float32 ``[m, n]``, mV.
    sums
        float32 ``[n]``, scratch.
    counts
        int16 ``[k, n]``, filled.
    """
    n = counts.shape[1]
    slow_mask, wander_mask = len(slow) - 1, len(wander) - 1
    per_mv = 1.0 / scale
    for k in range(len(slots)):
        one = own[k]
        slot = slots[k]
        _beats(i0, n, one, beats[slot], newest[slot], shapes[one.body], lead_in, sums)
        row = counts[k]
        extra = added_row[k]
        block = i0 // BLOCK
        base, gain, noise, shake, step = _knot(block, seconds[slot], one, wander, wander_mask)
        while block * BLOCK < i0 + n:
            next_base, next_gain, next_noise, next_shake, next_step = _knot(
                block + 1, seconds[slot], one, wander, wander_mask
            )
            begin, end = max(block * BLOCK, i0), min((block + 1) * BLOCK, i0 + n)
            at: Any = np.int64(bits(one.seed, NOISE, block) % np.uint64(GRAIN)) - block * BLOCK
            base_rise, gain_rise = (next_base - base) / BLOCK, (next_gain - gain) / BLOCK
            noise_rise = (next_noise - noise) / BLOCK
            for i in range(begin, end):
                x = np.float32(i - block * BLOCK)
                grains = np.float32(0.8) * grain[at + i]
                grains += np.float32(0.6) * slow[(one.slow_at + i) & slow_mask]
                sums[i - i0] = (
                    sums[i - i0] * (np.float32(gain) + np.float32(gain_rise) * x)
                    + (np.float32(base) + np.float32(base_rise) * x)
                    + grains * (np.float32(noise) + np.float32(noise_rise) * x)
                )
            if shake > 0.0 or next_shake > 0.0:
                for i in range(begin, end):
                    share = (i - block * BLOCK) / BLOCK
                    turn = int((step + (next_step - step) * share) * CYCLE)
                    # Each step pulls the electrode twice: at the heel and at the toe.
                    pull = sine[turn & (CYCLE - 1)] + 0.6 * sine[(2 * turn + 700) & (CYCLE - 1)]
                    sums[i - i0] += np.float32((shake + (next_shake - shake) * share) * pull)
            block += 1
            base, gain, noise, shake, step = next_base, next_gain, next_noise, next_shake, next_step
        if extra >= 0:
            for j in range(n):
                sums[j] += added[extra, j]
        for j in range(n):
            row[j] = np.int16(max(-32767.0, min(32767.0, np.rint(sums[j] * per_mv))))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _knot(
    block: int, seconds: NDArray[Any], one: Any, wander: NDArray[np.float32], mask: int
) -> tuple[float, float, float, float, float]:
    """Give baseline, mV, gain, noise, mV, size of steps, mV, and their phase where a block begins.

    The body in between two seconds is taken from the line through both.
    """
    t_s = block * BLOCK / FS_HZ
    k = math.floor(t_s)
    now, then = seconds[k % len(seconds)], seconds[(k + 1) % len(seconds)]
    x = t_s - k
    breath = math.sin(2 * math.pi * (now.breath_phase + (then.breath_phase - now.breath_phase) * x))
    effort = max(0.0, now.effort + (then.effort - now.effort) * x)
    cadence = now.cadence + (then.cadence - now.cadence) * x
    step = now.step_phase + (then.step_phase - now.step_phase) * x
    base = one.wander_mv * wander[(one.slow_at + block) & mask] * (1.0 + effort)
    base += one.breath_mv * breath
    gain = one.gain * (1.0 + one.swell * breath)
    return base, gain, one.noise_mv * (1.0 + TIRED * effort), one.step_mv * cadence / 100.0, step


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _beats(
    i0: int,
    n: int,
    one: Any,
    ring: NDArray[Any],
    newest: int,
    shapes: NDArray[np.float32],
    lead_in: int,
    sums: NDArray[np.float32],
) -> None:
    """Write the sum of the shapes of all beats that reach into samples ``i0`` to ``i0 + n``."""
    sums[:n] = 0
    n_shape = shapes.shape[1]
    last = n_shape - 1 - lead_in
    from_ms, to_ms = MS * i0, MS * (i0 + n - 1)
    kept = len(ring)
    for b in range(max(newest - kept + 1, 0), newest + 1):
        beat = ring[b % kept]
        if not beat.r_s * 1000.0 > from_ms - 4.0 * last:
            continue
        r_ms = int(np.rint(beat.r_s * 1000.0))
        stretch = max(0.3, float(beat.qt_scale))
        wide = beat.shape >= FIRST_WIDE
        qrs_ms = WIDE_QRS_MS if wide else QRS_MS
        before = 1.0 if wide else 1.0 - P_SHARE * (1.0 - stretch)
        tail_ms = qrs_ms + int((last - qrs_ms) * stretch)
        lead_ms = P_MS + int((lead_in - P_MS) * before)
        if r_ms + tail_ms < from_ms or r_ms - lead_ms > to_ms:
            continue
        jitter = WIDE_JITTER if wide else JITTER
        size = np.float32(1.0 + jitter * (2.0 * uniform(one.seed, BEAT_JITTER, b) - 1.0))
        shape = shapes[beat.shape]
        # Samples of the whole beat, of its part until the QRS and until the end of the QRS.
        first = max(-(-(r_ms - lead_ms) // MS), i0)
        qrs = min(max(-(-(r_ms - P_MS) // MS), first), i0 + n)
        tail = min(max((r_ms + qrs_ms) // MS + 1, qrs), i0 + n)
        end = min((r_ms + tail_ms) // MS + 1, i0 + n)
        shrink = np.float32(1.0 / before)
        for i in range(first, qrs):
            u = -P_MS - int((r_ms - P_MS - MS * i) * shrink + np.float32(0.5))
            if u + lead_in >= 0:
                sums[i - i0] += size * shape[u + lead_in]
        for i in range(qrs, tail):
            sums[i - i0] += size * shape[MS * i - r_ms + lead_in]
        shrink = np.float32(1.0 / stretch)
        for i in range(tail, end):
            u = qrs_ms + int((MS * i - r_ms - qrs_ms) * shrink + np.float32(0.5))
            if u <= last:
                sums[i - i0] += size * shape[u + lead_in]
