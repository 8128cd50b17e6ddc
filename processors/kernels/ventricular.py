"""Patterns of ventricular beats: runs, bigeminy, trigeminy, frequency, forms."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import boolean, float64, from_dtype, int64, njit
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner
from processors.kernels.finding import FINDING, OFFSET, ONSET, POINT, put

(VT, VT_NONSUSTAINED, RHYTHM, SLOW_RHYTHM, RUN, COUPLET, R_ON_T, BIGEMINY, TRIGEMINY, FREQUENT,
 MULTIFORM) = range(11)  # fmt: skip
N, S, V, F, Q = 1, 2, 3, 4, 5
TACHYCARDIA, FIBRILLATION = 1, 2  # kinds of `wave_rhythm`
N_V = 10  # V beats in the window of `pvc_frequent`
N_RUN = 6  # V beats that a rate is measured over
N_FORMS = 15  # beats in which two forms of V are sought
N_NORMAL = 8  # default: N beats whose forms are no forms of V
N_MEAN = 16  # intervals that the running mean of normal ones is over

VENTRICULAR_STATE = np.dtype(
    [
        ("onset_ns", np.int64, (11,)),
        ("v_ns", np.int64, (N_V,)),  # newest V beats, oldest first
        ("run_ns", np.int64, (N_RUN,)),  # newest V beats of the run, oldest first
        ("run_position", np.int64, (N_RUN,)),  # their places in the run, Q beats counted
        ("r_ns", np.int64),  # the beat that waits for its last label, with has_beat
        ("known_ns", np.int64),
        ("before_ns", np.int64, (2,)),  # R of the two settled beats before it
        ("fast_since_ns", np.int64),  # with fast
        ("frequent_due_ns", np.int64),
        ("bi_start_ns", np.int64),
        ("tri_start_ns", np.int64),
        ("r_on_t_ns", np.int64),  # with r_on_t
        ("rr_ms", np.float64),
        ("mean_ms", np.float64),  # running mean of the intervals from N to N
        ("r_on_t_rr_ms", np.float64),
        ("r_on_t_mean_ms", np.float64),
        ("n_v", np.int32),
        ("n_run", np.int32),  # settled V beats of the run
        ("position", np.int32),
        ("n_mean", np.int32),
        ("since_v", np.int32),  # settled N or S beats since the last V
        ("bi_cycles", np.int32),
        ("tri_cycles", np.int32),
        ("n_forms", np.int32),
        ("forms", np.int8, (N_FORMS,)),  # form of a V, -1 of another beat, oldest first
        ("normal", np.int8, (N_NORMAL,)),  # one more than the forms of the last N beats
        ("form", np.int8),
        ("label", np.int8),
        ("label_before", np.int8),
        ("has_beat", np.int8),
        ("on", np.int8, (11,)),
        ("run_vt", np.int8),  # the run of V is VT, whatever the waves are
        ("waves", np.int8),  # kind of the newest `wave_rhythm`
        ("fast", np.int8),
        ("r_on_t", np.int8),
        ("bad", np.int8),  # the newest second of signal was
        ("n_unread", np.int8),  # settled Q beats in a row
    ],
    align=True,
)


class Limits(NamedTuple):
    """The numbers of `processors.detectors.ventricular.Params`, in kernel units."""

    vt_rate: float
    vt_beats: int
    slow_vt_rate: float
    slow_vt_ns: int
    rhythm_beats: int
    slow_rate: float
    margin: float
    cycles: int
    window_ns: int
    silence_ns: int
    r_on_t_ratio: float
    r_on_t_pause: float
    r_on_t_mean_ms: float
    quality: float
    unread: int


_LASTING = int64(  # one signature, see `processors.kernels.finding`
    from_dtype(VENTRICULAR_STATE), int64, int64, boolean, int64, int64, int64,
    float64, float64, float64, from_dtype(FINDING)[::1], int64,
)  # fmt: skip


@njit(_LASTING, cache=True, nogil=True, error_model="numpy")
def lasting(
    state: Any, slot: int, code: int, holds: bool, onset_ns: int, end_ns: int, t: int,
    value: float, e0: float, e1: float, out: NDArray[Any], n: int,
) -> int:  # fmt: skip
    """Begin or end a lasting finding where that is a change."""
    if holds and state.on[code] == 0:
        state.on[code] = 1
        state.onset_ns[code] = onset_ns
        return put(out, n, code, slot, ONSET, onset_ns, onset_ns, t, 0,
                   value, e0, e1, np.nan, np.nan)  # fmt: skip
    if not holds and state.on[code] != 0:
        state.on[code] = 0
        return put(out, n, code, slot, OFFSET, state.onset_ns[code], end_ns, t, 0,
                   value, e0, e1, np.nan, np.nan)  # fmt: skip
    return n


@inner
def end_run(state: Any, slot: int, t: int, p: Limits, out: NDArray[Any], n: int) -> int:
    """Close the run of settled V beats and report it, unless it was reported while it lasted."""
    count = state.n_run
    last = state.run_ns[min(count, N_RUN) - 1] if count > 0 else state.r_ns
    rate = np.nan
    if count >= 2:
        k = min(count, N_RUN) - 1
        span = last - state.run_ns[0]
        rate = 60.0e9 * (state.run_position[k] - state.run_position[0]) / span
    told = False
    for code in (VT, RHYTHM, SLOW_RHYTHM):
        if state.on[code] != 0:
            told = True
            if code == VT and state.waves == TACHYCARDIA:
                continue  # it ends with the waves
            n = lasting(state, slot, code, False, 0, last, t, rate, float(count), rate,
                        out, n)  # fmt: skip
    if count >= 2 and not told:
        code = -1
        if count == 2:
            code = COUPLET
        elif count < p.vt_beats and rate >= p.vt_rate:
            code = VT_NONSUSTAINED
        elif count < p.rhythm_beats:
            code = RUN
        if code >= 0:
            start = state.run_ns[0]
            n = put(out, n, code, slot, POINT, start, start, t, 0,
                    rate, float(count), rate, np.nan, np.nan)  # fmt: skip
    state.n_run = 0
    state.position = 0
    state.fast = 0
    state.run_vt = 0
    return n


@inner
def watch_run(state: Any, slot: int, t: int, p: Limits, out: NDArray[Any], n: int) -> int:
    """Judge the run with the waiting V beat in it, while it goes on."""
    count = state.n_run + 1
    if count < p.rhythm_beats:
        return n
    held = min(state.n_run, N_RUN)
    skip = 1 if held == N_RUN else 0  # the waiting beat makes one of the last N_RUN
    first = state.run_ns[skip]
    beat = state.r_ns
    rate = 60.0e9 * (state.position - state.run_position[skip]) / (beat - first)
    if rate < p.slow_vt_rate:
        state.fast = 0
    elif state.fast == 0:
        state.fast = 1
        state.fast_since_ns = first
    long_fast = state.fast != 0 and beat - state.fast_since_ns >= p.slow_vt_ns
    limit = p.vt_rate * (1.0 - p.margin) if state.run_vt != 0 else p.vt_rate
    is_vt = (count >= p.vt_beats and rate >= limit) or long_fast
    state.run_vt = 1 if is_vt else 0
    is_vt = is_vt or state.waves == TACHYCARDIA
    limit = p.slow_rate * (1.0 + p.margin) if state.on[SLOW_RHYTHM] != 0 else p.slow_rate
    is_slow = rate < limit and not is_vt
    # Five fast beats are no rhythm yet: the sixth makes them VT.
    is_rhythm = not is_vt and not is_slow and (rate < p.vt_rate or state.on[RHYTHM] != 0)
    start = state.fast_since_ns if long_fast else first
    beats = float(count)
    n = lasting(state, slot, VT, is_vt, start, beat, t, rate, beats, rate, out, n)
    n = lasting(state, slot, RHYTHM, is_rhythm, first, beat, t, rate, beats, rate, out, n)
    return lasting(state, slot, SLOW_RHYTHM, is_slow, first, beat, t, rate, beats, rate, out, n)


@inner
def break_patterns(state: Any, slot: int, t: int, out: NDArray[Any], n: int) -> int:
    """End bigeminy and trigeminy at the last settled beat and count anew."""
    nan = np.nan
    at = state.before_ns[1]
    n = lasting(state, slot, BIGEMINY, False, 0, at, t, float(state.bi_cycles),
                float(state.bi_cycles), nan, out, n)  # fmt: skip
    n = lasting(state, slot, TRIGEMINY, False, 0, at, t, float(state.tri_cycles),
                float(state.tri_cycles), nan, out, n)  # fmt: skip
    state.since_v = 0
    state.bi_cycles = 0
    state.tri_cycles = 0
    state.r_on_t = 0
    return n


@inner
def count_cycles(
    state: Any, slot: int, t: int, is_v: bool, p: Limits, out: NDArray[Any], n: int
) -> int:
    """Follow N V and N N V cycles with one settled beat."""
    nan = np.nan
    beat = state.r_ns
    if is_v:
        normals = state.since_v
        if normals == 1 and state.bi_cycles > 0:
            state.bi_cycles += 1
        else:
            state.bi_cycles = 1 if normals >= 1 else 0
            state.bi_start_ns = state.before_ns[1]
        if normals == 2 and state.tri_cycles > 0:
            state.tri_cycles += 1
        else:
            state.tri_cycles = 1 if normals >= 2 else 0
            state.tri_start_ns = state.before_ns[0]
        state.since_v = 0
    else:
        state.since_v = min(state.since_v + 1, 1000)
        if state.since_v == 2:
            state.bi_cycles = 0
        if state.since_v == 3:
            state.tri_cycles = 0
    two = float(state.bi_cycles)
    three = float(state.tri_cycles)
    n = lasting(state, slot, BIGEMINY, state.bi_cycles >= p.cycles, state.bi_start_ns, beat, t,
                two, two, nan, out, n)  # fmt: skip
    return lasting(state, slot, TRIGEMINY, state.tri_cycles >= p.cycles, state.tri_start_ns, beat,
                   t, three, three, nan, out, n)  # fmt: skip


@inner
def form_of_v(state: Any, label: int) -> int:
    """Give the form of a V beat, -1 of others and where N beats of late have that form too.

    What is V by its time alone, as in fast atrial fibrillation, is no second focus.
    """
    form = state.form
    if label == N:
        for k in range(N_NORMAL - 1):
            state.normal[k] = state.normal[k + 1]
        state.normal[N_NORMAL - 1] = form + 1
    if label != V:
        return -1
    for k in range(N_NORMAL):
        if state.normal[k] == form + 1:
            return -1
    return int(form)


@inner
def count_forms(state: Any, slot: int, t: int, form: int, out: NDArray[Any], n: int) -> int:
    """Look for V beats of two forms among the last settled beats."""
    if state.n_forms == N_FORMS:
        for k in range(N_FORMS - 1):
            state.forms[k] = state.forms[k + 1]
        state.n_forms -= 1
    state.forms[state.n_forms] = form
    state.n_forms += 1
    one = -1
    two = -1
    for k in range(state.n_forms):
        if state.forms[k] >= 0:
            if one < 0:
                one = state.forms[k]
            elif state.forms[k] != one:
                two = state.forms[k]
    if two < 0:
        state.on[MULTIFORM] = 0
    elif state.on[MULTIFORM] == 0 and form >= 0:
        state.on[MULTIFORM] = 1
        n = put(out, n, MULTIFORM, slot, POINT, state.r_ns, state.r_ns, t, 0,
                2.0, float(one), float(two), np.nan, np.nan)  # fmt: skip
    return n


@inner
def begin_anew(state: Any, slot: int, t: int, p: Limits, out: NDArray[Any], n: int) -> int:
    """Break all that is consecutive: nothing is known of the beats between."""
    n = end_run(state, slot, t, p, out, n)
    n = break_patterns(state, slot, t, out, n)
    state.label_before = Q
    return n


@inner
def read_label(state: Any, label: float) -> int:
    """Give the label of a beat; noise that is bent like a V is none."""
    return Q if label == V and state.bad != 0 else int(label)


@inner
def settle(state: Any, slot: int, t: int, p: Limits, out: NDArray[Any], n: int) -> int:
    """Take the label of the waiting beat as final."""
    nan = np.nan
    state.has_beat = 0
    label = state.label
    beat = state.r_ns
    if label == Q:  # neither breaks nor counts, but several in a row do
        if state.n_run > 0:
            state.position += 1
        state.n_unread = min(state.n_unread + 1, 100)
        if state.n_unread == p.unread:
            n = begin_anew(state, slot, t, p, out, n)
        return n
    state.n_unread = 0
    if state.r_on_t != 0:
        state.r_on_t = 0
        if state.rr_ms >= p.r_on_t_pause * state.r_on_t_mean_ms:
            n = put(out, n, R_ON_T, slot, POINT, state.r_on_t_ns, state.r_on_t_ns, t, 0,
                    state.r_on_t_rr_ms, state.r_on_t_rr_ms, state.r_on_t_mean_ms,
                    nan, nan)  # fmt: skip
    is_v = label == V
    if is_v:
        if state.n_run >= N_RUN:
            for k in range(N_RUN - 1):
                state.run_ns[k] = state.run_ns[k + 1]
                state.run_position[k] = state.run_position[k + 1]
        k = min(state.n_run, N_RUN - 1)
        state.run_ns[k] = beat
        state.run_position[k] = state.position
        state.position += 1
        state.n_run += 1
        if state.n_v == N_V:
            for k in range(N_V - 1):
                state.v_ns[k] = state.v_ns[k + 1]
            state.n_v -= 1
        state.v_ns[state.n_v] = beat
        state.n_v += 1
        if state.n_v == N_V and beat - state.v_ns[0] <= p.window_ns:
            state.frequent_due_ns = state.v_ns[0] + p.window_ns
            n = lasting(state, slot, FREQUENT, True, state.v_ns[0], beat, t, float(N_V),
                        float(N_V), nan, out, n)  # fmt: skip
        mean = state.mean_ms
        if mean > p.r_on_t_mean_ms and state.rr_ms < p.r_on_t_ratio * mean:
            state.r_on_t = 1
            state.r_on_t_ns = beat
            state.r_on_t_rr_ms = state.rr_ms
            state.r_on_t_mean_ms = mean
    else:
        n = end_run(state, slot, t, p, out, n)
        if label == N and state.label_before == N and state.rr_ms > 0.0:
            state.n_mean = min(state.n_mean + 1, N_MEAN)
            state.mean_ms += (state.rr_ms - state.mean_ms) / state.n_mean
    n = count_forms(state, slot, t, form_of_v(state, label), out, n)
    if label == F:
        n = break_patterns(state, slot, t, out, n)
    else:
        n = count_cycles(state, slot, t, is_v, p, out, n)
    state.label_before = label
    state.before_ns[0] = state.before_ns[1]
    state.before_ns[1] = beat
    return n


@inner
def take_waves(
    state: Any, slot: int, t: int, row: NDArray[np.float64], p: Limits, out: NDArray[Any], n: int
) -> int:
    """Take over what the waves have become: tachycardia is VT, fibrillation ends all else."""
    nan = np.nan
    at = t - int(row[1])
    rate = row[2]
    was = state.waves
    state.waves = np.int8(row[0])
    if state.waves == FIBRILLATION:
        for code in (VT, RHYTHM, SLOW_RHYTHM):
            end = max(at, state.onset_ns[code])
            n = lasting(state, slot, code, False, 0, end, t, rate, nan, rate, out, n)
        state.has_beat = 0
        state.label_before = Q
        state.n_run = 0  # what led to it is part of it
        n = end_run(state, slot, t, p, out, n)
        return int(break_patterns(state, slot, t, out, n))
    if state.waves == TACHYCARDIA:
        for code in (RHYTHM, SLOW_RHYTHM):
            end = max(at, state.onset_ns[code])
            n = lasting(state, slot, code, False, 0, end, t, rate, nan, rate, out, n)
        return lasting(state, slot, VT, True, at, at, t, rate, nan, rate, out, n)
    if was == TACHYCARDIA and state.run_vt == 0:
        end = max(at, state.onset_ns[VT])
        n = lasting(state, slot, VT, False, 0, end, t, rate, nan, rate, out, n)
    return n


@inner
def pass_time(state: Any, slot: int, limit: int, p: Limits, out: NDArray[Any], n: int) -> int:
    """Let the deadlines up to ``limit`` pass: beats that fell silent, V beats that became rare."""
    while True:
        silent_at = state.known_ns + p.silence_ns
        # A V beat settles with the next beat: what is rare is known as much later.
        rare_at = state.frequent_due_ns + p.silence_ns
        rare = state.on[FREQUENT] != 0 and rare_at <= limit
        if state.has_beat != 0 and silent_at <= limit and not (rare and rare_at < silent_at):
            n = settle(state, slot, silent_at, p, out, n)
            n = end_run(state, slot, silent_at, p, out, n)
            n = break_patterns(state, slot, silent_at, out, n)
        elif rare:
            n = lasting(state, slot, FREQUENT, False, 0, state.frequent_due_ns, rare_at,
                        float(N_V - 1), float(N_V - 1), np.nan, out, n)  # fmt: skip
        else:
            return n


@entry
def watch_ventricular(
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
    """Write the findings; give their number, at most 24 per record and 24 per row.

    Source 0 holds ``beat_labels``, 1 ``wave_rhythm``, 2 ``ecg_quality``. A label is final when the
    next beat's has come; only what is going on (VT and the ventricular rhythms) is judged with the
    newest label too. In fibrillation no beat counts.
    """
    n: Any = np.int64(0)  # not the constant 0, which is a type of its own
    for r in range(len(slots)):
        slot = slots[r]
        state = records[slot]
        for i in range(offsets[r], offsets[r + 1]):
            t = t_ns[i]
            n = pass_time(state, slot, t - 1, p, out, n)
            if source[i] == 1:
                n = take_waves(state, slot, t, values[i], p, out, n)
                continue
            if source[i] == 2:
                state.bad = 1 if values[i, 0] < p.quality else 0
                continue
            if state.waves == FIBRILLATION:
                continue
            beat = t - np.int64(values[i, 0])
            if values[i, 3] != 0.0:
                if state.has_beat != 0 and beat == state.r_ns:
                    state.label = read_label(state, values[i, 1])
                    state.form = np.int8(values[i, 5])
                continue
            if state.has_beat != 0:
                n = settle(state, slot, t, p, out, n)
            if not values[i, 4] > 0.0:  # a gap breaks everything that is consecutive
                n = begin_anew(state, slot, t, p, out, n)
            state.r_ns = beat
            state.known_ns = t
            state.label = read_label(state, values[i, 1])
            state.form = np.int8(values[i, 5])
            state.rr_ms = values[i, 4]
            state.has_beat = 1
            if state.label == V:
                n = watch_run(state, slot, t, p, out, n)
        n = pass_time(state, slot, until_ns[r], p, out, n)
    return int(n)
