"""Variability of normal intervals over 1 and 5 minutes, kept as moments of pieces of 10 s."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner

N_PIECES = 30  # 300 s; the shorter window is made of the newest of them
SHORT_PIECES = 6  # 60 s
STEP_NS = 10_000_000_000
WIDTH = 9  # columns of a row
N_VALUES = 6  # of them, those that are blank where too little is known
NORMAL, STRAP = 1.0, 1.0  # of the columns `label` and `source` of rr_intervals
MOST = 255  # what a count of a piece can hold

HRV_STATE = np.dtype(
    [
        # Of the normal intervals that became known in a piece: mean, sum of squared deviations,
        # sum of squared differences of neighbours within it, difference to the piece before.
        ("mean_ms", np.float64, (N_PIECES,)),
        ("deviation_ms2", np.float64, (N_PIECES,)),
        ("delta_ms2", np.float64, (N_PIECES,)),
        ("first_ms", np.float64, (N_PIECES,)),  # with has_first
        ("next_ns", np.int64),  # end of the newest piece, with running
        ("newest_ns", np.int64),
        ("beat_ns", np.int64),  # R time of the newest beat, with has_beat
        ("normal_ms", np.float64),  # newest accepted interval, with has_normal
        ("strange_ms", np.float64),  # newest interval refused for its change, with n_strange
        ("n", np.uint8, (N_PIECES,)),
        ("n_delta", np.uint8, (N_PIECES,)),
        ("n_large", np.uint8, (N_PIECES,)),
        ("n_refused", np.uint8, (N_PIECES,)),
        ("has_first", np.uint8, (N_PIECES,)),
        ("n_strange", np.uint8),
        ("label", np.uint8),  # of the newest beat
        ("source", np.uint8),
        ("has_beat", np.uint8),
        ("has_normal", np.uint8),
        ("adjacent", np.uint8),  # the newest interval was accepted
        ("running", np.uint8),
    ],
    align=True,
)


class Limits(NamedTuple):
    """The numbers of `processors.features.hrv.Params`, in kernel units."""

    shortest_ms: float
    longest_ms: float
    change: float
    steady: int
    gap_ns: int
    large_ms: float
    accepted_percent: float
    missing_percent: float
    idle_ns: int


@inner
def clear(state: Any, b: int) -> None:
    """Empty one piece; what has no count needs none."""
    state.n[b] = 0
    state.n_delta[b] = 0
    state.n_large[b] = 0
    state.n_refused[b] = 0
    state.has_first[b] = 0
    state.delta_ms2[b] = 0.0


@inner
def describe(state: Any, n_pieces: int, p: Limits, row: NDArray[np.float64]) -> None:
    """Write one row about the newest pieces: moments are joined as Chan, Golub, LeVeque 1979."""
    newest = state.next_ns // STEP_NS
    n = 0.0
    mean = 0.0
    deviation = 0.0
    delta = 0.0
    n_delta = 0
    n_large = 0
    n_refused = 0
    for back in range(n_pieces - 1, -1, -1):
        b = (newest - back) % N_PIECES
        n_refused += state.n_refused[b]
        if state.n[b] == 0:
            continue
        more = float(state.n[b])
        step = state.mean_ms[b] - mean
        deviation += state.deviation_ms2[b] + step * step * n * more / (n + more)
        mean += step * more / (n + more)
        n += more
        delta += state.delta_ms2[b]
        n_delta += state.n_delta[b]
        n_large += state.n_large[b]
        # Of a pair both intervals must lie in the window.
        if state.has_first[b] != 0 and back != n_pieces - 1:
            first = state.first_ms[b]
            delta += first * first
            n_delta += 1
            n_large += 1 if abs(first) > p.large_ms else 0
    covered = min(100.0 * n * mean * 1.0e6 / (n_pieces * STEP_NS), 100.0)
    accepted = 100.0 * n / (n + n_refused)
    for c in range(N_VALUES):
        row[c] = np.nan
    row[6] = n
    row[7] = accepted
    row[8] = covered
    if accepted > p.accepted_percent and 100.0 - covered < p.missing_percent:
        variance = deviation / (n - 1.0)
        square = delta / n_delta
        row[0] = mean
        row[1] = np.sqrt(variance)
        row[2] = np.sqrt(square)
        row[3] = 100.0 * n_large / n_delta
        row[4] = np.sqrt(0.5 * square)
        row[5] = np.sqrt(max(2.0 * variance - 0.5 * square, 0.0))


@inner
def is_normal(state: Any, row: NDArray[np.float64], lost: bool, p: Limits) -> bool:
    """Judge an interval; remember one that is strange, for more of its kind are a new rate."""
    rr = row[1]
    # A strap's interval has both of its beats; of the ECG's the one before must be known as well.
    both = row[2] == STRAP or (not lost and state.source == row[2] and state.label == NORMAL)
    known = row[4] != 0.0 and row[3] == NORMAL and both
    if not (known and p.shortest_ms <= rr <= p.longest_ms):
        state.n_strange = 0
        return False
    if state.has_normal != 0 and abs(rr - state.normal_ms) > p.change * state.normal_ms:
        alike = abs(rr - state.strange_ms) <= p.change * state.strange_ms
        state.n_strange = state.n_strange + 1 if state.n_strange > 0 and alike else 1
        state.strange_ms = rr
        if state.n_strange < p.steady:
            return False
    state.n_strange = 0
    return True


@inner
def take(state: Any, t: int, row: NDArray[np.float64], p: Limits) -> None:
    """Put one interval into the newest piece."""
    rr = row[1]
    beat = t - np.int64(row[0])
    b = (state.next_ns // STEP_NS) % N_PIECES
    # NaN compares false: after a gap of the ECG there is no interval at all.
    joined = state.has_beat != 0 and beat - state.beat_ns <= np.float64(p.gap_ns) + rr * 1.0e6
    if is_normal(state, row, not joined, p) and state.n[b] < MOST:
        state.n[b] += 1
        if state.n[b] == 1:
            state.mean_ms[b] = rr
            state.deviation_ms2[b] = 0.0
        else:
            step = rr - state.mean_ms[b]
            state.mean_ms[b] += step / state.n[b]
            state.deviation_ms2[b] += step * (rr - state.mean_ms[b])
        if state.adjacent != 0 and joined and state.source == row[2]:
            delta = rr - state.normal_ms
            if state.n[b] == 1:
                state.has_first[b] = 1
                state.first_ms[b] = delta
            else:
                state.delta_ms2[b] += delta * delta
                state.n_delta[b] += 1
                state.n_large[b] += 1 if abs(delta) > p.large_ms else 0
        state.normal_ms = rr
        state.has_normal = 1
        state.adjacent = 1
    else:
        state.adjacent = 0
        if np.isfinite(rr) and state.n_refused[b] < MOST:
            state.n_refused[b] += 1
    state.beat_ns = beat
    state.has_beat = 1
    state.label = np.uint8(row[3])
    state.source = np.uint8(row[2])


@entry
def measure_variability(
    t_ns: NDArray[np.int64],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    until_ns: NDArray[np.int64],
    p: Limits,
    records: NDArray[Any],
    out_slot: NDArray[np.int32],
    out_t: NDArray[np.int64],
    out_short: NDArray[np.float64],
    out_long: NDArray[np.float64],
) -> int:
    """Write a row of each window for every whole 10 s that have passed; give the number of rows.

    The records are ``rr_intervals``. Rows begin with the first record, and rest ``idle_ns`` after
    the newest until there is another.
    """
    n = 0
    for r in range(len(slots)):
        state = records[slots[r]]
        end = offsets[r + 1]
        for i in range(offsets[r], end + 1):
            limit = until_ns[r] if i == end else t_ns[i] - 1
            while state.running != 0 and state.next_ns <= limit:
                if state.next_ns - state.newest_ns > p.idle_ns:
                    state.running = 0
                    break
                out_slot[n] = slots[r]
                out_t[n] = state.next_ns
                describe(state, SHORT_PIECES, p, out_short[n])
                describe(state, N_PIECES, p, out_long[n])
                n += 1
                state.next_ns += STEP_NS
                clear(state, (state.next_ns // STEP_NS) % N_PIECES)
            if i == end:
                break
            t = t_ns[i]
            state.newest_ns = t
            if state.running == 0:
                state.running = 1
                state.has_normal = 0
                piece = -(-t // STEP_NS)
                passed = min(piece - state.next_ns // STEP_NS, N_PIECES)
                for back in range(passed):
                    clear(state, (piece - back) % N_PIECES)
                state.next_ns = piece * STEP_NS
            take(state, t, values[i], p)
    return n
