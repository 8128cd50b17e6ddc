"""Heart rates beyond their limits: by consecutive beats, and by the meter over a minute.

Noise that passes for beats makes a heart fast, noise that hides beats makes it slow. So what is
extreme does not begin while most of its beats are more likely noise (Q), nor while there are
seconds that nobody could read, each of which may hide a beat, and the rate would not be slow with
those. No regularity is asked for, and what has begun ends by its rate alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.bits import newest, ones
from processors.kernels.compiling import entry, inner
from processors.kernels.finding import OFFSET, ONSET, put

RING = 32
EXTREME_TACHYCARDIA, EXTREME_BRADYCARDIA, TACHYCARDIA, BRADYCARDIA = 0, 1, 2, 3
N_CODES = 4
# Columns of the control ``limits``: of each code, and whether effort limits hold from the start.
LIMIT_COLUMNS = (12, 9, 11, 10)
EVENT_COLUMN = 13
BY_PROFILE, BY_LIMITS = 1, 2
Q = 5.0  # label
QUALITY = 4  # source
SECOND_NS = 1_000_000_000
N_SECONDS = 60  # of which is known whether they can be read

RATE_STATE = np.dtype(
    [
        ("rr_ms", np.float64, (RING,)),
        ("onset_ns", np.int64, (N_CODES,)),
        ("own", np.float64, (N_CODES,)),  # limits of the participant; 0: those of everybody
        ("since_ns", np.int64, (N_CODES,)),  # start of the minute, with counting
        ("blank_ns", np.int64),  # start of the blank, with blank
        ("hr_max", np.float64),
        ("unread", np.int64),  # a bit per interval whose beat is Q, the newest lowest
        ("hiding", np.int64),  # a bit per second that cannot be read, the newest lowest: ...
        ("second", np.int64),  # ... this one
        ("n_rr", np.int32),  # consecutive valid intervals, at most RING
        ("head", np.int32),
        ("active", np.int8, (N_CODES,)),
        ("counting", np.int8, (N_CODES,)),
        ("blank", np.int8),
        ("event", np.int8),  # who says so: sum of BY_PROFILE and BY_LIMITS
        ("has_hr_max", np.int8),
    ],
    align=True,
)


class Limits(NamedTuple):
    """The numbers of `processors.detectors.rate_limits.Params`, in kernel units."""

    extreme_fast: float
    fast_intervals: int
    extreme_slow: float
    slow_intervals: int
    fast: float
    slow: float
    hold_ns: int
    margin: float
    blank_ns: int
    event_margin: float
    hr_max_at_birth: float
    hr_max_per_year: float
    default_age: float
    most: float
    fair: float


@inner
def sum_last(rr_ms: NDArray[np.float64], head: int, n: int) -> float:
    """Add up the newest ``n`` intervals of a ring."""
    total = 0.0
    for k in range(1, n + 1):
        total += rr_ms[(head - k) % RING]
    return total


@inner
def in_force(
    own: NDArray[np.float64], usual: tuple[float, float, float, float], code: int
) -> float:
    """Give the limit of a code: the participant's own, else that of everybody."""
    return own[code] if own[code] != 0.0 else usual[code]


@inner
def take_second(state: Any, second: int, row: NDArray[np.float64], fair: float) -> None:
    """Note whether beats can be read in a second: a lead is on, and no noise is among them."""
    hides = row[1] == 0.0 or row[3] != 0.0 or (row[4] != 0.0 and row[0] < fair)
    since = second - state.second
    if since <= 0:
        return
    known = state.hiding << since if since < N_SECONDS else 0
    state.hiding = (known | (1 if hides else 0)) & ((1 << N_SECONDS) - 1)
    state.second = second


