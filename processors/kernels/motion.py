"""How much a body moves, second by second, and its steps per minute, from an accelerometer.

Gravity is the running mean of each axis over about a second; what is left is the movement, its
root mean square over a whole second is the amount. Steps come again in the length of the vector,
whichever way the sensor is worn: its autocorrelation over the last 5 s peaks at the time of one
step. Where one foot lands harder than the other the peak at two steps is the highest, so the
shortest time with a peak nearly as high is taken.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner
from processors.kernels.sample_clock import WITHIN_NS, time_ns

N_OUT = 4
SECOND_NS = 1_000_000_000
CELL_NS = 40_000_000
LARGEST = 1000.0  # m/s2, beyond: missing, like NaN

GRAVITY_S = 1.0  # s, default: time constant of the running mean, a high-pass of 0.16 Hz
LEARN_ANEW_S = 1.0  # s, default: after a longer loss gravity is learnt anew
LEAST_SHARE = 0.5  # default: of the samples of a second, for an amount
STILL = 0.4  # m/s2, default: less is breath, heart beat and swaying
CELLS = SECOND_NS // CELL_NS  # of a second, for the search of steps
RING, LAST = 128, 127  # cells that are kept, and the mask of their places
KEPT = 5 * CELLS  # cells: the last 5 s, three steps at least
LEAST_KEPT = 3 * CELLS  # cells: fewer tell no cadence
SHORTEST, LONGEST = 6, 25  # cells: 250 to 60 steps/min, running to slow walking (default)
LAGS = 28  # at which the line is compared with itself: a peak has neighbours
LEAST_LIKE = 0.4  # default: autocorrelation below which there are no steps
NEARLY = 0.6  # default: of the highest peak, for a shorter time to be preferred
UNIT = 0.01  # m/s2, in which the length of the vector is kept

MOTION_STATE = np.dtype(
    [
        ("fs_hz", np.float64),
        ("seq", np.int64),
        ("count", np.int64),
        ("anchor", np.int64),  # the sample number at anchor_ns
        ("anchor_ns", np.int64),
        ("gravity", np.float64, (3,)),
        ("n_gravity", np.int64),  # samples it was learnt from
        ("missing", np.int64),  # samples since the newest valid one
        # the second that is being filled
        ("end_ns", np.int64),  # its end
        ("n_valid", np.int64),
        ("has_samples", np.int64),
        ("power", np.float64),
        ("cell_end_ns", np.int64),
        ("cell", np.int64),  # number of the cell that is being filled, since the epoch
        ("cell_n", np.int64),
        ("cell_sum", np.float64),
        ("newest", np.int64),  # number of the newest cell in the ring
        ("n_together", np.int64),  # cells without a gap up to it
        ("lengths", np.int16, (RING,)),
    ],
    align=True,
)


@entry
def watch_motion(
    values: NDArray[np.float32], offsets: NDArray[np.int64], slots: NDArray[np.int32],
    fs_hz: NDArray[np.float64], t0_ns: NDArray[np.int64], seq: NDArray[np.int64],
    state: NDArray[Any], blank: NDArray[Any],
    out_slots: NDArray[np.int32], out_ns: NDArray[np.int64], out: NDArray[np.float64],
) -> int:  # fmt: skip
    """Walk the rows of a waveform batch and fill `out` with one row per slot and second.

    Parameters
    ----------
    values, offsets, slots, fs_hz, t0_ns, seq
        As in `processors.records.Batch`, m/s2; the first three columns are the axes. A sample with
        NaN or more than 1000 m/s2 on any of them is missing.
    state, blank
        `MOTION_STATE` by slot; one zero record.
    out_slots, out_ns, out
        int32, int64 ``[n]``, float64 ``[n, 4]``: amount (m/s2, NaN below half of the samples),
        steps per minute (NaN: none), share of the samples that were valid, still (1 or 0).

    Returns
    -------
    int
        Number of rows filled; two per row of input and its seconds always suffice.
    """
    count: Any = np.int64(0)  # not the constant 0, which is a type of its own to compile
    line = np.empty(RING + LAGS, np.float64)
    for r in range(len(slots)):
        lo, hi, fs, k = offsets[r], offsets[r + 1], fs_hz[r], slots[r]
        if hi == lo or not fs > 0.0:
            continue
        s = state[k]
        if s.fs_hz != fs or seq[r] < s.seq:
            state[k] = blank[0]
            s.fs_hz, s.anchor_ns = fs, t0_ns[r]
            s.cell = s.newest = np.int64(-1) << 60
            s.end_ns = s.cell_end_ns = np.int64(-1) << 62
        elif seq[r] > s.seq:
            s.missing += seq[r] - s.seq
        if abs(time_ns(s, s.count) - t0_ns[r]) > WITHIN_NS:
            s.anchor, s.anchor_ns = s.count, t0_ns[r]
        count = _walk(s, k, values, lo, hi, line, out_slots, out_ns, out, count)
        s.seq = seq[r] + hi - lo
    return int(count)


@inner
def _walk(
    s: Any, k: int, values: NDArray[np.float32], lo: int, hi: int, line: NDArray[np.float64],
    out_slots: NDArray[np.int32], out_ns: NDArray[np.int64], out: NDArray[np.float64], count: int,
) -> int:  # fmt: skip
    """Take the samples of one row."""
    fs, gravity = s.fs_hz, s.gravity
    axes = min(values.shape[1], 3)
    slowest = 1.0 / (fs * GRAVITY_S)
    forget_n = np.int64(fs * LEARN_ANEW_S)
    next_ns = time_ns(s, s.count)
    for i in range(lo, hi):
        now_ns = next_ns
        at_ns = now_ns + WITHIN_NS
        if not s.end_ns - SECOND_NS <= at_ns < s.end_ns:
            if s.has_samples != 0:  # its last sample was lost
                count = _finish(s, k, now_ns, line, out_slots, out_ns, out, count)
            s.end_ns = (at_ns // SECOND_NS + 1) * SECOND_NS
            s.n_valid, s.power = 0, 0.0
        if not s.cell_end_ns - CELL_NS <= at_ns < s.cell_end_ns:
            _close_cell(s)
            s.cell, s.cell_n, s.cell_sum = at_ns // CELL_NS, 0, 0.0
            s.cell_end_ns = (s.cell + 1) * CELL_NS
        s.count += 1
        s.has_samples = 1
        square = 0.0
        for c in range(axes):
            x = np.float64(values[i, c])
            square += x * x
        if square <= LARGEST * LARGEST:  # NaN compares false
            if s.missing > forget_n:
                s.n_gravity = 0
            s.missing = 0
            s.n_gravity += 1
            share = max(slowest, 1.0 / s.n_gravity)
            for c in range(axes):
                x = np.float64(values[i, c])
                gravity[c] += share * (x - gravity[c])
                s.power += (x - gravity[c]) * (x - gravity[c])
            s.cell_sum += math.sqrt(square)
            s.cell_n += 1
            s.n_valid += 1
        else:
            s.missing += 1
        next_ns = time_ns(s, s.count)
        if next_ns + WITHIN_NS >= s.end_ns:
            count = _finish(s, k, now_ns, line, out_slots, out_ns, out, count)
    return int(count)


@inner
def _close_cell(s: Any) -> None:
    """Keep a cell that has a sample; one that lies between two of them is as the one before."""
    if s.cell_n == 0:
        return
    length = np.int16(min(s.cell_sum / s.cell_n / UNIT, 32_000.0))
    if s.cell == s.newest + 2 and s.n_together > 0:
        s.newest += 1
        s.lengths[s.newest & LAST] = s.lengths[(s.newest - 1) & LAST]
        s.n_together += 1
    s.n_together = s.n_together + 1 if s.cell == s.newest + 1 else 1
    s.newest = s.cell
    s.lengths[s.newest & LAST] = length


@inner
def _finish(
    s: Any, k: int, now_ns: int, line: NDArray[np.float64],
    out_slots: NDArray[np.int32], out_ns: NDArray[np.int64], out: NDArray[np.float64], count: int,
) -> int:  # fmt: skip
    """Write the row of the second."""
    out_slots[count], out_ns[count] = k, now_ns
    o = out[count]
    o[0], o[1], o[2], o[3] = np.nan, np.nan, min(s.n_valid / s.fs_hz, 1.0), 0.0
    if o[2] >= LEAST_SHARE:
        o[0] = math.sqrt(s.power / s.n_valid)
        o[3] = 1.0 if o[0] < STILL else 0.0
        if o[3] == 0.0:
            o[1] = _cadence(s, line)
    s.has_samples = 0
    return count + 1


@inner
def _cadence(s: Any, line: NDArray[np.float64]) -> float:
    """Give the steps per minute of the cells in the ring; NaN where none come again."""
    n = min(s.n_together, KEPT)
    if n < LEAST_KEPT:
        return np.nan
    alike = line[RING:]
    mean = 0.0
    for i in range(n):
        line[i] = s.lengths[(s.newest - n + 1 + i) & LAST]
        mean += line[i]
    mean /= n
    power = 0.0
    for i in range(n):
        line[i] -= mean
        power += line[i] * line[i]
    power *= (n - LAGS) / n
    if not power > 0.0:
        return np.nan
    for lag in range(4, LAGS, 4):
        _compare(line, n - LAGS, lag, alike)
    found, highest = np.nan, LEAST_LIKE * power
    for lag in range(SHORTEST, LONGEST + 1):
        before, here, after = alike[lag - 1], alike[lag], alike[lag + 1]
        if not before < here >= after:
            continue
        # The top of the parabola through the three: a step takes no whole number of cells.
        bend = before - 2.0 * here + after
        shift = 0.5 * (before - after) / bend
        top = here - 0.25 * (before - after) * shift
        if top >= highest:
            found, highest = lag + shift, top / NEARLY
    return 60.0 * CELLS / found


@inner
def _compare(line: NDArray[np.float64], n: int, lag: int, alike: NDArray[np.float64]) -> None:
    """Sum the first ``n`` products at a lag and the next three: side by side they cost half."""
    a = b = c = d = 0.0
    for i in range(n):
        x = line[i]
        a += x * line[i + lag]
        b += x * line[i + lag + 1]
        c += x * line[i + lag + 2]
        d += x * line[i + lag + 3]
    alike[lag], alike[lag + 1], alike[lag + 2], alike[lag + 3] = a, b, c, d
