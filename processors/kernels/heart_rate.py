"""The heart rate meter: a trimmed mean of RR intervals, read at every whole second."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry, inner

RING = 12
SECOND_NS = 1_000_000_000
DEVICE = 2.0

METER_STATE = np.dtype(
    [
        ("next_ns", np.int64),  # the next whole second to be read; with running
        ("last_input_ns", np.int64),
        ("beat_ns", np.int64),  # R time of the newest beat
        ("beat_known_ns", np.int64),  # when it became known; with has_beat
        ("device_ns", np.int64),
        ("device_rate", np.float64),  # with has_device
        ("source", np.float64),
        ("rr_ms", np.float64, (RING,)),
        ("n_rr", np.int32),  # filled places of the ring
        ("head", np.int32),  # where the next interval goes
        ("has_beat", np.int8),
        ("has_device", np.int8),
        ("running", np.int8),
    ],
    align=True,
)


@inner
def mean_rr_ms(rr_ms: NDArray[np.float64], n_rr: int, head: int, slow_ms: float) -> float:
    """Average a ring of intervals as the meter does; NaN when it is empty.

    Without the shortest and the longest from 4 intervals on; the last 4 alone when each of the
    last 3 is longer than ``slow_ms``.
    """
    if n_rr == 0:
        return np.nan
    n_slow = 0
    for k in range(1, min(n_rr, 3) + 1):
        if rr_ms[(head - k) % RING] > slow_ms:
            n_slow += 1
    last_only = n_slow == 3
    n = min(n_rr, 4) if last_only else n_rr
    total = 0.0
    shortest = np.inf
    longest = 0.0
    for k in range(1, n + 1):
        rr = rr_ms[(head - k) % RING]
        total += rr
        shortest = min(shortest, rr)
        longest = max(longest, rr)
    if last_only or n < 4:
        return total / n
    return (total - shortest - longest) / (n - 2)


@entry
def read_meter(
    t_ns: NDArray[np.int64],
    source: NDArray[np.int8],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    until_ns: NDArray[np.int64],
    slow_ms: float,
    blank_ns: int,
    fresh_ns: int,
    idle_ns: int,
    records: NDArray[Any],
    out_slot: NDArray[np.int32],
    out_t: NDArray[np.int64],
    out_values: NDArray[np.float64],
) -> int:
    """Write ``rate, source`` for every whole second that has passed; give the number of rows.

    Source 0 holds ``rr_intervals``, source 1 the heart rate of a device. The meter is read from
    the first record on, and rests ``idle_ns`` after the newest until there is another.
    """
    n = 0
    for r in range(len(slots)):
        slot = slots[r]
        state = records[slot]
        next_ns = state.next_ns
        last_input = state.last_input_ns
        running = state.running != 0
        end = offsets[r + 1]
        for i in range(offsets[r], end + 1):
            # Let the seconds before this record pass; after the last one, those up to the horizon.
            limit = until_ns[r] if i == end else t_ns[i] - 1
            while running and next_ns <= limit:
                if next_ns - last_input > idle_ns:
                    running = False
                    break
                out_slot[n] = slot
                out_t[n] = next_ns
                out_values[n, 0] = np.nan
                out_values[n, 1] = state.source
                if state.has_beat != 0:
                    mean = mean_rr_ms(state.rr_ms, state.n_rr, state.head, slow_ms)
                    wait = max(float(blank_ns), 2.0e6 * mean)  # NaN: the longer time is blank_ns
                    if not mean > 0.0:
                        wait = float(blank_ns)
                    if next_ns - state.beat_ns <= wait:
                        out_values[n, 0] = 60_000.0 / mean
                beats_gone = state.has_beat == 0 or next_ns - state.beat_known_ns > fresh_ns
                if beats_gone and state.has_device != 0:
                    out_values[n, 1] = DEVICE
                    if next_ns - state.device_ns <= fresh_ns:
                        out_values[n, 0] = state.device_rate
                n += 1
                next_ns += SECOND_NS
            if i == end:
                break
            t = t_ns[i]
            last_input = t
            if not running:
                running = True
                next_ns = -(-t // SECOND_NS) * SECOND_NS
            if source[i] == 1:
                if np.isfinite(values[i, 0]):
                    state.device_ns = t
                    state.device_rate = values[i, 0]
                    state.has_device = 1
                continue
            beat = t - np.int64(values[i, 0])
            if values[i, 4] != 0.0:
                state.rr_ms[state.head] = values[i, 1]
                state.head = (state.head + 1) % RING
                state.n_rr = min(state.n_rr + 1, RING)
            elif state.has_beat != 0:
                # A gap long enough to blank the meter is not bridged.
                mean = mean_rr_ms(state.rr_ms, state.n_rr, state.head, slow_ms)
                if mean > 0.0 and beat - state.beat_ns > max(float(blank_ns), 2.0e6 * mean):
                    state.n_rr = 0
            state.beat_ns = beat
            state.beat_known_ns = t
            state.source = values[i, 2]
            state.has_beat = 1
        state.next_ns = next_ns
        state.last_input_ns = last_input
        state.running = running
    return n
