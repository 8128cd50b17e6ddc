"""Fibrillation the slow way: each window looks at all records before it."""

from __future__ import annotations

import math

S = 1_000_000_000
QUALITY, BEATS, LABELS, LEAD, WAVES = range(5)


def _beats_before(records, k, windows):
    """Give confidences and labels of the last eight half seconds before record `k`."""
    earlier = [i for i in windows if i < k]
    start = earlier[-8] if len(earlier) >= 8 else -1
    between = records[start + 1 : k]
    return (
        [v[3] for _, source, v in between if source == BEATS and not v[1]],
        [v[1] for _, source, v in between if source == LABELS and not v[3]],
    )


def _is_bad(v):
    return not v[1] > 0 or v[3] != 0 or (v[4] != 0 and v[0] < 0.5) or math.isnan(v[5])


def _judge(records, k, windows, kind):
    """Give whether a window is positive and whether it is regular; less is asked in a rhythm."""
    v = records[k][2]
    more = 1.1 if kind else 1.0
    alike = v[4] >= 0.9
    fast, slow = 60 / 250, 60 / 130
    likeness = 0.65 if v[2] < 3.0 else 0.85 if kind == 1 else 0.9
    regular = (v[4] >= likeness and fast <= v[5] <= slow) or v[3] > 4.0
    seconds = [u for _, source, u in records[:k] if source == QUALITY][-4:]
    leads = [u[0] for _, source, u in records[:k] if source == LEAD and math.isfinite(u[0])]
    confidences, labels = _beats_before(records, k, windows)
    sure = bool(confidences) and sum(confidences) / len(confidences) >= 0.5
    normal = bool(labels) and sum(label in (1, 2) for label in labels) / len(labels) >= 0.5
    positive = (
        v[0] < 0.7 * more and v[1] * more > 0.58
        and v[2] * more > (2.5 if alike else 2.8) and v[2] < 7.5 * more
        and v[3] >= 0.2
        and not (alike and v[5] > slow)
        and not any(map(_is_bad, seconds))
        and not (leads and leads[-1])
        and not (sure and normal and not (alike and v[1] > 0.65))
    )  # fmt: skip
    return positive, regular


def findings(records, until):
    """Give findings ``(onset, at, t, state)`` and rhythms ``(t, kind, lag)``."""
    windows = [k for k, (_, source, _) in enumerate(records) if source == WAVES]
    found, rhythms = [], []
    history, kind, onset, last = [], 0, 0, None

    def turn(to, at, t):
        nonlocal kind, onset
        if kind == 2:
            found.append((onset, at, t, 1))
        if to == 2:
            found.append((at, at, t, 0))
        rhythms.append((t, float(to), float(t - at)))
        kind, onset = to, at

    for k in windows:
        t = records[k][0]
        if last is not None and last + 5.5 * S < t:
            history = []
            if kind:
                turn(0, last, last + 5_500_000_000)
        last = t
        history.append(_judge(records, k, windows, kind))
        ago = [j for j, (p, _) in enumerate(reversed(history[-4:])) if p]
        positive = sum(p for p, _ in history[-4:])
        regular = sum(r for _, r in history[-8:])
        if not kind and positive >= 3:
            at = max(t - 2 * S - ago[-1] * S // 2, onset)
            turn(1 if sum(r for _, r in history[-4:]) >= 2 else 2, at, t)
        elif kind and positive <= 1:
            turn(0, max(t - 2 * S - (ago[0] if ago else 4) * S // 2, onset), t)
        elif kind == 2 and regular >= 6:
            turn(1, max(t - 2 * S, onset), t)
        elif kind == 1 and regular <= 2:
            turn(2, max(t - 2 * S, onset), t)
    if kind and last + 5.5 * S <= until:
        turn(0, last, last + 5_500_000_000)
    return found, rhythms
