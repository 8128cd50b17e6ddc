"""Samples of the PPG: a pulse after each beat, breath, slow swings of perfusion, steps, noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from processors.kernels.compiling import entry
from processors.kernels.draw import bits

FS_HZ = 100
MS = 10  # per sample
BLOCK = 20  # samples between two knots of what is slow
GRAIN = 1 << 16
NOISE = 740  # stream of random numbers
SOONER = 0.2  # default: share by which the pulse comes sooner at effort 1
SHORTEST, LONGEST = 0.7, 1.1  # default: limits of the stretch of a pulse with QT
NOISE_SIZE = 0.006  # default, RMS, of a pulse
BREATH_BASE, BREATH_SWELL = 0.1, 0.08  # default: baseline and size of pulses move with breath
PERFUSION = 0.08  # default: slow swings of the size of pulses, RMS

PPG_OWN = np.dtype(
    [
        ("seed", np.uint64),
        ("gain", np.float64),
        ("delay_s", np.float64),
        ("pulse", np.int64),  # row of the table of pulses
        ("step_size", np.float64),  # amplitude of each step at 100 a minute
        ("slow_at", np.int64),
    ],
    align=True,
)


@entry
def draw_ppg(
    i0: int,
    slots: NDArray[np.int32],
    own: NDArray[Any],
    beats: NDArray[Any],
    newest: NDArray[np.int64],
    seconds: NDArray[Any],
    pulses: NDArray[np.float32],
    grain: NDArray[np.float32],
    wander: NDArray[np.float32],
    added_row: NDArray[np.int32],
    added: NDArray[np.float32],
    scale: float,
    sums: NDArray[np.float32],
    counts: NDArray[np.int16],
) -> None:
    """Fill the counts of each row, samples ``i0`` on; as `draw_ecg`.

    Parameters
    ----------
    own
        dtype `PPG_OWN` ``[k]``.
    pulses
        float32 ``[kinds, m]`` at 1000 Hz, 1 high, from the foot on, 0 at both ends.
    counts
        int16 ``[k, n]``, filled.
    """
    n = counts.shape[1]
    mask = len(wander) - 1
    for k in range(len(slots)):
        one, slot = own[k], slots[k]
        _pulses(i0, n, one, beats[slot], newest[slot], seconds[slot], pulses[one.pulse], sums)
        row, extra = counts[k], added_row[k]
        block = i0 // BLOCK
        base, gain, shake, step = _knot(block, seconds[slot], one, wander, mask)
        while block * BLOCK < i0 + n:
            next_base, next_gain, next_shake, next_step = _knot(
                block + 1, seconds[slot], one, wander, mask
            )
            begin, end = max(block * BLOCK, i0), min((block + 1) * BLOCK, i0 + n)
            at: Any = np.int64(bits(one.seed, NOISE, block) % np.uint64(GRAIN)) - block * BLOCK
            for i in range(begin, end):
                x = (i - block * BLOCK) / BLOCK
                sums[i - i0] = np.float32(
                    sums[i - i0] * (gain + (next_gain - gain) * x)
                    + base
                    + (next_base - base) * x
                    + NOISE_SIZE * grain[at + i]
                )
            if shake > 0.0 or next_shake > 0.0:
                for i in range(begin, end):
                    x = (i - block * BLOCK) / BLOCK
                    turn = 2 * math.pi * (step + (next_step - step) * x)
                    pull = math.sin(turn) + 0.35 * math.sin(2 * turn + 1.0)
                    pull += 0.3 * math.sin(0.5 * turn + 0.4)
                    sums[i - i0] += np.float32((shake + (next_shake - shake) * x) * pull)
            block += 1
            base, gain, shake, step = next_base, next_gain, next_shake, next_step
        if extra >= 0:
            for j in range(n):
                sums[j] += added[extra, j]
        for j in range(n):
            row[j] = np.int16(max(-32767.0, min(32767.0, np.rint(sums[j] / scale))))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _knot(
    block: int, seconds: NDArray[Any], one: Any, wander: NDArray[np.float32], mask: int
) -> tuple[float, float, float, float]:
    """Give baseline, size of pulses, size of steps and their phase where a block begins."""
    t_s = block * BLOCK / FS_HZ
    k = math.floor(t_s)
    now, then = seconds[k % len(seconds)], seconds[(k + 1) % len(seconds)]
    x = t_s - k
    breath = math.sin(2 * math.pi * (now.breath_phase + (then.breath_phase - now.breath_phase) * x))
    cadence = now.cadence + (then.cadence - now.cadence) * x
    step = now.step_phase + (then.step_phase - now.step_phase) * x
    slow = wander[(one.slow_at + block) & mask]
    gain = one.gain * max(0.3, 1.0 + BREATH_SWELL * breath + PERFUSION * slow)
    # A step never shakes the finger twice alike.
    shake = one.step_size * cadence / 100.0 * max(0.2, 1.0 + 0.4 * slow)
    return one.gain * BREATH_BASE * (breath + 0.5 * slow), gain, shake, step


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _pulses(
    i0: int,
    n: int,
    one: Any,
    ring: NDArray[Any],
    newest: int,
    seconds: NDArray[Any],
    pulse: NDArray[np.float32],
    sums: NDArray[np.float32],
) -> None:
    """Write the sum of the pulses that reach into samples ``i0`` to ``i0 + n``."""
    sums[:n] = 0
    last = len(pulse) - 1
    from_ms, to_ms = MS * i0, MS * (i0 + n - 1)
    kept = len(ring)
    for b in range(max(newest - kept + 1, 0), newest + 1):
        beat = ring[b % kept]
        if not (beat.fill > 0.0 and beat.r_s * 1000.0 > from_ms - 3.0 * last):
            continue
        effort = seconds[math.floor(max(beat.r_s, 0.0)) % len(seconds)].effort
        delay_s = one.delay_s * (1.0 - SOONER * max(0.0, min(1.0, effort)))
        foot_ms = int(np.rint(1000.0 * (beat.r_s + delay_s)))
        stretch = max(SHORTEST, min(LONGEST, float(beat.qt_scale)))
        if foot_ms > to_ms or foot_ms + last * stretch < from_ms:
            continue
        shrink = np.float32(1.0 / stretch)
        for i in range(max(-(-foot_ms // MS), i0), i0 + n):
            u = int((MS * i - foot_ms) * shrink + np.float32(0.5))
            if u > last:
                break
            sums[i - i0] += beat.fill * pulse[u]
