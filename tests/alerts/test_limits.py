"""Whose limits hold."""

from __future__ import annotations

import pytest

from alerts.limits import Limits, Override
from alerts.policy import load_policy
from alerts.who import Who
from processors.errors import SettingError
from registry.participants import Participant

SHIPPED = load_policy().limits
LIMITS = Limits(
    SHIPPED.default,
    {"hike": Override({"event": 1.0, "rate_high": 150.0, "rate_very_high": 190.0})},
    {"p7": Override({"spo2_low": 86.0}, by="kim", why="COPD", at="2026-11-01")},
)


def of(**person):
    return LIMITS.of(Who(Participant(**person)))


def test_a_group_in_an_event_has_effort_limits_from_the_start():
    assert of(id="p1", group="hike")["event"] == 1.0
    assert of(id="p1", place="hike")["rate_high"] == 150.0
    assert of(id="p1")["event"] == 0.0
    assert of(id="p1", event=True)["event"] == 1.0


def test_the_own_limit_goes_before_all_others():
    assert of(id="p1", spo2_low=88.0)["spo2_low"] == 88.0
    assert of(id="p7", spo2_low=88.0)["spo2_low"] == 86.0
    assert LIMITS.of(Who(Participant("p7"), {"spo2_low": 87.0}))["spo2_low"] == 87.0


def test_a_change_is_taken_back_by_none():
    who = Who(Participant("p1"), {"spo2_low": 87.0, "rate_low": 50.0})
    assert LIMITS.changed(who, {"spo2_low": None}) == {"rate_low": 50.0}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"spo2_very_low": 95.0}, "expected at most spo2_low 90 %"),
        ({"glucose_low": 260.0}, "expected below glucose_high 250"),
        ({"rate_lo": 40.0}, "did you mean rate_low"),
        ({"rate_low": 4000.0}, "expected 15 to 300 /min"),
    ],
)
def test_limits_that_make_no_sense_are_refused(changes, said):
    with pytest.raises(SettingError, match=said):
        LIMITS.changed(Who(Participant("p1")), changes)


def test_an_alarm_names_the_limits_behind_it():
    who = Who(Participant("p7"))
    assert LIMITS.of_alarm(who, "spo2_low", {"limit": 86.0}) == {"spo2_low": 86.0, "limit": 86.0}
    assert LIMITS.of_alarm(who, "vt", {}) == {}
