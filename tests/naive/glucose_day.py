"""Glucose of the last day, the slow way: all readings of the window are taken anew each time."""

from __future__ import annotations

import math
import statistics

HOUR = 3_600_000_000_000


def counted(readings):
    """Leave out missing readings and those less than 20 s after the one before."""
    kept = []
    for t, glucose in readings:
        if not math.isnan(glucose) and (not kept or t - kept[-1][0] >= 20 * 10**9):
            kept.append((t, glucose))
    return kept


def summary(glucose):
    """Give mean, SD, CV, time in range, > 180, > 250, < 70, < 54 (CLINICAL 3.14)."""
    n, mean = len(glucose), statistics.fmean(glucose)
    sd = statistics.stdev(glucose) if n > 1 else math.nan

    def percent(is_so):
        return 100 * sum(is_so(g) for g in glucose) / n

    return (
        mean, sd, 100 * sd / mean, percent(lambda g: 70 <= g <= 180), percent(lambda g: g > 180),
        percent(lambda g: g > 250), percent(lambda g: g < 70), percent(lambda g: g < 54),
    )  # fmt: skip


def days(readings):
    """Give (t, summary ..., readings, coverage) after every reading (t, glucose)."""
    found, kept = [], counted(readings)
    for i, (t, _) in enumerate(kept):
        window = [k for k in range(i + 1) if kept[k][0] // HOUR > t // HOUR - 24]
        by_hour = {}
        for k in window:
            since = kept[k][0] - kept[k - 1][0] if k else math.inf
            if since <= 16 * 60 * 10**9:
                hour = kept[k][0] // HOUR
                by_hour[hour] = min(by_hour.get(hour, 0) + since // (15 * 10**9), 255)
        share = sum(by_hour.values()) * 15e9 / (23 * HOUR + t % HOUR)
        numbers = summary([kept[k][1] for k in window])
        found.append((t, *numbers, len(window), min(share, 1.0)))
    return found
