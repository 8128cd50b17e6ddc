"""Glucose of the last day in hourly counters (CLINICAL 3.14)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from processors.kernels.compiling import entry

HOURS = 24  # the hour that runs and the 23 before it
HOUR_NS = 3_600_000_000_000
SPACING_NS = 20_000_000_000  # default: faster readings are passed by, so that an hour's fit a byte
COVER_NS = 960_000_000_000  # CLINICAL 2: 15 min until glucose is stale; default: 1 min of jitter
STEP_NS = 15_000_000_000  # unit of what is covered
MIDDLE = 120.0  # mg/dL: sums are of the difference to it, so that float32 is enough
URGENT_LOW, LOW, HIGH, VERY_HIGH = 54.0, 70.0, 180.0, 250.0  # mg/dL, CLINICAL 3.14: published

DAY_STATE = np.dtype(
    [
        ("hour", np.int64),  # the one that runs, with has_reading
        ("newest_ns", np.int64),
        ("sum", np.float32, (HOURS,)),
        ("squares", np.float32, (HOURS,)),
        ("n", np.uint8, (HOURS,)),
        ("urgent_low", np.uint8, (HOURS,)),
        ("low", np.uint8, (HOURS,)),
        ("high", np.uint8, (HOURS,)),
        ("very_high", np.uint8, (HOURS,)),
        ("covered", np.uint8, (HOURS,)),  # quarters of a minute
        ("has_reading", np.int8),
    ],
    align=True,
)


@entry
def count_glucose(
    t_ns: NDArray[np.int64],
    values: NDArray[np.float64],
    offsets: NDArray[np.int64],
    slots: NDArray[np.int32],
    records: NDArray[Any],
    out_slots: NDArray[np.int32],
    out_ns: NDArray[np.int64],
    out: NDArray[np.float64],
) -> int:
    """Write the statistics of the last day after every reading; give the number of rows.

    Columns: mean, SD (n - 1), CV %, then % of readings 70-180, > 180, > 250, < 70, < 54, then
    number of readings and covered share of the time. SD and CV are NaN for a single reading.
    """
    n_out = 0
    for r in range(len(slots)):
        s = records[slots[r]]
        for i in range(offsets[r], offsets[r + 1]):
            t, g = t_ns[i], values[i, 0]
            since = t - s.newest_ns
            if np.isnan(g) or (s.has_reading != 0 and since < SPACING_NS):
                continue
            hour = t // HOUR_NS
            fresh = min(hour - s.hour, HOURS) if s.has_reading != 0 else HOURS
            for k in range(fresh):
                b = (hour - k) % HOURS
                s.sum[b] = s.squares[b] = 0.0
                s.n[b] = s.urgent_low[b] = s.low[b] = 0
                s.high[b] = s.very_high[b] = s.covered[b] = 0
            b = hour % HOURS
            s.sum[b] += g - MIDDLE
            s.squares[b] += (g - MIDDLE) * (g - MIDDLE)
            s.n[b] += 1
            s.urgent_low[b] += g < URGENT_LOW
            s.low[b] += g < LOW
            s.high[b] += g > HIGH
            s.very_high[b] += g > VERY_HIGH
            if s.has_reading != 0 and since <= COVER_NS:
                s.covered[b] = min(np.int64(s.covered[b]) + since // STEP_NS, 255)
            s.hour, s.newest_ns, s.has_reading = hour, t, 1
            total = squares = 0.0
            n: Any = np.int64(0)
            urgent_low: Any = np.int64(0)
            low: Any = np.int64(0)
            high: Any = np.int64(0)
            very_high: Any = np.int64(0)
            covered: Any = np.int64(0)
            for k in range(HOURS):
                total += s.sum[k]
                squares += s.squares[k]
                n += np.int64(s.n[k])
                urgent_low += np.int64(s.urgent_low[k])
                low += np.int64(s.low[k])
                high += np.int64(s.high[k])
                very_high += np.int64(s.very_high[k])
                covered += np.int64(s.covered[k])
            out_slots[n_out], out_ns[n_out] = slots[r], t
            row = out[n_out]
            mean = MIDDLE + total / n
            row[0] = mean
            row[1] = row[2] = np.nan
            if n > 1:
                row[1] = math.sqrt(max(squares - total * total / n, 0.0) / (n - 1))
                row[2] = 100.0 * row[1] / mean
            percent = 100.0 / n
            row[3] = percent * (n - low - high)
            row[4], row[5] = percent * high, percent * very_high
            row[6], row[7] = percent * low, percent * urgent_low
            row[8] = n
            window = (HOURS - 1) * HOUR_NS + t % HOUR_NS
            row[9] = min(covered * STEP_NS / window, 1.0)
            n_out += 1
    return n_out
