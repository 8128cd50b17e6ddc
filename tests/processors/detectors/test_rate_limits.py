import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.detectors.rate_limits import RateLimits
from processors.records import OFFSET, ONSET
from tests.naive.rate_limits import by_meter, extreme
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of

NAN = math.nan


def beats(rr_ms, count, start_ns=0):
    step = round(rr_ms * 1e6)
    return [
        (start_ns + step * i + 600_000_000, 0, (6e8, rr_ms, 0.0, 1.0, 1.0))
        for i in range(1, count + 1)
    ]


def meter(rate, first_s, last_s):
    return [(t * NS, 1, (rate, 0.0)) for t in range(first_s, last_s + 1)]


def profile(t_s=0, age=NAN, hr_max=NAN, event=1.0):
    return (t_s * NS, 2, (age, hr_max, NAN, event))


@st.composite
def scenes(draw):
    records, t = [], 0
    for _ in range(draw(st.integers(1, 5))):
        rr = draw(st.sampled_from([350.0, 420.0, 455.0, 800.0, 1450.0, 1600.0]))
        n = draw(st.integers(1, 40))
        records += beats(rr, n, t)
        t += round(n * rr * 1e6)
        if draw(st.booleans()):
            records.append((t + 600_000_001, 0, (6e8, NAN, 0.0, 1.0, 0.0)))
    second = 1
    for _ in range(draw(st.integers(0, 4))):
        rate = draw(st.sampled_from([130.0, 118.0, 110.0, 43.0, 46.0, 60.0, NAN]))
        n = draw(st.integers(1, 70))
        records += meter(rate, second, second + n - 1)
        second += n
    for k in range(draw(st.integers(0, 2))):
        values = draw(st.sampled_from([(30.0, NAN, 1.0), (NAN, 190.0, 1.0), (NAN, NAN, 0.0),
                                       (50.0, 200.0, NAN)]))  # fmt: skip
        at = draw(st.integers(0, 60))
        records.append((at * NS + k, 2, (values[0], values[1], NAN, values[2])))
    return sorted(records, key=lambda r: r[:2])


def findings(records, until_ns=10**12):
    return rows_of(feed(RateLimits(), {4: records}, until_ns, 5))


@given(scenes())
@settings(max_examples=60, deadline=None)
def test_the_kernel_equals_its_slow_twin(records):
    found = findings(records)
    for code, expected in [
        ("extreme_tachycardia", extreme(records, fast=True)),
        ("extreme_bradycardia", extreme(records, fast=False)),
        ("tachycardia", by_meter(records, fast=True)),
        ("bradycardia", by_meter(records, fast=False)),
    ]:
        rows = found.get(f"finding {code}", [])
        assert [row[1:5] for row in rows] == [row[:4] for row in expected], code
        for mine, twin in zip(rows, expected, strict=True):
            assert mine[6] == (None if twin[4] is None else pytest.approx(twin[4], rel=1e-12))


@given(scenes(), scenes(), st.lists(st.integers(0, 120 * NS), max_size=5))
@settings(max_examples=40, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    assert_cuts_do_not_matter(RateLimits, {0: one, 3: other}, 10**12, 5, cuts)


def test_seventeen_fast_beats_are_extreme_and_sixteen_are_not():
    assert findings(beats(400.0, 15)) == {}
    (row,) = findings(beats(400.0, 16))["finding extreme_tachycardia"]
    assert row[1:5] == (0, 0, 16 * 400_000_000 + 600_000_000, ONSET)
    assert row[6:] == (pytest.approx(150.0), pytest.approx(150.0), 140.0, 17.0)


def test_five_slow_beats_are_extreme():
    assert findings(beats(1600.0, 3)) == {}
    (row,) = findings(beats(1600.0, 4))["finding extreme_bradycardia"]
    assert row[4] == ONSET
    assert row[9] == 5.0


def test_a_gap_among_the_beats_starts_the_count_again():
    gap = (6_600_000_001, 0, (6e8, NAN, 0.0, 1.0, 0.0))
    assert findings([*beats(400.0, 15), gap, *beats(400.0, 15, 7 * NS)]) == {}


def test_the_end_needs_five_percent_on_the_safe_side():
    fast, near, calm = beats(400.0, 20), beats(440.0, 40, 8 * NS), beats(480.0, 40, 26 * NS)
    on, off = findings(fast + near + calm)["finding extreme_tachycardia"]
    assert off[4] == OFFSET
    assert off[2] > 26 * NS
    assert off[1] == on[1]


@pytest.mark.parametrize(
    ("who", "rr_ms", "alarms"),
    [
        (profile(), 330.0, False),  # 181.8 /min; limit of unknown age 186.5
        (profile(), 320.0, True),
        (profile(age=20.0), 310.0, False),  # limit 204
        (profile(hr_max=120.0), 420.0, True),  # never below 140
        (profile(event=0.0), 420.0, True),
    ],
)
def test_event_participants_have_the_limit_of_effort(who, rr_ms, alarms):
    found = findings([who, *beats(rr_ms, 30, NS)])
    assert ("finding extreme_tachycardia" in found) == alarms


def test_tachycardia_needs_a_minute_and_begins_where_the_minute_began():
    assert findings(meter(125.0, 10, 69)) == {}
    (row,) = findings(meter(125.0, 10, 70))["finding tachycardia"]
    assert row[1:5] == (10 * NS, 10 * NS, 70 * NS, ONSET)
    assert findings([profile(), *meter(125.0, 10, 100)]) == {}


def test_ten_blank_seconds_end_what_is_no_longer_known():
    on, off = findings(meter(40.0, 1, 70) + meter(NAN, 71, 90))["finding bradycardia"]
    assert off[2:5] == (81 * NS, 81 * NS, OFFSET)
    assert on[1] == off[1]
