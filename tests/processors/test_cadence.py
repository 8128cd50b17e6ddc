"""The room for rows covers what a processor that speaks at whole seconds can say."""

import numpy as np
import pytest

from processors.cadence import most_rows
from processors.state import SlotState
from tests.naive.rows import NS, batch_of

STATE = [("next_ns", np.int64), ("running", np.int8)]
PERIOD, IDLE = 10 * NS, 60 * NS


def room(times_s, until_s, next_s=None):
    state = SlotState(STATE)
    slots = np.zeros(1, np.int32)
    if next_s is not None:
        state.cover(slots)[0] = (next_s * NS, 1)
    batch = batch_of({0: [(t * NS, 0, (0.0,)) for t in times_s]}, until_s * NS, 1)
    return most_rows(batch, state.cover(slots), PERIOD, IDLE)


@pytest.mark.parametrize(
    ("times_s", "until_s", "next_s", "spoken"),
    [
        ([], 100, None, 0),  # nobody was ever heard
        ([3], 9, None, 0),
        ([3], 40, None, 4),
        ([], 40, 10, 4),
        ([35], 40, 10, 4),
        ([10, 20], 20, 10, 2),
        ([3, 1_000_000], 2_000_000, None, 14),  # a minute after each, and then rest
    ],
)
def test_there_is_room_for_every_row_and_not_for_years(times_s, until_s, next_s, spoken):
    assert spoken <= room(times_s, until_s, next_s) <= spoken + 24
