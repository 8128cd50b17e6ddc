"""A recovery that gets slower from event to event is told, chance and better days are not."""

from __future__ import annotations

import numpy as np
import pytest

from processors.detectors.recovery_trend import RecoveryTrend
from processors.records import POINT
from tests.naive.rows import NS, Record, assert_cuts_do_not_matter, feed, rows_of

A, B = 1.0, 2.0
DAY_S = 86_400
LAG_NS = 130 * NS


def events(drops: list[float], grade: float = A, first: int = 1, every_s: int = DAY_S):
    """Give one event a day."""
    return [
        ((first + k) * every_s * NS, 0, (float(LAG_NS), grade, drop, 1.0))
        for k, drop in enumerate(drops)
    ]


def told(records: list[Record]) -> list[tuple]:
    until_ns = max(record[0] for record in records) + NS
    found = rows_of(feed(RecoveryTrend(), {0: records}, until_ns, 4))
    return found.get("finding heart_rate_recovery_trend", [])


def test_a_fall_is_told_when_its_sum_exceeds_four_sdd():
    # Below ten events SDD is 6.5: each adds 15 - 3.25, and the third passes 26.
    ((slot, onset_ns, at_ns, t_ns, state, revision, value, *evidence),) = told(
        events([30, 30, 30, 30, 15, 15, 15])
    )
    assert (slot, state, revision, t_ns) == (0, POINT, 0, 7 * DAY_S * NS)
    assert onset_ns == at_ns == t_ns - LAG_NS
    # What is expected is the mean of the six before, for until ten all teach.
    assert value == pytest.approx(30 - 15 * (1 - 0.8**3), abs=1e-4)
    assert evidence == pytest.approx([A, 25, 6.5, 7], abs=1e-4)


def test_with_ten_events_the_own_spread_decides():
    # 28 and 32 in turns have a deviation of 2.11, so that SDD is 5.84, the slack 2.9, the limit
    # 23.4: events of 15 add 12.1 each, and the second is told.
    usual = [28.0, 32.0] * 5
    assert not told(events([*usual, 15]))
    ((*_, expected, sdd, n),) = told(events([*usual, 15, 15]))
    assert (expected, n) == (pytest.approx(30), 10)
    assert sdd == pytest.approx(1.96 * np.sqrt(2) * np.std(usual, ddof=1), rel=1e-5)


def test_a_spread_of_nothing_is_no_reason_for_alarm():
    assert not told(events([*[30.0] * 12, 27, 27, 27, 27]))


def test_a_slow_fall_does_not_become_what_is_expected():
    steady = 30 + 2 * np.random.default_rng(1).standard_normal(15)
    falling = 30 - 0.8 * np.arange(40)
    assert told(events([*steady, *falling]))


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_not_told(seed):
    random = np.random.default_rng(seed)
    assert not told(events((30 + 2.3 * random.standard_normal(150)).tolist()))


def test_a_better_recovery_is_not_told():
    assert not told(events([*[20.0] * 10, *[40.0] * 10]))


def test_grades_are_followed_apart():
    hard, easy = events([30.0] * 10, A), events([15.0] * 10, B)
    assert not told(sorted([*hard, *easy]))


def test_48_h_without_an_event_begin_anew_and_keep_what_is_expected():
    before = events([30, 30, 30, 30, 15, 15])
    assert told([*before, *events([15], first=7)])
    assert not told([*before, *events([15], first=9)])
    assert told([*before, *events([5, 5], first=9)])


def test_after_a_finding_the_sum_begins_anew():
    assert len(told(events([*[28.0, 32.0] * 5, *[10.0] * 6]))) == 3


def test_cuts_and_company_do_not_matter():
    random = np.random.default_rng(3)
    rows = {
        slot: events((40 - random.uniform(0, 4) * np.arange(12)).tolist(), grade=1.0 + slot)
        for slot in range(3)
    }
    cuts = [k * DAY_S * NS + 1 for k in (3, 5, 6, 9)]
    assert_cuts_do_not_matter(RecoveryTrend, rows, 20 * DAY_S * NS, 4, cuts)
