import math
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.glucose_day import GlucoseDay
from processors.kernels.glucose_day import DAY_STATE
from tests.naive.glucose_day import days, summary
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of
from tests.needs import recordings

MINUTE = 60 * NS


def told(readings):
    given_out = feed(GlucoseDay(), {2: [(t, 0, (g,)) for t, g in readings]}, 2**62, 1)
    return [row[1:] for row in rows_of(given_out).get("feature glucose_day", [])]


def assert_same(found, expected):
    def table(rows):
        return np.array([[math.nan if x is None else x for x in row] for row in rows], float)

    assert len(found) == len(expected)
    if found:
        np.testing.assert_allclose(table(found), table(expected), rtol=1e-5, atol=2e-3)


@st.composite
def readings(draw):
    t, found = draw(st.integers(0, 10**14)), []
    for _ in range(draw(st.integers(0, 50))):
        t += draw(st.sampled_from([5, 19, 20, 60, 300, 901, 961, 3600, 20_000, 80_000])) * NS
        found.append((t, float(draw(st.one_of(st.integers(39, 401), st.just(math.nan))))))
    return found


@given(readings())
@settings(max_examples=100, deadline=None)
def test_the_kernel_equals_its_slow_twin(some):
    assert_same(told(some), days(some))


@given(readings(), readings(), st.lists(st.integers(0, 10**14), max_size=5))
@settings(max_examples=30, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    rows = {k: [(t, 0, (g,)) for t, g in some] for k, some in ((0, one), (3, other))}
    assert_cuts_do_not_matter(GlucoseDay, rows, 2**62, 1, cuts)


def test_a_full_day_is_covered_and_older_hours_are_gone():
    rows = told([(5 * k * MINUTE, 100.0 if k < 288 else 200.0) for k in range(1, 2 * 288 + 1)])
    assert rows[-1][1] == 200.0
    assert rows[-1][-1] == pytest.approx(1.0, abs=0.01)
    assert rows[287][-2] <= 288


def test_the_state_of_a_participant_is_small():
    assert DAY_STATE.itemsize <= 400  # bytes


def subject_1():
    path = recordings("cgm") / "example_data_1_subject.csv"
    for line in path.read_text("utf-8").splitlines()[1:]:
        *_, time, glucose = line.split(",")
        at = datetime.fromisoformat(time.strip('"')).replace(tzinfo=UTC)
        yield round(at.timestamp()) * NS, float(glucose)


def test_the_definitions_are_those_of_iglu():
    """CLINICAL 3.14, column "subject 1"; the slow twin is what the kernel is held to."""
    found = summary([glucose for _, glucose in subject_1()])
    expected = (123.6655, 33.2681, 26.9017, 91.6638, 8.1990, 0.3774, 0.1372, 0.0)
    assert found == pytest.approx(expected, abs=5e-5)


def test_a_real_week_gives_the_same_as_the_slow_twin():
    week = list(subject_1())[:1500]
    assert_same(told(week), days(week))
