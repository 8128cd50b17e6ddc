"""Samples of the acceleration: gravity by posture, steps, stillness that is never quite still."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from processors.kernels.compiling import entry
from processors.kernels.draw import bits

FS_HZ = 50
BLOCK = 10  # samples in one piece of noise
GRAIN = 1 << 16
NOISE = 760  # streams of random numbers, one for each axis
GRAVITY = 9.80665  # m/s2, standard gravity (CGPM 1901)
LEAN = (0.0, 0.45, 1.45)  # rad back from upright: standing, sitting, lying; default
STEP = (0.8, 1.7)  # m/s2, and more for each m/s: vertical amplitude of a step, default
FASTEST = 4.0  # m/s: it grows no more
STILL, RESTLESS = 0.025, 0.3  # m/s2 RMS of noise: still, walking; default

MOTION_OWN = np.dtype(
    [("seed", np.uint64), ("tilt", np.float64), ("roll", np.float64), ("size", np.float64)],
    align=True,
)


@entry
def draw_motion(
    i0: int,
    slots: NDArray[np.int32],
    own: NDArray[Any],
    seconds: NDArray[Any],
    grain: NDArray[np.float32],
    added_row: NDArray[np.int32],
    added: NDArray[np.float32],
    scale: float,
    counts: NDArray[np.int16],
) -> None:
    """Fill the counts of each row, samples ``i0`` on: x forwards, y to the side, z up.

    Parameters
    ----------
    own
        dtype `MOTION_OWN` ``[k]``: how the sensor sits, rad, and how hard this person steps.
    added_row, added
        int32 ``[k]``: row of `added` that belongs to a row, -1 none; float32 ``[m, 3, n]``, m/s2.
    counts
        int16 ``[k, n, 3]``, filled.
    """
    n = counts.shape[1]
    for k in range(len(slots)):
        one, ring, row, extra = own[k], seconds[slots[k]], counts[k], added_row[k]
        block = -1
        at_x = at_y = at_z = 0
        second = -1
        lean = leaning = step = steps = size = sizing = 0.0
        for i in range(i0, i0 + n):
            if i // BLOCK != block:
                block = i // BLOCK
                at_x = _place(one.seed, NOISE, block)
                at_y = _place(one.seed, NOISE + 1, block)
                at_z = _place(one.seed, NOISE + 2, block)
            if i // FS_HZ != second:
                second = i // FS_HZ
                now, then = ring[second % len(ring)], ring[(second + 1) % len(ring)]
                before = ring[max(second - 1, 0) % len(ring)]
                # Who changes posture takes the second for it.
                lean = LEAN[before.posture]
                leaning = LEAN[now.posture] - lean
                step, steps = now.step_phase, then.step_phase - now.step_phase
                size = _strength(now.cadence, now.speed)
                sizing = _strength(then.cadence, then.speed) - size
            x = (i - second * FS_HZ) / FS_HZ
            back = one.tilt + lean + leaning * x
            strength = one.size * (size + sizing * x)
            noise = RESTLESS * min(1.0, strength) + STILL
            up = GRAVITY * math.cos(back) * math.cos(one.roll)
            fore = -GRAVITY * math.sin(back)
            side = GRAVITY * math.sin(one.roll)
            if strength > 0.0:
                turn = 2 * math.pi * (step + steps * x)
                # The heel: a sharp blow once a step.
                blow = math.exp(3.0 * (math.cos(turn - 0.9) - 1.0))
                up += strength * (
                    0.75 * math.sin(turn) + 0.3 * math.sin(2 * turn + 0.7) + 0.6 * (blow - 0.25)
                )
                fore += strength * (0.45 * math.sin(turn + 1.1) + 0.2 * math.sin(2 * turn))
                side += 0.45 * strength * math.sin(0.5 * turn)
            j = i - i0
            fore += noise * grain[at_x + i]
            side += noise * grain[at_y + i]
            up += noise * grain[at_z + i]
            if extra >= 0:
                fore += added[extra, 0, j]
                side += added[extra, 1, j]
                up += added[extra, 2, j]
            row[j, 0] = _count(fore / scale)
            row[j, 1] = _count(side / scale)
            row[j, 2] = _count(up / scale)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _place(seed: np.uint64, stream: int, block: int) -> int:
    """Give where a block's noise lies in the table, less the index of its first sample."""
    drawn: Any = np.int64(bits(seed, stream, block) % np.uint64(GRAIN))
    return int(drawn) - block * BLOCK


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _count(value: float) -> np.int16:
    return np.int16(max(-32767.0, min(32767.0, np.rint(value))))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _strength(cadence: float, speed: float) -> float:
    """Give the size of a step, m/s2; who stands takes none."""
    if cadence <= 0.0:
        return 0.0
    return STEP[0] + STEP[1] * max(0.0, min(FASTEST, speed))
