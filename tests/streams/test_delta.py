"""A difference and what it stands on are the state, to the byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from streams.delta import changed_bytes, difference, patched, state_bytes
from streams.snapshot import SnapshotError, pack_snapshot, pack_value, unpack_snapshot

RECORD = np.dtype([("a", "i8"), ("b", "i1"), ("c", "f4", (2,))], align=True)
ARRAYS = hnp.arrays(
    st.sampled_from([np.dtype("i8"), np.dtype("f8"), RECORD]), st.integers(0, 4),
) | hnp.arrays("f8", st.tuples(st.integers(0, 3), st.integers(0, 2)))  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=2) | ARRAYS
STATES = st.recursive(
    LEAVES,
    lambda inner: (
        st.dictionaries(st.sampled_from("abcd"), inner, max_size=4) | st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)
MAPS = st.dictionaries(st.sampled_from("abcd"), STATES, max_size=4)


def through_bytes(state):
    return unpack_snapshot(pack_snapshot({"it": state}, {}))[0]["it"]


@given(MAPS, MAPS)
def test_patched_with_its_difference_a_state_is_the_other(before, after):
    before = through_bytes(before)
    change = through_bytes(difference(before, after))
    assert pack_value(patched(before, change)) == pack_value(after)


def test_a_map_in_another_order_is_another_map():
    before, after = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    change = through_bytes(difference(through_bytes(before), after))
    assert pack_value(patched(through_bytes(before), change)) == pack_value(after)


@given(MAPS)
def test_a_state_differs_from_itself_in_nothing(state):
    assert difference(through_bytes(state), state) == [0]


def test_only_the_rows_that_differ_are_kept():
    before = {"table": np.zeros(1_000, RECORD), "names": ["a"] * 1_000}
    after = {"table": before["table"].copy(), "names": ["a"] * 1_000}
    after["table"]["b"][[3, 7]] = 1
    change = difference(through_bytes(before), after)
    assert changed_bytes(change) == 2 * (4 + RECORD.itemsize)
    assert state_bytes(after) == 1_000 * RECORD.itemsize
    assert len(pack_value(change)) < 300


@pytest.mark.parametrize(
    "node", [[9], [3, 2, np.array([5]), np.zeros(1)], [2, {"x": [0, 1], "y": [2, {"z": [3]}]}], 7]
)
def test_a_difference_of_something_else_is_refused(node):
    with pytest.raises(SnapshotError):
        patched({"x": np.zeros(2)}, node)
