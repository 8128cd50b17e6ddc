"""What waves an ECG is made of, twice a second over 4 s: even ones or spikes with rest between.

In fibrillation, flutter and fast ventricular tachycardia the trace never rests. Three numbers say
so, none of which needs a beat:

* **Leakage** of the VF filter (Kuo and Dillman 1978, in the form of CLINICAL 3.7): what is left of
  the signal after half of its mean period was added to it; near 0 for a sine, near 1 for spikes.
* **Evenness** of the slope, (mean of its size)^2 over the mean of its square: 0.81 for a sine, 0.64
  for Gaussian noise, below 0.35 where QRS are steep and the rest is flat. This is the idea of the
  probability density function in the first implanted defibrillators: how long a trace stays flat.
* The **mean frequency** that both follow from.

Where the waves are even their autocorrelation tells whether one follows the other alike, and how
fast. The ECG is low-passed at 20 Hz, averaged in cells of 1/64 s and high-passed at 1 Hz there.

What is lost is a hole: the filters go over it in a straight line, and what is measured leaves it
out. A window may have half of its cells in holes, each at most a second long.

Differs from CLINICAL 3.7: no TCSC; `docs/accuracy.md` says what was compared.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from processors.kernels.compiling import WITHOUT_WRAPPERS, entry, inlined, inner
from processors.kernels.filters import BUTTERWORTH_Q, highpass, lowpass, prime_highpass
from processors.kernels.sample_clock import WITHIN_NS, time_ns

CELLS = 64  # of a second
WINDOW = 256  # cells: 4 s, CLINICAL 3.7
HOP = 32  # cells: 0.5 s, CLINICAL 3.7
N_OUT = 6
SECOND_NS = 1_000_000_000
LARGEST_MV = 1000.0  # beyond: missing, like NaN
HOLE_S = 1.0  # default: a longer loss begins anew; so many have 3 waves of 3 Hz
MOST_HOLES = WINDOW // 2  # default: cells of a window that may be missing
HOLE = np.int16(-32768)  # in the ring of cells
LOW_PASS_HZ = 20.0  # default
HIGH_PASS_HZ = 1.0  # default
HIGH_PASS = highpass.py_func(float(CELLS), HIGH_PASS_HZ, BUTTERWORTH_Q)
TRACE_MV = 0.001  # step of the int16 that are kept: +-32 mV
EVEN_SLOPE = 0.5  # default: up to it the leakage is not measured, for that is half of the work
EVEN_LEAKAGE = 0.7  # default: from it on no rhythm is sought; both are wider than what is asked
PERIODS = (12, 51)  # cells: 320 to 75 /min
FIRST_SHARE = 0.9  # default: the first peak of the autocorrelation of so much of its largest

WAVES_STATE = np.dtype(
    [
        ("fs_hz", "f8"), ("seq", "i8"), ("count", "i8"), ("anchor", "i8"), ("anchor_ns", "i8"),
        ("design", "f8", (3,)), ("z", "f8", (2, 2)),  # low-pass; its state and the high-pass's
        ("missing", "i8"), ("last", "f8"),
        # the cell that is being filled: sum, samples, and the count at which it ends
        ("sum", "f8"), ("n", "i8"), ("ends", "i8"),
        ("origin", "i8"), ("n_cells", "i8"),  # since the signal began or came back
        ("n_made", "i8"), ("n_holes", "i8"),  # samples of the cell, cells of the window in holes
        ("trace", "i2", (WINDOW,)),
    ],
    align=True,
)  # fmt: skip

# Sums in any order: what is added are whole numbers, so the sums are exact and all orders equal.
_sums = njit(**WITHOUT_WRAPPERS, fastmath={"reassoc"})


@entry
def watch_waves(
    values: NDArray[np.float32], offsets: NDArray[np.int64], slots: NDArray[np.int32],
    fs_hz: NDArray[np.float64], t0_ns: NDArray[np.int64], seq: NDArray[np.int64], lead: int,
    state: NDArray[Any], blank: NDArray[Any],
    out_slots: NDArray[np.int32], out_ns: NDArray[np.int64], out: NDArray[np.float64],
) -> int:  # fmt: skip
    """Walk the rows of a waveform batch and fill `out` with one row per slot and half second.

    Parameters
    ----------
    values, offsets, slots, fs_hz, t0_ns, seq
        As in `processors.records.Batch`; NaN and values beyond +-1000 mV are missing.
    lead
        Column to look at.
    state, blank
        `WAVES_STATE` by slot; one zero record.
    out_slots, out_ns, out
        int32, int64 ``[n]``, float64 ``[n, 6]``: leakage (NaN: slope not even), evenness of the
        slope (0-1), mean frequency (Hz), peak to peak (mV), likeness of a wave to the next (0-1)
        and their period (s); the last two are NaN where the waves are not even.

    Returns
    -------
    int
        Number of rows filled; three per row of input and two per second of it always suffice.
    """
    count: Any = np.int64(0)  # not the constant 0, which is a type of its own to compile
    window, there = np.empty(WINDOW), np.empty(WINDOW)
    for r in range(len(slots)):
        lo, hi, fs, k = offsets[r], offsets[r + 1], fs_hz[r], slots[r]
        if hi == lo or not fs > 0.0:
            continue
        s = state[k]
        lost = seq[r] - s.seq
        if s.fs_hz != fs or lost < 0:
            state[k] = blank[0]
            s.fs_hz, s.anchor_ns = fs, t0_ns[r]
            s.design[0], s.design[1], s.design[2] = lowpass(fs, LOW_PASS_HZ, BUTTERWORTH_Q)
            s.missing = np.int64(1) << 40
            lost = np.int64(0)
        hole_n = np.int64(HOLE_S * fs + 1e-9)
        s.missing += lost
        s.count += lost
        if abs(time_ns(s, s.count) - t0_ns[r]) > WITHIN_NS:
            s.anchor, s.anchor_ns = s.count, t0_ns[r]
        i = lo
        while i < hi:
            if s.missing == 0 and s.ends - s.count > 1:
                i = _fill(s, values, i, min(hi, i + s.ends - s.count - 1), lead)
                if i == hi:
                    break
            x = np.float64(values[i, lead])
            i += 1
            if not -LARGEST_MV <= x <= LARGEST_MV:
                s.missing += 1
                s.count += 1
                continue
            due = False  # a half second ended, perhaps in the hole before this sample
            if s.missing > hole_n:
                _begin(s, x)
            elif s.missing > 0:
                due = _bridge(s, x)
            s.missing, s.last = 0, x
            _take(s, x)
            due = _end_cells(s) or due
            if due and s.n_holes <= MOST_HOLES:
                out_slots[count], out_ns[count] = k, time_ns(s, s.count - 1)
                if s.n_holes == 0:
                    _describe(s, window, there, out[count])
                else:
                    _describe_with_holes(s, window, there, out[count])
                count += 1
        s.seq = seq[r] + hi - lo
    return int(count)


@inner
def _begin(s: Any, x: float) -> None:
    """Begin anew with the filters settled on a sample."""
    b0, a2 = s.design[0], s.design[2]
    s.z[0, 0], s.z[0, 1] = (1.0 - b0) * x, (b0 - a2) * x
    s.z[1, 0], s.z[1, 1] = prime_highpass(HIGH_PASS[0], x)
    s.sum, s.n, s.n_cells, s.n_made, s.n_holes = 0.0, 0, 0, 0, 0
    s.origin = s.count
    s.ends = _end_of_cell(s)


@inner
def _bridge(s: Any, x: float) -> bool:
    """Go in a straight line over what is missing before `x`; tell whether a half second ended."""
    n = s.missing
    s.count -= n
    due, step = False, (x - s.last) / (n + 1)
    for i in range(n):
        s.n_made += 1
        _take(s, s.last + (i + 1) * step)
        due = _end_cells(s) or due
    return due


@inner
def _end_of_cell(s: Any) -> int:
    return int(s.origin + np.int64(np.ceil((s.n_cells + 1) * s.fs_hz / CELLS - 1e-9)))


@inlined
def _fill(s: Any, values: NDArray[np.float32], i: int, stop: int, lead: int) -> int:
    """Take samples that end no cell, up to one that is missing; give the next index."""
    b0, a1, a2 = s.design[0], s.design[1], s.design[2]
    z0, z1, sum_, x = s.z[0, 0], s.z[0, 1], s.sum, s.last
    first = i
    while i < stop:
        new = np.float64(values[i, lead])
        if not -LARGEST_MV <= new <= LARGEST_MV:
            break
        x = new
        y = b0 * x + z0
        z0 = 2.0 * b0 * x - a1 * y + z1
        z1 = b0 * x - a2 * y
        sum_ += y
        i += 1
    s.z[0, 0], s.z[0, 1], s.sum, s.last = z0, z1, sum_, x
    s.n += i - first
    s.count += i - first
    return i


@inner
def _take(s: Any, x: float) -> None:
    """Take one sample."""
    b0, z = s.design[0], s.z
    y = b0 * x + z[0, 0]
    z[0, 0] = 2.0 * b0 * x - s.design[1] * y + z[0, 1]
    z[0, 1] = b0 * x - s.design[2] * y
    s.sum += y
    s.n += 1
    s.count += 1


@inner
def _end_cells(s: Any) -> bool:
    """End the cells that are full; tell whether one of them ends a half second of a window."""
    due = False
    while s.count >= s.ends:
        _end_cell(s)
        due = due or (s.n_cells >= WINDOW and s.n_cells % HOP == 0)
    return due


@inner
def _end_cell(s: Any) -> None:
    """Keep the mean of a cell and begin the next; a sample may reach into several."""
    mean = s.sum / s.n
    _keep(s, mean, 2 * s.n_made > s.n)
    s.ends = _end_of_cell(s)
    if s.count >= s.ends:
        s.sum, s.n, s.n_made = mean, 1, 1 if 2 * s.n_made > s.n else 0
    else:
        s.sum, s.n, s.n_made = 0.0, 0, 0


@inner
def _keep(s: Any, x: float, is_hole: bool) -> None:
    """High-pass the mean of a cell and keep it."""
    b0, a1, a2 = HIGH_PASS
    z = s.z
    y = b0 * x + z[1, 0]
    z[1, 0] = -2.0 * b0 * x - a1 * y + z[1, 1]
    z[1, 1] = b0 * x - a2 * y
    steps = np.int16(np.rint(min(max(y / TRACE_MV, -32767.0), 32767.0)))
    at = s.n_cells % WINDOW
    gone = s.n_cells >= WINDOW and s.trace[at] == HOLE
    s.n_holes += (1 if is_hole else 0) - (1 if gone else 0)
    s.trace[at] = HOLE if is_hole else steps
    s.n_cells += 1


@_sums
def _describe(
    s: Any, window: NDArray[np.float64], there: NDArray[np.float64], o: NDArray[np.float64]
) -> None:
    """Measure the last 4 s, of which all cells are there."""
    first = s.n_cells % WINDOW
    old, new, later = s.trace[first:], s.trace[:first], window[WINDOW - first :]
    for i in range(WINDOW - first):
        window[i] = old[i]
    for i in range(first):
        later[i] = new[i]
    # Slices and not `i - 1`, which numba would look at for being negative: so loops run in SIMD.
    before, after = window[: WINDOW - 1], window[1:]
    size = slope = square = 0.0
    for i in range(WINDOW - 1):
        d = after[i] - before[i]
        size += abs(after[i])
        slope += abs(d)
        square += d * d
    low, high = s.trace[0], s.trace[0]
    for i in range(1, WINDOW):
        low, high = min(low, s.trace[i]), max(high, s.trace[i])
    o[0], o[1], o[2], o[3] = np.nan, 0.0, 0.0, (np.int64(high) - np.int64(low)) * TRACE_MV
    o[4], o[5] = np.nan, np.nan
    if square == 0.0:
        return
    half = math.pi * size / slope  # cells: half of the mean period
    o[1] = slope * slope / ((WINDOW - 1) * square)
    o[2] = CELLS / (2.0 * half) if half > 0.0 else 0.0
    if not o[1] > EVEN_SLOPE:
        return
    shift = np.int64(min(max(np.rint(half), 1.0), WINDOW // 2))
    before, after = window[: WINDOW - shift], window[shift:]
    left = all_ = 0.0
    for i in range(WINDOW - shift):
        left += abs(before[i] + after[i])
        all_ += abs(before[i]) + abs(after[i])
    o[0] = left / all_ if all_ > 0.0 else 1.0
    if o[0] < EVEN_LEAKAGE:
        o[4], o[5] = _rhythm(window, there, False)


@_sums
def _describe_with_holes(
    s: Any, window: NDArray[np.float64], there: NDArray[np.float64], o: NDArray[np.float64]
) -> None:
    """Measure what is there of the last 4 s: sums are over pairs of cells that are both there."""
    low, high = np.int16(32767), np.int16(-32767)
    for i in range(WINDOW):
        x = s.trace[(s.n_cells + i) % WINDOW]
        there[i] = 0.0 if x == HOLE else 1.0
        window[i] = there[i] * x
        if x != HOLE:
            low, high = min(low, x), max(high, x)
    size = slope = square = pairs = 0.0
    for i in range(1, WINDOW):
        both = there[i - 1] * there[i]
        d = both * (window[i] - window[i - 1])
        pairs += both
        size += both * abs(window[i])
        slope += abs(d)
        square += d * d
    o[0], o[1], o[2], o[3] = np.nan, 0.0, 0.0, (np.int64(high) - np.int64(low)) * TRACE_MV
    o[4], o[5] = np.nan, np.nan
    if square == 0.0:
        return
    half = math.pi * size / slope
    o[1] = slope * slope / (pairs * square)
    o[2] = CELLS / (2.0 * half) if half > 0.0 else 0.0
    if not o[1] > EVEN_SLOPE:
        return
    shift = np.int64(min(max(np.rint(half), 1.0), WINDOW // 2))
    left = all_ = 0.0
    for i in range(WINDOW - shift):
        both = there[i] * there[i + shift]
        left += both * abs(window[i] + window[i + shift])
        all_ += both * (abs(window[i]) + abs(window[i + shift]))
    o[0] = left / all_ if all_ > 0.0 else 1.0
    if o[0] < EVEN_LEAKAGE:
        o[4], o[5] = _rhythm(window, there, True)


@_sums
def _rhythm(
    window: NDArray[np.float64], there: NDArray[np.float64], holed: bool
) -> tuple[float, float]:
    """Give likeness and period (s) of waves that follow each other; 0 and NaN without a peak."""
    like = np.empty(PERIODS[1] + 2)
    for lag in range(PERIODS[0] - 1, PERIODS[1] + 2):
        before, after = window[: WINDOW - lag], window[lag:]
        there_before, there_after = there[: WINDOW - lag], there[lag:]
        product = head = tail = 0.0
        for i in range(WINDOW - lag):
            product += before[i] * after[i]
            head += after[i] * after[i]
            tail += before[i] * before[i]
        if holed:  # what has no partner does not count
            for i in range(WINDOW - lag):
                head -= (1.0 - there_before[i]) * after[i] * after[i]
                tail -= (1.0 - there_after[i]) * before[i] * before[i]
        both = math.sqrt(head * tail)
        like[lag] = product / both if both > 0.0 else 0.0
    best = 0.0
    for lag in range(PERIODS[0], PERIODS[1] + 1):
        if like[lag - 1] <= like[lag] > like[lag + 1]:
            best = max(best, like[lag])
    for lag in range(PERIODS[0], PERIODS[1] + 1):
        here = like[lag]
        if best > 0.0 and like[lag - 1] <= here > like[lag + 1] and here >= FIRST_SHARE * best:
            return here, lag / CELLS
    return 0.0, np.nan
