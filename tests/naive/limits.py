"""Findings of one limit, the slow way: the readings are gone through with what is known by then."""

from __future__ import annotations

import math

NS = 1_000_000_000


def over(limit, values, c):
    """Give how far a column is beyond its level; negative: so far on the safe side."""
    column, level = [
        (limit.column, limit.level),
        (limit.other_column, limit.other_level),
    ][c]
    if limit.level_column >= 0:
        level = values[limit.level_column]
    return level - values[column] if limit.low else values[column] - level


def due_after(reading, limit):
    """Give when a finding ends if nothing more comes."""
    stale_s = limit.other_stale_s if reading[1] and limit.other_stale_s else limit.stale_s
    return reading[0] + round(stale_s * NS)


def findings_of(records, limit, until_ns):
    """Give (onset, at, known, state, revision, value, limit, extreme, other) of one slot.

    State 0 is an onset, 1 an end; None is what is not known.
    """
    columns = [0] if limit.other_column < 0 else [0, 1]
    readings = [
        record
        for record in records
        if not any(math.isnan(over(limit, record[2], c)) for c in columns)
    ]
    found, onset, run, seen, told_worse = [], None, [], [], False
    for i, (t, _, values) in enumerate(readings):
        before, due = (readings[i - 1][0], due_after(readings[i - 1], limit)) if i else (None, None)
        if onset is not None and due < t:
            found.append((onset, due, due, 1, 0, *[None] * 4))
            onset = None
        excess = [over(limit, values, c) for c in columns]
        beyond = any(e > 0 or (e == 0 and not limit.strict) for e in excess)
        value = values[limit.column]
        other = values[limit.other_column] if limit.other_column >= 0 else None
        level = limit.level if limit.level_column < 0 else values[limit.level_column]
        is_worse = value <= limit.worse if limit.low else value >= limit.worse
        if onset is not None:
            seen.append(value)
            extreme = min(seen) if limit.low else max(seen)
            safe = all(e <= -limit.margin for e in excess)
            young = t - onset <= limit.settled_s * NS
            if safe or (young and not beyond):
                found.append((onset, t, t, 1, 0, value, level, extreme, other))
                onset, run = None, []
            elif is_worse and not told_worse:
                told_worse = True
                found.append((onset, onset, t, 0, 1, value, limit.worse, extreme, other))
            continue
        if not beyond:
            run = []
            continue
        if run and t - before > limit.within_s * NS:
            run = []
        run.append(t)
        if len(run) == limit.needed:
            onset, seen, told_worse, run = run[0], [value], is_worse, []
            found.append((onset, onset, t, 0, 0, value, level, value, other))
    if onset is not None and (due := due_after(readings[-1], limit)) <= until_ns:
        found.append((onset, due, due, 1, 0, *[None] * 4))
    return found
