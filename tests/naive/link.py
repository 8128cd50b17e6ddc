"""Device findings, the slow way: silences are read off a list of stretches of life."""

from __future__ import annotations

import math

NS = 1_000_000_000


def silences(records, until_ns):
    """Give (onset, end or None, first signal, ending signal) of every ``device_silent``."""
    changes = []  # (time, what, signal): 0 back, 1 silent; equal times: as the kernel meets them
    by_signal: dict[int, list[tuple[int, float]]] = {}
    for t, source, values in records:
        if source == 0 and not math.isinf(values[1]):
            by_signal.setdefault(int(values[0]), []).append((t, values[1]))
    for signal, seen in by_signal.items():
        due = None
        for t, stale in seen:
            if due is not None and due < t:
                changes += [(due, 1, signal), (t, 0, signal)]
            due = max(due or 0, t + round(stale * NS))
        if due is not None and due <= until_ns:
            changes.append((due, 1, signal))
    found, silent = [], set()
    for t, what, signal in sorted(changes):
        if what and not silent:
            found.append([t, None, signal, None])
        if what:
            silent.add(signal)
        else:
            silent.discard(signal)
            if not silent:
                found[-1][1], found[-1][3] = t, signal
    return [tuple(one) for one in found]


def gaps(records):
    """Give (start, known, signal, seconds) of every loss of more than a second."""
    return [
        (t - int(v[2]) - round(v[3] * NS), t, v[0], v[3])
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
