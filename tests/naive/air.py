"""Exposure to particles, the slow way: every window is added up anew from all readings."""

from __future__ import annotations

import math
from itertools import pairwise

HOUR, PART = 3_600_000_000_000, 300_000_000_000
US = {
    "pm2_5": [(0, 9.0, 0, 50), (9.1, 35.4, 51, 100), (35.5, 55.4, 101, 150),
              (55.5, 125.4, 151, 200), (125.5, 225.4, 201, 300), (225.5, 325.4, 301, 500)],
    "pm10": [(0, 54, 0, 50), (55, 154, 51, 100), (155, 254, 101, 150), (255, 354, 151, 200),
             (355, 424, 201, 300), (425, 604, 301, 500)],
}  # fmt: skip
KOREA = {
    "pm2_5": [(0, 15, 0, 50), (16, 35, 51, 100), (36, 75, 101, 250), (76, 500, 251, 500)],
    "pm10": [(0, 30, 0, 50), (31, 80, 51, 100), (81, 150, 101, 250), (151, 600, 251, 500)],
}


def cut_down(c, decimals):
    return math.floor(c * 10**decimals + 2e-3) / 10**decimals


def index(c, bands, decimals):
    """Give the index of a concentration; None for none."""
    if c is None:
        return None
    c = cut_down(c, decimals)
    band = next((band for band in bands if c <= band[1]), bands[-1])
    low, high, low_index, high_index = band
    return math.floor((high_index - low_index) / (high - low) * (c - low) + low_index + 0.5)


def spans(readings):
    """Give (from, to, concentration) of what is covered: a reading stands for what is before it."""
    valid = [(t, c) for t, c in readings if not math.isnan(c)]
    return [(t0, t1, c) for (t0, _), (t1, c) in pairwise(valid) if t1 - t0 <= 61 * 60 * 10**9]


def within(covered, start, end):
    """Give dose (ug s/m3) and seconds of what lies in a time."""
    parts = [(min(t1, end) - max(t0, start), c) for t0, t1, c in covered]
    return (
        sum(c * 1e-9 * length for length, c in parts if length > 0),
        sum(1e-9 * length for length, _ in parts if length > 0),
    )


def window(covered, t, step, n):
    """Give dose and seconds of the last n steps; of the oldest one the share that lies within."""
    dose, seconds = within(covered, (t // step - n + 1) * step, t)
    oldest = within(covered, (t // step - n) * step, (t // step - n + 1) * step)
    share = 1 - t % step / step
    return dose + share * oldest[0], seconds + share * oldest[1]


def hourly(covered, t):
    """Give the means of the last 12 full hours, newest first; None below 75 % coverage."""
    found = []
    for k in range(12):
        end = (t // HOUR - k) * HOUR
        dose, seconds = within(covered, end - HOUR, end)
        found.append(dose / seconds if seconds >= 2699.5 else None)
    return found


def nowcast(means):
    there = [c for c in means if c is not None]
    if sum(c is not None for c in means[:3]) < 2:
        return None
    w = max(min(there) / max(there), 0.5) if max(there) else 1.0
    weighted = [(w**i, c) for i, c in enumerate(means) if c is not None]
    return sum(p * c for p, c in weighted) / sum(p for p, _ in weighted)


def korean_day(means, turn):
    there = [c for c in means if c is not None]
    newest = [c for c in means[:4] if c is not None]
    if len(there) < 9 or len(newest) < 3:
        return None
    c12 = sum(there) / len(there)
    adjusted = [
        0.75 * c if c >= turn and 0.9 <= (c / c12 if c12 else 0) <= 1.7 else c for c in newest
    ]
    return (12 * c12 + 12 * sum(adjusted) / len(adjusted)) / 24


def greater(a, b):
    return max((x for x in (a, b) if x is not None), default=None)


def exposure(readings):
    """Give the rows of `air_exposure` and who is sensitive, for records (t, source, values)."""
    found, sensitive = [], 0.0
    for i, (t, source, values) in enumerate(readings):
        if source == 2:
            sensitive = float(values[6] != 0) if math.isfinite(values[6]) else sensitive
        if source != 1 or math.isnan(values[0]):
            continue
        covered = [
            spans([(u, v[0]) for u, s, v in readings[: i + 1] if s == which]) for which in (0, 1)
        ]
        dose_1h, seconds_1h = window(covered[1], t, PART, 12)
        dose, seconds = window(covered[1], t, HOUR, 24)
        coverage = min(seconds / 86_400, 1.0)
        coarse, fine = (hourly(spans_of, t) for spans_of in covered)
        now, now_10 = nowcast(fine), nowcast(coarse)
        now = None if now is None else cut_down(now, 1)
        now_10 = None if now_10 is None else cut_down(now_10, 0)
        korea = greater(
            index(korean_day(fine, 30), KOREA["pm2_5"], 0),
            index(korean_day(coarse, 70), KOREA["pm10"], 0),
        )
        found.append(
            (
                t,
                dose_1h / seconds_1h if seconds_1h >= 2699.5 else None,
                now,
                dose / seconds if coverage >= 0.75 - 1e-5 else None,
                dose / 3600,
                coverage,
                now_10,
                greater(index(now, US["pm2_5"], 1), index(now_10, US["pm10"], 0)),
                None if korea is None else min(korea, 500),
                sensitive,
            )
        )
    return found
