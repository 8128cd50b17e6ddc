import math

from processors.detectors.temperature_limits import TemperatureLimits
from tests.processors.live_cases import minutes, play, raised, short

WORN, SPOT = "body_temperature", "body_temperature.spot"


def played(readings, until_s=0.0):
    return play([TemperatureLimits()], readings, until_s)


def test_fever_begins_at_its_limit_alarms_after_10_min_and_ends_below_the_margin():
    findings, alarms = played(minutes(WORN, [37.9, *[38.0] * 12, 37.8, 37.6]))
    assert short(findings) == [("fever", "onset", 2.0, 38.0), ("fever", "offset", 15.0, 37.6)]
    assert raised(alarms) == [("fever", "low", 12.0)]
    assert alarms[0].alarm.reason.en == "Fever: 38.0 Cel"


def test_fever_that_ends_before_its_alarm_is_due_ends_at_the_limit():
    findings, alarms = played(minutes(WORN, [38.1, 37.9, *[37.8] * 20]))
    assert [f.state for f in findings] == ["onset", "offset"]
    assert not alarms


def test_high_fever_is_told_once_more_and_makes_the_alarm_medium():
    findings, alarms = played(minutes(WORN, [38.5, 39.6, 39.9, *[39.7] * 10]))
    assert [(f.state, f.revision) for f in findings] == [("onset", 0), ("onset", 1)]
    assert findings[0].id == findings[1].id
    assert raised(alarms) == [("fever", "medium", 11.0)]


def test_hypothermia_is_below_35():
    findings, alarms = played(minutes(WORN, [35.0, *[34.9] * 12]))
    assert short(findings) == [("hypothermia", "onset", 2.0, 34.9)]
    assert raised(alarms) == [("hypothermia", "medium", 12.0)]


def test_ten_minutes_without_a_valid_value_end_what_a_worn_thermometer_said():
    findings, _ = played(minutes(WORN, [*[38.5] * 3, *[math.nan] * 12]))
    assert (findings[-1].state, findings[-1].t_ns) == ("offset", 13 * 60 * 10**9)


def test_a_single_reading_alarms_and_stands_until_the_next():
    readings = [(60.0, SPOT, (38.4,)), (6 * 3600.0, SPOT, (37.0,))]
    findings, alarms = played(readings)
    assert [f.state for f in findings] == ["onset", "offset"]
    assert raised(alarms) == [("fever", "low", 11.0)]


def test_a_single_reading_counts_though_a_worn_thermometer_has_been_taken_off():
    readings = [*minutes(WORN, [36.8, 36.9]), (3600.0, SPOT, (39.0,))]
    findings, _ = played(readings, until_s=3800.0)
    assert short(findings) == [("fever", "onset", 60.0, 39.0)]


def test_a_single_reading_is_merged_with_those_of_a_worn_thermometer():
    worn = minutes(WORN, [38.2, 38.2, 38.2, 37.2])
    findings, _ = played(sorted([*worn, (130.0, SPOT, (37.0,))]))
    assert [f.state for f in findings] == ["onset", "offset", "onset", "offset"]
