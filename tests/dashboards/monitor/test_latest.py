import numpy as np

from dashboards.monitor.latest import LatestValues, age_s
from processors.records import NS_PER_S

T = 1_700_000_000 * NS_PER_S
BOTH = np.array([0, 1], np.int64)


def after(seconds: float) -> int:
    return T + round(seconds * NS_PER_S)


def test_a_value_is_blanked_after_the_stale_time_of_its_signal():
    latest = LatestValues()
    latest.put("heart_rate", BOTH[:1], np.array([[71.0, 1.0]]), T, T)
    assert latest.fresh("heart_rate", BOTH, after(10)).tolist()[0] == 71.0
    assert np.isnan(latest.fresh("heart_rate", BOTH, after(10.1))).all()
    assert latest.age_s("heart_rate", BOTH, after(12))[0] == 12.0


def test_a_nan_blanks_at_once_and_the_age_counts_from_the_last_number():
    latest = LatestValues()
    latest.put("heart_rate", BOTH, np.array([60.0, 70.0]), T, T)
    latest.put("heart_rate", BOTH[:1], np.array([np.nan]), after(3), after(3))
    rates = latest.fresh("heart_rate", BOTH, after(4))
    assert np.isnan(rates[0])
    assert rates[1] == 70.0
    assert latest.age_s("heart_rate", BOTH, after(4)).tolist() == [4.0, 4.0]


def test_a_device_clock_that_is_fast_keeps_no_value_on_show():
    latest = LatestValues()
    latest.put("heart_rate", BOTH, np.array([60.0, 70.0]), np.array([after(3600), T]), T)
    assert latest.fresh("heart_rate", BOTH, after(10)).tolist() == [60.0, 70.0]
    assert np.isnan(latest.fresh("heart_rate", BOTH, after(10.1))).all()
    assert latest.age_s("heart_rate", BOTH, after(12)).tolist() == [12.0, 12.0]


def test_unknown_names_and_people_are_nan():
    latest = LatestValues()
    assert np.isnan(latest.fresh("spo2", BOTH, T)).all()
    latest.put("spo2", BOTH[:1], np.array([97.0]), T, T)
    assert np.isnan(latest.fresh("spo2", np.array([5000]), T)).all()
    assert np.isnan(latest.fresh("spo2", BOTH[:1], T, 3)).all()


def test_the_listing_leaves_stale_numbers_out():
    latest = LatestValues()
    latest.put("hrv", BOTH[:1], np.array([[42.0, np.nan]]), T, T)
    (row,) = latest.listing(0, after(1))
    assert row == {"name": "hrv", "values": [42.0, None], "age_s": 1.0}
    assert latest.listing(0, after(100))[0]["values"] == []
    assert latest.listing(3, T) == []


def test_ages_are_never_negative_and_nan_without_data():
    ages = age_s(np.array([T, 0]), np.array([0, 1, 2]), after(-5))
    assert ages[0] == 0.0
    assert np.isnan(ages[1:]).all()
