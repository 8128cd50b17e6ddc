"""What has settled, and who has waited for how long, by a clock that the test turns."""

from __future__ import annotations

from streams.worker.arrivals import SETTLE_S, Arrivals
from streams.worker.order import NEVER_MS


def test_a_time_settles_from_when_it_was_first_seen_and_older_ones_with_it():
    arrivals = Arrivals(0.0)
    assert arrivals.settled_ms(5.0) == NEVER_MS
    arrivals.note(10.0, 1_000)
    assert arrivals.settled_ms(10.0) == 999  # what came before it was published before it
    arrivals.note(10.0 + SETTLE_S / 2, 1_000)  # more of the same step does not put it off
    arrivals.note(10.0 + SETTLE_S / 2, 1_200)
    assert arrivals.settled_ms(10.0 + SETTLE_S) == 1_000
    assert arrivals.settled_ms(10.0 + 2 * SETTLE_S) == 1_200


def test_it_is_known_when_the_next_time_settles():
    arrivals = Arrivals(0.0)
    assert arrivals.settles_s(5.0) is None
    arrivals.note(10.0, 1_000)
    arrivals.note(10.05, 1_200)
    assert arrivals.settles_s(10.05) == 10.0 + SETTLE_S
    assert arrivals.settles_s(10.0 + SETTLE_S) == 10.05 + SETTLE_S
    assert arrivals.settles_s(10.05 + SETTLE_S) is None


def test_a_record_of_an_older_time_does_not_unsettle_what_has_settled():
    arrivals = Arrivals(0.0)
    arrivals.note(10.0, 1_000)
    arrivals.note(10.05, 400)
    assert arrivals.settled_ms(10.0 + SETTLE_S) == 1_000


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
