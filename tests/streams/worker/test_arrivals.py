"""What has settled, and who has waited for how long, by a clock that the test turns."""

from __future__ import annotations

from streams.worker.arrivals import BURST_SETTLE_S, SETTLE_MOST_S, SETTLE_S, Arrivals
from streams.worker.order import NEVER_MS


def test_a_time_settles_when_nothing_of_it_has_come_for_a_while():
    arrivals = Arrivals(0.0)
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
    arrivals = Arrivals(0.0)
    for k in range(40):
        arrivals.note(10.0 + k / 100, 1_000)
    assert arrivals.settled_ms(10.0 + SETTLE_MOST_S - 0.001) == 999
    assert arrivals.settled_ms(10.0 + SETTLE_MOST_S) == 1_000


def test_what_comes_of_an_older_time_puts_newer_ones_off_in_their_order():
    arrivals = Arrivals(0.0)
    arrivals.note(10.0, 1_000)
    arrivals.note(10.02, 1_200)
    arrivals.note(10.05, 400)
    assert arrivals.settled_ms(10.0 + SETTLE_S) == 999
    assert arrivals.settled_ms(10.05 + SETTLE_S) == 1_200


def after_a_broker_was_away():
    """Of two topics that went on, one is back with all that was held up."""
    arrivals = Arrivals(0.0)
    arrivals.note(10.0, 1_000, "ecg")
    arrivals.note(10.0, 1_000, "ppg")
    assert arrivals.settled_ms(10.0 + SETTLE_S) == 1_000
    for at_ms in range(1_200, 9_000, 200):
        arrivals.note(18.0, at_ms, "ppg")
    return arrivals


def test_what_was_held_up_waits_for_the_topics_that_are_not_back():
    arrivals = after_a_broker_was_away()
    assert arrivals.settled_ms(18.0 + SETTLE_MOST_S) == 1_000
    assert arrivals.settles_s(18.0 + SETTLE_MOST_S) == 18.0 + SETTLE_MOST_S + SETTLE_S
    for at_ms in range(1_200, 5_200, 200):
        arrivals.note(19.0, at_ms, "ecg")
    assert arrivals.settled_ms(19.0 + SETTLE_MOST_S) == 5_000
    arrivals.note(19.5, 9_000, "ecg")
    assert arrivals.settled_ms(19.5 + SETTLE_MOST_S) == 9_000


def test_a_topic_that_does_not_come_back_is_not_waited_for_longer():
    arrivals = after_a_broker_was_away()
    assert arrivals.settled_ms(18.0 + BURST_SETTLE_S - 0.01) == 1_000
    assert arrivals.settled_ms(18.0 + BURST_SETTLE_S) == 8_800


def test_a_device_that_gives_little_holds_nothing_up():
    arrivals = Arrivals(0.0)
    arrivals.note(10.0, 1_000, "glucose")
    assert arrivals.settled_ms(10.0 + SETTLE_S) == 1_000
    arrivals.note(15.0, 6_000, "ecg")
    assert arrivals.settled_ms(15.0 + SETTLE_S) == 6_000


def test_quiet_is_counted_from_the_last_record_whatever_its_time():
    arrivals = Arrivals(3.0)
    assert arrivals.quiet_s(4.0) == 1.0
    arrivals.note(10.0, 1_000)
    arrivals.note(11.0, 1_000)
    assert arrivals.quiet_s(11.5) == 0.5


def test_waiting_for_a_topic_is_counted_while_it_lasts():
    arrivals = Arrivals(0.0)
    assert arrivals.behind_s(1.0, is_behind=True) == 0.0
    assert arrivals.behind_s(3.0, is_behind=True) == 2.0
    assert arrivals.behind_s(4.0, is_behind=False) == 0.0
    assert arrivals.behind_s(5.0, is_behind=True) == 0.0
