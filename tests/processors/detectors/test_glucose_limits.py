import math

from processors.detectors.glucose_limits import GlucoseLimits
from processors.features.glucose_trend import GlucoseTrend
from tests.processors.live_cases import minutes, play, raised, short


def played(*glucose, until_s=0.0):
    readings = minutes("glucose", glucose, every=5.0, first=5.0)
    return play([GlucoseTrend(), GlucoseLimits()], readings, until_s)


def codes(findings):
    return {f.code for f in findings}


def test_below_54_is_urgent_at_the_first_reading():
    findings, alarms = played(54.0, 53.0)
    assert ("glucose_urgent_low", "onset", 10.0, 53.0) in short(findings)
    assert ("glucose_urgent_low", "high", 10.0) in raised(alarms)


def test_low_is_below_70_and_alarms_with_the_second_reading():
    findings, alarms = played(70.0, 69.0, 68.0, 79.0, 80.0)
    assert short(findings) == [("glucose_low", "onset", 10.0, 69.0),
                               ("glucose_low", "offset", 25.0, 80.0)]  # fmt: skip
    assert findings[1].evidence["extreme"] == 68.0
    assert raised(alarms) == [("glucose_low", "medium", 15.0)]


def test_one_reading_below_70_makes_no_alarm():
    findings, alarms = played(72.0, 69.0, 70.0, 71.0, 72.0)
    assert [f.state for f in findings] == ["onset", "offset"]
    assert not alarms


def test_urgently_low_soon_is_55_or_less_in_20_min_of_who_falls_from_120_or_less():
    findings, alarms = played(104.0, 96.0, 88.0, 80.0)
    (soon,) = [f for f in findings if f.code == "glucose_urgent_low_soon"]
    assert soon.t_ns == 20 * 60 * 10**9
    assert raised(alarms) == [("glucose_urgent_low_soon", "medium", 20.0)]
    assert alarms[0].alarm.reason.en == "Glucose urgently low soon: 48 mg/dL expected"


def test_nobody_is_low_soon_who_is_high_or_falls_slowly():
    assert "glucose_urgent_low_soon" not in codes(played(200.0, 180.0, 160.0, 140.0)[0])
    assert "glucose_urgent_low_soon" not in codes(played(60.0, 59.0, 58.0, 57.0)[0])


def test_low_soon_ends_when_the_fall_does():
    findings, _ = played(104.0, 96.0, 88.0, 80.0, 80.0, 80.0, 80.0, 80.0)
    states = [f.state for f in findings if f.code == "glucose_urgent_low_soon"]
    assert states == ["onset", "offset"]
    assert math.isnan(findings[-1].value)


def test_falling_and_rising_fast_alarm_after_10_min():
    findings, alarms = played(*[300.0 - 16 * k for k in range(6)])
    assert raised(alarms)[-1] == ("glucose_falling_fast", "low", 25.0)
    assert alarms[-1].alarm.reason.en == "Glucose falling fast: -3.2 mg/dL per minute"
    findings, alarms = played(*[100.0 + 16 * k for k in range(6)])
    assert codes(findings) == {"glucose_rising_fast"}
    assert raised(alarms) == [("glucose_rising_fast", "low", 25.0)]


def test_high_and_very_high_alarm_after_half_an_hour_and_the_worse_sounds():
    findings, alarms = played(250.0, 255.0, *[301.0] * 8)
    assert codes(findings) >= {"glucose_high", "glucose_very_high"}
    assert [row for row in raised(alarms) if "high" in row[0]] == [
        ("glucose_high", "low", 40.0), ("glucose_very_high", "medium", 45.0),
    ]  # fmt: skip


def test_a_quarter_of_an_hour_without_a_reading_ends_what_is_no_longer_known():
    findings, _ = played(60.0, 60.0, math.nan, math.nan, math.nan, math.nan)
    assert (findings[-1].state, findings[-1].t_ns) == ("offset", 25 * 60 * 10**9)
