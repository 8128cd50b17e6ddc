import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.heart_rate import HeartRate
from tests.naive.heart_rate import meter
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of

BEATS = st.tuples(
    st.integers(0, 90 * NS), st.just(0),
    st.tuples(st.sampled_from([0.0, 6e8]), st.floats(250, 4000), st.sampled_from([0.0, 1.0]),
              st.just(1.0), st.sampled_from([0.0, 1.0, 1.0, 1.0])),
)  # fmt: skip
DEVICE = st.tuples(
    st.integers(0, 90 * NS), st.just(1), st.tuples(st.one_of(st.just(math.nan), st.floats(30, 200)))
)
RECORDS = st.lists(st.one_of(BEATS, BEATS, DEVICE), max_size=40, unique_by=lambda r: (r[0], r[1]))


def readings(records, until_ns):
    return [row[1:] for row in rows_of(feed(HeartRate(), {1: records}, until_ns, 5)).get(
        "derived heart_rate_meter", [])]  # fmt: skip


def rhythm(*rr_ms, seconds=60.0):
    """Beats that repeat these intervals, each known 600 ms after its R."""
    records, r_ms, i = [], 0.0, 0
    while r_ms < seconds * 1000:
        rr = rr_ms[i % len(rr_ms)]
        r_ms += rr
        records.append((round(r_ms * 1e6) + 600_000_000, 0, (6e8, rr, 0.0, 1.0, 1.0)))
        i += 1
    return records


@given(RECORDS)
@settings(max_examples=40, deadline=None)
def test_the_kernel_equals_its_slow_twin(records):
    ordered = sorted(records, key=lambda r: r[:2])
    found = readings(records, 170 * NS)
    expected = meter(ordered, 170 * NS)
    assert [row[0] for row in found] == [row[0] for row in expected]
    for mine, twin in zip(found, expected, strict=True):
        assert mine[2] == twin[2]
        assert (mine[1] is None) == math.isnan(twin[1])
        assert mine[1] is None or mine[1] == pytest.approx(twin[1], rel=1e-12)


@given(RECORDS, RECORDS, st.lists(st.integers(0, 170 * NS), max_size=5))
@settings(max_examples=40, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    assert_cuts_do_not_matter(HeartRate, {0: one, 5: other}, 170 * NS, 5, cuts)


@pytest.mark.parametrize(
    ("rr_ms", "rate", "within"),
    [
        ((4000.0,), 15, 1), ((2000.0,), 30, 1), ((1000.0,), 60, 1), ((400.0,), 150, 1.5),
        ((200.0,), 300, 3),  # +-1 % or +-1 /min over 15-300
        ((500.0, 1000.0), 80, 1),  # ventricular bigeminy
        ((666.7, 1333.3), 60, 1),  # slow alternating
        ((333.3, 666.7), 120, 1),  # rapid alternating
        ((500.0, 833.3), 90, 2),  # bidirectional
    ],
)  # fmt: skip
def test_the_meter_shows_the_rate_of_a_rhythm_after_20_s(rr_ms, rate, within):
    shown = [row[1] for row in readings(rhythm(*rr_ms, seconds=60), 60 * NS) if row[0] >= 25 * NS]
    assert shown
    assert all(abs(value - rate) <= within for value in shown)


@pytest.mark.parametrize("after", [120.0, 40.0])
def test_a_step_from_80_is_shown_within_11_s(after):
    before = rhythm(750.0, seconds=30)
    start = before[-1][0]
    later = rhythm(60_000 / after, seconds=40)
    step = [(start + t - 600_000_000, source, values) for t, source, values in later]
    shown = {row[0]: row[1] for row in readings([*before, *step], start + 30 * NS)}
    reached = [t for t, rate in shown.items() if t > start and abs(rate - after) <= 1]
    assert reached[0] - (start - 600_000_000) < 11 * NS


def test_without_a_beat_the_value_is_blank_after_3_s_and_not_held():
    beats = rhythm(800.0, seconds=20)
    last_r = beats[-1][0] - 600_000_000
    shown = readings(beats, 30 * NS)
    assert all((rate is None) == (t - last_r > 3 * NS) for t, rate, _ in shown if t > 3 * NS)


def test_a_device_is_the_last_resort_and_goes_stale():
    beats = rhythm(800.0, seconds=20)
    device = [(t * NS, 1, (66.0,)) for t in range(1, 40)]
    shown = {t // NS: (rate, source) for t, rate, source in readings([*beats, *device], 60 * NS)}
    assert shown[15] == (pytest.approx(75.0), 0.0)
    assert shown[25] == (None, 0.0)  # the beats have gone, but not for 10 s
    assert shown[35] == (66.0, 2.0)
    assert shown[49] == (66.0, 2.0)
    assert shown[50] == (None, 2.0)


def test_a_meter_without_input_falls_silent_after_a_minute():
    assert readings([(NS, 1, (70.0,))], 10_000 * NS)[-1][0] == 61 * NS
