"""How fast glucose rises or falls, and where it will be (CLINICAL 3.14)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry

RING = 16  # readings of 20 min, of which two lie at least THIN_NS apart with one between them
THIN_NS = 150_000_000_000  # default: of a sensor that reads every minute every other one is kept
MINUTE_NS = 60_000_000_000

TREND_STATE = np.dtype(
    [
        ("t_ns", np.int64, (RING,)),
        ("glucose", np.float32, (RING,)),
        ("newest_ns", np.int64),  # with has_reading
        ("n", np.int16),
        ("has_reading", np.int8),
    ],
    align=True,
)


class Rules(NamedTuple):
    """The numbers of `processors.features.glucose_trend.Params`, in kernel units."""

    rate_ns: int
    line_ns: int
    least_span_ns: int
    least_readings: int
    ahead_min: float
    flat: float
    slanting: float
    steep: float


@entry
def follow_glucose(
    t_ns: NDArray[np.int64],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    p: Rules,
    records: NDArray[Any],
    out_slots: NDArray[np.int32],
    out_ns: NDArray[np.int64],
    out: NDArray[np.float64],
) -> int:
    """Write glucose, rate, arrow, expected glucose, minutes since the last; give the rows.

    One row per valid reading; what cannot be said of it is NaN.
    """
    n_out = 0
    for r in range(len(slots)):
        state = records[slots[r]]
        kept_ns, kept = state.t_ns, state.glucose
        for i in range(offsets[r], offsets[r + 1]):
            t, g = t_ns[i], values[i, 0]
            if np.isnan(g):
                continue
            n = np.int64(state.n)
            if n >= 2 and t - kept_ns[n - 2] < THIN_NS:
                n -= 1  # the newest was not needed
            if n == RING:
                for k in range(RING - 1):
                    kept_ns[k], kept[k] = kept_ns[k + 1], kept[k + 1]
                n -= 1
            kept_ns[n], kept[n] = t, g
            n += 1
            state.n = n
            row = out[n_out]
            row[0] = g
            row[1] = row[2] = row[3] = row[4] = np.nan
            if state.has_reading != 0:
                row[4] = (t - state.newest_ns) / MINUTE_NS
            state.newest_ns, state.has_reading = t, 1
            out_slots[n_out], out_ns[n_out] = slots[r], t
            n_out += 1
            first = n - 1
            while first > 0 and t - kept_ns[first - 1] <= p.rate_ns:
                first -= 1
            if n - first < p.least_readings or t - kept_ns[first] < p.least_span_ns:
                continue
            rate = (g - kept[first]) * (MINUTE_NS / (t - kept_ns[first]))
            row[1] = rate
            size = abs(rate)
            steps = 0.0
            if size > p.steep:
                steps = 3.0
            elif size >= p.slanting:
                steps = 2.0
            elif size >= p.flat:
                steps = 1.0
            row[2] = steps if rate > 0.0 else -steps
            # A straight line through the last readings, time in minutes from now.
            first = n - 1
            while first > 0 and t - kept_ns[first - 1] <= p.line_ns:
                first -= 1
            mean_x = mean_y = 0.0
            for k in range(first, n):
                mean_x += (kept_ns[k] - t) / MINUTE_NS / (n - first)
                mean_y += kept[k] / (n - first)
            xx = xy = 0.0
            for k in range(first, n):
                x = (kept_ns[k] - t) / MINUTE_NS - mean_x
                xx += x * x
                xy += x * (kept[k] - mean_y)
            row[3] = mean_y + xy / xx * (p.ahead_min - mean_x)
    return n_out
