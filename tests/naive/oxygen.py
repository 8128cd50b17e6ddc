"""Saturation as it is judged, the slow way: each value is looked at with all that came before."""

from __future__ import annotations

import math
from statistics import median

NS = 1_000_000_000


def judged(records):
    """Give (t, median, limit) for the records (t, source, values) of one slot."""
    found, taken, before, limit = [], [], None, 90.0
    for t, source, values in records:
        if source == 1:
            limit = values[7] if math.isfinite(values[7]) else limit
            continue
        alone = before is None or t - before >= 5 * NS
        before = t
        x = values[0]
        if math.isnan(x):
            continue
        if taken and t - taken[-1][0] > 15 * NS:
            taken = []
        if taken:
            since_s = (t - taken[-1][0]) / NS
            if since_s < 0.9 or abs(x - taken[-1][1]) > 4.0 * since_s:
                continue
        taken.append((t, x))
        if alone:
            found.append((t, x, limit))
        elif len(taken) >= 5:
            found.append((t, median(value for _, value in taken[-5:]), limit))
    return found
