import csv
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.air_exposure import AirExposure
from processors.kernels.air import (
    AIR_STATE,
    KOREA_PM2_5,
    KOREA_PM10,
    US_PM2_5,
    air_index,
    korean_day,
    nowcast,
)
from tests.naive.air import exposure
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of
from tests.needs import recordings

NAN = math.nan
WIDTH = 8


def told(records):
    """Give the rows of the feature with the sensitivity of the stream."""
    rows = rows_of(feed(AirExposure(), {2: records}, 2**62, WIDTH))
    features, means = rows.get("feature air_exposure", []), rows.get("derived air_means", [])
    assert [row[:2] for row in features] == [row[:2] for row in means]
    return [(*row[1:], mean[-1]) for row, mean in zip(features, means, strict=True)]


def assert_same(found, expected):
    def table(rows):
        return np.array([[NAN if x is None else x for x in row] for row in rows], float)

    assert len(found) == len(expected)
    if found:
        np.testing.assert_allclose(table(found), table(expected), rtol=1e-4, atol=1e-4)


@st.composite
def records(draw):
    t, found = draw(st.integers(0, 10**14)), []
    for _ in range(draw(st.integers(0, 60))):
        t += draw(st.sampled_from([0, 60, 61, 400, 600, 1800, 3600, 3661, 7200, 30_000])) * NS
        source = draw(st.sampled_from([0, 1, 1, 1]))
        if draw(st.integers(0, 30)) == 0:
            profile = (*[NAN] * 6, draw(st.sampled_from([0.0, 1.0, NAN])), NAN)
            found.append((t, 2, profile))
        else:
            c = draw(st.sampled_from([0.0, 4.03, 17.77, 36.61, 90.07, 412.03, NAN]))
            found.append((t, source, (c,)))
    return sorted(found, key=lambda record: record[:2])


@given(records())
@settings(max_examples=100, deadline=None)
def test_the_kernel_equals_its_slow_twin(some):
    assert_same(told(some), exposure(some))


@given(records(), records(), st.lists(st.integers(0, 2 * 10**14), max_size=5))
@settings(max_examples=30, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    assert_cuts_do_not_matter(AirExposure, {0: one, 3: other}, 2**62, WIDTH, cuts)


def test_a_real_winter_gives_the_same_as_the_slow_twin():
    path = recordings("air") / "beijing_multisite_Aotizhongxin_2016Q1_hourly.csv"
    some = []
    with path.open(encoding="utf-8") as lines:
        for hour, row in zip(range(1, 241), csv.DictReader(lines), strict=False):
            for source, name in enumerate(("PM10", "PM2.5")):
                c = float(row[name]) if row[name] not in {"", "NA"} else NAN
                some.append((hour * 3600 * NS, source, (c,)))
    found = told(some)
    assert_same(found, exposure(some))
    assert found[-1][5] == pytest.approx(1.0, abs=0.2)


def epa():
    return json.loads((recordings("air") / "epa2024_aqi_nowcast_vectors.json").read_text("utf-8"))


def test_the_us_index_gives_the_published_values():
    for c, expected in [*epa()["pm25_aqi"], (9.04, 50), (0.0, 0), (-3.0, 0), (200.0, 275)]:
        assert air_index(c, US_PM2_5, 10.0) == expected, c
    for nothing in (NAN, math.inf, -math.inf):
        assert math.isnan(air_index(nothing, US_PM2_5, 10.0))


def test_the_bands_are_those_of_the_agency():
    assert US_PM2_5.tolist() == epa()["pm25_breakpoints"]


def test_the_nowcast_gives_the_published_value():
    vector = epa()["nowcast_pm25"]
    hours = [NAN if c is None else c for c in reversed(vector["hourly_oldest_first"])]
    assert nowcast(np.array(hours)) == pytest.approx(vector["expected"], abs=5e-7)


def test_two_of_the_last_three_hours_make_a_nowcast():
    assert math.isnan(nowcast(np.array([5.0, NAN, NAN, *[5.0] * 9])))
    assert nowcast(np.array([5.0, NAN, 5.0, *[NAN] * 9])) == 5.0
    assert nowcast(np.zeros(12)) == 0.0


def test_the_korean_index_gives_the_published_values():
    korea = json.loads((recordings("air") / "korea_cai_breakpoints.json").read_text("utf-8"))
    for name, table in (("PM25_24h_ug", KOREA_PM2_5), ("PM10_24h_ug", KOREA_PM10)):
        for c, expected in korea["computed"][name]:
            assert air_index(c, table, 10.0) == expected, (name, c)
    # CLINICAL 3.17: PM2.5 50 -> 154, 100 -> 265; PM10 300 -> 334
    assert [air_index(c, KOREA_PM2_5, 1.0) for c in (50.0, 100.0)] == [154, 265]
    assert air_index(300.0, KOREA_PM10, 1.0) == 334


def test_the_korean_day_weighs_the_last_four_hours_down_where_they_are_high():
    assert korean_day(np.full(12, 40.0), 30.0) == pytest.approx(0.5 * 40.0 + 0.5 * 30.0)
    assert korean_day(np.full(12, 20.0), 30.0) == pytest.approx(20.0)
    rising = np.array([80.0] * 4 + [10.0] * 8)  # 80 is 2.4 times the mean: it stands
    assert korean_day(rising, 30.0) == pytest.approx(0.5 * rising.mean() + 0.5 * 80.0)
    assert math.isnan(korean_day(np.array([20.0] * 8 + [NAN] * 4), 30.0))


def test_the_state_of_a_participant_is_small():
    assert AIR_STATE.itemsize <= 600  # bytes
