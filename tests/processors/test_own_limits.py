"""Limits of a participant reach every detector that compares numbers, and are taken back."""

from __future__ import annotations

import math

import pytest

from alerts.limits import NAMES
from alerts.policy import load_policy
from processors.detectors.glucose_limits import GlucoseLimits
from processors.detectors.glucose_limits import Params as GlucoseParams
from processors.detectors.oxygen_limits import OxygenLimits
from processors.detectors.oxygen_limits import Params as OxygenLimitParams
from processors.detectors.pressure_limits import Params as PressureParams
from processors.detectors.pressure_limits import PressureLimits
from processors.detectors.rate_limits import Params as RateParams
from processors.detectors.rate_limits import RateLimits
from processors.features.glucose_trend import GlucoseTrend
from processors.features.oxygen import Oxygen
from processors.features.oxygen import Params as OxygenParams
from processors.kernels.rate_limits import EVENT_COLUMN, LIMIT_COLUMNS
from processors.signals import CONTROLS
from tests.naive.rows import NS, feed, rows_of
from tests.processors.live_cases import minutes, play

COLUMNS = [column.name for column in CONTROLS["limits"]]
GLUCOSE = (GlucoseTrend(), GlucoseLimits())


def codes(processors, readings, until_s=0.0):
    findings, _ = play(processors, readings, until_s)
    return [(f.code, f.state, f.value, f.evidence.get("limit")) for f in findings]


def own(name, value, t_s=0.0):
    return (t_s, f"limits {name}", (value,))


def test_the_shipped_limits_are_those_of_the_detectors():
    oxygen, urgent, glucose = OxygenParams(), OxygenLimitParams(), GlucoseParams()
    pressure, rate = PressureParams(), RateParams()
    assert dict(load_policy().limits.default) == {
        "spo2_low": oxygen.limit_percent, "spo2_very_low": urgent.very_low_percent,
        "glucose_urgent_low": glucose.urgent_low, "glucose_low": glucose.low,
        "glucose_high": glucose.high, "glucose_very_high": glucose.very_high,
        "systolic_low": pressure.low_systolic, "systolic_crisis": pressure.crisis_systolic,
        "diastolic_crisis": pressure.crisis_diastolic, "rate_very_low": rate.extreme_slow_per_min,
        "rate_low": rate.slow_per_min, "rate_high": rate.fast_per_min,
        "rate_very_high": rate.extreme_fast_per_min, "event": 0.0,
    }  # fmt: skip
    assert list(NAMES) == COLUMNS


def test_an_own_limit_of_glucose_goes_before_the_usual_one_until_it_is_taken_back():
    readings = [
        own("glucose_high", 180.0),
        *minutes("glucose", [200.0, 200.0], every=5.0),
        own("glucose_high", math.nan, 400.0),
        *minutes("glucose", [200.0], first=11.0),
    ]
    assert codes([GlucoseTrend(), GlucoseLimits()], readings) == [
        ("glucose_high", "onset", 200.0, 180.0), ("glucose_high", "offset", 200.0, 250.0),
    ]  # fmt: skip


def test_a_limit_that_is_changed_is_no_reading():
    """The silence of a sensor goes on though somebody changes its limits."""
    readings = [
        *minutes("glucose", [260.0]),
        *[own("glucose_high", 240.0, 60.0 * k) for k in range(2, 30)],
        *minutes("glucose", [260.0], first=40.0),
    ]
    found = codes([GlucoseTrend(), GlucoseLimits()], readings)
    assert [(code, state) for code, state, _, _ in found] == [
        ("glucose_high", "onset"), ("glucose_high", "offset"), ("glucose_high", "onset"),
    ]  # fmt: skip


def test_both_limits_of_a_crisis_can_be_changed():
    high = (60.0, "blood_pressure", (150.0, 112.0)), (120.0, "blood_pressure", (150.0, 112.0))
    assert codes([PressureLimits()], high, 300.0) == []
    found = codes([PressureLimits()], [own("diastolic_crisis", 110.0), *high], 300.0)
    assert [(code, state) for code, state, _, _ in found] == [("blood_pressure_crisis", "onset")]


@pytest.mark.parametrize(("limit", "found"), [(math.nan, "onset"), (80.0, None)])
def test_an_own_urgent_limit_of_oxygen(limit, found):
    values = [(float(s), "spo2", (83.0,)) for s in range(1, 20)]
    states = {
        code: state
        for code, state, _, _ in codes(
            [Oxygen(), OxygenLimits()], [own("spo2_very_low", limit, 0.5), *values]
        )
    }
    assert states.get("spo2_very_low") == found


def test_the_policy_goes_before_the_profile_for_oxygen():
    values = [(float(s), "spo2", (89.0,)) for s in range(1, 20)]
    profile = (0.2, "profile spo2_low", (92.0,))
    low = codes([Oxygen(), OxygenLimits()], [profile, own("spo2_low", 88.0, 0.5), *values])
    assert low == []
    assert codes([Oxygen(), OxygenLimits()], [profile, *values])


def limits_at(t_s, **values):
    row = [values.get(name, math.nan) for name in COLUMNS]
    return (t_s * NS, 3, tuple(row))


def meter(rate, first_s, last_s):
    return [(t * NS, 1, (rate, 0.0)) for t in range(first_s, last_s + 1)]


def rates(records):
    return rows_of(feed(RateLimits(), {4: records}, 10**12, len(COLUMNS)))


def test_own_rates_of_the_heart_go_before_the_usual_ones():
    assert [COLUMNS[c] for c in LIMIT_COLUMNS] == [
        "rate_very_high", "rate_very_low", "rate_high", "rate_low",
    ]  # fmt: skip
    assert COLUMNS[EVENT_COLUMN] == "event"
    assert rates(meter(112.0, 1, 70)) == {}
    assert list(rates([limits_at(0, rate_high=110.0), *meter(112.0, 1, 70)])) == [
        "finding tachycardia"
    ]
    assert rates([limits_at(0, rate_high=130.0), *meter(125.0, 1, 70)]) == {}


def test_a_group_in_effort_has_no_tachycardia_whatever_the_profile_says():
    profile = (1 * NS, 2, (math.nan, math.nan, math.nan, 0.0))
    assert rates([limits_at(0, event=1.0), profile, *meter(130.0, 2, 80)]) == {}
    back = [limits_at(0, event=1.0), limits_at(1, event=0.0), *meter(130.0, 2, 80)]
    assert list(rates(back)) == ["finding tachycardia"]
