"""QRS detection, causal and per sample (CLINICAL 3.2)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from processors.kernels.filters import BUTTERWORTH_Q, delay_s, highpass, lowpass, prime_highpass

MAX_LEADS = 8
PIECE = 256
TRACE = 512  # ring of the 0.5-40 Hz signal at the input's rate
SLOPES = 256
GRID = 1024  # ring of the 0.5-40 Hz signal at GRID_HZ
GRID_HZ = 200.0
GRID_MV = 0.002
LEVELS = 8
KEPT = 16
QUEUE = 16
WINDOW = 100
NEVER = np.int64(2**62)
LOWEST_FS_HZ, HIGHEST_FS_HZ = 60.0, 1200.0
LARGEST_MV = 1000.0


class QrsRules(NamedTuple):
    """Settings."""

    low_hz: float = 8.0
    high_hz: float = 20.0
    average_s: float = 0.08
    hold_s: float = 0.12
    refractory_s: float = 0.2
    threshold: float = 0.475
    sure: float = 2.0
    t_wave_s: float = 0.36
    t_wave_slope: float = 0.5
    search_rr: float = 1.5
    search_share: float = 0.5
    floor: float = 0.3  # mV/s
    learn_s: float = 2.0
    relearn_s: float = 8.0
    half: float = 0.5


RULES = QrsRules()

QRS_STATE = np.dtype(
    [
        ("fs_hz", "f8"), ("seq", "i8"), ("count", "i8"), ("anchor", "i8"), ("anchor_ns", "i8"),
        ("design", "f8", (4, 3)),
        ("trace_z", "f8", (4,)),
        ("band_z", "f8", (MAX_LEADS, 4)), ("band_y", "f8", (MAX_LEADS,)),
        ("last_mv", "f8", (MAX_LEADS,)), ("missing", "i4", (MAX_LEADS,)),
        ("trace", "f4", (TRACE,)), ("slopes", "f4", (SLOPES,)), ("grid", "i2", (GRID,)),
        ("trace_y", "f8"), ("grid_next", "i8"),
        ("sum", "f8"), ("fresh", "f8"), ("average_n", "i4"), ("hold_n", "i4"), ("delay_n", "f8"),
        ("level", "f8"), ("before", "f8"), ("peak", "f8"), ("peak_at", "i8"), ("guard", "f8"),
        ("due", "i8"), ("threshold", "f8"), ("qrs", "f8"), ("noise", "f8"),
        ("tracking", "i1"), ("learning", "i1"), ("in_gap", "i1"), ("after_gap", "i1"),
        ("has_beat", "i1"), ("beat_gap", "i1"), ("beat_late", "i1"), ("has_window", "i1"),
        ("rr_pushed", "i1"), ("seen_beat", "i1"), ("polarity", "i1"),
        ("learn_at", "i8"), ("relearn_at", "i8"), ("search_at", "i8"), ("blind_until", "i8"),
        ("qrs_levels", "f8", (LEVELS,)), ("n_qrs", "i8"),
        ("noise_levels", "f8", (LEVELS,)), ("n_noise", "i8"),
        ("rr", "f8", (LEVELS,)), ("n_rr", "i8"), ("rr_mid", "f8"),
        ("beat_at", "i8"), ("beat_peak", "f8"), ("beat_slope", "f8"), ("beat_pos", "f8"),
        ("beat_ns", "i8"), ("beat_mv", "f8"), ("beat_sure", "f8"),
        ("old_at", "i8"), ("old_peak", "f8"), ("old_slope", "f8"), ("old_pos", "f8"), ("old_has", "i1"),
        ("seen_at", "i8"), ("seen_peak", "f8"),
        ("n_kept", "i8"), ("kept", "f8", (KEPT, 5)),
        ("n_queue", "i8"), ("queue_ns", "i8", (QUEUE,)), ("queue", "f8", (QUEUE, 3)),
        ("window_ns", "i8"),
    ],
    align=True,
)


class QrsOutputs(NamedTuple):
    """Arrays filled by `detect_qrs`."""

    beat_slots: NDArray[np.int32]
    beat_ns: NDArray[np.int64]
    beats: NDArray[np.float64]
    window_slots: NDArray[np.int32]
    window_ns: NDArray[np.int64]
    windows: NDArray[np.float64]
    counts: NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def _median(values, n):
    """Median of the first n of a short array by rank counting."""
    if n == 0:
        return 0.0
    low, high = (n - 1) // 2, n // 2
    a = b = 0.0
    for i in range(n):
        less = equal = 0
        for j in range(n):
            if values[j] < values[i]:
                less += 1
            elif values[j] == values[i]:
                equal += 1
        if less <= low < less + equal:
            a = values[i]
        if less <= high < less + equal:
            b = values[i]
    return 0.5 * (a + b)


@njit(cache=True, nogil=True, error_model="numpy")
def _start(state, k, fs, seq, t0, blank, rules):
    state[k] = blank[0]
    s = state[k]
    s.fs_hz = fs
    s.seq = seq
    s.anchor_ns = t0
    d = s.design
    d[0, 0], d[0, 1], d[0, 2] = highpass(fs, 0.5, BUTTERWORTH_Q)
    d[1, 0], d[1, 1], d[1, 2] = lowpass(fs, 40.0, BUTTERWORTH_Q)
    d[2, 0], d[2, 1], d[2, 2] = highpass(fs, rules.low_hz, BUTTERWORTH_Q)
    d[3, 0], d[3, 1], d[3, 2] = lowpass(fs, rules.high_hz, BUTTERWORTH_Q)
    for a in range(MAX_LEADS):
        s.missing[a] = 1 << 30
    s.average_n = max(np.int64(np.rint(rules.average_s * fs)), 1)
    s.hold_n = max(np.int64(np.rint(rules.hold_s * fs)), 1)
    band = delay_s(rules.low_hz, BUTTERWORTH_Q, 12.0) + delay_s(rules.high_hz, BUTTERWORTH_Q, 12.0)
    s.delay_n = band * fs + 0.5 * s.average_n
    s.in_gap = 1
    s.after_gap = 1
    s.learning = 1
    s.learn_at = NEVER
    s.search_at = NEVER
    s.relearn_at = NEVER
    s.due = NEVER
    s.guard = np.inf
    s.threshold = np.inf
    s.rr_mid = fs


@njit(cache=True, nogil=True, error_model="numpy")
def _filter(state, k, values, lo, n, virtual, leads, work):
    """Slope and trace of a piece into work: rows slope, trace, live leads."""
    s = state[k]
    fs = s.fs_hz
    hold = int(0.1 * fs + 1e-9)
    d = s.design
    for i in range(n):
        work[0, i] = 0.0
        work[2, i] = 0.0
    several = len(leads) > 1
    for a in range(len(leads)):
        c = leads[a]
        hb, ha1, ha2 = d[2, 0], d[2, 1], d[2, 2]
        lb, la1, la2 = d[3, 0], d[3, 1], d[3, 2]
        z1, z2, z3, z4 = s.band_z[a, 0], s.band_z[a, 1], s.band_z[a, 2], s.band_z[a, 3]
        before = s.band_y[a]
        last = s.last_mv[a]
        missing = s.missing[a]
        tb, ta1, ta2 = d[0, 0], d[0, 1], d[0, 2]
        ub, ua1, ua2 = d[1, 0], d[1, 1], d[1, 2]
        t1, t2, t3, t4 = s.trace_z[0], s.trace_z[1], s.trace_z[2], s.trace_z[3]
        for i in range(n):
            x = np.nan
            if not virtual:
                x = np.float64(values[lo + i, c])
            if -LARGEST_MV <= x <= LARGEST_MV:
                if missing > hold:
                    z1, z2 = prime_highpass(hb, x)
                    z3 = z4 = before = 0.0
                    if a == 0:
                        t1, t2 = prime_highpass(tb, x)
                        t3 = t4 = 0.0
                missing = 0
                last = x
            else:
                missing = min(missing + 1, 1 << 30)
                if missing > hold:
                    if a == 0:
                        work[1, i] = 0.0
                    continue
                x = last
            y = hb * x + z1
            z1 = -2.0 * hb * x - ha1 * y + z2
            z2 = hb * x - ha2 * y
            w = lb * y + z3
            z3 = 2.0 * lb * y - la1 * w + z4
            z4 = lb * y - la2 * w
            v = (w - before) * fs
            before = w
            if several:
                work[0, i] += v * v
            else:
                work[0, i] = abs(v)
            work[2, i] += 1.0
            if a == 0:
                y = tb * x + t1
                t1 = -2.0 * tb * x - ta1 * y + t2
                t2 = tb * x - ta2 * y
                w = ub * y + t3
                t3 = 2.0 * ub * y - ua1 * w + t4
                t4 = ub * y - ua2 * w
                work[1, i] = w
        s.band_z[a, 0], s.band_z[a, 1], s.band_z[a, 2], s.band_z[a, 3] = z1, z2, z3, z4
        s.band_y[a] = before
        s.last_mv[a] = last
        s.missing[a] = missing
        if a == 0:
            s.trace_z[0], s.trace_z[1], s.trace_z[2], s.trace_z[3] = t1, t2, t3, t4
    if several:
        for i in range(n):
            work[0, i] = math.sqrt(work[0, i])


@njit(cache=True, nogil=True, error_model="numpy")
def _time_ns(s, position):
    return s.anchor_ns + np.int64(np.rint((position - s.anchor) * (1e9 / s.fs_hz)))


@njit(cache=True, nogil=True, error_model="numpy")
def _emit(s, k, now_ns, withdrawn, out):
    j = out.counts[0]
    out.beat_slots[j] = k
    out.beat_ns[j] = now_ns
    b = out.beats[j]
    b[0] = now_ns - s.beat_ns
    b[1] = withdrawn
    b[2] = s.beat_mv
    b[3] = s.beat_sure
    b[4] = s.beat_late
    b[5] = s.beat_gap
    out.counts[0] = j + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _levels(s, rules):
    s.qrs = _median(s.qrs_levels, min(s.n_qrs, LEVELS))
    s.noise = _median(s.noise_levels, min(s.n_noise, LEVELS))
    s.threshold = max(s.noise + rules.threshold * max(s.qrs - s.noise, 0.0), rules.floor)


@njit(cache=True, nogil=True, error_model="numpy")
def _set_due(s):
    due = min(s.learn_at, s.search_at, s.relearn_at)
    if s.n_queue > 0:
        due = min(due, np.int64(math.ceil(s.queue[0, 0] + 0.602 * s.fs_hz)))
    s.due = due


@njit(cache=True, nogil=True, error_model="numpy")
def _locate(s, c, at):
    """R position (samples, fraction) and amplitude for a maximum of the average at `at`."""
    fs = s.fs_hz
    centre = at - s.delay_n + delay_s(40.0, BUTTERWORTH_Q, 0.0) * fs
    half = 0.08 * fs
    lo = max(np.int64(centre - half), c - TRACE + 2, np.int64(0))
    hi = min(np.int64(centre + half), c - 1)
    base_lo = max(np.int64(centre - half - 0.04 * fs), c - TRACE + 1, np.int64(0))
    total = 0.0
    for i in range(base_lo, lo + 1):
        total += s.trace[i & (TRACE - 1)]
    base = total / max(lo + 1 - base_lo, 1)
    up_at = down_at = np.int64(-1)
    up = down = 0.0
    for i in range(lo, hi + 1):
        y = s.trace[i & (TRACE - 1)] - base
        if y > up and y + base >= s.trace[(i - 1) & (TRACE - 1)] and y + base >= s.trace[(i + 1) & (TRACE - 1)]:
            up, up_at = y, i
        if -y > down and y + base <= s.trace[(i - 1) & (TRACE - 1)] and y + base <= s.trace[(i + 1) & (TRACE - 1)]:
            down, down_at = -y, i
    upright = up * (1.5 if s.polarity > 0 else 1.0) >= down * (1.5 if s.polarity < 0 else 1.0)
    i = up_at if upright else down_at
    if i < 0:
        return max(at - s.delay_n, 0.0), 0.0
    a = s.trace[(i - 1) & (TRACE - 1)]
    b = s.trace[i & (TRACE - 1)]
    e = s.trace[(i + 1) & (TRACE - 1)]
    curve = a - 2.0 * b + e
    shift = 0.5 * (a - e) / curve if curve != 0.0 else 0.0
    position = i + min(max(shift, -0.5), 0.5) - delay_s(40.0, BUTTERWORTH_Q, 0.0) * fs
    return max(position, 0.0), up if upright else -down


@njit(cache=True, nogil=True, error_model="numpy")
def _accept(s, k, at, peak, slope, pos, mv, late, now_ns, rules, out):
    fs = s.fs_hz
    s.old_at, s.old_peak, s.old_slope, s.old_pos = s.beat_at, s.beat_peak, s.beat_slope, s.beat_pos
    s.old_has = s.has_beat
    s.beat_gap = s.after_gap
    s.rr_pushed = 0
    if s.has_beat and not s.after_gap:
        rr = pos - s.beat_pos
        if rr <= 3.0 * fs:
            s.rr[s.n_rr % LEVELS] = rr
            s.n_rr += 1
            s.rr_pushed = 1
            s.rr_mid = _median(s.rr, min(s.n_rr, LEVELS))
    s.beat_sure = min(max((peak - s.noise) / max(s.qrs - s.noise, 1e-9), 0.0), 1.0) * min(
        max(1.0 - s.noise / max(peak, 1e-9), 0.0), 1.0
    )
    s.beat_at, s.beat_peak, s.beat_slope, s.beat_pos, s.beat_mv = at, peak, slope, pos, mv
    s.beat_ns = _time_ns(s, pos)
    s.beat_late = late
    s.has_beat = 1
    s.after_gap = 0
    s.polarity = 1 if mv >= 0.0 else -1
    s.qrs_levels[s.n_qrs % LEVELS] = peak
    s.n_qrs += 1
    _levels(s, rules)
    s.seen_at, s.seen_peak, s.seen_beat = at, peak, 1
    s.guard = peak
    s.search_at = np.int64(at + min(rules.search_rr * s.rr_mid, 4.0 * fs))
    s.relearn_at = np.int64(at + rules.relearn_s * fs)
    j = s.n_queue
    if j < QUEUE:
        s.queue_ns[j] = s.beat_ns
        s.queue[j, 0] = pos
        s.queue[j, 1] = mv
        s.queue[j, 2] = s.beat_gap
        s.n_queue = j + 1
    _emit(s, k, now_ns, 0, out)


@njit(cache=True, nogil=True, error_model="numpy")
def _withdraw(s, k, now_ns, rules, out):
    _emit(s, k, now_ns, 1, out)
    s.n_queue -= 1
    s.n_qrs -= 1
    if s.rr_pushed:
        s.n_rr -= 1
    s.after_gap = s.beat_gap
    s.beat_at, s.beat_peak, s.beat_slope, s.beat_pos = s.old_at, s.old_peak, s.old_slope, s.old_pos
    s.has_beat = s.old_has
    s.seen_peak = 0.0
    s.guard = np.inf
    _levels(s, rules)


@njit(cache=True, nogil=True, error_model="numpy")
def _keep(s, at, peak, slope, pos, mv):
    j = s.n_kept
    if j == KEPT:
        for i in range(KEPT - 1):
            for q in range(5):
                s.kept[i, q] = s.kept[i + 1, q]
        j -= 1
    e = s.kept[j]
    e[0], e[1], e[2], e[3], e[4] = at, peak, slope, pos, mv
    s.n_kept = j + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _drop_kept(s, until):
    """Forget the kept candidates up to and including a position."""
    n = 0
    for i in range(s.n_kept):
        if s.kept[i, 0] > until:
            for q in range(5):
                s.kept[n, q] = s.kept[i, q]
            n += 1
    s.n_kept = n


@njit(cache=True, nogil=True, error_model="numpy")
def _is_t_wave(s, at, slope, rules):
    return (
        s.has_beat
        and not s.after_gap
        and at - s.beat_at < rules.t_wave_s * s.fs_hz
        and slope < rules.t_wave_slope * s.beat_slope
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _decide(s, k, at, peak, slope, pos, mv, late, now_ns, rules, out):
    if peak >= s.threshold and not _is_t_wave(s, at, slope, rules):
        _accept(s, k, at, peak, slope, pos, mv, late, now_ns, rules, out)
        _drop_kept(s, at)
    else:
        s.noise_levels[s.n_noise % LEVELS] = peak
        s.n_noise += 1
        _levels(s, rules)
        s.seen_at, s.seen_peak, s.seen_beat = at, peak, 0
        _keep(s, at, peak, slope, pos, mv)


@njit(cache=True, nogil=True, error_model="numpy")
def _candidate(s, k, c, at, peak, now_ns, rules, out):
    """A maximum of the average that nothing larger followed."""
    if at < s.blind_until:
        return
    if at - s.seen_at < rules.refractory_s * s.fs_hz and peak <= s.seen_peak:
        return
    slope = 0.0
    for i in range(max(at - s.average_n, c - SLOPES + 1, np.int64(0)), at + 1):
        slope = max(slope, np.float64(s.slopes[i & (SLOPES - 1)]))
    pos, mv = _locate(s, c, at)
    if s.learning:
        if s.n_kept > 0 and at - s.kept[s.n_kept - 1, 0] < rules.refractory_s * s.fs_hz:
            s.n_kept -= 1
        s.seen_at, s.seen_peak = at, peak
        _keep(s, at, peak, slope, pos, mv)
        return
    _decide(s, k, at, peak, slope, pos, mv, 0, now_ns, rules, out)


@njit(cache=True, nogil=True, error_model="numpy")
def _learn(s, k, c, now_ns, rules, out):
    """End of the learning time: set the levels, then decide on what was kept."""
    fs = s.fs_hz
    start = s.learn_at - np.int64(rules.learn_s * fs)
    _drop_kept(s, start - 1)
    first = second = 0.0
    for i in range(s.n_kept):
        if s.kept[i, 0] < start + 0.5 * rules.learn_s * fs:
            first = max(first, s.kept[i, 1])
        else:
            second = max(second, s.kept[i, 1])
    low, high = min(first, second), max(first, second)
    if high < rules.floor:
        s.learn_at = np.int64(s.learn_at + fs)
        return
    s.learning = 0
    s.learn_at = NEVER
    s.n_qrs = 1
    s.qrs_levels[0] = low if low >= 0.3 * high else high
    s.n_noise = 0
    _levels(s, rules)
    n = s.n_kept
    s.n_kept = 0
    s.relearn_at = np.int64(c + rules.relearn_s * fs)
    for i in range(n):
        e = s.kept[i]
        _decide(s, k, np.int64(e[0]), e[1], e[2], e[3], e[4], 1, now_ns, rules, out)
    if s.search_at <= c:
        s.search_at = c + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _search_back(s, k, c, now_ns, rules, out):
    fs = s.fs_hz
    if s.tracking and s.peak >= s.threshold:
        s.search_at = s.peak_at + s.hold_n + 1
        if s.search_at <= c:
            s.search_at = c + 1
        return
    best = -1
    least = rules.search_share * s.threshold
    for i in range(s.n_kept):
        e = s.kept[i]
        if e[1] >= least and e[0] <= c - rules.refractory_s * fs and e[0] - s.beat_at >= rules.refractory_s * fs and not _is_t_wave(s, np.int64(e[0]), e[2], rules):
            best, least = i, e[1]
    if best < 0:
        s.search_at = np.int64(c + 0.25 * s.rr_mid)
        return
    e = s.kept[best]
    at = np.int64(e[0])
    seen_at, seen_peak, seen_beat, guard = s.seen_at, s.seen_peak, s.seen_beat, s.guard
    _accept(s, k, at, e[1], e[2], e[3], e[4], 1, now_ns, rules, out)
    s.seen_at, s.seen_peak, s.seen_beat = seen_at, seen_peak, seen_beat
    s.guard = np.inf
    if s.search_at <= c:
        s.search_at = c + 1
    _drop_kept(s, at)


@njit(cache=True, nogil=True, error_model="numpy")
def _window(s, k, now_ns, out):
    """Emit the window of the oldest beat that waits for it."""
    j = out.counts[1]
    pos = s.queue[0, 0]
    out.window_slots[j] = k
    out.window_ns[j] = now_ns
    w = out.windows[j]
    w[0] = now_ns - s.queue_ns[0]
    w[1] = np.nan
    if s.has_window and not s.queue[0, 2]:
        w[1] = (s.queue_ns[0] - s.window_ns) * 1e-6
    w[2] = s.queue[0, 1]
    first = (pos / s.fs_hz + delay_s(40.0, BUTTERWORTH_Q, 0.0) - 0.4) * GRID_HZ
    for i in range(WINDOW):
        u = first + i * (GRID_HZ / 100.0)
        g = np.int64(math.floor(u))
        share = u - g
        a = b = 0.0
        if g >= 0:
            a = s.grid[min(g, s.grid_next - 1) & (GRID - 1)] * GRID_MV
        if g + 1 >= 0:
            b = s.grid[min(g + 1, s.grid_next - 1) & (GRID - 1)] * GRID_MV
        w[4 + i] = a + share * (b - a)
    n = 0
    total = 0.0
    for i in range(2, WINDOW - 2):
        if 30 <= i < 75:
            continue
        e = w[4 + i] - 0.2 * (w[2 + i] + w[3 + i] + w[4 + i] + w[5 + i] + w[6 + i])
        total += e * e
        n += 1
    w[3] = math.sqrt(total / n)
    s.has_window = 1
    s.window_ns = s.queue_ns[0]
    for i in range(1, s.n_queue):
        s.queue_ns[i - 1] = s.queue_ns[i]
        for q in range(3):
            s.queue[i - 1, q] = s.queue[i, q]
    s.n_queue -= 1
    out.counts[1] = j + 1


@njit(cache=True, nogil=True, error_model="numpy")
def _things_due(s, k, c, now_ns, rules, out):
    if s.n_queue > 0 and c >= np.int64(math.ceil(s.queue[0, 0] + 0.602 * s.fs_hz)):
        _window(s, k, now_ns, out)
    elif c >= s.learn_at:
        _learn(s, k, c, now_ns, rules, out)
    elif c >= s.search_at:
        _search_back(s, k, c, now_ns, rules, out)
    elif c >= s.relearn_at:
        s.learning = 1
        s.learn_at = np.int64(c + rules.learn_s * s.fs_hz)
        s.relearn_at = NEVER
        s.search_at = NEVER
        s.guard = np.inf
        s.threshold = np.inf
    _set_due(s)


@njit(cache=True, nogil=True, error_model="numpy")
def _enter_gap(s):
    s.in_gap = 1
    s.after_gap = 1
    s.tracking = 0
    s.n_kept = 0
    s.guard = np.inf
    s.learn_at = NEVER
    s.search_at = NEVER
    s.relearn_at = NEVER
    _set_due(s)


@njit(cache=True, nogil=True, error_model="numpy")
def _leave_gap(s, c, rules):
    fs = s.fs_hz
    s.in_gap = 0
    if s.has_beat or not s.learning:
        s.blind_until = np.int64(c + 0.5 * fs)
    if s.learning:
        s.learn_at = np.int64(max(c, s.blind_until) + rules.learn_s * fs)
    else:
        s.relearn_at = np.int64(c + (0.5 + rules.relearn_s) * fs)
    _set_due(s)


@njit(cache=True, nogil=True, error_model="numpy")
def _piece(state, k, values, lo, n, virtual, now_ns, leads, rules, work, out):
    s = state[k]
    _filter(state, k, values, lo, n, virtual, leads, work)
    fs = s.fs_hz
    count = s.count
    total, fresh = s.sum, s.fresh
    level, before = s.level, s.before
    peak, peak_at, tracking = s.peak, s.peak_at, s.tracking
    trace, slopes, grid = s.trace, s.slopes, s.grid
    trace_y, grid_next = s.trace_y, s.grid_next
    step = fs / GRID_HZ
    grid_at = grid_next * step
    average_n, hold_n = s.average_n, s.hold_n
    share = 1.0 / average_n
    ease = 1.0 / (2.0 * fs)
    for i in range(n):
        c = count + i
        v = np.float32(work[0, i])
        y = work[1, i]
        trace[c & (TRACE - 1)] = y
        while c >= grid_at:
            value = y if c == 0 else trace_y + (grid_at - (c - 1)) * (y - trace_y)
            grid[grid_next & (GRID - 1)] = np.int16(np.rint(min(max(value / GRID_MV, -32767.0), 32767.0)))
            grid_next += 1
            grid_at = grid_next * step
        trace_y = y
        # The sum is rebuilt each time the ring turns, so rounding errors cannot gather.
        if c & (SLOPES - 1) == 0:
            pass
        total += np.float64(v) - np.float64(slopes[(c - average_n) & (SLOPES - 1)])
        slopes[c & (SLOPES - 1)] = v
        m = max(total * share, 0.0)
        live = work[2, i] > 0.0
        if live == (s.in_gap != 0):
            if live:
                s.grid_next = grid_next
                _leave_gap(s, c, rules)
            else:
                _enter_gap(s)
                tracking = 0
        if live:
            level += (m - level) * ease
            if tracking:
                if m > peak:
                    peak, peak_at = m, c
                    if m > s.guard:
                        if c - s.beat_at < rules.refractory_s * fs:
                            t = now_ns if virtual else _time_ns(s, np.float64(c))
                            _withdraw(s, k, t, rules, out)
                        else:
                            s.guard = np.inf
                elif c - peak_at >= hold_n or (m < rules.half * peak and peak >= rules.sure * s.threshold):
                    tracking = 0
                    t = now_ns if virtual else _time_ns(s, np.float64(c))
                    _candidate(s, k, c, peak_at, peak, t, rules, out)
                    _set_due(s)
            elif m > before:
                tracking = 1
                peak, peak_at = m, c
        before = m
        if c >= s.due:
            t = now_ns if virtual else _time_ns(s, np.float64(c))
            s.tracking, s.peak, s.peak_at = tracking, peak, peak_at
            s.grid_next = grid_next
            s.level = level
            while c >= s.due:
                _things_due(s, k, c, t, rules, out)
    s.count = count + n
    s.sum, s.fresh = total, fresh
    s.level, s.before = level, before
    s.peak, s.peak_at, s.tracking = peak, peak_at, tracking
    s.trace_y, s.grid_next = trace_y, grid_next


@njit(cache=True, nogil=True, error_model="numpy")
def detect_qrs(values, offsets, slots, fs_hz, t0_ns, seq, leads, rules, state, blank, work, out):
    """Detect."""
    for r in range(len(slots)):
        lo, hi = offsets[r], offsets[r + 1]
        fs = fs_hz[r]
        if hi == lo or not LOWEST_FS_HZ <= fs <= HIGHEST_FS_HZ:
            continue
        k = slots[r]
        s = state[k]
        if s.fs_hz != fs or seq[r] < s.seq:
            _start(state, k, fs, seq[r], t0_ns[r], blank, rules)
        lost = seq[r] - s.seq
        if lost > 0:
            brief = lost <= np.int64(0.1 * fs + 1e-9)
            fill = lost if brief else np.int64(0.8 * fs)
            while fill > 0:
                n = min(fill, np.int64(PIECE))
                _piece(state, k, values, lo, n, True, t0_ns[r], leads, rules, work, out)
                fill -= n
            if not brief:
                s.anchor, s.anchor_ns = s.count, t0_ns[r]
        if abs(_time_ns(s, np.float64(s.count)) - t0_ns[r]) > 1000:
            s.anchor, s.anchor_ns = s.count, t0_ns[r]
        while lo < hi:
            n = min(hi - lo, np.int64(PIECE))
            _piece(state, k, values, lo, n, False, np.int64(0), leads, rules, work, out)
            lo += n
        s.seq = seq[r] + offsets[r + 1] - offsets[r]
    return out.counts[0]
