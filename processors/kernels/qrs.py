"""QRS detection of many ECGs at once, causal and sample by sample (CLINICAL 3.2).

Path: band-pass 8-22 Hz, absolute slope (of several leads their vote, see `lead_vote`), trailing
average of 100 ms, local maxima. A maximum is a candidate once nothing larger has come for 120 ms,
or as soon as the average has fallen to half of an unmistakable one. A candidate above the threshold
that is no T wave is a beat and is emitted at once; all others are noise, kept for the search-back.

Differs from CLINICAL 3.2 and Pan & Tompkins (1985), with figures for DS1 channel 0 from 5:00 as
errors (missed + false; 84,000 decisions):

* Low-pass of fourth order at 22 Hz instead of second order at 20 Hz: muscle noise and mains fall
  off faster, 146 -> 119 errors.
* Average of 100 ms instead of 80 ms: a wide premature beat fills it better.
* Threshold 0.28 qrs + 1.35 noise instead of 0.525 noise + 0.475 qrs: it reaches lower in a clean
  signal and as high in a noisy one, 165 -> 160 errors, a third fewer missed beats.
* A beat, also one of the search-back, must stand out 1.6 times from the mean of the average over
  the last 2 s, and reach 0.15 of the usual beat: the search-back then leaves asystole alone, where
  it would work its way down to the noise, 119 -> 109 errors.
* The share of the slope below which a T wave is taken falls from 0.6 (up to 250 ms after R) to 0.2
  (at 480 ms) instead of 0.5 up to 360 ms: tall late T waves go, early premature beats stay. For a
  wave at least as large as the beat before it is 0.2: ventricular beats may be as slow.
* Search-back goes down to 0.3 of the threshold for what stands out 3 times from the noise.
* A rail is missing signal: one value for 200 ms, 1.5 mV or more from the mean. So is the sample
  that ends a line of one value with such a jump; an isoelectric line of one value is neither.
* A peak counts for 3 times the usual one at most in the levels, and for 16 times the mean in the
  mean: after a spike, a step or a touch beats are found again at once.
* What has not come back 150 ms after R is a step of the baseline: it waits for the whole 120 ms,
  and is then no beat, unless the search-back finds nothing better. A beat that was taken back for
  it stands after all. Steps of up to 6 mV every 10 s: 2256 -> 303 errors, as recorded 109 -> 102.
* Learning anew takes what was rejected in the last 2 s: 2 s after a gap or a learning time without
  a beat, else after 8 s.

Time is counted in samples of the slot since its start; `anchor` ties it to nanoseconds.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inlined, inner
from processors.kernels.filters import (
    BUTTERWORTH_4_Q,
    BUTTERWORTH_Q,
    delay_s,
    highpass,
    lowpass,
    median_of_few,
    prime_highpass,
)
from processors.kernels.lead_vote import MAX_LEADS, STEP_S, add_vote, is_deaf, weigh
from processors.kernels.sample_clock import WITHIN_NS, time_ns

LOWEST_FS_HZ, HIGHEST_FS_HZ = 60.0, 1200.0  # rows outside are passed over: the rings are too short
LARGEST_MV = 1000.0  # beyond any electrode potential: taken as missing, like NaN

PIECE = 256  # samples filtered at a time; work arrays stay in the nearest cache
TRACE = 512  # ring of the 0.5-40 Hz signal at the input's rate, for the time of R
SLOPES = 256  # ring of the slopes, for the average and the slope of a candidate
SLOPE_MV_S = 0.02  # step of its uint16: up to 1310 mV/s, a wave of 14 mV at 15 Hz
GRID = 1024  # ring of the 0.5-40 Hz signal at GRID_HZ, for the windows: 5.1 s
GRID_HZ = 200.0
GRID_MV = 0.002  # step of its int16: +-65 mV
LEVELS = 8  # CLINICAL 3.2: medians of the last 8 accepted and 8 rejected peaks
KEPT = 16  # candidates kept for the search-back or the end of the learning time
QUEUE = 16  # beats that wait for their window
WINDOW, BEFORE_S, WINDOW_HZ = 100, 0.4, 100.0  # ARCHITECTURE: R - 400 ms to R + 590 ms at 100 Hz
STRIDE = int(GRID_HZ / WINDOW_HZ)  # without a remainder
WINDOW_DUE_S = 0.602  # the last value needs one step of the grid and the delay of the low-pass
QUIET = ((2, 30), (75, WINDOW - 2))  # parts of a window before P and after T, where noise is taken
TRACE_BAND_HZ = (0.5, 40.0)  # CLINICAL 3.1: monitor band
HOLD_LOST_S = 0.1  # a shorter loss is bridged with the last value
FILL_S = 0.8  # of a longer one this much is played through, so that waiting windows come out
BLIND_S = 0.5  # nothing is detected that long after a loss
RAIL_S = 0.2  # CLINICAL 3.10: so long one value is a rail ...
FAR_MV = 1.5  # default: ... if it is so far from the mean over about ...
MEAN_S = 1.0  # default: ... so long; what jumps as far from such a line does not belong to it
RAILED = 0.1  # in the count of leads that are there: one lead ran into its rail with this sample
MAX_RR_S = 3.0  # longer ones do not change the search-back
MAX_SEARCH_S = 4.0  # the window of a beat found late must still be in the ring
NEVER = np.int64(2**62)
TRACKING, WAITING = 1, 2  # of `tracking`; the second is told only when nothing larger has come


class QrsRules(NamedTuple):
    """Constants of the detector, compiled in; tuned on DS1 (CLINICAL 1.2) and noisy copies."""

    low_hz: float = 8.0  # CLINICAL 3.2: band-pass 8-20 Hz
    high_hz: float = 22.0  # default, with a section more
    average_s: float = 0.1  # default; CLINICAL 3.2: 80 ms
    hold_s: float = 0.12  # CLINICAL 3.2: nothing larger for 120 ms
    fall: float = 0.5  # CLINICAL 3.2: earlier when the average has fallen to half
    sure: float = 2.0  # CLINICAL 3.2: and the peak is twice the threshold
    refractory_s: float = 0.19  # CLINICAL 3.2: 200 ms, the RR of 300/min; a sample or two less
    qrs_weight: float = 0.28  # default, of the median accepted peak in the threshold
    noise_weight: float = 1.35  # default, of the median rejected peak
    highest: float = 0.9  # default: the threshold stays below this share of the accepted peaks
    floor: float = 0.3  # mV/s, default: the average of a QRS of about 10 uV
    crest: float = 1.6  # default: peak against the mean of the average over about 2 s
    lowest: float = 0.15  # default: no beat is below this share of the usual one: asystole is not
    usual_beats: float = 16.0  # default: beats over which the usual one is averaged
    level_s: float = 2.0  # default, of that mean
    burst: float = 16.0  # default: what is more times the mean is no more to it
    t_early_s: float = 0.25  # default: up to here ...
    t_early_share: float = 0.6  # ... a candidate with less than this share of the slope is a T wave
    t_late_s: float = 0.48  # default: from here on none is
    t_late_share: float = 0.2  # default: share just before that ...
    t_size: float = 1.0  # default: ... and of all that are so many times as large as the beat
    search_rr: float = 1.5  # CLINICAL 3.2: search-back after 1.5 times the median of 8 RR
    search_share: float = 0.5  # CLINICAL 3.2: of the threshold
    deep_share: float = 0.3  # default: of the threshold, if ...
    deep_noise: float = 3.0  # ... it is this many times the noise
    learn_s: float = 2.0  # CLINICAL 3.2: learn 2 s
    largest: float = 3.0  # default: a peak counts for so many usual ones at most
    relearn_s: float = 8.0  # default: learn anew without a beat for so long ...
    doubt_s: float = 2.0  # default: or for so long after a gap or a learning time ...
    relearn_crest: float = 2.5  # ... from what stands out so much from the mean ...
    relearn_other: float = 3.5  # ... or so much, if it is far below the usual beat
    way_back: float = 0.3  # tuned: what goes one way and comes back by less is a step, ...
    step_size: float = 0.5  # default: ... if it is so many times as large as the beat before
    step_s: tuple[float, float] = (0.12, 0.15)  # tuned: time before and after R that is looked at
    forget_s: float = 5.0  # default: of the sum of the trace, which does without it in one second
    upright_bonus: float = 1.5  # default: R changes its polarity only for a side so much larger


RULES = QrsRules()

QRS_STATE = np.dtype(
    [
        # the run: rate, next expected seq, samples since the start, and which of them is when
        ("fs_hz", "f8"), ("seq", "i8"), ("count", "i8"), ("anchor", "i8"), ("anchor_ns", "i8"),
        # b0, a1, a2 of: trace high-pass, low-pass; band high-pass, low-pass, low-pass
        ("design", "f8", (5, 3)), ("average_n", "i8"), ("hold_n", "i8"), ("delay_n", "f8"),
        ("trace_z", "f8", (4,)), ("band_z", "f8", (MAX_LEADS, 6)), ("band_y", "f8", (MAX_LEADS,)),
        ("last_mv", "f4", (MAX_LEADS,)), ("missing", "i4", (MAX_LEADS,)),
        # how often the last value has come in a row, and the slow mean
        ("run", "i4", (MAX_LEADS,)), ("mean_mv", "f8", (MAX_LEADS,)),
        ("trace", "f4", (TRACE,)), ("slopes", "u2", (SLOPES,)), ("grid", "i2", (GRID,)),
        ("trace_mv", "f8"), ("trace_sum", "f8"), ("grid_next", "i8"),
        # the average: sum of steps, slow mean, value before; the maximum that is being followed
        ("sum", "i8"), ("level", "f8"), ("before", "f8"),
        ("peak", "f8"), ("peak_at", "i8"), ("tracking", "i1"),
        # a larger maximum than `guard` takes the newest beat back
        ("guard", "f8"),
        ("learning", "i1"), ("in_gap", "i1"), ("after_gap", "i1"), ("polarity", "i1"),
        ("deaf", "i1"),  # of several leads the first has little to say
        # deadlines in samples; `due` is the next of them
        ("due", "i8"), ("learn_at", "i8"), ("relearn_at", "i8"), ("search_at", "i8"),
        ("blind_until", "i8"),
        ("threshold", "f8"), ("qrs", "f8"), ("noise", "f8"), ("usual", "f8"), ("cap", "f8"),
        ("qrs_levels", "f8", (LEVELS,)), ("n_qrs", "i8"),
        ("noise_levels", "f8", (LEVELS,)), ("n_noise", "i8"),
        ("rr", "f8", (LEVELS,)), ("n_rr", "i8"), ("rr_mid", "f8"),
        # the newest beat, and the one before for the case that it is withdrawn
        ("has_beat", "i1"), ("beat_gap", "i1"), ("beat_late", "i1"), ("beat_rr", "i1"),
        ("beat_at", "i8"), ("beat_slope", "f8"), ("beat_pos", "f8"), ("beat_ns", "i8"),
        ("beat_mv", "f8"), ("beat_sure", "f8"),
        ("old_has", "i1"), ("old_at", "i8"), ("old_slope", "f8"), ("old_pos", "f8"),
        ("old_mv", "f8"),
        ("seen_at", "i8"), ("seen_peak", "f8"),
        # candidates: maximum at; height, slope, R before it in samples, amplitude
        ("n_kept", "i8"), ("kept_at", "i8", (KEPT,)), ("kept", "f4", (KEPT, 4)),
        # beats that wait for their window: R, amplitude, after a gap
        ("n_queue", "i8"), ("queue_ns", "i8", (QUEUE,)), ("queue_pos", "f8", (QUEUE,)),
        ("queue_mv", "f4", (QUEUE,)), ("queue_gap", "i1", (QUEUE,)),
        ("has_window", "i1"), ("window_ns", "i8"),
    ],
    align=True,
)  # fmt: skip


# Where a piece is worked on, and what it gives until that is handed over. A record, for a call that
# is given arrays counts the references of each with instructions that lock the bus.
MOST_BEATS, MOST_WINDOWS = 128, 64  # of a piece: 23 beats in 256 samples at 60 Hz, and what waited
QRS_WORK = np.dtype(
    [
        # of each sample: absolute slope in SLOPE_MV_S, trace (mV), leads that are there
        ("samples", "f8", (3, PIECE)),
        # of several leads: slope of one (below 0: no vote), sum of the weights; one value for long
        ("slopes", "f8", (PIECE,)), ("weights", "f8", (PIECE,)), ("constant", "i1", (PIECE,)),
        ("n_beats", "i8"), ("beat_ns", "i8", (MOST_BEATS,)), ("beats", "f8", (MOST_BEATS, 6)),
        ("n_windows", "i8"), ("window_ns", "i8", (MOST_WINDOWS,)),
        ("windows", "f8", (MOST_WINDOWS, 4 + WINDOW)),
    ],
    align=True,
)  # fmt: skip


class QrsOutputs(NamedTuple):
    """Arrays that `detect_qrs` fills; `counts` holds how many beats and windows there are.

    Attributes
    ----------
    beat_slots, beat_ns, beats
        int32, int64 ``[n]``, float64 ``[n, 6]``: columns of the stream `beats`.
    window_slots, window_ns, windows
        int32, int64 ``[m]``, float64 ``[m, 104]``: columns of the stream `beat_windows`.
    counts
        int64 ``[2]``.
    """

    beat_slots: NDArray[np.int32]
    beat_ns: NDArray[np.int64]
    beats: NDArray[np.float64]
    window_slots: NDArray[np.int32]
    window_ns: NDArray[np.int64]
    windows: NDArray[np.float64]
    counts: NDArray[np.int64]


@entry
def detect_qrs(
    values: NDArray[np.float32], offsets: NDArray[np.int64], slots: NDArray[np.int32],
    fs_hz: NDArray[np.float64], t0_ns: NDArray[np.int64], seq: NDArray[np.int64],
    leads: NDArray[np.int64],
    state: NDArray[Any], votes: NDArray[Any], blank: NDArray[Any], work: NDArray[Any],
    out: QrsOutputs,
) -> int:  # fmt: skip
    """Walk the rows of a waveform batch and fill `out` with beats and windows.

    Parameters
    ----------
    values, offsets, slots, fs_hz, t0_ns, seq
        As in `processors.records.Batch`; NaN and values beyond +-1000 mV are missing.
    leads
        int64 ``[1 .. MAX_LEADS]``, columns to use; the first gives the time of R and the windows.
    state, votes, blank, work
        `QRS_STATE` by slot; `VOTE_STATE` by slot, of one lead one record that stays as it is; one
        zero record of the state; one of `QRS_WORK`.
    out
        Arrays to fill, with `counts` zero.

    Returns
    -------
    int
        1 when an array of `out` was too short (what did not fit is lost), else 0.
    """
    piece = work[0]
    short = False
    several = len(leads) > 1
    for r in range(len(slots)):
        lo, hi, fs, k = offsets[r], offsets[r + 1], fs_hz[r], slots[r]
        if hi == lo or not LOWEST_FS_HZ <= fs <= HIGHEST_FS_HZ:
            continue
        s, v = state[k], votes[k if several else 0]
        if s.fs_hz != fs or seq[r] < s.seq:
            state[k] = blank[0]
            _start(s, fs, seq[r], t0_ns[r])
            if several:
                _start_vote(v)
        lost = seq[r] - s.seq
        if lost > 0:
            brief = lost <= np.int64(HOLD_LOST_S * fs + 1e-9)
            fill = lost if brief else np.int64(FILL_S * fs)
            while fill > 0:
                n = min(fill, np.int64(PIECE))
                if several:
                    n = _weigh_where_due(s, v, len(leads), n)
                _piece(s, v, values, lo, n, t0_ns[r], leads, piece)
                short |= _hand_over(piece, k, out)
                fill -= n
        if abs(time_ns(s, np.float64(s.count)) - t0_ns[r]) > WITHIN_NS:
            s.anchor, s.anchor_ns = s.count, t0_ns[r]
        while lo < hi:
            n = min(hi - lo, np.int64(PIECE))
            if several:
                n = _weigh_where_due(s, v, len(leads), n)
            _piece(s, v, values, lo, n, NEVER, leads, piece)
            short |= _hand_over(piece, k, out)
            lo += n
        s.seq = seq[r] + hi - offsets[r]
    return 1 if short else 0


@inlined
def _hand_over(piece: Any, k: int, out: QrsOutputs) -> bool:
    """Move what a piece gave to the outputs; tell whether there was no room for all of it."""
    short = piece.n_beats >= MOST_BEATS or piece.n_windows >= MOST_WINDOWS
    j = out.counts[0]
    for i in range(piece.n_beats):
        if j >= len(out.beats):
            short = True
            break
        out.beat_slots[j], out.beat_ns[j] = k, piece.beat_ns[i]
        for q in range(6):
            out.beats[j, q] = piece.beats[i, q]
        j += 1
    out.counts[0] = j
    j = out.counts[1]
    for i in range(piece.n_windows):
        if j >= len(out.windows):
            short = True
            break
        out.window_slots[j], out.window_ns[j] = k, piece.window_ns[i]
        for q in range(4 + WINDOW):
            out.windows[j, q] = piece.windows[i, q]
        j += 1
    out.counts[1] = j
    piece.n_beats = piece.n_windows = 0
    return bool(short)


@inner
def _start(s: Any, fs: float, seq: int, t0_ns: int) -> None:
    """Set up a zero record: the filters for this rate, no deadline."""
    s.fs_hz, s.seq, s.anchor_ns = fs, seq, t0_ns
    d = s.design
    d[0, 0], d[0, 1], d[0, 2] = highpass(fs, TRACE_BAND_HZ[0], BUTTERWORTH_Q)
    d[1, 0], d[1, 1], d[1, 2] = lowpass(fs, TRACE_BAND_HZ[1], BUTTERWORTH_Q)
    d[2, 0], d[2, 1], d[2, 2] = highpass(fs, RULES.low_hz, BUTTERWORTH_Q)
    d[3, 0], d[3, 1], d[3, 2] = lowpass(fs, RULES.high_hz, BUTTERWORTH_4_Q[0])
    d[4, 0], d[4, 1], d[4, 2] = lowpass(fs, RULES.high_hz, BUTTERWORTH_4_Q[1])
    for a in range(MAX_LEADS):
        s.missing[a] = 1 << 30
    s.average_n = max(np.int64(np.rint(RULES.average_s * fs)), 1)
    s.hold_n = max(np.int64(np.rint(RULES.hold_s * fs)), 1)
    at_hz = 12.0  # middle of the energy of a QRS in this band
    band_s = (
        delay_s(fs, RULES.low_hz, BUTTERWORTH_Q, at_hz)
        + delay_s(fs, RULES.high_hz, BUTTERWORTH_4_Q[0], at_hz)
        + delay_s(fs, RULES.high_hz, BUTTERWORTH_4_Q[1], at_hz)
    )
    s.delay_n = band_s * fs + 0.5 * s.average_n
    s.in_gap = s.after_gap = s.learning = 1
    s.learn_at = s.search_at = s.relearn_at = s.due = NEVER
    s.guard = s.threshold = s.cap = np.inf
    s.rr_mid = fs  # one second, until there are beats


@inner
def _start_vote(v: Any) -> None:
    for a in range(MAX_LEADS):
        v.average[a] = v.held[a] = v.level[a] = v.usual[a] = 0.0
    v.n_beats, v.beat_at = 0, -1


@inner
def _weigh_where_due(s: Any, v: Any, n_leads: int, n: int) -> int:
    """Weigh the leads anew where that is due; give how many of `n` samples come before the next."""
    step_n = max(np.int64(np.rint(STEP_S * s.fs_hz)), 1)
    since = s.count % step_n
    if since == 0:
        beat = s.has_beat != 0 and s.beat_at > v.beat_at
        weigh(v, n_leads, beat and s.beat_late == 0)
        if beat:
            v.beat_at = s.beat_at
        s.deaf = is_deaf(v, 0, n_leads)
    return int(min(n, step_n - since))


@inlined
def _filter(
    s: Any, v: Any, values: NDArray[np.float32], lo: int, n: int, lost: bool,
    leads: NDArray[np.int64], piece: Any,
) -> None:  # fmt: skip
    """Fill the samples of a piece, see `QRS_WORK`."""
    fs, d = s.fs_hz, s.design
    hold_n, rail_n = int(HOLD_LOST_S * fs + 1e-9), math.ceil(RAIL_S * fs - 1e-9)
    ease = 1.0 / (MEAN_S * fs)
    several = len(leads) > 1
    work = piece.samples
    for q in range(3):
        for i in range(n):
            work[q, i] = 0.0
    tb, ta1, ta2 = d[0, 0], d[0, 1], d[0, 2]
    ub, ua1, ua2 = d[1, 0], d[1, 1], d[1, 2]
    hb, ha1, ha2 = d[2, 0], d[2, 1], d[2, 2]
    lb, la1, la2 = d[3, 0], d[3, 1], d[3, 2]
    fb, fa1, fa2 = d[4, 0], d[4, 1], d[4, 2]
    t1, t2, t3, t4 = s.trace_z[0], s.trace_z[1], s.trace_z[2], s.trace_z[3]
    for a in range(len(leads)):
        c = leads[a]
        z1, z2, z3 = s.band_z[a, 0], s.band_z[a, 1], s.band_z[a, 2]
        z4, z5, z6 = s.band_z[a, 3], s.band_z[a, 4], s.band_z[a, 5]
        before, missing = s.band_y[a], s.missing[a]
        last: float = np.float64(s.last_mv[a])  # samples are float32 themselves
        run, mean = s.run[a], s.mean_mv[a]
        if several:
            for i in range(n):
                piece.slopes[i], piece.constant[i] = -1.0, 0
        for i in range(n):
            x = np.nan if lost else np.float64(values[lo + i, c])
            if -LARGEST_MV <= x <= LARGEST_MV:
                if x == last and run > 0:
                    run += 1
                    if run >= rail_n:
                        if abs(x - mean) >= FAR_MV:
                            if missing == 0:
                                work[2, i] -= RAILED
                            missing = hold_n + 1
                            continue
                        piece.constant[i] = 1
                else:
                    jump = run >= rail_n and missing == 0 and abs(x - last) >= FAR_MV
                    run = 1
                    if jump:
                        last, missing = x, hold_n + 1
                        continue
                if missing > hold_n:
                    mean = x
                    z1, z2 = prime_highpass(hb, x)
                    z3 = z4 = z5 = z6 = before = 0.0
                    if a == 0:
                        t1, t2 = prime_highpass(tb, x)
                        t3 = t4 = 0.0
                missing, last = 0, x
                mean += (x - mean) * ease
            else:
                run, missing = 0, min(missing + 1, 1 << 30)
                if missing > hold_n:
                    continue
                x = last
            y = hb * x + z1
            z1 = -2.0 * hb * x - ha1 * y + z2
            z2 = hb * x - ha2 * y
            w = lb * y + z3
            z3 = 2.0 * lb * y - la1 * w + z4
            z4 = lb * y - la2 * w
            y = fb * w + z5
            z5 = 2.0 * fb * w - fa1 * y + z6
            z6 = fb * w - fa2 * y
            slope = (y - before) * fs
            before = y
            if several:
                piece.slopes[i] = abs(slope)
            else:
                work[0, i] = abs(slope)
            work[2, i] += 1.0
            if a == 0:
                y = tb * x + t1
                t1 = -2.0 * tb * x - ta1 * y + t2
                t2 = tb * x - ta2 * y
                w = ub * y + t3
                t3 = 2.0 * ub * y - ua1 * w + t4
                t4 = ub * y - ua2 * w
                work[1, i] = w
        s.band_z[a, 0], s.band_z[a, 1], s.band_z[a, 2] = z1, z2, z3
        s.band_z[a, 3], s.band_z[a, 4], s.band_z[a, 5] = z4, z5, z6
        s.band_y[a], s.last_mv[a], s.missing[a] = before, last, missing
        s.run[a], s.mean_mv[a] = min(run, 1 << 30), mean
        if several:
            for i in range(n):
                if piece.constant[i] != 0:  # a line of one value has no vote
                    piece.slopes[i] = -1.0
                if a == 0:
                    piece.weights[i] = 0.0
            add_vote(v, a, n, fs, piece.slopes, work[0], piece.weights)
    s.trace_z[0], s.trace_z[1], s.trace_z[2], s.trace_z[3] = t1, t2, t3, t4
    if several:
        for i in range(n):
            if piece.weights[i] > 0.0:
                work[0, i] /= piece.weights[i]
    for i in range(n):
        work[0, i] = np.rint(min(work[0, i] / SLOPE_MV_S, 65535.0))


@inner
def _piece(
    s: Any, v: Any, values: NDArray[np.float32], lo: int, n: int, lost_ns: int,
    leads: NDArray[np.int64], piece: Any,
) -> None:  # fmt: skip
    """Take up to PIECE samples, or lost ones: then `lost_ns` is when the next came, else NEVER."""
    lost = lost_ns != NEVER
    _filter(s, v, values, lo, n, lost, leads, piece)
    fs, count, average_n, hold_n = s.fs_hz, s.count, s.average_n, s.hold_n
    total, level, before = s.sum, s.level, s.before
    peak, peak_at, tracking = s.peak, s.peak_at, s.tracking
    trace, slopes, grid = s.trace, s.slopes, s.grid
    work = piece.samples
    trace_mv, trace_sum, grid_next = s.trace_mv, s.trace_sum, s.grid_next
    kept_share = 1.0 - 1.0 / (RULES.forget_s * fs)
    rail_n = np.int64(math.ceil(RAIL_S * fs - 1e-9))
    step = fs / GRID_HZ
    grid_at = grid_next * step
    share, ease = SLOPE_MV_S / average_n, 1.0 / (RULES.level_s * fs)
    slower, faster = 1.0 - ease, 1.0 + (RULES.burst - 1.0) * ease
    floor_share = RULES.floor * ease
    for i in range(n):
        c = count + i
        y = work[1, i]
        trace[c & (TRACE - 1)] = y
        while c >= grid_at:
            mv = y if c == 0 else trace_mv + (grid_at - (c - 1)) * (y - trace_mv)
            steps = min(max(mv / GRID_MV, -32767.0), 32767.0)
            grid[grid_next & (GRID - 1)] = np.int16(np.rint(steps))
            grid_next += 1
            grid_at = grid_next * step
        trace_mv = y
        trace_sum = trace_sum * kept_share + y
        slope = np.int64(work[0, i])
        total += slope - np.int64(slopes[(c - average_n) & (SLOPES - 1)])
        slopes[c & (SLOPES - 1)] = np.uint16(slope)
        average = total * share
        live = work[2, i] > 0.0
        if live == (s.in_gap != 0):
            tracking = 0
            if live:
                _leave_gap(s, c)
            else:
                if work[2, i] < 0.0 and s.has_beat and s.beat_at >= c - rail_n:
                    _withdraw(s, time_ns(s, np.float64(c)), piece)  # it was the step to the rail
                _enter_gap(s)
        if live:
            # level += (min(average, burst * level + floor) - level) * ease, with less to wait for
            level = min(level * slower + average * ease, level * faster + floor_share)
            if not tracking:
                if average > before:
                    tracking, peak, peak_at = TRACKING, average, c
            elif average > peak:
                tracking, peak, peak_at = TRACKING, average, c
                if average > s.guard:
                    if c - s.beat_at < RULES.refractory_s * fs:
                        _keep(s, s.beat_at, s.guard, s.beat_slope, s.beat_pos, s.beat_mv)
                        _withdraw(s, lost_ns if lost else time_ns(s, np.float64(c)), piece)
                    s.guard = np.inf
            elif c - peak_at >= hold_n or (
                tracking == TRACKING
                and average < RULES.fall * peak
                and peak >= RULES.sure * s.threshold
            ):
                s.level, s.trace_sum = level, trace_sum
                now_ns = lost_ns if lost else time_ns(s, np.float64(c))
                taken = _candidate(s, c, peak_at, peak, now_ns, piece)
                tracking = 0 if taken or c - peak_at >= hold_n else WAITING
                _set_due(s)
        before = average
        if c >= s.due:
            s.tracking, s.peak, s.peak_at = tracking, peak, peak_at
            s.grid_next, s.level = grid_next, level
            now_ns = lost_ns if lost else time_ns(s, np.float64(c))
            while c >= s.due:
                _meet_deadline(s, c, now_ns, piece)
    s.count = count + n
    s.sum, s.level, s.before = total, level, before
    s.peak, s.peak_at, s.tracking = peak, peak_at, tracking
    s.trace_mv, s.trace_sum, s.grid_next = trace_mv, trace_sum, grid_next


@inner
def _enter_gap(s: Any) -> None:
    s.in_gap = s.after_gap = 1
    s.n_kept = 0
    s.guard = np.inf
    s.learn_at = s.search_at = s.relearn_at = NEVER
    _set_due(s)


@inner
def _leave_gap(s: Any, c: int) -> None:
    s.in_gap = 0
    s.trace_sum = 0.0
    known = s.has_beat or not s.learning
    s.blind_until = np.int64(c + BLIND_S * s.fs_hz) if known else c
    if s.learning:
        s.learn_at = np.int64(s.blind_until + RULES.learn_s * s.fs_hz)
    else:
        s.relearn_at = np.int64(s.blind_until + RULES.doubt_s * s.fs_hz)
    _set_due(s)


@inner
def _set_due(s: Any) -> None:
    due = min(s.learn_at, s.search_at, s.relearn_at)
    if s.n_queue > 0:
        due = min(due, np.int64(math.ceil(s.queue_pos[0] + WINDOW_DUE_S * s.fs_hz)))
    s.due = due


@inner
def _meet_deadline(s: Any, c: int, now_ns: int, piece: Any) -> None:
    if s.n_queue > 0 and c >= s.queue_pos[0] + WINDOW_DUE_S * s.fs_hz:
        _window(s, now_ns, piece)
    elif c >= s.learn_at:
        _learn(s, c, now_ns, piece)
    elif c >= s.search_at:
        _search_back(s, c, now_ns, piece)
    elif c >= s.relearn_at:
        s.learning = 1
        s.learn_at = c  # from what was rejected in the last 2 s
        s.relearn_at = s.search_at = NEVER
        s.guard = s.threshold = np.inf
    _set_due(s)


@inner
def _candidate(s: Any, c: int, at: int, peak: float, now_ns: int, piece: Any) -> bool:
    """Take a maximum of the average at sample `at` that nothing larger followed.

    False: so far it is a step, and may still come back.
    """
    near = RULES.refractory_s * s.fs_hz
    if at < s.blind_until or (at - s.seen_at < near and peak <= s.seen_peak):
        return True
    steepest = np.int64(0)
    for i in range(max(at - s.average_n, c - SLOPES + 1, np.int64(0)), at + 1):
        steepest = max(steepest, np.int64(s.slopes[i & (SLOPES - 1)]))
    slope = steepest * SLOPE_MV_S
    pos, mv = _locate(s, c, at)
    if _is_step(s, c, pos, mv):
        if c - at >= s.hold_n and not s.learning:
            _take_step(s, c, at, peak, slope, pos, mv, now_ns, piece)
        return False
    if s.learning:
        if s.n_kept > 0 and at - s.kept_at[s.n_kept - 1] < near:
            s.n_kept -= 1
        s.seen_at, s.seen_peak = at, peak
        _keep(s, at, peak, slope, pos, mv)
    else:
        _decide(s, at, peak, slope, pos, mv, np.int64(0), now_ns, piece)
    return True


@inner
def _is_step(s: Any, c: int, pos: float, mv: float) -> bool:
    """Tell whether the trace went one way around R and, as far as it is known, did not come back.

    All ways up and all ways down are added up. The high-pass of the trace, by which a step falls
    back, is taken out again: of second order, it has taken away two integrals of what it left.
    """
    if s.deaf or abs(mv) < RULES.step_size * abs(s.beat_mv):
        return False
    fs, trace = s.fs_hz, s.trace
    ease = 2.0 * math.pi * TRACE_BAND_HZ[0] / fs
    damped = ease / BUTTERWORTH_Q
    lo = max(int(pos - RULES.step_s[0] * fs), c - TRACE + 1, 0)
    hi = min(int(pos + RULES.step_s[1] * fs), c)
    once = s.trace_sum
    for i in range(lo, c + 1):
        once -= np.float64(trace[i & (TRACE - 1)])
    twice = before = up = down = 0.0
    for i in range(lo, hi + 1):
        y = np.float64(trace[i & (TRACE - 1)])
        once += y
        twice += once
        here = y + damped * once + ease * ease * twice
        if i > lo:
            up += max(here - before, 0.0)
            down += max(before - here, 0.0)
        before = here
    return min(up, down) < RULES.way_back * max(up, down)


@inner
def _take_step(
    s: Any, c: int, at: int, peak: float, slope: float, pos: float, mv: float,
    now_ns: int, piece: Any,
) -> None:  # fmt: skip
    """Let the beat stand that was taken back for a step; keep the step by a slope below zero."""
    near = RULES.refractory_s * s.fs_hz
    enough = max(s.threshold, RULES.crest * s.level, RULES.lowest * s.usual)
    best = _best_kept(s, max(s.beat_at + near, at - 2.0 * near), at, enough, False)
    if best >= 0:
        _accept_kept(s, c, best, now_ns, piece)
    _keep(s, at, peak, -slope, pos, mv)


@inner
def _locate(s: Any, c: int, at: int) -> tuple[float, float]:
    """Give the position of R in samples and its amplitude, for a maximum of the average at `at`.

    The largest extremum of the trace within 80 ms of where the slopes have their middle, seen from
    the level of the 40 ms before; a parabola through it and its neighbours gives the fraction.
    Where the vote does not trust the first lead, it is that middle.
    """
    fs, trace = s.fs_hz, s.trace
    low_pass_n = delay_s(fs, TRACE_BAND_HZ[1], BUTTERWORTH_Q, 0.0) * fs
    centre = at - s.delay_n + low_pass_n
    lo = max(int(centre - 0.08 * fs), c - TRACE + 2, 0)
    hi = min(int(centre + 0.08 * fs), c - 1)
    base_lo = max(int(centre - 0.12 * fs), c - TRACE + 1, 0)
    base = 0.0
    for i in range(base_lo, lo + 1):
        base += trace[i & (TRACE - 1)]
    base /= max(lo + 1 - base_lo, 1)
    up_at = down_at = -1
    up = down = 0.0
    for i in range(lo, hi + 1):
        before = trace[(i - 1) & (TRACE - 1)]
        here = trace[i & (TRACE - 1)]
        after = trace[(i + 1) & (TRACE - 1)]
        if here - base > up and here >= before and here >= after:
            up, up_at = here - base, i
        if base - here > down and here <= before and here <= after:
            down, down_at = base - here, i
    up_bonus = RULES.upright_bonus if s.polarity > 0 else 1.0
    down_bonus = RULES.upright_bonus if s.polarity < 0 else 1.0
    upright = up * up_bonus >= down * down_bonus
    i = up_at if upright else down_at
    if i < 0:
        return max(at - s.delay_n, 0.0), 0.0
    if s.deaf:
        return max(at - s.delay_n, 0.0), up if upright else -down
    before = np.float64(trace[(i - 1) & (TRACE - 1)])
    after = np.float64(trace[(i + 1) & (TRACE - 1)])
    bend = before - 2.0 * np.float64(trace[i & (TRACE - 1)]) + after
    shift = 0.5 * (before - after) / bend if bend != 0.0 else 0.0
    pos = i + min(max(shift, -0.5), 0.5) - low_pass_n
    return max(pos, 0.0), up if upright else -down


@inner
def _is_t_wave(s: Any, at: int, slope: float, mv: float) -> bool:
    """Tell whether a candidate is too slow for its distance to the beat before.

    A wave as large as that beat is more likely a ventricular one: it may be as slow as a late one,
    once enough beats are known.
    """
    since_s = (at - s.beat_at) / s.fs_hz
    if not s.has_beat or s.after_gap or since_s >= RULES.t_late_s:
        return False
    way = max(since_s - RULES.t_early_s, 0.0) / (RULES.t_late_s - RULES.t_early_s)
    share = RULES.t_early_share + (RULES.t_late_share - RULES.t_early_share) * way
    if s.n_qrs >= LEVELS and abs(mv) >= RULES.t_size * abs(s.beat_mv):
        share = RULES.t_late_share
    return bool(slope < share * s.beat_slope)


@inner
def _decide(
    s: Any, at: int, peak: float, slope: float, pos: float, mv: float, late: int,
    now_ns: int, piece: Any,
) -> None:  # fmt: skip
    """Make a candidate a beat, or noise that the search-back may come back to."""
    enough = max(s.threshold, RULES.crest * s.level, RULES.lowest * s.usual)
    if peak >= enough and not _is_t_wave(s, at, slope, mv):
        _accept(s, at, peak, slope, pos, mv, late, now_ns, piece)
        s.guard = peak
        _drop_kept(s, at)
    else:
        s.noise_levels[s.n_noise % LEVELS] = peak
        s.n_noise += 1
        _set_noise_level(s)
        _keep(s, at, peak, slope, pos, mv)
    s.seen_at, s.seen_peak = at, peak


@inner
def _accept(
    s: Any, at: int, peak: float, slope: float, pos: float, mv: float, late: int,
    now_ns: int, piece: Any,
) -> None:  # fmt: skip
    s.old_has, s.old_at, s.old_slope, s.old_pos = s.has_beat, s.beat_at, s.beat_slope, s.beat_pos
    s.old_mv = s.beat_mv
    s.beat_gap, s.beat_rr = s.after_gap, 0
    rr = pos - s.beat_pos
    if s.has_beat and not s.after_gap and rr <= MAX_RR_S * s.fs_hz:
        s.rr[s.n_rr % LEVELS] = rr
        s.n_rr += 1
        s.beat_rr = 1
        s.rr_mid = median_of_few(s.rr, min(s.n_rr, LEVELS))
    height = (peak - s.noise) / max(s.qrs - s.noise, 1e-9)
    contrast = 1.0 - s.noise / max(peak, 1e-9)
    s.beat_sure = min(max(height, 0.0), 1.0) * min(max(contrast, 0.0), 1.0)
    s.beat_at, s.beat_slope, s.beat_pos, s.beat_mv, s.beat_late = at, slope, pos, mv, late
    s.beat_ns = time_ns(s, pos)
    s.has_beat, s.after_gap = 1, 0
    s.polarity = 1 if mv >= 0.0 else -1
    s.qrs_levels[s.n_qrs % LEVELS] = min(peak, s.cap)
    s.n_qrs += 1
    # An artefact counts for two at most.
    s.usual += (min(peak, 2.0 * s.usual) - s.usual) / RULES.usual_beats
    _set_qrs_level(s)
    s.search_at = np.int64(at + min(RULES.search_rr * s.rr_mid, MAX_SEARCH_S * s.fs_hz))
    s.relearn_at = np.int64(at + RULES.relearn_s * s.fs_hz)
    if s.n_queue < QUEUE:
        s.queue_ns[s.n_queue] = s.beat_ns
        s.queue_pos[s.n_queue], s.queue_mv[s.n_queue] = pos, mv
        s.queue_gap[s.n_queue] = s.beat_gap
        s.n_queue += 1
    _emit(s, now_ns, np.int64(0), piece)


@inner
def _withdraw(s: Any, now_ns: int, piece: Any) -> None:
    """Take the newest beat back: the average has risen above it within the refractory time."""
    _emit(s, now_ns, np.int64(1), piece)
    s.n_queue -= 1
    s.n_qrs -= 1
    s.n_rr -= s.beat_rr
    s.after_gap = s.beat_gap
    s.has_beat, s.beat_at, s.beat_slope, s.beat_pos = s.old_has, s.old_at, s.old_slope, s.old_pos
    s.beat_mv = s.old_mv
    s.seen_peak = 0.0
    _set_qrs_level(s)


@inner
def _learn(s: Any, c: int, now_ns: int, piece: Any) -> None:
    """End the learning time: set the levels, then decide on the candidates of that time."""
    fs = s.fs_hz
    start = s.learn_at - np.int64(RULES.learn_s * fs)
    _drop_kept(s, start - 1)
    first = second = 0.0
    for i in range(s.n_kept):
        peak = np.float64(s.kept[i, 0])
        if s.kept[i, 1] < 0.0:
            continue
        if s.kept_at[i] < start + 0.5 * RULES.learn_s * fs:
            first = max(first, peak)
        else:
            second = max(second, peak)
    low, high = min(first, second), max(first, second)
    needed = RULES.floor
    if s.has_beat:
        same = high >= RULES.lowest * s.usual
        needed = max(needed, (RULES.relearn_crest if same else RULES.relearn_other) * s.level)
    if high < needed:
        s.learn_at = np.int64(s.learn_at + fs)
        return
    s.learning = 0
    s.learn_at = NEVER
    s.n_qrs, s.n_noise = 1, 0
    # The smaller of two maxima, so that one artefact does not blind; unless it was no beat at all.
    s.usual = s.qrs_levels[0] = low if low >= 0.3 * high else high
    _set_noise_level(s)
    _set_qrs_level(s)
    n, s.n_kept = s.n_kept, 0
    for i in range(n):
        at, peak, slope, pos, mv = _kept(s, i)
        if slope >= 0.0:
            _decide(s, at, peak, slope, pos, mv, np.int64(1), now_ns, piece)
    s.guard = np.inf  # what was replayed stands
    s.relearn_at = np.int64(c + RULES.doubt_s * fs)
    s.search_at = max(s.search_at, c + 1)


@inner
def _search_back(s: Any, c: int, now_ns: int, piece: Any) -> None:
    """Nothing for 1.5 RR: take the best of what was rejected, if it is good enough."""
    near = RULES.refractory_s * s.fs_hz
    if s.tracking and s.peak >= s.threshold:  # a beat is coming: let it come first
        s.search_at = max(s.peak_at + s.hold_n + 1, c + 1)
        return
    least = min(
        RULES.search_share * s.threshold,
        max(RULES.deep_share * s.threshold, RULES.deep_noise * s.noise, RULES.floor),
    )
    least = max(least, RULES.crest * s.level, RULES.lowest * s.usual)
    best = _best_kept(s, s.beat_at + near, c - near, least, False)
    if best < 0:
        best = _best_kept(s, s.beat_at + near, c - near, least, True)
    if best < 0:
        s.search_at = np.int64(c + max(0.25 * s.rr_mid, 1.0))
    else:
        _accept_kept(s, c, best, now_ns, piece)


@inner
def _best_kept(s: Any, lo: float, hi: float, least: float, steps: bool) -> int:
    """Find the largest of the candidates between two samples that are steps, or of the others."""
    best = -1
    for i in range(s.n_kept):
        at, peak, slope, _, mv = _kept(s, i)
        there = lo <= at <= hi and (slope < 0.0) == steps
        if there and peak >= least and not _is_t_wave(s, at, abs(slope), mv):
            best, least = i, peak
    return best


@inner
def _accept_kept(s: Any, c: int, i: int, now_ns: int, piece: Any) -> None:
    """Make a candidate that was kept a beat, late."""
    at, peak, slope, pos, mv = _kept(s, i)
    _accept(s, at, peak, abs(slope), pos, mv, np.int64(1), now_ns, piece)
    s.guard = np.inf
    s.search_at = max(s.search_at, c + 1)
    _drop_kept(s, at)


@inner
def _window(s: Any, now_ns: int, piece: Any) -> None:
    """Emit the window of the oldest beat that waits for it."""
    j = piece.n_windows
    if j < MOST_WINDOWS:
        piece.n_windows = j + 1
        piece.window_ns[j] = now_ns
        w = piece.windows[j]
        w[0], w[1], w[2] = now_ns - s.queue_ns[0], np.nan, s.queue_mv[0]
        if s.has_window and s.queue_gap[0] == 0:
            w[1] = (s.queue_ns[0] - s.window_ns) * 1e-6
        filter_s = delay_s(s.fs_hz, TRACE_BAND_HZ[1], BUTTERWORTH_Q, 0.0)
        delayed_s = s.queue_pos[0] / s.fs_hz + filter_s
        # A step of the window is a whole number of steps of the grid: all lie alike between two.
        first = (delayed_s - BEFORE_S) * GRID_HZ
        g = np.int64(math.floor(first))
        way = first - g
        for i in range(WINDOW):
            left, right = _grid_mv(s, g + STRIDE * i), _grid_mv(s, g + STRIDE * i + 1)
            w[4 + i] = left + way * (right - left)
        w[3] = _noise_mv(w[4:])
    s.has_window, s.window_ns = 1, s.queue_ns[0]
    s.n_queue -= 1
    for i in range(s.n_queue):
        s.queue_ns[i], s.queue_pos[i] = s.queue_ns[i + 1], s.queue_pos[i + 1]
        s.queue_mv[i], s.queue_gap[i] = s.queue_mv[i + 1], s.queue_gap[i + 1]


@inner
def _grid_mv(s: Any, g: int) -> float:
    """Give the trace at a point of the grid: zero before the start, held beyond the end."""
    if g < 0:
        return 0.0
    return float(s.grid[min(g, s.grid_next - 1) & (GRID - 1)] * GRID_MV)


@inner
def _noise_mv(w: NDArray[np.float64]) -> float:
    """Give what a 50-ms mean leaves of the quieter part of a window outside QRS and T, RMS."""
    quietest = np.inf
    for lo, hi in QUIET:
        total = 0.0
        for i in range(lo, hi):
            rest = w[i] - 0.2 * (w[i - 2] + w[i - 1] + w[i] + w[i + 1] + w[i + 2])
            total += rest * rest
        quietest = min(quietest, total / (hi - lo))
    return math.sqrt(quietest)


@inner
def _emit(s: Any, now_ns: int, withdrawn: int, piece: Any) -> None:
    j = piece.n_beats
    if j >= MOST_BEATS:
        return
    piece.n_beats = j + 1
    piece.beat_ns[j] = now_ns
    b = piece.beats[j]
    b[0], b[1], b[2] = now_ns - s.beat_ns, withdrawn, s.beat_mv
    b[3], b[4], b[5] = s.beat_sure, s.beat_late, s.beat_gap


@inner
def _set_qrs_level(s: Any) -> None:
    s.qrs = median_of_few(s.qrs_levels, min(s.n_qrs, LEVELS))
    s.cap = RULES.largest * s.qrs if s.n_qrs > 0 else np.inf
    _set_threshold(s)


@inner
def _set_noise_level(s: Any) -> None:
    s.noise = median_of_few(s.noise_levels, min(s.n_noise, LEVELS))
    _set_threshold(s)


@inner
def _set_threshold(s: Any) -> None:
    wanted = RULES.qrs_weight * s.qrs + RULES.noise_weight * s.noise
    s.threshold = max(min(wanted, RULES.highest * s.qrs), RULES.floor)


@inner
def _keep(s: Any, at: int, peak: float, slope: float, pos: float, mv: float) -> None:
    """Keep a candidate; the oldest makes room."""
    if s.n_kept == KEPT:
        _drop_kept(s, s.kept_at[0])
    e = s.kept[s.n_kept]
    s.kept_at[s.n_kept] = at
    e[0], e[1], e[2], e[3] = peak, slope, at - pos, mv
    s.n_kept += 1


@inner
def _kept(s: Any, i: int) -> tuple[int, float, float, float, float]:
    """Give sample, height, slope, position of R and amplitude of a candidate that was kept."""
    at, e = s.kept_at[i], s.kept[i]
    return at, np.float64(e[0]), np.float64(e[1]), at - np.float64(e[2]), np.float64(e[3])


@inner
def _drop_kept(s: Any, until: int) -> None:
    """Forget the candidates up to and including a sample."""
    n = 0
    for i in range(s.n_kept):
        if s.kept_at[i] > until:
            s.kept_at[n] = s.kept_at[i]
            for j in range(4):
                s.kept[n, j] = s.kept[i, j]
            n += 1
    s.n_kept = n
