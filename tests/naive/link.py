"""Device findings, the slow way: silences are read off a list of stretches of life."""

from __future__ import annotations

import math

NS = 1_000_000_000


def silences(records, until_ns):
    """Give (identity, onset, end or None, signal) of every ``device_silent``, by signal."""
    by_signal: dict[int, list[tuple[int, int, float]]] = {}
    for t, source, values in records:
        if source == 0 and not math.isinf(values[1]):
            runs = by_signal.setdefault(int(values[0]), [])
            runs.append((t - int(values[2]), t, values[1]))
    found = []
    for signal, runs in sorted(by_signal.items()):
        due = None
        for start, t, stale in runs:
            if due is not None and due < start:
                found.append((due - due % 64 + signal, due, start, signal))
                due = None
            due = max(due or -1, t + round(stale * NS))
        if due is not None and due <= until_ns:
            found.append((due - due % 64 + signal, due, None, signal))
    return found


def gaps(records):
    """Give (start, known, signal, seconds) of every loss of more than a second."""
    return [
        (t - int(v[2]) - round(v[3] * NS), t - int(v[2]), v[0], v[3])
        for t, source, v in records
        if source == 0 and v[3] > 1
    ]


def batteries(records):
    """Give (onset, time, state, revision, percent) of every change of ``battery_low``."""
    found, onset, empty = [], None, False
    for t, source, values in records:
        if source != 1 or math.isnan(values[0]):
            continue
        percent = values[0]
        if onset is None and percent <= 15:
            onset, empty = t, percent <= 5
            found.append((t, t, 0, 0, percent))
        elif onset is not None and percent > 15.75:
            found.append((onset, t, 1, 0, percent))
            onset = None
        elif onset is not None and percent <= 5 and not empty:
            empty = True
            found.append((onset, t, 0, 1, percent))
    return found
