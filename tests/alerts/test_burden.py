"""What alarms ask of people."""

from __future__ import annotations

import math

import pytest

from alerts.burden import Answers, burden
from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy
from tests.alerts.stories import offset, only, onset, point, seconds, tick

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


def test_audible_alarms_are_counted_per_person_and_day():
    told = burden(history(), 2 * DAY_S)
    assert (told.alarms, told.audible, told.per_day) == (5, 4, 2.0)
    assert told.per_day_by_code == {"pause": 1.5, "extreme_bradycardia": 0.5}
    assert told.per_day_by_priority == {"medium": 1.5, "high": 0.5}


def test_the_codes_that_make_most_noise_are_named():
    assert burden(history(), DAY_S).noisiest == (("pause", 0.75), ("extreme_bradycardia", 0.25))


def test_what_was_useful_is_the_share_of_what_was_judged():
    told = burden(history(), DAY_S)
    assert (told.judged, told.useful_share) == (3, pytest.approx(2 / 3))
    assert told.useful_by_code == {"extreme_bradycardia": 1.0, "pause": 0.5}


def test_the_time_until_somebody_acknowledges():
    told = burden(history(), DAY_S)
    assert told.answers["medium"] == Answers(2, 10.0, 30.0)
    assert told.answers["high"] == Answers(1, 50.0, 50.0)
    assert told.answers["all"] == Answers(3, 30.0, 50.0)


def test_an_alarm_that_is_active_again_is_answered_anew():
    core = AlarmCore(load_policy())
    changes = core.apply(onset("vt", 0))
    changes += core.acknowledge(only(core).id, "kim", seconds(10))
    changes += tick(core, 320)
    changes += core.acknowledge(only(core).id, "kim", seconds(325))
    assert burden(changes, DAY_S).answers["high"] == Answers(2, 10.0, 15.0)


def test_nothing_watched_and_nothing_happened():
    told = burden([], 0.0)
    assert (told.alarms, told.noisiest) == (0, ())
    assert math.isnan(told.per_day)
    assert math.isnan(told.useful_share)
    assert math.isnan(told.answers["all"].median_s)
