import math

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.features.oxygen import Oxygen
from tests.naive.oxygen import judged
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of

NAN = math.nan
WIDTH = 8


def seconds(*values, first_s=1):
    return [(k * NS, 0, (value,)) for k, value in enumerate(values, first_s)]


def own_limit(t_s, percent):
    return (t_s * NS, 1, (*[NAN] * 7, percent))


def given_out(records, until_ns=10**12):
    rows = rows_of(feed(Oxygen(), {2: records}, until_ns, WIDTH)).get("derived oxygen", [])
    return [row[1:] for row in rows]


@st.composite
def scenes(draw):
    t, records = 0, []
    for _ in range(draw(st.integers(0, 50))):
        t += draw(st.sampled_from([NS, NS, NS, NS // 4, 5 * NS, 7 * NS, 16 * NS, 60 * NS]))
        if draw(st.integers(0, 9)) == 0:
            records.append((t, 1, (*[NAN] * 7, draw(st.sampled_from([88.0, 92.0, NAN])))))
        else:
            records.append((t, 0, (draw(st.sampled_from([97.0, 94.0, 92.0, 89.0, 60.0, NAN])),)))
    return records


@given(scenes())
@settings(max_examples=150, deadline=None)
def test_the_kernel_equals_its_slow_twin(records):
    assert given_out(records) == judged(records)


@given(scenes(), scenes(), st.lists(st.integers(0, 120 * NS), max_size=5))
@settings(max_examples=40, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    assert_cuts_do_not_matter(Oxygen, {0: one, 3: other}, 10**12, WIDTH, cuts)


def test_the_first_value_stands_alone_and_then_five_are_needed():
    assert [row[0] // NS for row in given_out(seconds(*[97.0] * 7))] == [1, 5, 6, 7]


def test_one_artefact_of_a_second_does_not_move_the_median():
    values = [row[1] for row in given_out(seconds(*[97.0] * 6, 94.0, *[97.0] * 6))]
    assert values == [97.0] * len(values)


def test_a_step_of_more_than_four_points_a_second_is_passed_by():
    calm, artefact = [97.0] * 8, [70.0] * 3
    assert len(given_out(seconds(*calm, *artefact, *calm))) == len(given_out(seconds(*calm))) + 8


def test_a_change_of_level_is_known_after_three_values():
    rows = given_out(seconds(*[97.0] * 8, *[93.0] * 5))
    assert [row[1] for row in rows if row[0] > 8 * NS] == [97.0, 97.0, 93.0, 93.0, 93.0]


def test_a_device_that_gives_one_value_a_minute_is_taken_at_its_word():
    records = [(60 * k * NS, 0, (90.0 + k,)) for k in range(1, 4)]
    assert [row[1] for row in given_out(records)] == [91.0, 92.0, 93.0]


def test_missing_seconds_give_nothing_and_five_valid_ones_may_lie_apart():
    rows = given_out(seconds(97.0, NAN, 97.0, 97.0, NAN, 97.0, 97.0))
    assert [row[0] // NS for row in rows] == [1, 7]


def test_the_own_limit_comes_from_the_profile_and_stays():
    rows = given_out([*seconds(*[97.0] * 6), own_limit(7, 88.0), *seconds(97.0, 97.0, first_s=8)])
    assert [row[2] for row in rows] == [90.0, 90.0, 90.0, 88.0, 88.0]
