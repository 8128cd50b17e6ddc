"""Variability equals a batch of the same intervals; what is not normal is left out, and said so."""

import math

import numpy as np
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.hrv import COLUMNS, Hrv
from tests.naive.hrv import numbers, rows
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of
from tests.needs import recordings

NAMES = [column.name for column in COLUMNS]
LAG = 6e8


def beats_of(rr_ms, label=1.0, source=0.0, start_ns=0):
    """Give a record for each interval, known 0.6 s after its R; the first beat has none."""
    t = start_ns + round(LAG)
    records = [(t, 0, (LAG, math.nan, source, label, 0.0))]
    for rr in rr_ms:
        t += round(rr * 1e6)
        records.append((t, 0, (LAG, float(rr), source, label, 1.0)))
    return records


def measured(records, until_ns=None):
    """Give {window: {end in s: {column: value}}}."""
    until_ns = records[-1][0] + 20 * NS if until_ns is None else until_ns
    found = rows_of(feed(Hrv(), {3: records}, until_ns, 5))
    return {
        name.removeprefix("feature "): {
            row[1] // NS: dict(zip(NAMES, row[2:], strict=True)) for row in table
        }
        for name, table in found.items()
    }


def batch(records, end_s, window_s):
    """Give the values of all intervals of a window, in one batch of numpy."""
    rr = [v[1] for t, _, v in records if (end_s - window_s) * NS < t <= end_s * NS]
    rr = [x for x in rr if not math.isnan(x)]
    return numbers(list(zip(rr, [None, *np.diff(rr)], strict=True)))


RR = st.lists(st.integers(-40_000_000, 40_000_000), min_size=90, max_size=400)


@given(RR, st.sampled_from([450, 700, 1000]))
@settings(max_examples=15, deadline=None)
def test_clean_intervals_give_what_a_batch_of_them_gives(changes_ns, centre_ms):
    records = beats_of([centre_ms + change / 1e6 for change in changes_ns])
    compared = 0
    for name, window_s in (("hrv_60", 60), ("hrv_300", 300)):
        for end_s, values in measured(records, records[-1][0]).get(name, {}).items():
            if values["mean_nn_ms"] is not None:
                expected = batch(records, end_s, window_s)
                found = [values[column] for column in NAMES[:6]]
                assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
                compared += 1
    assert compared or sum(changes_ns) / 1e9 + 0.001 * centre_ms * len(changes_ns) < 62


def steady_part(r_s):
    """Give the longest run of intervals, in ms, of which cleaning would refuse none (1,500)."""
    rr_ms = np.diff(r_s) * 1000.0
    plain = (rr_ms >= 375) & (rr_ms <= 2000)
    alike = np.abs(np.diff(rr_ms)) <= 0.2 * rr_ms[:-1]
    breaks = np.flatnonzero(~(plain[1:] & plain[:-1] & alike)) + 1
    return max(np.split(rr_ms, breaks), key=len)[:1500]


def beats_of_nsrdb(record):
    notes = wfdb.rdann(str(recordings("nsrdb") / record), "atr")
    return notes.sample[np.isin(notes.symbol, ["N"])] / 128.0


def beats_of_gudb(record):
    return np.loadtxt(recordings("gudb") / f"{record}.tsv") / 250.0


@pytest.mark.parametrize(
    ("beats", "record", "least"),
    [
        (beats_of_nsrdb, "16265", 100),
        (beats_of_nsrdb, "16483", 100),
        (beats_of_nsrdb, "18184", 100),
        (beats_of_gudb, "subject_00_sitting_annotation_cs", 5),
        (beats_of_gudb, "subject_00_jogging_annotation_cs", 5),
    ],
)
def test_real_intervals_give_what_a_batch_of_them_gives(beats, record, least):
    records = beats_of(steady_part(beats(record)))
    found = measured(records, records[-1][0])
    compared = 0
    for name, window_s in (("hrv_60", 60), ("hrv_300", 300)):
        for end_s, values in found.get(name, {}).items():
            if values["mean_nn_ms"] is not None:
                known = [values[column] for column in NAMES[:6]]
                assert known == pytest.approx(batch(records, end_s, window_s), rel=1e-9)
                compared += 1
    assert compared >= least


INTERVALS = st.tuples(
    st.floats(150, 2500) | st.floats(760, 840) | st.floats(760, 840) | st.just(math.nan),
    st.sampled_from([0.0, 0.0, 0.0, 1.0]),  # source
    st.sampled_from([1.0] * 8 + [2.0, 3.0]),  # label
    st.sampled_from([1.0] * 9 + [0.0]),  # valid
    st.sampled_from([0] * 20 + [1, 5, 90]),  # s of silence before
)


