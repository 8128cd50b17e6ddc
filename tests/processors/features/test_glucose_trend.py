import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.glucose_trend import GlucoseTrend
from tests.naive.glucose_trend import trends
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of

MINUTE = 60 * NS


def told(readings):
    rows = rows_of(feed(GlucoseTrend(), {2: [(t, 0, (g,)) for t, g in readings]}, 10**15, 1))
    assert rows.get("derived glucose_rates") == rows.get("feature glucose_trend")
    return [row[1:] for row in rows.get("feature glucose_trend", [])]


def known(row):
    return [math.nan if number is None else number for number in row]


def every(minutes, *glucose):
    return [(round(k * minutes * MINUTE), g) for k, g in enumerate(glucose, 1)]


@st.composite
def readings(draw):
    t, found = 0, []
    for _ in range(draw(st.integers(0, 60))):
        t += draw(st.sampled_from([10, 60, 60, 61, 149, 151, 300, 301, 900, 930, 1300])) * NS
        found.append((t, float(draw(st.one_of(st.integers(39, 401), st.just(math.nan))))))
    return found


@given(readings())
@settings(max_examples=100, deadline=None)
def test_the_kernel_equals_its_slow_twin(some):
    expected = trends(some)
    found = told(some)
    assert len(found) == len(expected)
    for mine, twin in zip(found, expected, strict=True):
        assert known(mine) == pytest.approx(known(twin), rel=1e-9, abs=1e-6, nan_ok=True)


@given(readings(), readings(), st.lists(st.integers(0, 3000 * NS), max_size=5))
@settings(max_examples=30, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    rows = {k: [(t, 0, (g,)) for t, g in some] for k, some in ((0, one), (3, other))}
    assert_cuts_do_not_matter(GlucoseTrend, rows, 10**15, 1, cuts)


@pytest.mark.parametrize(
    ("per_min", "arrow"),
    [
        (0.9, 0),
        (1.0, 1),
        (1.9, 1),
        (2.0, 2),
        (3.0, 2),
        (3.2, 3),
        (-1.0, -1),
        (-2.0, -2),
        (-3.2, -3),
    ],
)
def test_the_arrow_has_the_classes_of_the_sensor(per_min, arrow):
    rows = told(every(5, *[200.0 + 5 * per_min * k for k in range(4)]))
    assert rows[-1][2] == pytest.approx(per_min, rel=1e-5)
    assert rows[-1][3] == arrow


def test_two_readings_in_15_min_give_no_trend():
    assert told(every(5, 100.0, 90.0))[-1][2:5] == (None, None, None)
    assert told(every(15, 100.0, 90.0, 80.0, 70.0))[-1][2] is None
    assert told(every(5, 100.0, 90.0, 80.0))[-1][2] == pytest.approx(-2.0)


def test_what_is_expected_goes_on_with_the_line():
    rows = told(every(5, 110.0, 100.0, 90.0, 80.0, 70.0))
    assert rows[-1][4] == pytest.approx(30.0)
    assert rows[-1][5] == 5.0


def test_a_sensor_that_reads_every_minute_gives_the_same_trend():
    rows = told(every(1, *[200.0 - 2.0 * k for k in range(30)]))
    assert rows[-1][2] == pytest.approx(-2.0)
    assert rows[-1][4] == pytest.approx(142.0 - 40.0)
