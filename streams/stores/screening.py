"""The screening of a day, from what a store holds."""

from __future__ import annotations

import numpy as np

from alerts.screening import Criteria, Screened, screen
from processors.records import NS_PER_S
from streams.stores import FEATURES, STORE_EVERY_NS, WATCHED, Store

_ALL = 10_000_000


def read_screening(store: Store, from_ns: int, until_ns: int, criteria: Criteria) -> list[Screened]:
    """Screen everybody who was watched or had a finding in ``from_ns <= t < until_ns``, by id.

    A finding belongs to the time of its onset. What goes on lasts until the newest that is known.
    """
    told = store.findings(since_ns=from_ns, limit=_ALL)
    findings = [one for one in told if from_ns <= one.onset_ns < until_ns]
    watched_s, newest_ns = {}, max((one.t_ns for one in findings), default=from_ns)
    for person in store.participants():
        rates = store.series(FEATURES, WATCHED, person.id, from_ns, until_ns)
        known = np.isfinite(rates.values).any(axis=1) if len(rates.t_ns) else np.zeros(0, bool)
        if known.any():
            watched_s[person.id] = float(known.sum()) * STORE_EVERY_NS / NS_PER_S
            newest_ns = max(newest_ns, int(rates.t_ns[known][-1]))
    had = watched_s.keys() | {one.participant for one in findings}
    people = [person for person in store.participants() if person.id in had]
    return screen(people, findings, watched_s, criteria, min(newest_ns, until_ns))
