"""Findings of rate, the slow way: one code at a time, over the whole list of records."""

from __future__ import annotations

import math

NS = 1_000_000_000


def _profile(records, t, i):
    """HRmax if the profile says, and whether an event runs, before record i."""
    told, by_age, event = None, None, 0.0
    for _, source, values in records[:i]:
        if source != 2:
            continue
        if not math.isnan(values[1]):
            told = values[1]
        elif not math.isnan(values[0]) and told is None:
            by_age = 208.0 - 0.7 * values[0]
        if not math.isnan(values[3]):
            event = values[3]
    return told if told is not None else by_age, event


def _blank_at(records, i):
    """Tell whether the meter, with record i, has been blank for 10 s."""
    t, source, values = records[i]
    if source != 1 or not math.isnan(values[0]):
        return False
    start = t
    for u, s, v in reversed(records[:i]):
        if s == 1:
            if not math.isnan(v[0]):
                break
            start = u
    return start != t and t - start >= 10 * NS


def _doubtful(records, i, labels, fast, rate, limit, start):
    """Tell whether noise may have made the rate that record i completes."""
    if fast:
        return labels.count(5.0) > len(labels) / 2
    hidden = {
        t // NS
        for t, source, v in records[: i + 1]
        if source == 4 and (v[1] == 0 or v[3] != 0 or (v[4] != 0 and v[0] < 0.5))
    }
    n = sum(second >= start // NS for second in hidden)
    return rate * (len(labels) + n) / len(labels) >= limit


def extreme(records, fast):
    """Give (onset, at, t, state, rate) of extreme_tachycardia or extreme_bradycardia."""
    needed = 16 if fast else 4
    found, onset, rr, labels = [], None, [], []
    for i, (t, source, values) in enumerate(records):
        if onset is not None and _blank_at(records, i):
            found.append((onset, t, t, 1, None))
            onset = None
        if source != 0:
            continue
        if not values[4]:
            rr, labels = [], []
            continue
        rr.append(values[1])
        labels.append(values[3])
        if len(rr) < needed:
            continue
        span = sum(reversed(rr[-needed:]))
        rate = 60_000 * needed / span
        beat = t - int(values[0])
        limit = 140.0 if fast else 40.0
        hr_max, event = _profile(records, t, i)
        if fast and event:
            limit = max(140.0, (hr_max if hr_max is not None else 208.0 - 0.7 * 45) + 10)
        beyond = rate > limit if fast else rate < limit
        safe = rate <= limit * 0.95 if fast else rate >= limit * 1.05
        start = beat - round(span * 1e6)
        if onset is None and beyond:
            if _doubtful(records, i, labels[-needed:], fast, rate, limit, start):
                continue
            onset = start
            found.append((onset, onset, t, 0, rate))
        elif onset is not None and safe:
            found.append((onset, beat, t, 1, rate))
            onset = None
    return found


def by_meter(records, fast):
    """Give (onset, at, t, state, rate) of tachycardia or bradycardia."""
    found, onset, since = [], None, None
    for i, (t, source, values) in enumerate(records):
        _, event = _profile(records, t, i + 1)
        if source == 2 and fast and event:
            since = None
            if onset is not None:
                found.append((onset, t, t, 1, None))
                onset = None
        if onset is not None and _blank_at(records, i):
            found.append((onset, t, t, 1, None))
            onset = None
        if source != 1:
            continue
        rate = values[0]
        if math.isnan(rate):
            since = None
            continue
        beyond = (rate > 120 and not event) if fast else rate < 45
        safe = rate <= 114 if fast else rate >= 47.25
        since = (t if since is None else since) if beyond else None
        if onset is not None:
            if safe:
                found.append((onset, t, t, 1, rate))
                onset = None
        elif since is not None and t - since >= 60 * NS:
            onset = since
            found.append((onset, onset, t, 0, rate))
    return found
