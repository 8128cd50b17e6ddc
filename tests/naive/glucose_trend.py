"""The trend of glucose, the slow way: from the whole list of readings so far."""

from __future__ import annotations

import math

import numpy as np

MINUTE = 60_000_000_000


def thinned(readings):
    """Leave out what lies between two readings less than 150 s apart; the newest stays."""
    kept = []
    for reading in readings:
        if len(kept) >= 2 and reading[0] - kept[-2][0] < 150 * 10**9:
            kept.pop()
        kept.append(reading)
    return kept[-16:]


def trends(readings):
    """Give (t, glucose, rate, arrow, expected, minutes since) for (t, glucose); None: not known."""
    found, so_far = [], []
    for t, glucose in readings:
        if math.isnan(glucose):
            continue
        since = (t - so_far[-1][0]) / MINUTE if so_far else None
        so_far.append((t, glucose))
        kept = thinned(so_far)
        recent = [(u, g) for u, g in kept if t - u <= 15.5 * MINUTE]
        rate = arrow = expected = None
        if len(recent) >= 3 and t - recent[0][0] >= 8 * MINUTE:
            rate = (glucose - recent[0][1]) / ((t - recent[0][0]) / MINUTE)
            steps = 3 if abs(rate) > 3 else 2 if abs(rate) >= 2 else 1 if abs(rate) >= 1 else 0
            arrow = steps if rate > 0 else -steps
            line = [((u - t) / MINUTE, g) for u, g in kept if t - u <= 20.5 * MINUTE]
            slope, now = np.polyfit(*zip(*line, strict=True), 1)
            expected = now + 20 * slope
        found.append((t, glucose, rate, arrow, expected, since))
    return found
