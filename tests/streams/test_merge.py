"""Records of several streams, merged by time: complete, in order, once, whatever the arrival."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from processors.records import NS_PER_S, Batch, DerivedBlock
from streams.merge import NEVER, Merger

Record = tuple[int, int, int, float]  # slot, time, source, value


def block(slots: list[int], times: list[int], values: list[float]) -> DerivedBlock:
    return DerivedBlock(
        "x",
        np.array(slots, np.int32),
        np.array(times, np.int64),
        np.array(values, np.float64)[:, None],
    )


def advance(merger: Merger, watermarks: list[list[int]], first: int = 0) -> Batch | None:
    table = np.array(watermarks, np.int64)
    n_slots = table.shape[1]
    return merger.advance(table, np.full(n_slots, first), table.max(axis=0))


def records(batch: Batch | None) -> list[Record]:
    if batch is None:
        return []
    return [
        (int(slot), int(batch.t_ns[i]), int(batch.source[i]), float(batch.values[i, 0]))
        for slot, a, b in zip(batch.slots, batch.offsets, batch.offsets[1:], strict=False)
        for i in range(a, b)
    ]


S = NS_PER_S


def test_records_wait_for_the_slower_stream_and_come_in_order_of_time() -> None:
    merger = Merger((1, 1), (False, False))
    merger.put(0, block([0, 0], [10 * S, 10 * S + 5], [1, 2]))
    merger.put(1, block([0], [10 * S + 3], [3]))
    found = records(advance(merger, [[10 * S + 9], [10 * S + 4]]))
    assert found == [(0, 10 * S, 0, 1), (0, 10 * S + 3, 1, 3)]
    assert records(advance(merger, [[10 * S + 9], [10 * S + 9]])) == [(0, 10 * S + 5, 0, 2)]


def test_nobody_waits_longer_than_a_second_for_a_stream_that_stands_still() -> None:
    merger = Merger((1, 1), (False, False))
    advance(merger, [[9 * S], [9 * S]])
    merger.put(0, block([0, 0], [10 * S, 13 * S], [1, 2]))
    batch = advance(merger, [[13 * S], [9 * S]])
    assert records(batch) == [(0, 10 * S, 0, 1)]
    assert batch is not None
    assert batch.until_ns[0] == 12 * S


def test_a_stream_with_a_clock_an_hour_behind_is_not_given_up_while_it_goes_on() -> None:
    merger = Merger((1, 1), (False, False))
    found: list[Record] = []
    for k in range(20):
        ahead, behind = (5000 + k) * S, (1400 + k) * S
        merger.put(0, block([0], [ahead], [k]))
        merger.put(1, block([0], [behind], [k]))
        table = np.array([[ahead], [behind]], np.int64)
        found += records(merger.advance(table, np.array([1400 * S]), np.array([ahead])))
    assert merger.late == 0
    assert [row[1] for row in found] == [(1400 + k) * S for k in range(20)]


def test_a_stream_that_stands_still_is_given_up() -> None:
    merger = Merger((1, 1), (False, False))
    found: list[Record] = []
    for k in range(10):
        ahead, behind = (100 + k) * S, 100 * S
        merger.put(0, block([0], [ahead], [k]))
        table = np.array([[ahead], [behind]], np.int64)
        found += records(merger.advance(table, np.array([90 * S]), np.array([ahead])))
    assert [row[1] for row in found] == [(100 + k) * S for k in range(9)]


def test_what_comes_after_the_horizon_is_counted_and_left_out() -> None:
    merger = Merger((1, 1), (False, False))
    advance(merger, [[9 * S], [9 * S]])
    merger.put(0, block([0], [13 * S], [1]))
    advance(merger, [[13 * S], [9 * S]])
    merger.put(1, block([0], [10 * S], [7]))
    assert records(advance(merger, [[14 * S], [14 * S]])) == [(0, 13 * S, 0, 1)]
    assert merger.late == 1


def test_a_stream_never_seen_is_not_waited_for() -> None:
    merger = Merger((1, 1), (False, False))
    merger.put(0, block([0], [10 * S], [1]))
    assert records(advance(merger, [[10 * S], [NEVER]])) == [(0, 10 * S, 0, 1)]


def test_a_sparse_stream_is_not_waited_for_and_applies_when_it_comes() -> None:
    merger = Merger((1, 1), (False, True))
    merger.put(0, block([0], [10 * S], [1]))
    assert records(advance(merger, [[10 * S], [NEVER]])) == [(0, 10 * S, 0, 1)]
    merger.put(1, block([0], [3 * S], [5]))
    found = records(advance(merger, [[11 * S], [3 * S]]))
    assert found == [(0, 10 * S, 1, 5)]


def test_a_late_record_of_a_slot_that_stands_still_waits_and_goes_to_nobody_else() -> None:
    merger = Merger((1, 1), (False, True))
    advance(merger, [[5 * S, 5 * S], [NEVER, NEVER]])
    merger.put(1, block([1], [4 * S], [7]))
    assert records(advance(merger, [[6 * S, 5 * S], [NEVER, NEVER]])) == []
    assert records(advance(merger, [[6 * S, 6 * S], [NEVER, NEVER]])) == [(1, 5 * S, 1, 7)]


def test_time_passing_alone_gives_a_row_without_records() -> None:
    merger = Merger((1,), (False,))
    batch = advance(merger, [[5 * S, NEVER]])
    assert batch is not None
    assert batch.slots.tolist() == [0]
    assert records(batch) == []
    assert advance(merger, [[5 * S, NEVER]]) is None


def test_forgotten_slots_leave_nothing_behind() -> None:
    merger = Merger((1,), (False,))
    merger.put(0, block([0, 1], [5 * S, 5 * S], [1, 2]))
    merger.forget(np.array([0], np.int32))
    assert records(advance(merger, [[6 * S, 6 * S]])) == [(1, 5 * S, 0, 2)]


@given(st.data())
def test_any_arrival_gives_the_merge_of_all_records(data: st.DataObject) -> None:
    """Two streams of two people arrive in pieces; neither lags by more than the patience."""
    step = S // 4
    rows: list[Record] = sorted(
        data.draw(
            st.lists(
                st.tuples(
                    st.integers(0, 1),
                    st.integers(0, 39).map(lambda k: 10 * S + k * step),
                    st.integers(0, 1),
                    st.integers(0, 5).map(float),
                ),
                max_size=30,
                unique_by=lambda row: row[:3],
            )
        )
    )
    merger = Merger((1, 1), (False, False))
    reached = [10 * S - 1, 10 * S - 1]
    found: list[Record] = []
    moves = data.draw(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 8)), max_size=30))
    moves += [(k % 2, 4) for k in range(40)]  # to the end
    for ahead, n_steps in moves:
        target = min(reached[ahead] + n_steps * step, 20 * S)
        if target - reached[1 - ahead] > S:  # the other stream keeps up within a second
            target = reached[1 - ahead] + S
        fresh = [r for r in rows if r[2] == ahead and reached[ahead] < r[1] <= target]
        merger.put(
            ahead, block([r[0] for r in fresh], [r[1] for r in fresh], [r[3] for r in fresh])
        )
        reached[ahead] = max(reached[ahead], target)
        found += records(advance(merger, [[reached[0]] * 2, [reached[1]] * 2], first=9 * S))
    for slot in (0, 1):
        mine = [row for row in found if row[0] == slot]
        assert mine == sorted((r for r in rows if r[0] == slot), key=lambda r: (r[1], r[2]))
    assert merger.late == 0


def spots_and_worn() -> Merger:
    return Merger((1, 1), (False, True), spots=(False, True))


def told(merger: Merger, worn_ns: int, clock_ns: int) -> list[Record]:
    table = np.array([[worn_ns], [NEVER]], np.int64)
    return records(merger.advance(table, np.array([0]), np.array([clock_ns])))


def test_a_single_value_of_somebody_who_wears_nothing_passes_at_once() -> None:
    merger = spots_and_worn()
    merger.put(1, block([0], [10 * S], [1]))
    assert merger.holds_spots
    assert told(merger, NEVER, 10 * S) == [(0, 10 * S, 1, 1)]
    assert not merger.holds_spots


def test_a_single_value_waits_two_minutes_for_a_device_that_was_worn() -> None:
    merger = spots_and_worn()
    merger.put(0, block([0], [10 * S], [1]))
    assert told(merger, 10 * S, 10 * S) == [(0, 10 * S, 0, 1)]
    merger.put(1, block([0], [20 * S], [2]))
    assert told(merger, 10 * S, 139 * S) == []
    assert told(merger, 10 * S, 140 * S) == [(0, 20 * S, 1, 2)]


def test_a_single_value_stands_in_its_place_among_those_of_a_device_that_is_worn() -> None:
    merger = spots_and_worn()
    told(merger, 10 * S, 10 * S)
    merger.put(1, block([0], [20 * S], [2]))
    merger.put(0, block([0, 0], [15 * S, 70 * S], [1, 3]))
    assert told(merger, 70 * S, 71 * S) == [(0, 15 * S, 0, 1), (0, 20 * S, 1, 2), (0, 70 * S, 0, 3)]


def test_a_single_value_that_comes_late_applies_from_then_on() -> None:
    merger = spots_and_worn()
    merger.put(1, block([0], [50 * S], [1]))
    told(merger, NEVER, 50 * S)
    merger.put(1, block([0], [40 * S], [2]))
    assert [record[3] for record in told(merger, NEVER, 60 * S)] == [2]
