"""Quality of an ECG second by second, from bands and extremes (CLINICAL 3.10, first form).

A second is cut into 16 parts. The noise above 25 Hz and the activity of 5-20 Hz are taken as the
median over the parts, which a QRS cannot move; what a QRS is worth is the strongest part of a
second, the third-largest of the last 8 s: a jump of the electrode or two are larger than any QRS
and must not stand for one. The score falls with the worst of three ratios to it: high-frequency
noise, activity between the beats, steps of the baseline from part to part. Fast rhythms and large T
waves raise the last two as noise does, but what they look like comes again: the strongest peaks of
the last 4 s are compared with each other, and the ratio counts less or more by how alike they are.
Each needs one that is like it in form and size, so bigeminy, runs and irregular rhythms lose
nothing. The size of a second, from peak to peak, is also taken without what is slower than 1 Hz,
and the smaller one counts: a line that moves with the breath is as flat as one that does not, and
small beats are not larger for what the filter adds behind them.

Differs from CLINICAL 3.10: no second detector (bSQI); each peak's best match stands in for the
template, ratios of band amplitudes for the power ratios.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inlined, inner
from processors.kernels.filters import (
    BUTTERWORTH_Q,
    highpass,
    lowpass,
    median_of_few,
    prime_highpass,
)
from processors.kernels.sample_clock import WITHIN_NS, time_ns

PARTS = 16  # of a second
CELLS = 64  # of a second, for the comparison of peaks
KEPT_S = 4  # CLINICAL 3.10: 4 s, so that a beat is among them from 15/min on
STRONGEST_S = 8  # default: from 23/min on three of 8 s hold a beat ...
RANK = 3  # ... so the third-largest of their strongest parts is one, whatever two artefacts were
N_OUT = 7
SECOND_NS = 1_000_000_000
CELL_NS = SECOND_NS // CELLS  # without a remainder
LARGEST_MV = 1000.0  # beyond: missing, like NaN
HOLD_S = 0.1  # a longer loss primes the filters anew
STEADY_HZ = 1.0  # default: breathing is slower, 0.2 to 0.5 Hz; from 1.25 on fine VF becomes flat
STEADY = highpass.py_func(float(CELLS), STEADY_HZ, BUTTERWORTH_Q)

FLAT_MV = 0.03  # CLINICAL 3.10: < 30 uV peak to peak for 1 s
WEAK_MV = 0.3  # CLINICAL 3.10: < 0.3 mV for 4 s including any QRS is poor
WEAK_SCORE = 0.4  # default: below fair
RAIL_S = 0.2  # CLINICAL 3.10: >= 200 ms
RAIL_SHARE = 0.9  # CLINICAL 3.10: >= 90 % of the range
PLAUSIBLE_MV = 10.0  # CLINICAL 2: plausible range of the ECG
LEAST_RAIL_MV = 1.0  # default: a step that small is no rail, whatever was seen
MAINS_SHARE = 0.5  # CLINICAL 3.10: mains power > 50 %
MAINS_HZ = (50.0, 60.0)
LEAST_MAINS_MV = 0.05  # default, amplitude: below it the ratio says nothing
NOISE_RATIO = 0.1  # default: noise above 25 Hz against a QRS at which the score is 0.5 ...
BETWEEN_RATIO = 0.2  # ... activity of 5-20 Hz between the beats against in them ...
BASELINE_RATIO = 0.35  # ... typical step of the baseline from part to part against a QRS
STEEPNESS = 4.0  # default: power of the ratio, score = 1 / (1 + ratio ** 4 * unlike ** 3)
UNLIKE = 0.2  # default: one less the correlation at which the ratios count as they are ...
UNLIKE_RANGE = (0.01, 4.0)  # ... and how far times that reaches
PEAK_SHARE = 0.5  # default: of what a QRS is worth, for a peak of the cells' 5-20 Hz
PEAK_APART = 13  # cells: refractory time of 200 ms
PEAK_BEFORE, PEAK_AFTER = 9, 16  # cells: what is compared, -140 to +250 ms
LARGER_PEAK = 3.0  # default: of two peaks that are alike none is so many times the other
MOST_PEAKS = KEPT_S * CELLS // PEAK_APART + 1
LAST = KEPT_S * CELLS - 1  # mask of the ring of cells
TRACE_MV = 0.001  # step of the int16 in it: +-32 mV
LEAST_AMPLITUDE_MV = (
    0.05  # default: a flat line is not noisy because its noise has nothing beside it
)
LEAST_NOISE_MV = 0.03  # default, RMS above 25 Hz: less than this is never called noisy

QUALITY_STATE = np.dtype(
    [
        ("fs_hz", "f8"), ("seq", "i8"), ("count", "i8"), ("anchor", "i8"), ("anchor_ns", "i8"),
        # b0, a1, a2 of: high-pass 0.5, low-pass 40; high-pass 25; high-pass 5, low-pass 20 Hz
        ("design", "f8", (5, 3)), ("z", "f8", (5, 2)), ("mains", "f8", (2,)),
        ("missing", "i8"), ("last", "f8"), ("run", "i8"), ("at_rail", "i1"),
        ("seen_low", "f8"), ("seen_high", "f8"),
        # the second that is being filled, and the count at which its cell ends
        ("second", "i8"), ("ends", "i8"), ("n", "i8"), ("n_valid", "i8"), ("railed", "i1"),
        ("raw_low", "f8"), ("raw_high", "f8"), ("low", "f8"), ("high", "f8"),
        ("steady_low", "f8"), ("steady_high", "f8"),
        ("power", "f8"), ("g", "f8", (2, 2)),
        # the trace below 1 Hz as of the last cell, and the filter of cells that gives it
        ("base", "f8"), ("slow", "f8", (2,)),
        ("cell", "i8"), ("cell_n", "i8"), ("cell_noise", "f8"), ("cell_band", "f8"),
        ("cell_sum", "f8"), ("part_n", "i8"), ("part_noise", "f8"), ("part_band", "f8"),
        ("part_sum", "f8"), ("n_parts", "i8"), ("mean", "f8"),
        ("noises", "f4", (PARTS,)), ("bands", "f4", (PARTS,)), ("steps", "f4", (PARTS,)),
        # the last seconds: noise, band, step, peak to peak; their strongest parts
        ("n_seconds", "i8"), ("seconds", "f4", (4, KEPT_S)), ("strongest", "f4", (STRONGEST_S,)),
        # their cells, 0.5-40 Hz and amplitude of 5-20 Hz; how many lie together; the newest's time
        ("trace", "i2", (KEPT_S * CELLS,)), ("energy", "f4", (KEPT_S * CELLS,)),
        ("n_together", "i8"), ("judged", "i8"),
        ("peaks", "i2", (MOST_PEAKS,)), ("best", "f4", (MOST_PEAKS,)),
    ],
    align=True,
)  # fmt: skip


@entry
def watch_quality(
    values: NDArray[np.float32], offsets: NDArray[np.int64], slots: NDArray[np.int32],
    fs_hz: NDArray[np.float64], t0_ns: NDArray[np.int64], seq: NDArray[np.int64], lead: int,
    state: NDArray[Any], blank: NDArray[Any],
    out_slots: NDArray[np.int32], out_ns: NDArray[np.int64], out: NDArray[np.float64],
) -> int:  # fmt: skip
    """Walk the rows of a waveform batch and fill `out` with one row per slot and second.

    Parameters
    ----------
    values, offsets, slots, fs_hz, t0_ns, seq
        As in `processors.records.Batch`; NaN and values beyond +-1000 mV are missing.
    lead
        Column to judge.
    state, blank
        `QUALITY_STATE` by slot; one zero record.
    out_slots, out_ns, out
        int32, int64 ``[n]``, float64 ``[n, 7]``: score, attached, flat, railed, noisy, peak to
        peak of 0.5-40 or 1-40 Hz (mV), share of its samples that are there. A second with samples
        but no valid one has score 0, attached 0.5, NaN mV.

    Returns
    -------
    int
        Number of rows filled; two per row of input and its seconds always suffice.
    """
    count: Any = np.int64(0)  # not the constant 0, which is a type of its own to compile
    for r in range(len(slots)):
        lo, hi, fs, k = offsets[r], offsets[r + 1], fs_hz[r], slots[r]
        if hi == lo or not fs > 0.0:
            continue
        s = state[k]
        if s.fs_hz != fs or seq[r] < s.seq:
            state[k] = blank[0]
            _start(s, fs, t0_ns[r])
        elif seq[r] > s.seq:
            s.missing += seq[r] - s.seq
            s.run = 0
        if abs(time_ns(s, s.count) - t0_ns[r]) > WITHIN_NS:
            s.anchor, s.anchor_ns, s.ends = s.count, t0_ns[r], s.count
        count = _walk(s, k, values, lo, hi, lead, out_slots, out_ns, out, count)
        s.seq = seq[r] + hi - lo
    return int(count)


@inner
def _start(s: Any, fs: float, t0_ns: int) -> None:
    s.fs_hz, s.anchor_ns = fs, t0_ns
    d = s.design
    d[0, 0], d[0, 1], d[0, 2] = highpass(fs, 0.5, BUTTERWORTH_Q)
    d[1, 0], d[1, 1], d[1, 2] = lowpass(fs, 40.0, BUTTERWORTH_Q)
    d[2, 0], d[2, 1], d[2, 2] = highpass(fs, 25.0, BUTTERWORTH_Q)
    d[3, 0], d[3, 1], d[3, 2] = highpass(fs, 5.0, BUTTERWORTH_Q)
    d[4, 0], d[4, 1], d[4, 2] = lowpass(fs, 20.0, BUTTERWORTH_Q)
    for m in range(2):
        s.mains[m] = 2.0 * math.cos(2.0 * math.pi * MAINS_HZ[m] / fs)
    s.missing = 1 << 40
    s.seen_low, s.seen_high = np.inf, -np.inf
    s.second = np.int64(-1) << 60


@inner
def _walk(
    s: Any, k: int, values: NDArray[np.float32], lo: int, hi: int, lead: int,
    out_slots: NDArray[np.int32], out_ns: NDArray[np.int64], out: NDArray[np.float64], count: int,
) -> int:  # fmt: skip
    """Take the samples of one row, as many at a time as lie in one cell."""
    i: Any = lo
    while i < hi:
        if s.count >= s.ends:  # in another cell, perhaps after a loss
            now_ns = time_ns(s, s.count)
            second = (now_ns + WITHIN_NS) // SECOND_NS
            if second != s.second:
                if s.n > 0:  # its last sample was lost
                    count = _finish(s, k, now_ns, out_slots, out_ns, out, count)
                _open(s, second)
            cell = (now_ns + WITHIN_NS - second * SECOND_NS) // CELL_NS
            if cell != s.cell:
                _close_cell(s, cell)
            s.ends = max(_end_of_cell(s, cell), s.count + 1)
        n = min(s.ends - s.count, hi - i)
        _take(s, values, i, i + n, lead)
        i += n
        if s.count < s.ends:
            continue
        ends = _end_of_cell(s, s.cell + 1)
        if s.cell + 1 < CELLS and ends > s.count:  # the next cell: no time has to be worked out
            _close_cell(s, s.cell + 1)
            s.ends = ends
        elif (time_ns(s, s.count) + WITHIN_NS) // SECOND_NS != s.second:
            count = _finish(s, k, time_ns(s, s.count - 1), out_slots, out_ns, out, count)
    return int(count)


@inner
def _end_of_cell(s: Any, cell: int) -> int:
    """Give the count of the first sample that is not in a cell of this second any more."""
    end_ns = s.second * SECOND_NS + (cell + 1) * CELL_NS - WITHIN_NS
    return int(s.anchor + np.int64(math.ceil((end_ns - s.anchor_ns) * (s.fs_hz * 1e-9))))


@inlined
def _take(s: Any, values: NDArray[np.float32], lo: int, hi: int, lead: int) -> None:
    """Filter samples of one cell; what they change stays in registers until the end."""
    fs, d, z, g = s.fs_hz, s.design, s.z, s.g
    hold_n, rail_n = np.int64(HOLD_S * fs + 1e-9), np.int64(np.ceil(RAIL_S * fs))
    b0, b1, b2, b3, b4 = d[0, 0], d[1, 0], d[2, 0], d[3, 0], d[4, 0]
    a01, a11, a21, a31, a41 = d[0, 1], d[1, 1], d[2, 1], d[3, 1], d[4, 1]
    a02, a12, a22, a32, a42 = d[0, 2], d[1, 2], d[2, 2], d[3, 2], d[4, 2]
    p0, p1, p2, p3, p4 = z[0, 0], z[1, 0], z[2, 0], z[3, 0], z[4, 0]
    q0, q1, q2, q3, q4 = z[0, 1], z[1, 1], z[2, 1], z[3, 1], z[4, 1]
    mains_0, mains_1 = s.mains[0], s.mains[1]
    f0, f1, h0, h1 = g[0, 0], g[1, 0], g[0, 1], g[1, 1]
    missing, last, run, base = s.missing, s.last, s.run, s.base
    raw_low, raw_high, low, high = s.raw_low, s.raw_high, s.low, s.high
    steady_low, steady_high = s.steady_low, s.steady_high
    power, cell_noise, cell_band, cell_sum = s.power, s.cell_noise, s.cell_band, s.cell_sum
    n_valid = 0
    for i in range(lo, hi):
        x = np.float64(values[i, lead])
        if not -LARGEST_MV <= x <= LARGEST_MV:
            missing += 1
            run = 0
            continue
        if missing > hold_n or (s.at_rail != 0 and x != last):
            s.at_rail = 0
            s.base = s.slow[0] = s.slow[1] = base = 0.0
            p1 = q1 = p4 = q4 = 0.0
            p0, q0 = prime_highpass(b0, x)
            p2, q2 = prime_highpass(b2, x)
            p3, q3 = prime_highpass(b3, x)
        run = run + 1 if x == last and missing == 0 else 1
        missing, last = 0, x
        raw_low, raw_high = min(raw_low, x), max(raw_high, x)
        if run >= rail_n and abs(x) >= LEAST_RAIL_MV:
            end = max(s.seen_high, raw_high) if x > 0.0 else -min(s.seen_low, raw_low)
            if abs(x) >= RAIL_SHARE * min(end, PLAUSIBLE_MV):
                s.railed = s.at_rail = 1
        y = b0 * x + p0
        p0 = -2.0 * b0 * x - a01 * y + q0
        q0 = b0 * x - a02 * y
        trace = b1 * y + p1
        p1 = 2.0 * b1 * y - a11 * trace + q1
        q1 = b1 * y - a12 * trace
        noise = b2 * x + p2
        p2 = -2.0 * b2 * x - a21 * noise + q2
        q2 = b2 * x - a22 * noise
        w = b3 * x + p3
        p3 = -2.0 * b3 * x - a31 * w + q3
        q3 = b3 * x - a32 * w
        band = b4 * w + p4
        p4 = 2.0 * b4 * w - a41 * band + q4
        q4 = b4 * w - a42 * band
        f0, h0 = y + mains_0 * f0 - h0, f0
        f1, h1 = y + mains_1 * f1 - h1, f1
        power += y * y
        steady = trace - base
        low, high = min(low, trace), max(high, trace)
        steady_low, steady_high = min(steady_low, steady), max(steady_high, steady)
        cell_noise += noise * noise
        cell_band += band * band
        cell_sum += trace
        n_valid += 1
    z[0, 0], z[1, 0], z[2, 0], z[3, 0], z[4, 0] = p0, p1, p2, p3, p4
    z[0, 1], z[1, 1], z[2, 1], z[3, 1], z[4, 1] = q0, q1, q2, q3, q4
    g[0, 0], g[1, 0], g[0, 1], g[1, 1] = f0, f1, h0, h1
    s.missing, s.last, s.run = missing, last, run
    s.raw_low, s.raw_high, s.low, s.high = raw_low, raw_high, low, high
    s.steady_low, s.steady_high = steady_low, steady_high
    s.seen_low, s.seen_high = min(s.seen_low, raw_low), max(s.seen_high, raw_high)
    s.power, s.cell_noise, s.cell_band, s.cell_sum = power, cell_noise, cell_band, cell_sum
    s.cell_n += n_valid
    s.n_valid += n_valid
    s.count += hi - lo
    s.n += hi - lo


@inner
def _open(s: Any, second: int) -> None:
    s.second, s.n, s.n_valid, s.railed = second, 0, 0, 0
    s.raw_low = s.low = s.steady_low = np.inf
    s.raw_high = s.high = s.steady_high = -np.inf
    s.power = 0.0
    s.cell, s.n_parts = 0, 0
    s.cell_n, s.cell_noise, s.cell_band, s.cell_sum = 0, 0.0, 0.0, 0.0
    s.part_n, s.part_noise, s.part_band, s.part_sum = 0, 0.0, 0.0, 0.0
    for m in range(2):
        s.g[m, 0] = s.g[m, 1] = 0.0
    start = s.n_seconds % KEPT_S * CELLS
    for c in range(CELLS):  # what stays without samples
        s.trace[start + c], s.energy[start + c] = 0, 0.0


@inner
def _close_cell(s: Any, following: int) -> None:
    """Keep a cell, if it has a sample, and the part it ends when the next lies in another."""
    if s.cell_n > 0:
        i = s.n_seconds % KEPT_S * CELLS + s.cell
        mean = s.cell_sum / s.cell_n
        _follow(s, mean)
        s.trace[i] = np.int16(np.rint(min(max(mean / TRACE_MV, -32767.0), 32767.0)))
        s.energy[i] = math.sqrt(s.cell_band / s.cell_n)
        s.part_n += s.cell_n
        s.part_noise += s.cell_noise
        s.part_band += s.cell_band
        s.part_sum += s.cell_sum
    ends = following * PARTS // CELLS != s.cell * PARTS // CELLS
    s.cell = following
    s.cell_n, s.cell_noise, s.cell_band, s.cell_sum = 0, 0.0, 0.0, 0.0
    if not ends:
        return
    if s.part_n > 0 and s.n_parts < PARTS:
        p = s.n_parts
        s.noises[p] = math.sqrt(s.part_noise / s.part_n)
        s.bands[p] = math.sqrt(s.part_band / s.part_n)
        mean = s.part_sum / s.part_n
        if p > 0:
            s.steps[p - 1] = abs(mean - s.mean)
        s.mean = mean
        s.n_parts = p + 1
    s.part_n, s.part_noise, s.part_band, s.part_sum = 0, 0.0, 0.0, 0.0


@inner
def _follow(s: Any, x: float) -> None:
    """Take the mean of a cell into what the trace is below 1 Hz."""
    b0, a1, a2 = STEADY
    y = b0 * x + s.slow[0]
    s.slow[0] = -2.0 * b0 * x - a1 * y + s.slow[1]
    s.slow[1] = b0 * x - a2 * y
    s.base = x - y


@inner
def _finish(
    s: Any, k: int, now_ns: int,
    out_slots: NDArray[np.int32], out_ns: NDArray[np.int64], out: NDArray[np.float64], count: int,
) -> int:  # fmt: skip
    """Judge the second and write its row."""
    _close_cell(s, np.int64(CELLS))
    out_slots[count], out_ns[count] = k, now_ns
    o = out[count]
    o[0], o[1], o[2], o[3], o[4], o[5] = 0.0, 0.5, 0.0, 0.0, 0.0, np.nan
    o[6] = min(s.n_valid / s.fs_hz, 1.0)
    if s.n_valid >= 0.5 * s.n and s.n_parts > 1:
        _judge(s, o)
    else:
        s.n_together = 0
    s.n = 0
    return count + 1


@inner
def _judge(s: Any, o: NDArray[np.float64]) -> None:
    j = s.n_seconds % KEPT_S
    s.n_seconds += 1
    s.n_together = min(s.n_together + 1, KEPT_S) if s.second == s.judged + 1 else 1
    s.judged = s.second
    n = min(s.n_seconds, KEPT_S)
    strongest = 0.0
    for p in range(s.n_parts):
        strongest = max(strongest, s.bands[p])
    noise = median_of_few(s.noises, s.n_parts)
    s.strongest[(s.n_seconds - 1) % STRONGEST_S] = strongest
    kept = s.seconds
    size = min(s.high - s.low, s.steady_high - s.steady_low)
    kept[0, j], kept[3, j] = noise, size
    kept[1, j] = median_of_few(s.bands, s.n_parts)
    kept[2, j] = median_of_few(s.steps, s.n_parts - 1)
    tallest = 0.0
    for q in range(n):
        tallest = max(tallest, kept[3, q])
    qrs = _qrs_mv(s)
    amplitude = max(qrs, LEAST_AMPLITUDE_MV)
    worst = max(
        median_of_few(kept[0], n) / (NOISE_RATIO * amplitude),
        median_of_few(kept[1], n) / (BETWEEN_RATIO * amplitude),
        median_of_few(kept[2], n) / (BASELINE_RATIO * amplitude),
    )
    unlike = min(
        max((1.0 - _likeness(s, PEAK_SHARE * qrs)) / UNLIKE, UNLIKE_RANGE[0]), UNLIKE_RANGE[1]
    )
    score = 1.0 / (1.0 + worst**STEEPNESS * unlike**3)
    if tallest < WEAK_MV:
        score = min(score, WEAK_SCORE)
    flat = size < FLAT_MV
    constant = s.raw_high == s.raw_low
    mains_mv, share = _mains(s)
    by_mains = share > MAINS_SHARE and mains_mv >= max(LEAST_MAINS_MV, 2.0 * amplitude)
    off = constant or s.railed != 0 or by_mains
    o[0] = 0.0 if off else score
    # Without anything as large as a QRS for 4 s the signal does not tell whether a lead is on.
    o[1] = 0.0 if off else (0.5 if flat or tallest < WEAK_MV else 1.0)
    o[2] = 1.0 if flat else 0.0
    o[3] = 1.0 if s.railed else 0.0
    o[4] = 1.0 if noise >= LEAST_NOISE_MV and noise > NOISE_RATIO * amplitude else 0.0
    o[5] = size
    if constant or s.railed != 0:  # what comes after a rail is not measured by it
        s.n_seconds = s.n_together = 0


@inner
def _qrs_mv(s: Any) -> float:
    """Give what a QRS is worth: the third-largest strongest part of 8 s, of fewer as many less."""
    n = min(s.n_seconds, STRONGEST_S)
    left = n * RANK // (STRONGEST_S + 1)  # larger ones
    for q in range(n):
        above = 0
        for p in range(n):
            larger = s.strongest[p] > s.strongest[q]
            above += 1 if larger or (p < q and s.strongest[p] == s.strongest[q]) else 0
        if above == left:
            return float(s.strongest[q])
    return 0.0


@inner
def _likeness(s: Any, least: float) -> float:
    """Give the median correlation of the peaks of the last seconds, each with its best match.

    With fewer than two peaks there is nothing to compare: the value that changes nothing.
    """
    n, first = s.n_together * CELLS, (s.n_seconds - s.n_together) * CELLS
    trace, energy, peaks, best = s.trace, s.energy, s.peaks, s.best
    n_peaks, size = 0, 0.0
    for i in range(1, n - 1):
        here = energy[(first + i) & LAST]
        if here < least or here < energy[(first + i - 1) & LAST]:
            continue
        if here <= energy[(first + i + 1) & LAST]:
            continue
        if n_peaks == 0 or i - peaks[n_peaks - 1] >= PEAK_APART:
            n_peaks += 1
            size = 0.0
        if here > size:
            peaks[n_peaks - 1], size = i, here
    n_whole: Any = np.int64(0)
    for q in range(n_peaks):
        if PEAK_BEFORE < peaks[q] < n - PEAK_AFTER - 1:
            peaks[n_whole], best[n_whole] = peaks[q], -1.0
            n_whole += 1
    if n_whole < 2:
        return 1.0 - UNLIKE
    for q in range(n_whole):
        for p in range(q):
            like = _best_correlation(trace, first + peaks[q], first + peaks[p])
            best[q], best[p] = max(best[q], like), max(best[p], like)
    return float(median_of_few(best, n_whole))


@inner
def _best_correlation(trace: NDArray[np.int16], a: int, b: int) -> float:
    """Give the correlation of the trace around two cells, the second one cell off at most.

    Whole numbers are added up, which is exact in any order; 0 where one is constant or much larger.
    """
    n = PEAK_BEFORE + PEAK_AFTER
    a -= PEAK_BEFORE
    b -= PEAK_BEFORE + 1
    x = np.int64(trace[b & LAST])
    sa = saa = early = middle = late = np.int64(0)
    sb, sbb = x, x * x  # of the second; the first and the last cell belong to two of three only
    for i in range(n):
        here, after = np.int64(trace[(a + i) & LAST]), np.int64(trace[(b + i + 1) & LAST])
        sa += here
        saa += here * here
        early += here * x
        middle += here * after
        late += here * np.int64(trace[(b + i + 2) & LAST])
        x = after
        if i < n - 1:
            sb += after
            sbb += after * after
    best = -1.0
    spread_a = np.float64(saa) - np.float64(sa) * np.float64(sa) / n
    for shift in range(3):
        products = early if shift == 0 else (middle if shift == 1 else late)
        spread_b = np.float64(sbb) - np.float64(sb) * np.float64(sb) / n
        larger, smaller = max(spread_a, spread_b), min(spread_a, spread_b)
        like = 0.0
        if smaller > 0.0 and larger <= LARGER_PEAK * LARGER_PEAK * smaller:
            covariance = np.float64(products) - np.float64(sa) * np.float64(sb) / n
            like = covariance / math.sqrt(larger * smaller)
        best = max(best, like)
        gone, come = np.int64(trace[(b + shift) & LAST]), np.int64(trace[(b + shift + n) & LAST])
        sb += come - gone
        sbb += come * come - gone * gone
    return best


@inner
def _mains(s: Any) -> tuple[float, float]:
    """Give amplitude (mV) and share of the power of the stronger of 50 and 60 Hz (Goertzel)."""
    best = 0.0
    for m in range(2):
        if MAINS_HZ[m] >= 0.48 * s.fs_hz:
            continue
        a, b = s.g[m, 0], s.g[m, 1]
        best = max(best, a * a + b * b - s.mains[m] * a * b)
    power = 2.0 * best / (s.n_valid * s.n_valid)  # of a sine: half of the amplitude squared
    mean = s.power / s.n_valid
    return math.sqrt(2.0 * power), power / mean if mean > 0.0 else 0.0
