"""The screening of a day, from what a store holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from alerts.screening import Criteria, Evidence, Screened, screen, totals
from processors.records import NS_PER_S
from streams.stores import Store

_ALL = 10_000_000


def newest_day(store: Store, zone: tzinfo, now_ns: int) -> date:
    """Give the day of the newest finding; the first day of all where there is none.

    Of a device whose clock is ahead there may be findings of tomorrow: today is the last day.
    """
    newest = store.findings(limit=1)
    t_ns = min(newest[0].t_ns, now_ns) if newest else 0
    return datetime.fromtimestamp(t_ns // NS_PER_S, zone).date()


def read_screening(store: Store, day: date, zone: tzinfo, criteria: Criteria) -> list[Screened]:
    """Screen everybody who was watched or had a finding on a day, by id.

    A finding belongs to the day of its onset. What goes on lasts until the newest that is known.
    """
    from_ns, until_ns = _midnight_ns(day, zone), _midnight_ns(day + timedelta(days=1), zone)
    told = store.findings(since_ns=from_ns, limit=_ALL)
    findings = [one for one in told if from_ns <= one.onset_ns < until_ns]
    registered = store.participants()
    watched = store.watched((person.id for person in registered), from_ns, until_ns)
    watched_s = {who: one.watched_s for who, one in watched.items()}
    last_ns = (one.last_ns for one in watched.values())
    newest_ns = max((from_ns, *(one.t_ns for one in findings), *last_ns))
    had = watched_s.keys() | {one.participant for one in findings}
    people = [person for person in registered if person.id in had]
    return screen(people, findings, watched_s, criteria, min(newest_ns, until_ns))


def screening_json(day: date, screened: Sequence[Screened], criteria: Criteria) -> dict[str, Any]:
    """Give all of it as plain values: for a file, and for the page."""
    return {
        "day": day.isoformat(),
        "least_watched_s": criteria.least_watched_s,
        "totals": [
            {
                "group": total.group,
                "people": total.people,
                "referred": total.referred,
                "not_assessed": total.not_assessed,
                "by_category": total.by_category,
                "only": total.only,
            }
            for total in totals(screened)
        ],
        "people": [_person(one) for one in screened],
    }


def _person(one: Screened) -> dict[str, Any]:
    return {
        "participant": one.participant.id,
        "name": one.participant.name,
        "group": one.participant.group,
        "referred": one.referred,
        "assessed": one.assessed,
        "watched_s": one.watched_s,
        "reasons": [
            {
                "criterion": reason.criterion.name,
                "category": reason.criterion.category,
                "title": {"en": reason.criterion.title, "ko": reason.criterion.title_ko},
                "evidence": [_evidence(evidence) for evidence in reason.evidence],
            }
            for reason in one.reasons
        ],
    }


def _evidence(evidence: Evidence) -> dict[str, Any]:
    finding = evidence.finding
    return {
        "finding": finding.id,
        "code": finding.code,
        "onset_ns": finding.onset_ns,
        "onset_s": finding.onset_ns / NS_PER_S,
        "lasted_s": evidence.lasted_s,
        "evidence": {k: v for k, v in finding.evidence.items() if math.isfinite(v)},
    }


def _midnight_ns(day: date, zone: tzinfo) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * NS_PER_S
