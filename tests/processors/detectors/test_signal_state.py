from hypothesis import given, settings
from hypothesis import strategies as st

from processors.detectors.signal_state import SignalState
from processors.records import OFFSET, ONSET
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of
from tests.naive.signal_state import findings as slow_findings

GOOD, BAD, OFF = (0.95, 1.0), (0.2, 1.0), (0.0, 0.0)
WORDS = {ONSET: "onset", OFFSET: "offset"}


def second(t_s, kind):
    score, attached = kind
    return (t_s * NS, 0, (score, attached, 0.0, 1.0 - attached, 0.0, 1.0))


def seconds(*runs):
    """Give the seconds of runs ``(how many, kind)``, the first ending at 1 s; None is silence."""
    kinds = [kind for n, kind in runs for _ in range(n)]
    return [second(t + 1, kind) for t, kind in enumerate(kinds) if kind is not None]


def flag(t_s, off):
    return (round(t_s * NS), 1, (float(off),))


def found(records, until_s=100):
    rows = rows_of(feed(SignalState(), {0: records}, round(until_s * NS), 6))
    return sorted(
        (name.removeprefix("finding "), WORDS[row[4]], row[1], row[2], row[3])
        for name, table in rows.items()
        for row in table
    )


def in_seconds(changes):
    return [(code, word, at / NS, known / NS) for code, word, _, at, known in changes]


def test_three_seconds_off_are_a_lead_off_from_the_first_of_them():
    changes = found(seconds((10, GOOD), (5, OFF), (10, GOOD)), 26)
    assert in_seconds(changes) == [("lead_off", "offset", 15, 18), ("lead_off", "onset", 10, 13)]


def test_two_seconds_off_are_nothing():
    assert found(seconds((10, GOOD), (2, OFF), (10, GOOD)), 22) == []


def test_a_good_second_in_between_does_not_end_it():
    changes = found(seconds((5, GOOD), (5, OFF), (2, GOOD), (5, OFF)), 17)
    assert in_seconds(changes) == [("lead_off", "onset", 5, 8)]


def test_the_flag_of_the_device_counts_at_once():
    changes = found([*seconds((20, GOOD)), flag(4.5, 1), flag(9.5, 0)], 20)
    assert in_seconds(changes) == [
        ("lead_off", "offset", 9.5, 9.5),
        ("lead_off", "onset", 4.5, 4.5),
    ]


def test_poor_signal_is_a_bad_score_while_no_lead_is_off():
    changes = found(seconds((5, GOOD), (6, BAD), (10, OFF)), 21)
    assert in_seconds(changes) == [
        ("lead_off", "onset", 11, 14),
        ("poor_signal", "offset", 11, 14),
        ("poor_signal", "onset", 5, 8),
    ]


def test_without_samples_the_signal_says_nothing_any_more():
    changes = found(seconds((5, GOOD), (6, OFF)), 30)
    assert in_seconds(changes) == [("lead_off", "offset", 11, 16), ("lead_off", "onset", 5, 8)]


def test_without_samples_the_flag_stays():
    changes = found([flag(3.0, 1), *seconds((6, GOOD))], 60)
    assert in_seconds(changes) == [("lead_off", "onset", 3, 3)]


def test_the_identity_of_an_end_is_that_of_its_onset():
    changes = found(seconds((10, GOOD), (5, OFF), (10, GOOD)), 26)
    assert {onset for _, _, onset, _, _ in changes} == {10 * NS}


def test_no_records_and_no_rows_give_nothing():
    assert found([], 10) == []
    assert rows_of(feed(SignalState(), {}, NS, 6)) == {}


@st.composite
def scenes(draw):
    kinds = st.sampled_from([GOOD, GOOD, BAD, OFF, None])
    runs = draw(st.lists(st.tuples(st.integers(1, 7), kinds), max_size=12))
    flags = draw(
        st.lists(
            st.tuples(st.integers(0, 160), st.booleans()), max_size=4, unique_by=lambda f: f[0]
        )
    )
    records = [*seconds(*runs), *(flag(half / 2 + 0.25, off) for half, off in flags)]
    return sorted(records, key=lambda record: record[:2])


@given(scenes())
@settings(max_examples=150, deadline=None)
def test_the_kernel_equals_its_slow_twin(records):
    assert found(records) == slow_findings(records, 100 * NS)


@given(scenes(), scenes(), st.lists(st.integers(0, 100), max_size=5))
@settings(max_examples=40, deadline=None)
def test_cuts_others_and_snapshots_do_not_matter(one, two, cuts_s):
    cuts = [cut * NS for cut in cuts_s]
    assert_cuts_do_not_matter(SignalState, {0: one, 3: two}, 100 * NS, 6, cuts)


@given(scenes())
@settings(max_examples=60, deadline=None)
def test_onsets_and_ends_alternate_and_never_overlap(records):
    for code in ("lead_off", "poor_signal"):
        times = [c for c in found(records) if c[0] == code]
        ordered = sorted(times, key=lambda c: (c[4], c[3]))
        assert [c[1] for c in ordered] == ["onset", "offset"] * (len(ordered) // 2) + ["onset"] * (
            len(ordered) % 2
        )
        assert [c[3] for c in ordered] == sorted(c[3] for c in ordered)