@inner
def is_doubtful(state: Any, code: int, needed: int, start: int, rate: float, limit: float,
                p: Limits) -> bool:  # fmt: skip
    """Tell whether a rate beyond its limit, since a time, may be made by noise."""
    if code == EXTREME_TACHYCARDIA:
        return bool(ones(newest(state.unread, needed)) > p.most * needed)
    hidden = ones(newest(state.hiding, state.second - start // SECOND_NS + 1))
    return bool(rate * (needed + hidden) >= limit * needed)


@entry
def watch_rates(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    p: Limits,
    records: NDArray[Any],
    out: NDArray[Any],
) -> int:
    """Write the findings of rate (dtype `FINDING`); give their number, at most 4 per record.

    Source 0 holds ``rr_intervals``, 1 ``heart_rate_meter``, 2 ``profile``, 3 ``limits``, 4
    ``ecg_quality``. Nothing is decided by a deadline: the meter gives a row each second, blank ones
    too.
    """
    n: Any = np.int64(0)  # not the constant 0, which is a type of its own
    nan = np.nan
    usual = (p.extreme_fast, p.extreme_slow, p.fast, p.slow)
    for r in range(len(slots)):
        slot = slots[r]
        state = records[slot]
        for i in range(offsets[r], offsets[r + 1]):
            t = t_ns[i]
            if source[i] == QUALITY:
                take_second(state, t // SECOND_NS, values[i], p.fair)
            elif source[i] >= 2:
                if source[i] == 3:
                    for code in range(N_CODES):
                        own = values[i, LIMIT_COLUMNS[code]]
                        state.own[code] = own if np.isfinite(own) else 0.0
                    state.event &= BY_PROFILE
                    if values[i, EVENT_COLUMN] > 0.0:
                        state.event |= BY_LIMITS
                elif np.isfinite(values[i, 1]):
                    state.hr_max = values[i, 1]
                    state.has_hr_max = 1
                elif np.isfinite(values[i, 0]) and state.has_hr_max != 1:
                    state.hr_max = p.hr_max_at_birth - p.hr_max_per_year * values[i, 0]
                    state.has_hr_max = 2
                if source[i] == 2 and np.isfinite(values[i, 3]):
                    state.event &= BY_LIMITS
                    if values[i, 3] != 0.0:
                        state.event |= BY_PROFILE
                if state.event != 0:
                    state.counting[TACHYCARDIA] = 0
                    if state.active[TACHYCARDIA] != 0:
                        state.active[TACHYCARDIA] = 0
                        n = put(out, n, TACHYCARDIA, slot, OFFSET, state.onset_ns[TACHYCARDIA],
                                t, t, 0, nan, nan, in_force(state.own, usual, TACHYCARDIA),
                                nan, nan)  # fmt: skip
            elif source[i] == 0:
                if values[i, 4] == 0.0:
                    state.n_rr = 0
                    continue
                state.unread = ((state.unread << 1) | (1 if values[i, 3] == Q else 0)) & 0xFFFFFFFF
                state.rr_ms[state.head] = values[i, 1]
                state.head = (state.head + 1) % RING
                state.n_rr = min(state.n_rr + 1, RING)
                beat = t - np.int64(values[i, 0])
                limit_fast = in_force(state.own, usual, EXTREME_TACHYCARDIA)
                if state.event != 0:
                    hr_max = p.hr_max_at_birth - p.hr_max_per_year * p.default_age
                    if state.has_hr_max != 0:
                        hr_max = state.hr_max
                    limit_fast = max(limit_fast, hr_max + p.event_margin)
                for code in range(2):
                    needed = p.fast_intervals if code == EXTREME_TACHYCARDIA else p.slow_intervals
                    if state.n_rr < needed:
                        continue
                    span = sum_last(state.rr_ms, state.head, needed)
                    rate = 60_000.0 * needed / span
                    if code == EXTREME_TACHYCARDIA:
                        limit = limit_fast
                        beyond = rate > limit
                        safe = rate <= limit * (1.0 - p.margin)
                    else:
                        limit = in_force(state.own, usual, code)
                        beyond = rate < limit
                        safe = rate >= limit * (1.0 + p.margin)
                    onset = beat - np.int64(np.rint(span * 1.0e6))
                    if state.active[code] == 0 and beyond:
                        if is_doubtful(state, code, needed, onset, rate, limit, p):
                            continue
                        state.active[code] = 1
                        state.onset_ns[code] = onset
                        n = put(out, n, code, slot, ONSET, onset, onset, t, 0,
                                rate, rate, limit, needed + 1.0, nan)  # fmt: skip
                    elif state.active[code] != 0 and safe:
                        state.active[code] = 0
                        n = put(out, n, code, slot, OFFSET, state.onset_ns[code], beat, t, 0,
                                rate, rate, limit, needed + 1.0, nan)  # fmt: skip
            else:
                rate = values[i, 0]
                if np.isnan(rate):
                    state.counting[TACHYCARDIA] = 0
                    state.counting[BRADYCARDIA] = 0
                    if state.blank == 0:
                        state.blank = 1
                        state.blank_ns = t
                    elif t - state.blank_ns >= p.blank_ns:
                        for code in range(N_CODES):
                            if state.active[code] != 0:
                                state.active[code] = 0
                                n = put(out, n, code, slot, OFFSET, state.onset_ns[code], t, t, 0,
                                        nan, nan, nan, nan, nan)  # fmt: skip
                    continue
                state.blank = 0
                for code in range(TACHYCARDIA, N_CODES):
                    limit = in_force(state.own, usual, code)
                    if code == TACHYCARDIA:
                        beyond = rate > limit and state.event == 0
                        safe = rate <= limit * (1.0 - p.margin)
                    else:
                        beyond = rate < limit
                        safe = rate >= limit * (1.0 + p.margin)
                    if not beyond:
                        state.counting[code] = 0
                    elif state.counting[code] == 0:
                        state.counting[code] = 1
                        state.since_ns[code] = t
                    if state.active[code] != 0:
                        if safe:
                            state.active[code] = 0
                            n = put(out, n, code, slot, OFFSET, state.onset_ns[code], t, t, 0,
                                    rate, rate, limit, nan, nan)  # fmt: skip
                    elif state.counting[code] != 0 and t - state.since_ns[code] >= p.hold_ns:
                        state.active[code] = 1
                        onset = state.since_ns[code]
                        state.onset_ns[code] = onset
                        n = put(out, n, code, slot, ONSET, onset, onset, t, 0,
                                rate, rate, limit, nan, nan)  # fmt: skip
    return int(n)