@given(st.lists(INTERVALS, max_size=120), st.integers(0, 400))
@settings(max_examples=60, deadline=None)
def test_the_kernel_equals_its_slow_twin(intervals, start_s):
    records, until = hostile_records(intervals, start_s)
    found = measured(records, until) if records else {}
    expected = rows(records, until)
    assert [end // NS for end, _, _ in expected] == list(found.get("hrv_60", {}))
    for end, short, long in expected:
        for name, twin in (("hrv_60", short), ("hrv_300", long)):
            mine = [math.nan if v is None else v for v in found[name][end // NS].values()]
            assert mine == pytest.approx(twin, rel=1e-9, abs=1e-6, nan_ok=True)


def hostile_records(intervals, start_s):
    t, records = start_s * NS, []
    for rr, source, label, valid, silence_s in intervals:
        t += round((800 if math.isnan(rr) else rr) * 1e6) + silence_s * NS
        counts = 0.0 if math.isnan(rr) else valid
        records.append((t, 0, (0.0 if source else LAG, rr, source, label, counts)))
    return records, t + 100 * NS


@given(
    st.lists(INTERVALS, max_size=60),
    st.lists(INTERVALS, max_size=60),
    st.lists(st.integers(0, 100 * NS), max_size=5),
)
@settings(max_examples=30, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    (first, end), (second, later) = hostile_records(one, 0), hostile_records(other, 7)
    assert_cuts_do_not_matter(Hrv, {0: first, 5: second}, max(end, later), 5, cuts)


def regular(n, rr_ms=800.0):
    return [rr_ms + 10.0 * (-1) ** k for k in range(n)]


def first_value(table):
    return next(end for end, values in table.items() if values["rmssd_ms"] is not None)


def test_values_come_when_the_window_is_filled_to_85_percent():
    shown = measured(beats_of(regular(500)))
    assert first_value(shown["hrv_60"]) == 60
    assert first_value(shown["hrv_300"]) == 260
    assert shown["hrv_300"][260]["rmssd_ms"] == pytest.approx(20.0)
    assert shown["hrv_60"][30]["coverage_percent"] == pytest.approx(50, abs=3)


def test_a_premature_beat_is_left_out_with_both_of_its_intervals():
    records = beats_of([*regular(60), 500.0, 1100.0, *regular(60)])
    labelled = [(t, s, (*v[:3], 3.0 if v[1] == 500 else 1.0, v[4])) for t, s, v in records]
    values = measured(labelled)["hrv_60"][90]
    assert values["rmssd_ms"] == pytest.approx(20.0)
    assert values["accepted_percent"] < 100
    unlabelled = measured(beats_of([*regular(60), 500.0, 1100.0, *regular(60)], source=1.0))
    assert unlabelled["hrv_60"][90]["rmssd_ms"] == pytest.approx(20.0)


@pytest.mark.parametrize(("every", "blank"), [(20, False), (4, True)])
def test_too_many_refused_intervals_blank_the_values_and_not_the_counts(every, blank):
    rr_ms = [500.0 if k % every == 0 else 1000.0 for k in range(1, 200)]
    values = measured(beats_of(rr_ms, source=1.0))["hrv_60"][100]
    assert (values["mean_nn_ms"] is None) == blank
    assert values["n"] > 40


def test_time_without_intervals_is_missing_and_no_pair_reaches_over_it():
    before = beats_of(regular(100))
    after = beats_of(regular(100, 900.0), start_ns=before[-1][0] + 8 * NS)
    values = measured([*before, *after])["hrv_60"]
    end = before[-1][0] // NS
    inside = values[(end + 40) // 10 * 10]
    assert inside["coverage_percent"] == pytest.approx(86, abs=2)
    assert inside["rmssd_ms"] is None or inside["rmssd_ms"] == pytest.approx(20.0)
    longer = beats_of(regular(100), start_ns=before[-1][0] + 12 * NS)
    assert measured([*before, *longer])["hrv_60"][(end + 40) // 10 * 10]["mean_nn_ms"] is None


def test_a_new_rate_is_accepted_from_its_third_interval_on():
    values = measured(beats_of([*[600.0] * 100, *[1000.0] * 100], source=1.0))["hrv_60"][150]
    assert values["mean_nn_ms"] == pytest.approx(1000.0)


def test_five_percent_of_ectopic_beats_change_rmssd_by_less_than_5_percent():
    random = np.random.default_rng(5)
    clean = 800 + 30 * np.cumsum(random.standard_normal(800)) / np.sqrt(np.arange(1, 801))
    clean += 15 * random.standard_normal(800)
    ectopic = clean.copy()
    for k in range(10, 790, 20):
        ectopic[k] *= 0.6
        ectopic[k + 1] += clean[k] - ectopic[k]
    found = [
        measured(beats_of(np.rint(rr), source=1.0))["hrv_300"][500]["rmssd_ms"]
        for rr in (clean, ectopic)
    ]
    assert found[1] == pytest.approx(found[0], rel=0.05)


def test_rows_rest_a_minute_after_the_newest_interval():
    shown = measured(beats_of(regular(20)), 3600 * NS)["hrv_60"]
    assert max(shown) == 70
