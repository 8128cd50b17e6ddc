"""What has settled, and who has waited for how long, by a clock that the test turns."""

from __future__ import annotations

from streams.worker.arrivals import SETTLE_MOST_S, SETTLE_S, Arrivals
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
