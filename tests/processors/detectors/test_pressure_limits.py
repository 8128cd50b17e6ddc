import math

import pytest

from processors.detectors.pressure_limits import PressureLimits
from tests.processors.live_cases import play, raised

SPOT, WORN = "blood_pressure", "blood_pressure.ambulatory"


def reading(minute, systolic, diastolic, stream=SPOT):
    return (60.0 * minute, stream, (systolic, diastolic, math.nan, 70.0))


def played(*readings, until_s=0.0):
    return play([PressureLimits()], readings, until_s)


@pytest.mark.parametrize(("systolic", "diastolic"), [(180, 90), (150, 120), (200, 130)])
def test_a_crisis_is_two_readings_within_5_min(systolic, diastolic):
    findings, alarms = played(reading(1, systolic, diastolic), reading(5, systolic, diastolic))
    (crisis,) = findings
    assert (crisis.code, crisis.onset_ns, crisis.t_ns) == (
        "blood_pressure_crisis", 60 * 10**9, 300 * 10**9,
    )  # fmt: skip
    assert raised(alarms) == [("blood_pressure_crisis", "high", 5.0)]
    assert alarms[0].alarm.reason.en == f"Blood pressure crisis: {systolic}/{diastolic} mmHg"


@pytest.mark.parametrize(
    "readings",
    [
        [reading(1, 185, 90)],
        [reading(1, 185, 90), reading(7, 185, 90)],
        [reading(1, 185, 90), reading(2, 170, 90), reading(3, 185, 90)],
        [reading(1, 179, 119), reading(3, 179, 119)],
    ],
    ids=["one", "6 min apart", "one between", "just below"],
)
def test_this_is_no_crisis(readings):
    assert played(*readings) == ([], [])


def test_a_crisis_ends_when_both_values_are_5_below_their_limits():
    crisis = [reading(1, 185, 125), reading(3, 185, 125)]
    findings, _ = played(*crisis, reading(6, 170, 116), reading(8, 176, 110))
    assert len(findings) == 1
    findings, _ = played(*crisis, reading(6, 175, 115))
    assert [f.state for f in findings] == ["onset", "offset"]


def test_low_pressure_is_two_readings_in_a_row_below_90():
    findings, alarms = played(reading(1, 90, 60), reading(60, 88, 50), reading(90, 85, 50))
    assert [(f.code, f.value) for f in findings] == [("blood_pressure_low", 85.0)]
    assert alarms[0].alarm.reason.en == "Blood pressure low: systolic 85 mmHg"


def test_an_implausible_reading_counts_neither_for_nor_against():
    findings, _ = played(reading(1, 85, 50), reading(2, 130, 125), reading(3, 85, 50))
    assert [f.code for f in findings] == ["blood_pressure_low"]
    assert played(reading(1, 85, 80), reading(2, 85, 80)) == ([], [])


def test_ambulatory_readings_count_like_single_ones():
    findings, _ = played(
        reading(1, 185, 100, WORN), reading(4, 185, 100, SPOT), reading(30, 120, 70, WORN)
    )
    assert [f.state for f in findings] == ["onset", "offset"]


def test_without_another_reading_it_ends_by_itself_after_36_h():
    crisis = reading(1, 185, 125), reading(3, 185, 125)
    findings, _ = played(*crisis, until_s=37 * 3600.0)
    assert findings[-1].state == "offset"
    assert findings[-1].t_ns == (36 * 3600 + 180) * 10**9
