"""What has settled, and who has waited for how long, by a clock that the test turns."""

from __future__ import annotations

import pytest

from streams.bus import Place, Record
from streams.worker.arrivals import (
    BURST_SETTLE_S,
    SETTLE_MOST_S,
    SETTLE_S,
    Arrivals,
    look_again_s,
)
from streams.worker.order import NEVER_MS, InputOrder


def test_a_time_settles_when_nothing_of_it_has_come_for_a_while():
    arrivals = Arrivals(0.0, {})
    assert arrivals.settled_ms(5.0) == NEVER_MS
    assert arrivals.settles_s(5.0) is None
    arrivals.note(10.0, 1_000)
    assert arrivals.settled_ms(10.0) == 999  # what came before it was published before it
    arrivals.note(10.06, 1_000)
    arrivals.note(10.08, 1_200)  # of another step: it does not put the first one off
    assert arrivals.settles_s(10.08) == 10.06 + SETTLE_S
    assert arrivals.settled_ms(10.06 + SETTLE_S - 0.001) == 999
    assert arrivals.settled_ms(10.06 + SETTLE_S) == 1_000
    assert arrivals.settles_s(10.06 + SETTLE_S) == 10.08 + SETTLE_S
    assert arrivals.settled_ms(10.08 + SETTLE_S) == 1_200
    assert arrivals.settles_s(10.08 + SETTLE_S) is None


def test_a_step_that_does_not_end_is_waited_for_no_longer_than_may_be():
    arrivals = Arrivals(0.0, {})
    for k in range(40):
        arrivals.note(10.0 + k / 100, 1_000)
    assert arrivals.settled_ms(10.0 + SETTLE_MOST_S - 0.001) == 999
    assert arrivals.settled_ms(10.0 + SETTLE_MOST_S) == 1_000


def test_what_comes_of_an_older_time_puts_newer_ones_off_in_their_order():
    arrivals = Arrivals(0.0, {})
    arrivals.note(10.0, 1_000)
    arrivals.note(10.02, 1_200)
    arrivals.note(10.05, 400)
    assert arrivals.settled_ms(10.0 + SETTLE_S) == 999
    assert arrivals.settled_ms(10.05 + SETTLE_S) == 1_200


class Partition:
    """Records that wait, and the account of their coming."""

    def __init__(self, now_s=0.0, state=None):
        self.order = InputOrder(("ecg", "ppg", "glucose"))
        if state is not None:
            self.order.restore(state)
        self.arrivals = Arrivals(now_s, self.order.newest_ms)

    def come(self, now_s, topic, times):
        for at_ms in times:
            record = Record(Place(topic, 0), self.order.expected(topic), at_ms, b"x")
            self.arrivals.note(now_s, self.order.put(record))

    def moved(self, now_s):
        """Give it as another worker has it, which takes it over."""
        self.order.take({}, 1_000)
        return Partition(now_s, self.order.snapshot())


@pytest.fixture(params=[False, True], ids=["kept", "taken over meanwhile"])
def after_a_broker_was_away(request):
    """Of two topics that went on, one is back with all that was held up."""
    one = Partition()
    for topic in ("ecg", "ppg"):
        one.come(10.0, topic, [1_000])
    assert one.arrivals.settled_ms(10.0 + SETTLE_S) == 1_000
    if request.param:
        one = one.moved(17.0)
    one.come(18.0, "ppg", range(1_200, 9_000, 200))
    return one


def test_what_was_held_up_waits_for_the_topics_that_are_not_back(after_a_broker_was_away):
    one, arrivals = after_a_broker_was_away, after_a_broker_was_away.arrivals
    assert arrivals.settled_ms(18.0 + SETTLE_MOST_S) < 1_200
    assert arrivals.settles_s(18.0 + SETTLE_MOST_S) == 18.0 + SETTLE_MOST_S + SETTLE_S
    one.come(19.0, "ecg", range(1_200, 5_200, 200))
    assert arrivals.settled_ms(19.0 + SETTLE_MOST_S) == 5_000
    one.come(19.5, "ecg", [9_000])
    assert arrivals.settled_ms(19.5 + SETTLE_MOST_S) == 9_000


def test_a_topic_that_does_not_come_back_is_not_waited_for_longer(after_a_broker_was_away):
    arrivals = after_a_broker_was_away.arrivals
    assert arrivals.settled_ms(18.0 + BURST_SETTLE_S - 0.01) < 1_200
    assert arrivals.settled_ms(18.0 + BURST_SETTLE_S) == 8_800


def test_a_device_that_gives_little_holds_nothing_up():
    one = Partition()
    one.come(10.0, "glucose", [1_000])
    assert one.arrivals.settled_ms(10.0 + SETTLE_S) == 1_000
    one.come(15.0, "ecg", [6_000])
    assert one.arrivals.settled_ms(15.0 + SETTLE_S) == 6_000


def test_quiet_is_counted_from_the_last_record_whatever_its_time():
    arrivals = Arrivals(3.0, {})
    assert arrivals.quiet_s(4.0) == 1.0
    arrivals.note(10.0, 1_000)
    arrivals.note(11.0, 1_000)
    assert arrivals.quiet_s(11.5) == 0.5


def test_a_partition_is_not_quiet_while_kafka_does_not_answer():
    arrivals = Arrivals(0.0, {})
    arrivals.note(10.0, 1_000)
    arrivals.note_away(16.0)
    assert arrivals.quiet_s(16.5) == 0.5


def test_waiting_for_a_topic_is_counted_while_it_lasts():
    arrivals = Arrivals(0.0, {})
    assert arrivals.behind_s(1.0, is_behind=True) == 0.0
    assert arrivals.behind_s(3.0, is_behind=True) == 2.0
    assert arrivals.behind_s(4.0, is_behind=False) == 0.0
    assert arrivals.behind_s(5.0, is_behind=True) == 0.0


def test_what_settles_while_others_have_their_turn_is_looked_at_when_that_ends():
    first, second = Arrivals(0.0, {}), Arrivals(0.0, {})
    first.note(10.0, 1_000)
    second.note(10.004, 1_000)
    assert look_again_s([first, second], 9.9) == 10.0 + SETTLE_S
    assert first.settled_ms(10.0 + SETTLE_S) == 1_000
    assert second.settled_ms(10.0 + SETTLE_S) == 999
    # Whenever the turn of the first ends, the second has its own then, not SETTLE_S later.
    assert look_again_s([second], 10.0 + SETTLE_S) == 10.004 + SETTLE_S


def test_what_has_settled_and_still_waits_is_looked_at_now_and_then():
    arrivals = Arrivals(0.0, {})
    arrivals.note(10.0, 1_000)
    assert arrivals.settled_ms(10.5) == 1_000
    assert look_again_s([arrivals], 10.5) == 10.5 + SETTLE_S
    assert look_again_s([], 10.5) is None
