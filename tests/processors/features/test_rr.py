import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.rr import RrIntervals
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of
from tests.naive.rr import intervals

RR_MS = st.one_of(st.just(math.nan), st.floats(100, 6000))
LABELS = st.tuples(
    st.integers(0, 60 * NS), st.just(0),
    st.tuples(st.just(6e8), st.sampled_from([1.0, 2.0, 3.0]), st.just(0.0),
              st.sampled_from([0.0, 0.0, 1.0]), RR_MS, st.just(0.0)),
)  # fmt: skip
STRAP = st.tuples(st.integers(0, 60 * NS), st.just(1), st.tuples(RR_MS))
RECORDS = st.lists(st.one_of(LABELS, STRAP), max_size=30, unique_by=lambda r: (r[0], r[1]))


def run(records, until_ns=100 * NS):
    given_out = rows_of(feed(RrIntervals(), {3: records}, until_ns, 6))
    return [row[1:] for row in given_out.get("derived rr_intervals", [])]


@given(RECORDS)
@settings(max_examples=60, deadline=None)
def test_the_kernel_equals_its_slow_twin(records):
    expected = intervals(sorted(records, key=lambda r: r[:2]))
    plain = [tuple(None if isinstance(x, float) and math.isnan(x) else x for x in row)
             for row in expected]  # fmt: skip
    assert run(records) == plain


@given(RECORDS, RECORDS, st.lists(st.integers(0, 60 * NS), max_size=5))
@settings(max_examples=40, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    assert_cuts_do_not_matter(RrIntervals, {0: one, 7: other}, 61 * NS, 6, cuts)


def test_a_strap_is_heard_only_when_the_ecg_has_been_silent_for_10_s():
    ecg = (10 * NS, 0, (6e8, 1.0, 0.0, 0.0, 800.0, 0.0))
    strap = [(t * NS, 1, (900.0,)) for t in (9, 11, 20, 21)]
    assert [row[3] for row in run([ecg, *strap])] == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(("rr", "valid"), [(2999.0, 1.0), (3000.0, 0.0), (math.nan, 0.0)])
def test_a_straps_interval_as_long_as_a_pause_is_a_gap(rr, valid):
    (row,) = run([(NS, 1, (rr,))])
    assert row[5] == valid


def test_a_pause_of_the_ecg_is_an_interval_and_a_revision_is_no_beat():
    first = (5 * NS, 0, (6e8, 1.0, 0.0, 0.0, 3500.0, 0.0))
    again = (6 * NS, 0, (1.6e9, 3.0, 0.0, 1.0, 3500.0, 0.0))
    (row,) = run([first, again])
    assert row == (5 * NS, 6e8, 3500.0, 0.0, 1.0, 1.0)
