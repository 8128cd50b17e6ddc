"""What alarms ask of people."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.burden import AnswerCount, Answers, burden
from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy
from tests.alerts.stories import offset, only, onset, point, seconds, tick
from tests.naive.burden import alarm_counts, answer_counts

DAY_S = 86_400.0


def history():
    """Three pauses, of which two are answered; one silent bradycardia under a worse one."""
    core = AlarmCore(load_policy())
    changes = []
    for k, (wait, useful) in enumerate(((10, True), (30, False), (None, None))):
        t = 1000 * k
        changes += core.apply(point("pause", t))
        if wait is not None:
            changes += core.acknowledge(only(core).id, "kim", seconds(t + wait), useful=useful)
        changes += tick(core, t + 900)
    changes += core.apply(onset("extreme_bradycardia", 5000))
    changes += core.apply(onset("bradycardia", 5001))
    worst = next(a for a in core.alarms() if a.code == "extreme_bradycardia")
    changes += core.apply(offset("bradycardia", 5001, 5002))
    changes += core.acknowledge(worst.id, "kim", seconds(5050), useful=True)
    return changes


def told_of(changes, watched_s=DAY_S):
    return burden(alarm_counts(changes), answer_counts(changes), watched_s)


def about(n, median_s, p90_s):
    """Times are middles of steps of a quarter octave."""
    return Answers(n, pytest.approx(median_s, rel=0.091), pytest.approx(p90_s, rel=0.091))


def test_audible_alarms_are_counted_per_person_and_day():
    told = told_of(history(), 2 * DAY_S)
    assert (told.alarms, told.audible, told.per_day) == (5, 4, 2.0)
    assert told.per_day_by_code == {"pause": 1.5, "extreme_bradycardia": 0.5}
    assert told.per_day_by_priority == {"medium": 1.5, "high": 0.5}


def test_the_codes_that_make_most_noise_are_named():
    assert told_of(history()).noisiest == (("pause", 0.75), ("extreme_bradycardia", 0.25))


def test_what_was_useful_is_the_share_of_what_was_judged():
    told = told_of(history())
    assert (told.judged, told.useful_share) == (3, pytest.approx(2 / 3))
    assert told.useful_by_code == {"extreme_bradycardia": 1.0, "pause": 0.5}


def test_the_time_until_somebody_acknowledges():
    told = told_of(history())
    assert told.answers["medium"] == about(2, 10.0, 30.0)
    assert told.answers["high"] == about(1, 50.0, 50.0)
    assert told.answers["all"] == about(3, 30.0, 50.0)


def test_an_alarm_that_is_active_again_is_not_answered_twice():
    core = AlarmCore(load_policy())
    changes = core.apply(onset("vt", 0))
    changes += core.acknowledge(only(core).id, "kim", seconds(10))
    changes += tick(core, 320)
    changes += core.acknowledge(only(core).id, "kim", seconds(325))
    assert told_of(changes).answers["high"] == about(1, 10.0, 10.0)


RAISED = next(change for change in history() if change.kind == "raised")


@given(st.lists(st.floats(1.0, 1e6), min_size=1, max_size=40))
def test_median_and_p90_are_right_to_9_percent(waits_s):
    raised, changes = RAISED, []
    for k, wait_s in enumerate(waits_s):
        alarm = replace(raised.alarm, id=f"a{k}")
        answered_ns = raised.t_ns + math.ceil(wait_s * 1e9)
        changes.append(replace(raised, alarm=alarm))
        changes.append(replace(raised, kind="acknowledged", t_ns=answered_ns, alarm=alarm))
    ordered = sorted(waits_s)
    median_s, p90_s = (ordered[math.ceil(q * len(ordered)) - 1] for q in (0.5, 0.9))
    assert told_of(changes).answers["medium"] == about(len(waits_s), median_s, p90_s)


def test_an_answer_within_a_second_is_told_as_half_a_second():
    told = burden([], [AnswerCount("high", 0.0, 3)], DAY_S)
    assert told.answers["high"] == Answers(3, 0.5, 0.5)


def test_nothing_watched_and_nothing_happened():
    told = burden([], [], 0.0)
    assert (told.alarms, told.noisiest) == (0, ())
    assert math.isnan(told.per_day)
    assert math.isnan(told.useful_share)
    assert math.isnan(told.answers["all"].median_s)
