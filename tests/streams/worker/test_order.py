"""Records of a partition come in the order of their time, whichever topic is read first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.bus import Place, Record
from streams.worker.order import InputOrder

TOPICS = ("control", "ecg", "rr")


def record(topic, offset, at_ms):
    return Record(Place(topic, 0), offset, at_ms, b"x")


def taken(order, ends, most=1_000):
    return [(at_ms, one.place.topic, one.offset) for at_ms, one in order.take(ends, most)]


LOGS = st.fixed_dictionaries({topic: st.lists(st.integers(0, 40), max_size=12) for topic in TOPICS})


@given(LOGS, st.integers(0, 2**32 - 1))
def test_however_topics_are_read_records_come_in_one_order(logs, seed):
    """The order of a full read is that of any reading in pieces, in which the ends are known."""
    random = np.random.default_rng(seed)
    ends = {topic: len(log) for topic, log in logs.items()}
    whole = InputOrder(TOPICS)
    for topic, log in logs.items():
        for offset, at_ms in enumerate(log):
            whole.put(record(topic, offset, at_ms))
    expected = taken(whole, ends)
    together = {at_ms for at_ms, *_ in expected}
    pieces, found = InputOrder(TOPICS), []
    left = {topic: list(enumerate(log)) for topic, log in logs.items()}
    while any(left.values()):
        topic = random.choice([topic for topic in TOPICS if left[topic]])
        for _ in range(random.integers(1, 4)):
            if left[topic]:
                pieces.put(record(topic, *left[topic].pop(0)))
        some = taken(pieces, ends, int(random.integers(1, 5)))
        assert {at_ms for at_ms, *_ in some} <= together
        together -= {at_ms for at_ms, *_ in some}
        found += some
    found += taken(pieces, ends)
    assert found == expected
    assert pieces.empty
    assert pieces.offsets == ends
    by_topic = {topic: [k for _, t, k in found if t == topic] for topic in TOPICS}
    assert by_topic == {topic: list(range(end)) for topic, end in ends.items()}
    assert [at_ms for at_ms, *_ in found] == sorted(at_ms for at_ms, *_ in found)


def test_a_topic_that_has_more_to_read_holds_the_others_back():
    order = InputOrder(TOPICS)
    order.put(record("ecg", 0, 5))
    order.put(record("ecg", 1, 9))
    assert taken(order, {"ecg": 2, "rr": 3}) == []
    assert order.behind({"ecg": 2, "rr": 3}) == ["rr"]
    order.put(record("rr", 0, 4))
    order.put(record("rr", 1, 9))
    # The last of `rr` may have the time 9 as well: what has one time is given together.
    assert taken(order, {"ecg": 2, "rr": 3}) == [(4, "rr", 0), (5, "ecg", 0)]
    order.put(record("rr", 2, 12))
    assert [at_ms for at_ms, *_ in taken(order, {"ecg": 2, "rr": 3})] == [9, 9, 12]


def test_what_has_not_settled_waits_and_what_has_one_time_is_not_torn_apart():
    order = InputOrder(TOPICS)
    for offset, at_ms in enumerate([5, 5, 5, 7, 9]):
        order.put(record("ecg", offset, at_ms))
    assert [at_ms for at_ms, _ in order.take({}, 1, 8)] == [5, 5, 5]
    assert [at_ms for at_ms, _ in order.take({}, 9, 8)] == [7]
    assert [at_ms for at_ms, _ in order.take({}, 9)] == [9]


def test_where_nothing_is_waited_for_all_is_given():
    order = InputOrder(TOPICS)
    order.put(record("ecg", 0, 5))
    assert taken(order, {}) == [(5, "ecg", 0)]


def test_of_equal_times_controls_come_first():
    order = InputOrder(TOPICS)
    for topic in ("rr", "ecg", "control"):
        order.put(record(topic, 0, 7))
    assert [topic for _, topic, _ in taken(order, {})] == ["control", "ecg", "rr"]


def test_a_record_that_was_taken_is_dropped_when_it_comes_again():
    order = InputOrder(TOPICS)
    for offset in (0, 1):
        order.put(record("ecg", offset, offset))
    assert len(taken(order, {})) == 2
    state = order.snapshot()
    order.put(record("ecg", 2, 2))  # waits; it will be read again
    fresh = InputOrder(TOPICS)
    fresh.restore(state)
    assert fresh.offsets == {"control": 0, "ecg": 2, "rr": 0}
    for offset in (0, 1, 2):
        fresh.put(record("ecg", offset, offset))
    assert taken(fresh, {}) == [(2, "ecg", 2)]
    assert fresh.empty


@pytest.mark.parametrize("cut", range(5))
def test_a_clock_that_goes_back_is_the_same_after_a_restart(cut):
    times = [10, 30, 20, 25, 40]
    order, found = InputOrder(TOPICS), []
    for offset, at_ms in enumerate(times):
        if offset == cut:
            state, order = order.snapshot(), InputOrder(TOPICS)
            order.restore(state)
        order.put(record("ecg", offset, at_ms))
        found += taken(order, {})
    assert [at_ms for at_ms, *_ in found] == [10, 30, 30, 30, 40]
