import math

from processors.detectors.breathing_limits import BreathingLimits
from tests.processors.live_cases import minutes, play, raised, short

EVERY = 1 / 6  # minutes: a value in 10 s


def played(*rates):
    return play([BreathingLimits()], minutes("respiration", rates, EVERY))


def test_fast_breathing_is_above_30_and_alarms_after_a_minute():
    findings, alarms = played(30.0, *[31.0] * 8, 29.0, 28.0)
    assert [row[:2] for row in short(findings)] == [
        ("respiration_high", "onset"), ("respiration_high", "offset"),
    ]  # fmt: skip
    assert findings[1].value == 28.0
    assert raised(alarms) == [("respiration_high", "medium", 2.167)]
    assert alarms[0].alarm.reason.en == "Breathing fast: 31 /min"


def test_slow_breathing_is_below_8_and_alarms_after_half_a_minute():
    findings, alarms = played(8.0, *[7.0] * 6, 8.2, 8.5)
    assert [f.value for f in findings] == [7.0, 8.5]
    assert raised(alarms) == [("respiration_low", "medium", 1.667)]


def test_what_returns_within_the_limit_before_the_alarm_makes_none():
    findings, alarms = played(31.0, 30.0, *[29.5] * 10)
    assert [f.state for f in findings] == ["onset", "offset"]
    assert not alarms


def test_half_a_minute_without_a_value_ends_it():
    findings, _ = played(*[40.0] * 12, *[math.nan] * 6)
    assert [f.state for f in findings] == ["onset", "offset"]
    assert math.isnan(findings[1].value)
