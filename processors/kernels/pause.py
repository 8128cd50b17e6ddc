"""Silence between beats: asystole, pauses, a missed beat; only where the signal is known."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner
from processors.kernels.finding import OFFSET, ONSET, POINT, put

ASYSTOLE, PAUSE, PAUSES_FREQUENT, MISSED_BEAT = 0, 1, 2, 3
N_PENDING = 4  # beats within 200 ms of their emission; more cannot be by the refractory time
N_LONG = 5  # pauses that make `pauses_frequent`
N_RR = 8  # intervals of the mean that a missed beat is measured by
SECOND_NS = 1_000_000_000

PAUSE_STATE = np.dtype(
    [
        ("r_ns", np.int64),  # R of the newest standing beat, with has_r
        ("pending_r_ns", np.int64, (N_PENDING,)),
        ("pending_due_ns", np.int64, (N_PENDING,)),
        ("row_ns", np.int64),  # newest second of quality, with has_row
        ("clear_ns", np.int64),  # start of the run of clear seconds, with is_clear
        ("asystole_ns", np.int64),
        ("pulse_ns", np.int64),  # peak of the newest good pulse, with has_pulse
        ("frequent_ns", np.int64),
        ("frequent_due_ns", np.int64),
        ("long_ns", np.int64, (N_LONG,)),  # R that ended a counted pause
        ("missed_ns", np.int64),
        ("rr_ms", np.float64, (N_RR,)),
        ("missed_rr_ms", np.float64),
        ("missed_mean_ms", np.float64),
        ("peak_to_peak_mv", np.float64),  # largest of the seconds since the newest beat
        ("attached", np.float64),
        ("n_low", np.int32),  # seconds of little activity in a row, up to the newest
        ("n_pending", np.int32),
        ("n_long", np.int32),
        ("n_rr", np.int32),
        ("pending_gap", np.int8, (N_PENDING,)),
        ("has_r", np.int8),
        ("has_row", np.int8),
        ("is_clear", np.int8),
        ("has_pulse", np.int8),
        ("lead_known", np.int8),
        ("lead_off", np.int8),
        ("asystole_on", np.int8),
        ("claimed", np.int8),  # the pause after r_ns was reported by the clock
        ("frequent_on", np.int8),
        ("missed", np.int8),  # a long interval waits for the next to be normal
    ],
    align=True,
)


class Limits(NamedTuple):
    """The numbers of `processors.detectors.pause.Params`, in kernel units."""

    asystole_ns: int
    pause_ns: int
    counted_ns: int
    window_ns: int
    blind_ns: int
    settle_ns: int
    lost_ns: int
    deaf_ns: int
    low_s: int
    low_mv: float
    tiny_mv: float
    confidence: float
    present: float
    pulse: float
    pulse_ns: int
    missed_ratio: float
    missed_ms: float
    missed_fast_ms: float
    regular: float


@inner
def settle(state: Any, slot: int, p: Limits, out: NDArray[Any], n: int) -> int:
    """Take the oldest pending beat as standing and report what its interval says."""
    nan = np.nan
    beat = state.pending_r_ns[0]
    t = state.pending_due_ns[0]
    after_gap = state.pending_gap[0] != 0
    state.n_pending -= 1
    for k in range(state.n_pending):
        state.pending_r_ns[k] = state.pending_r_ns[k + 1]
        state.pending_due_ns[k] = state.pending_due_ns[k + 1]
        state.pending_gap[k] = state.pending_gap[k + 1]
    if state.has_r != 0 and beat <= state.r_ns:
        return n
    if state.asystole_on != 0:
        state.asystole_on = 0
        seconds = (beat - state.asystole_ns) * 1.0e-9
        n = put(out, n, ASYSTOLE, slot, OFFSET, state.asystole_ns, beat, t, 0,
                seconds, seconds, state.peak_to_peak_mv, state.attached, nan)  # fmt: skip
    seen = state.is_clear != 0 and state.clear_ns <= state.r_ns and t - state.row_ns <= p.lost_ns
    if state.has_r != 0 and not after_gap and seen:
        length = beat - state.r_ns
        rr = length * 1.0e-6
        if length >= p.pause_ns:
            n = put(out, n, PAUSE, slot, POINT, state.r_ns, state.r_ns, t, state.claimed,
                    rr * 1.0e-3, rr * 1.0e-3, state.attached, nan, nan)  # fmt: skip
        if length >= p.counted_ns:
            if state.n_long == N_LONG:
                for k in range(N_LONG - 1):
                    state.long_ns[k] = state.long_ns[k + 1]
                state.n_long -= 1
            state.long_ns[state.n_long] = beat
            state.n_long += 1
            if state.n_long == N_LONG and beat - state.long_ns[0] <= p.window_ns:
                state.frequent_due_ns = state.long_ns[0] + p.window_ns
                if state.frequent_on == 0:
                    state.frequent_on = 1
                    state.frequent_ns = state.long_ns[0]
                    n = put(out, n, PAUSES_FREQUENT, slot, ONSET, state.long_ns[0],
                            state.long_ns[0], t, 0, float(N_LONG), float(N_LONG),
                            (beat - state.long_ns[0]) * 1.0e-9, nan, nan)  # fmt: skip
        mean = 0.0
        worst = 0.0
        for k in range(state.n_rr):
            mean += state.rr_ms[k] / state.n_rr
        for k in range(state.n_rr):
            worst = max(worst, abs(state.rr_ms[k] - mean))
        if state.missed != 0:
            state.missed = 0
            if abs(rr - state.missed_mean_ms) <= p.regular * state.missed_mean_ms:
                n = put(out, n, MISSED_BEAT, slot, POINT, state.missed_ns, state.missed_ns, t, 0,
                        state.missed_rr_ms, state.missed_rr_ms, state.missed_mean_ms,
                        nan, nan)  # fmt: skip
        limit = p.missed_fast_ms if mean <= p.missed_ms else p.missed_ratio * mean
        regular = state.n_rr == N_RR and worst <= p.regular * mean
        if regular and limit <= rr and length < p.pause_ns:
            state.missed = 1
            state.missed_ns = state.r_ns
            state.missed_rr_ms = rr
            state.missed_mean_ms = mean
        else:
            if state.n_rr == N_RR:
                for k in range(N_RR - 1):
                    state.rr_ms[k] = state.rr_ms[k + 1]
                state.n_rr -= 1
            state.rr_ms[state.n_rr] = rr
            state.n_rr += 1
    else:
        state.missed = 0
        state.n_rr = 0
    state.r_ns = beat
    state.has_r = 1
    state.claimed = 0
    state.peak_to_peak_mv = 0.0
    return n


@inner
def take_quality(
    state: Any, slot: int, t: int, row: NDArray[np.float64], p: Limits, out: NDArray[Any], n: int
) -> int:
    """Take one second of quality; report a pause or asystole that has become certain."""
    nan = np.nan
    # That an electrode is on is known from the device alone: a flat line may be either.
    attached = min(row[1], 0.5)
    if state.lead_known != 0 and attached > 0.0:
        attached = 0.0 if state.lead_off != 0 else 1.0
    # In standstill even the noise of a good electrode is large beside the signal; what stays
    # below the size of any QRS hides none.
    readable = row[4] == 0.0 or row[5] < p.low_mv
    good = attached > 0.0 and row[3] == 0.0 and readable and np.isfinite(row[5])
    good = good and row[6] >= p.present  # what was lost may have held a beat
    lost = state.has_row == 0 or t - state.row_ns > p.lost_ns
    if good and (lost or state.is_clear == 0):
        state.clear_ns = t - SECOND_NS
    if lost or not good or row[5] >= p.low_mv:
        state.n_low = 0
    if good and row[5] < p.low_mv:
        state.n_low += 1
    state.is_clear = 1 if good else 0
    state.row_ns = t
    state.has_row = 1
    state.attached = attached
    pulsing = state.has_pulse != 0 and t - state.pulse_ns <= p.pulse_ns
    if state.asystole_on != 0 and (pulsing or not attached > 0.0):
        state.asystole_on = 0
        n = put(out, n, ASYSTOLE, slot, OFFSET, state.asystole_ns, t, t, 0,
                (t - state.asystole_ns) * 1.0e-9, (t - state.asystole_ns) * 1.0e-9,
                state.peak_to_peak_mv, attached, nan)  # fmt: skip
    if not good or state.n_pending > 0:
        return n
    whole = state.has_r != 0 and state.clear_ns <= state.r_ns
    start = state.r_ns if whole else state.clear_ns
    if t - SECOND_NS >= start and row[5] > state.peak_to_peak_mv:
        state.peak_to_peak_mv = row[5]
    quiet = t - start
    seconds = quiet * 1.0e-9
    if whole and state.claimed == 0 and quiet >= p.pause_ns + p.blind_ns:
        state.claimed = 1
        n = put(out, n, PAUSE, slot, POINT, start, start, t, 0,
                seconds, seconds, attached, nan, nan)  # fmt: skip
    # Who never had a beat is not known to wear the device, unless the lead says so.
    worn = (state.has_r != 0 or attached == 1.0) and not pulsing
    # A signal that has just come back may still be without beats because they are not yet found.
    needed = p.asystole_ns + p.blind_ns + (0 if whole else p.deaf_ns)
    if worn and state.asystole_on == 0 and quiet >= needed and state.n_low >= p.low_s:
        state.asystole_on = 1
        state.asystole_ns = start
        n = put(out, n, ASYSTOLE, slot, ONSET, start, start, t, 0,
                seconds, seconds, state.peak_to_peak_mv, attached, nan)  # fmt: skip
    return n


@inner
def is_nothing(state: Any, row: NDArray[np.float64], p: Limits) -> bool:
    """Tell whether what is told as a beat is a ripple on a line that holds no QRS."""
    tiny = abs(row[2]) < p.tiny_mv and row[3] < p.confidence
    return bool(tiny and row[1] == 0.0 and state.n_low > 0)


@inner
def take_beat(state: Any, t: int, row: NDArray[np.float64], p: Limits) -> None:
    """Put a provisional beat among the pending ones, or take one back."""
    beat = t - np.int64(row[0])
    if row[1] == 0.0:
        k = state.n_pending
        state.pending_r_ns[k] = beat
        state.pending_due_ns[k] = t + p.settle_ns
        state.pending_gap[k] = 1 if row[5] != 0.0 else 0
        state.n_pending += 1
        return
    found = False
    for k in range(state.n_pending):
        if state.pending_r_ns[k] == beat:
            found = True
        if found and k + 1 < state.n_pending:
            state.pending_r_ns[k] = state.pending_r_ns[k + 1]
            state.pending_due_ns[k] = state.pending_due_ns[k + 1]
            state.pending_gap[k] = state.pending_gap[k + 1]
    if found:
        state.n_pending -= 1


@inner
def pass_time(state: Any, slot: int, limit: int, p: Limits, out: NDArray[Any], n: int) -> int:
    """Let all deadlines up to ``limit`` pass, the earliest first."""
    nan = np.nan
    while True:
        beat_due = state.n_pending > 0 and state.pending_due_ns[0] <= limit
        frequent_due = state.frequent_on != 0 and state.frequent_due_ns <= limit
        lost_due = state.asystole_on != 0 and state.row_ns + p.lost_ns <= limit
        beat_at = state.pending_due_ns[0]
        if lost_due:
            at = state.row_ns + p.lost_ns
            if not (beat_due and beat_at <= at):
                state.asystole_on = 0
                seconds = (state.row_ns - state.asystole_ns) * 1.0e-9
                n = put(out, n, ASYSTOLE, slot, OFFSET, state.asystole_ns, state.row_ns, at, 0,
                        seconds, seconds, state.peak_to_peak_mv, state.attached, nan)  # fmt: skip
                continue
        if beat_due and not (frequent_due and state.frequent_due_ns < beat_at):
            n = settle(state, slot, p, out, n)
        elif frequent_due:
            state.frequent_on = 0
            at = state.frequent_due_ns
            n = put(out, n, PAUSES_FREQUENT, slot, OFFSET, state.frequent_ns, at, at, 0,
                    float(N_LONG - 1), float(N_LONG - 1), nan, nan, nan)  # fmt: skip
        else:
            return n


@entry
def watch_pauses(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    until_ns: NDArray[np.int64],
    p: Limits,
    records: NDArray[Any],
    out: NDArray[Any],
) -> int:
    """Write what silence there is; give the number, at most 8 per record and 24 per row.

    Source 0 holds ``beats``, 1 ``ecg_quality``, 2 ``lead``, 3 ``pulses``. A beat counts once
    it can no longer be withdrawn; until then it only keeps asystole from being claimed.
    """
    n: Any = np.int64(0)  # not the constant 0, which is a type of its own
    for r in range(len(slots)):
        slot = slots[r]
        state = records[slot]
        for i in range(offsets[r], offsets[r + 1]):
            n = pass_time(state, slot, t_ns[i] - 1, p, out, n)
            if source[i] == 0:
                if is_nothing(state, values[i], p):
                    continue
                if state.n_pending == N_PENDING and values[i, 1] == 0.0:
                    n = settle(state, slot, p, out, n)
                take_beat(state, t_ns[i], values[i], p)
            elif source[i] == 1:
                n = take_quality(state, slot, t_ns[i], values[i], p, out, n)
            elif source[i] == 3:
                if values[i, 3] >= p.pulse:
                    state.pulse_ns = t_ns[i] - np.int64(values[i, 0])
                    state.has_pulse = 1
            elif np.isfinite(values[i, 0]):
                state.lead_known = 1
                state.lead_off = 1 if values[i, 0] != 0.0 else 0
                if state.lead_off != 0:
                    state.is_clear = 0
                    if state.asystole_on != 0:
                        state.asystole_on = 0
                        seconds = (t_ns[i] - state.asystole_ns) * 1.0e-9
                        n = put(out, n, ASYSTOLE, slot, OFFSET, state.asystole_ns, t_ns[i],
                                t_ns[i], 0, seconds, seconds, state.peak_to_peak_mv, 0.0,
                                np.nan)  # fmt: skip
        n = pass_time(state, slot, until_ns[r], p, out, n)
    return int(n)
