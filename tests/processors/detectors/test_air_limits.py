import math

from processors.detectors.air_limits import AirLimits
from processors.features.air_exposure import AirExposure
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of
from tests.processors.live_cases import minutes, play, raised

SENSITIVE = (0.0, "profile sensitive", (1.0,))
EVERY = 5.0  # minutes


def played(*stretches, who=(SENSITIVE,)):
    """Give findings and alarms of stretches of (hours, concentration)."""
    values = [c for hours, c in stretches for _ in range(round(hours * 60 / EVERY))]
    readings = [*who, *minutes("pm2_5", values, EVERY, EVERY)]
    return play([AirExposure(), AirLimits()], readings)


def test_an_hour_above_35_is_told_to_those_who_are_sensitive():
    findings, alarms = played((2, 10.0), (2, 60.0))
    caution = findings[0]
    assert (caution.code, caution.state) == ("air_quality_caution", "onset")
    assert 2.4 < caution.t_ns / 3.6e12 < 2.6
    assert raised(alarms)[0][:2] == ("air_quality_caution", "low")
    assert alarms[0].alarm.reason.en.startswith("Air quality caution: 3")


def test_others_are_told_nothing():
    assert played((30, 200.0), who=()) == ([], [])


def test_above_75_is_a_warning_after_two_hours():
    findings, alarms = played((2, 10.0), (5, 120.0))
    (since,) = [f.t_ns / 6e10 for f in findings if f.code == "air_quality_warning"]
    assert ("air_quality_warning", "medium", since + 120) in raised(alarms)


def test_an_hour_of_bad_air_is_no_warning():
    findings, alarms = played((2, 10.0), (1.2, 120.0), (6, 10.0))
    states = [f.state for f in findings if f.code == "air_quality_warning"]
    assert states == ["onset", "offset"]
    assert [change.alarm.code for change in alarms] == ["air_quality_caution"]


def test_a_day_above_15_is_a_high_exposure_once_18_h_are_known():
    findings, _ = played((20, 16.0))
    (exposure,) = findings
    assert exposure.code == "exposure_high"
    assert 18.0 <= exposure.t_ns / 3.6e12 <= 18.2
    assert round(exposure.value, 3) == 16.0


def test_it_ends_for_who_is_no_longer_sensitive():
    readings = minutes("pm2_5", [60.0] * 24, EVERY, EVERY)
    no_more = (60.0 * 100, "profile sensitive", (0.0,))
    findings, _ = play([AirExposure(), AirLimits()], [SENSITIVE, *sorted([*readings, no_more])])
    assert [f.state for f in findings] == ["onset", "offset"]


def test_cuts_company_and_snapshots_do_not_matter():
    """The scene of all processors lasts minutes, in which this one has nothing to say."""
    hours = 3600 * NS
    rows = {
        slot: [
            (k * hours, 0, (c, c + slot, c - 20.0, float(k % 9 != 0)))
            for k, c in enumerate([30.0, 36.0, 80.0, 90.0, 60.0, math.nan, 20.0] * 3, 1)
        ]
        for slot in (0, 3)
    }
    assert_cuts_do_not_matter(AirLimits, rows, 40 * hours, 4, [hours, 5 * hours, 9 * hours + 1])
    assert len(rows_of(feed(AirLimits(), rows, 40 * hours, 4))) == 3
