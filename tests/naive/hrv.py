"""Heart rate variability, the slow way: every row looks at the list of all intervals again."""

from __future__ import annotations

import math

import numpy as np

NS = 1_000_000_000
STEP = 10 * NS


def judged(records):
    """Give (known, rr, accepted, neighbour of the one before) for each interval that there is."""
    found, last, strange = [], None, []
    beat = label = source = newest = None
    before = False  # the interval before was accepted
    for t, _, (lag, rr, origin, name, valid) in records:
        if newest is None or rests(newest, t):
            last = None
        joined = beat is not None and t - int(lag) - beat <= 2e9 + rr * 1e6
        same = source == origin
        both_known = origin == 1 or (joined and same and label == 1)
        fine = valid != 0 and name == 1 and both_known and 375 <= rr <= 2000
        if not fine:
            strange = []
        elif last is not None and abs(rr - last) > 0.2 * last:
            if strange and abs(rr - strange[-1]) > 0.2 * strange[-1]:
                strange = []
            strange.append(rr)
            fine = len(strange) == 3
        if fine:
            found.append((t, rr, True, before and joined and same, last))
            last, strange = rr, []
        elif math.isfinite(rr):
            found.append((t, rr, False, False, None))
        before = fine
        beat, label, source, newest = t - int(lag), name, origin, t
    return found


def rests(newest, t):
    """Tell whether no row was given at the last whole 10 s before a time, for want of beats."""
    end = -(-newest // STEP) * STEP
    return any(e - newest > 60 * NS for e in range(end, min(t, newest + 80 * NS), STEP))


def numbers(nn):
    """Give the six values of a list of (rr, difference to its neighbour or None)."""
    rr = np.array([x for x, _ in nn])
    delta = np.array([d for _, d in nn if d is not None])
    sdnn = np.std(rr, ddof=1)
    rmssd = math.sqrt(np.mean(delta**2)) if len(delta) else math.nan
    large = 100 * np.mean(abs(delta) > 50) if len(delta) else math.nan
    sd1 = rmssd / math.sqrt(2)
    sd2 = math.sqrt(max(2 * sdnn**2 - sd1**2, 0)) if len(delta) else math.nan
    return [np.mean(rr), sdnn, rmssd, large, sd1, sd2]


def row(found, end, window_s):
    inside = [f for f in found if end - window_s * NS < f[0] <= end]
    accepted = [f for f in inside if f[2]]
    nn = [
        (rr, rr - before if neighbour and k > 0 else None)
        for k, (_, rr, _, neighbour, before) in enumerate(accepted)
    ]
    share = 100 * len(accepted) / len(inside) if inside else math.nan
    covered = min(100 * sum(f[1] for f in accepted) / 1000 / window_s, 100)
    known = share > 80 and 100 - covered < 15
    return [*(numbers(nn) if known else [math.nan] * 6), len(accepted), share, covered]


def rows(records, until_ns):
    """Give (end, values of 60 s, values of 300 s) at each whole 10 s that is not at rest."""
    found = judged(records)
    times = [t for t, _, _ in records]
    given = []
    for end in range(0, until_ns + 1, STEP):
        before = [t for t in times if t <= end]
        if before and end - before[-1] <= 60 * NS:
            given.append((end, row(found, end, 60), row(found, end, 300)))
    return given
