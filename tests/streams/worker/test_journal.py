"""Turns come back from the journal as one history, whoever else wrote into it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.errors import WireError
from streams.worker.journal import TURN, Turn, decode_turn, encode_turn, one_history

GOLDEN = Path(__file__).parents[2] / "data" / "turn_v1.bin"
SOME = Turn(3, 2**40, {"vitals.control": 7, "vitals.raw.ecg": 2**41}, 0)
INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.builds(Turn, INT64, INT64, st.dictionaries(st.text(max_size=6), INT64), INT64))
def test_turns_come_back(turn):
    assert decode_turn(encode_turn(turn)) == turn


def test_golden_bytes_of_version_1_are_still_read_and_written():
    assert decode_turn(GOLDEN.read_bytes()) == SOME
    assert encode_turn(SOME) == GOLDEN.read_bytes()


@given(st.binary(max_size=80))
def test_any_bytes_give_a_wire_error_and_nothing_else(data):
    for bad in (data, TURN.seal({}, data)):
        with pytest.raises(WireError):
            decode_turn(bad)


def named(turns):
    return [(turn.term, turn.number) for turn in turns]


def turns(*given_):
    return [Turn(term, number) for term, number in given_]


def test_what_a_snapshot_has_is_left_out_and_a_hole_ends_it():
    written = turns((1, 0), (1, 1), (1, 2), (1, 3), (1, 5))
    assert named(one_history(written, 2, 1)) == [(1, 2), (1, 3)]


def test_what_one_taken_for_dead_wrote_after_its_successor_began_is_not_part_of_it():
    # The first worker wrote 0 to 2; the second knew 0 and 1 when it took over.
    written = turns((1, 0), (1, 1), (1, 2), (2, 2), (1, 3), (2, 3))
    assert named(one_history(written, 0, 1)) == [(1, 0), (1, 1), (2, 2), (2, 3)]


def test_turns_of_a_term_before_the_snapshots_are_left_out():
    assert named(one_history(turns((1, 4), (2, 4)), 4, 2)) == [(2, 4)]
