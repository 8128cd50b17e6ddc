"""The burden of a span of days, from what a store has counted."""

from __future__ import annotations

from alerts.burden import Burden, burden
from streams.stores import Store


def read_burden(
    store: Store, from_ns: int, until_ns: int, watched_s: float | None = None
) -> Burden:
    """Give the burden of the whole days (UTC) that ``from_ns <= t < until_ns`` touches.

    Parameters
    ----------
    watched_s
        Seconds watched, of all people together; None: as the stored heart rates tell.
    """
    if watched_s is None:
        watched_s = store.watched_s(from_ns, until_ns)
    counts = store.alarm_counts(from_ns, until_ns)
    return burden(counts, store.answer_counts(from_ns, until_ns), watched_s)
