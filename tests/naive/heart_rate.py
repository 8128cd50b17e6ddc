"""The heart rate meter, the slow way: at every second the whole history is read again."""

from __future__ import annotations

import math

NS = 1_000_000_000


def mean_rr(rr):
    rr = rr[-12:]
    if not rr:
        return math.nan
    if len(rr) >= 3 and all(x > 1200 for x in rr[-3:]):
        return sum(reversed(rr[-4:])) / len(rr[-4:])
    if len(rr) < 4:
        return sum(reversed(rr)) / len(rr)
    return (sum(reversed(rr)) - min(rr) - max(rr)) / (len(rr) - 2)


def longest_wait(rr):
    mean = mean_rr(rr)
    return max(3.0 * NS, 2e6 * mean) if mean > 0 else 3.0 * NS


def reading(records, second):
    """Give rate and source at a second from what was known by then."""
    rr, beat, known, origin, device = [], None, None, 0.0, None
    for t, source, values in records:
        if t > second:
            break
        if source == 1:
            if not math.isnan(values[0]):
                device = (t, values[0])
            continue
        lag, interval, origin, _, valid = values
        if valid:
            rr.append(interval)
        elif beat is not None and t - int(lag) - beat > longest_wait(rr) and rr:
            rr = []
        beat, known = t - int(lag), t
    if (known is None or second - known > 10 * NS) and device is not None:
        fresh = second - device[0] <= 10 * NS
        held = beat is not None and second - beat <= longest_wait(rr) and rr
        rate = device[1] if fresh else (60_000 / mean_rr(rr) if held else math.nan)
        return rate, 2.0
    if beat is None or second - beat > longest_wait(rr) or not rr:
        return math.nan, origin
    return 60_000 / mean_rr(rr), origin


def meter(records, until_ns):
    """Give rows of (second, rate, source) from the first record to a minute after the last."""
    times = [t for t, _, _ in records]
    rows = []
    for second in range(0, until_ns + 1, NS):
        before = [t for t in times if t <= second]
        if before and second - before[-1] <= 60 * NS:
            rows.append((second, *reading(records, second)))
    return rows
