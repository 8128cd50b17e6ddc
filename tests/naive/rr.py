"""RR intervals, the slow way: every record looks back over all that came before."""

from __future__ import annotations

NS = 1_000_000_000


def intervals(records):
    """Give rows of (t, lag, rr, source, label, valid) for one participant."""
    rows = []
    for i, (t, source, values) in enumerate(records):
        if source == 0:
            lag, label, _, revised, rr, _ = values
            if revised:
                continue
            rows.append((t, lag, rr, 0.0, label, float(200 <= rr <= 5000)))
        else:
            ecg = [u for u, s, v in records[:i] if s == 0 and not v[3]]
            if ecg and t - ecg[-1] <= 10 * NS:
                continue
            rr = values[0]
            rows.append((t, 0.0, rr, 1.0, 1.0, float(200 <= rr < 3000)))
    return rows
