import math

import pytest

from processors.features.air_exposure import AirExposure
from tests.naive.rows import NS, feed, rows_of

COLUMNS = ("mean_1h", "nowcast", "mean_24h", "dose_24h", "coverage", "pm10_nowcast", "us_aqi",
           "korean_particles")  # fmt: skip


def last(*stretches, every_s=60.0, pm10=None):
    """Give the last row after stretches of (minutes, concentration); None is a gap."""
    records, t_s = [], 0.0
    for length_min, c in stretches:
        for _ in range(round(length_min * 60 / every_s)):
            t_s += every_s
            if c is not None:
                records.append((round(t_s * NS), 1, (c,)))
                if pm10 is not None:
                    records.append((round(t_s * NS), 0, (pm10,)))
    rows = rows_of(feed(AirExposure(), {1: records}, 2**62, 8))["feature air_exposure"]
    return dict(zip(COLUMNS, rows[-1][2:], strict=True))


def test_the_mean_of_an_hour_moves_with_the_minutes():
    assert last((60, 10.0), (30, 40.0))["mean_1h"] == pytest.approx(25.0)


def test_less_than_45_min_make_no_mean_of_an_hour():
    assert last((45, 10.0))["mean_1h"] is None
    assert last((46, 10.0))["mean_1h"] == pytest.approx(10.0)


def test_a_day_counts_from_18_h_on():
    assert last((60 * 17, 10.0))["mean_24h"] is None
    day = last((60 * 12, 10.0), (60 * 12, 30.0))
    assert day["mean_24h"] == pytest.approx(20.0, rel=1e-3)
    assert day["dose_24h"] == pytest.approx(480.0, rel=2e-3)
    assert day["coverage"] == pytest.approx(1.0, abs=1e-3)


def test_a_gap_of_more_than_an_hour_reduces_coverage_and_is_not_zero():
    row = last((60 * 12, 10.0), (90, None), (60 * 10.5, 10.0))
    assert row["coverage"] == pytest.approx(22.5 / 24, abs=2e-3)
    assert row["mean_24h"] == pytest.approx(10.0)


def test_a_gap_of_half_an_hour_is_bridged_by_the_reading_after_it():
    row = last((60 * 12, 10.0), (30, None), (60 * 11.5, 10.0))
    assert row["coverage"] == pytest.approx(1.0, abs=2e-3)


def test_a_station_that_gives_one_value_an_hour_covers_its_day():
    row = last((60 * 24, 20.0), every_s=3600.0)
    assert row["coverage"] == pytest.approx(23 / 24, abs=1e-3)
    assert row["nowcast"] == 20.0
    assert row["mean_1h"] == pytest.approx(20.0)


def test_the_index_is_that_of_the_worse_pollutant():
    row = last((60 * 13, 9.0), pm10=200.0)
    assert (row["nowcast"], row["pm10_nowcast"]) == (9.0, 200.0)
    assert row["us_aqi"] == math.floor(101 + 49 / 99 * 45 + 0.5)
    assert row["korean_particles"] > 250


def test_the_nowcast_is_cut_down_to_a_tenth():
    assert last((60 * 13, 20.07))["nowcast"] == 20.0
