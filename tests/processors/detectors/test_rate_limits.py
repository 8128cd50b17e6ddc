import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.detectors.rate_limits import RateLimits
from processors.records import OFFSET, ONSET
from tests.naive.rate_limits import by_meter, extreme
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of

NAN = math.nan


def beats(rr_ms, count, start_ns=0, noise=()):
    """Give beats, of which those with these numbers are Q."""
    step = round(rr_ms * 1e6)
    return [
        (start_ns + step * i + 600_000_000, 0, (6e8, rr_ms, 0.0, 5.0 if i in noise else 1.0, 1.0))
        for i in range(1, count + 1)
    ]


def seconds(first, last, score=0.9, attached=1.0, railed=0.0, noisy=0.0):
    """Give a row of quality at the end of each of these seconds."""
    values = (score, attached, 0.0, railed, noisy, 1.0, 1.0)
    return [((t + 1) * NS - 4_000_000, 4, values) for t in range(first, last + 1)]


BAD = {"score": 0.2, "noisy": 1.0}


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
        every = draw(st.sampled_from([1, 2, 3, 100]))
        records += beats(rr, n, t, range(1, 41, every) if draw(st.booleans()) else ())
        t += round(n * rr * 1e6)
        if draw(st.booleans()):
            records.append((t + 600_000_001, 0, (6e8, NAN, 0.0, 1.0, 0.0)))
    second = 1
    for _ in range(draw(st.integers(0, 4))):
        rate = draw(st.sampled_from([130.0, 118.0, 110.0, 43.0, 46.0, 60.0, NAN]))
        n = draw(st.integers(1, 70))
        records += meter(rate, second, second + n - 1)
        second += n
    for first in draw(st.lists(st.integers(0, 60), max_size=8, unique=True)):
        records += seconds(
            first,
            first,
            **draw(
                st.sampled_from(
                    [BAD, {}, {"score": 0.2}, {"noisy": 1.0}, {"attached": 0.0}, {"railed": 1.0}]
                )
            ),
        )
    for k in range(draw(st.integers(0, 2))):
        values = draw(st.sampled_from([(30.0, NAN, 1.0), (NAN, 190.0, 1.0), (NAN, NAN, 0.0),
                                       (50.0, 200.0, NAN)]))  # fmt: skip
        at = draw(st.integers(0, 60))
        records.append((at * NS + k, 2, (values[0], values[1], NAN, values[2])))
    return sorted(records, key=lambda r: r[:2])


def findings(records, until_ns=10**12):
    return rows_of(feed(RateLimits(), {4: sorted(records, key=lambda r: r[:2])}, until_ns, 7))


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
    assert_cuts_do_not_matter(RateLimits, {0: one, 3: other}, 10**12, 7, cuts)


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


def test_beats_that_are_mostly_noise_do_not_make_a_heart_fast():
    assert findings(beats(400.0, 60, noise=range(1, 61, 2)))  # half of them
    assert findings(beats(400.0, 60, noise=range(61))) == {}
    # Noise that ends, while the rate goes on: from then on it is told.
    (row,) = findings(beats(400.0, 60, noise=range(31)))["finding extreme_tachycardia"]
    assert row[2] == 22 * 400_000_000


@pytest.mark.parametrize("how", [BAD, {"attached": 0.0}, {"railed": 1.0}])
def test_seconds_that_may_hide_a_beat_do_not_make_a_heart_slow(how):
    slow = beats(1600.0, 12)
    assert findings(slow + seconds(0, 30))
    assert findings(slow + seconds(0, 30, **how)) == {}
    (row,) = findings(slow + seconds(0, 7, **how) + seconds(8, 30))["finding extreme_bradycardia"]
    assert row[2] == 8_000_000_000


def test_a_heart_that_is_slow_whatever_a_second_hides_is_told():
    assert findings(beats(2600.0, 6) + seconds(0, 2) + seconds(3, 3, **BAD) + seconds(4, 30))


def test_low_scores_without_noise_hide_no_beat():
    assert findings(beats(1600.0, 12) + seconds(0, 30, score=0.1))
