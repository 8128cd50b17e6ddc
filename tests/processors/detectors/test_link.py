import math

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.detectors.link import Link
from processors.records import OFFSET, ONSET
from processors.signals import SIGNALS
from tests.naive.link import batteries, gaps, silences
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of

PRESENCE = st.tuples(
    st.integers(0, 60 * NS), st.just(0),
    st.tuples(st.sampled_from([0.0, 2.0, 5.0]), st.sampled_from([2.0, 10.0, math.inf]),
              st.just(1e8), st.sampled_from([0.0, 0.0, 0.5, 1.5, 9.0])),
)  # fmt: skip
BATTERY = st.tuples(
    st.integers(0, 60 * NS), st.just(1),
    st.tuples(st.sampled_from([80.0, 15.0, 15.5, 16.0, 5.0, 3.0, math.nan])),
)  # fmt: skip
RECORDS = st.lists(st.one_of(PRESENCE, BATTERY), max_size=25, unique_by=lambda r: (r[0], r[1]))


def findings(records, until_ns):
    return rows_of(feed(Link(), {2: records}, until_ns, 4))


@given(RECORDS)
@settings(max_examples=100, deadline=None)
def test_the_kernel_equals_its_slow_twin(records):
    ordered = sorted(records, key=lambda r: r[:2])
    found = findings(records, 65 * NS)
    silent = {}
    for row in found.get("finding device_silent", []):
        signal = int(row[7])
        if row[4] == ONSET:
            silent[row[1]] = (row[1], row[2], None, signal)
        else:
            # A silence that the next run has noticed was there all the same.
            onset = silent[row[1]][1]
            silent[row[1]] = (row[1], onset, row[2], signal)
    expected = silences(ordered, 65 * NS)
    assert sorted(silent.values()) == sorted(expected)
    assert [(row[2], row[3], row[7], row[8]) for row in found.get("finding gap", [])] == gaps(
        ordered
    )
    low = found.get("finding battery_low", [])
    assert [(row[1], row[3], row[4], row[5], row[7]) for row in low] == batteries(ordered)


@given(RECORDS, RECORDS, st.lists(st.integers(0, 65 * NS), max_size=5))
@settings(max_examples=40, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    assert_cuts_do_not_matter(Link, {0: one, 9: other}, 65 * NS, 4, cuts, ordered=False)


def test_silence_is_stamped_with_its_deadline_and_ends_with_the_first_sample():
    run = [(t * NS, 0, (0.0, 2.0, 1e8, 0.0)) for t in range(1, 5)]
    back = [(20 * NS, 0, (0.0, 2.0, 1e8, 0.0))]
    on, off, again = findings(run + back, 60 * NS)["finding device_silent"]
    assert on[1:5] == (6 * NS, 6 * NS, 6 * NS, ONSET)
    first = 20 * NS - 100_000_000
    assert off[1:5] == (6 * NS, first, first, OFFSET)
    assert again[1] == 22 * NS


def test_signals_fall_silent_each_by_itself():
    both = [(NS, 0, (0.0, 2.0, 0.0, 0.0)), (NS + 1, 0, (5.0, 2.0, 0.0, 0.0))]
    back = [(9 * NS, 0, (5.0, 60.0, 0.0, 0.0))]
    found = findings(both + back, 20 * NS)["finding device_silent"]
    assert sorted((row[7], row[4]) for row in found) == [(0.0, ONSET), (5.0, ONSET), (5.0, OFFSET)]


def test_signals_that_fall_silent_some_nanoseconds_apart_are_findings_of_their_own():
    both = [(NS, 0, (2.0, 2.0, 0.0, 0.0)), (NS + 2, 0, (0.0, 2.0, 0.0, 0.0))]
    found = findings(both, 9 * NS)["finding device_silent"]
    assert sorted(row[7] for row in found) == [0.0, 2.0]
    assert found[0][1] != found[1][1]


def test_a_run_longer_than_the_stale_time_is_no_silence():
    run = [(NS, 0, (0.0, 2.0, 0.0, 0.0)), (30 * NS, 0, (0.0, 2.0, 28.5e9, 0.0))]
    assert findings(run, 31 * NS) == {}


def test_a_deadline_at_the_horizon_has_passed_and_one_after_it_has_not():
    run = [(NS, 0, (0.0, 2.0, 1e8, 0.0))]
    assert "finding device_silent" in findings(run, 3 * NS)
    assert findings(run, 3 * NS - 1) == {}


def test_every_signal_has_a_place():
    last = float(len(SIGNALS) - 1)
    found = findings([(NS, 0, (last, 2.0, 0.0, 0.0))], 9 * NS)
    assert found["finding device_silent"][0][7] == last
