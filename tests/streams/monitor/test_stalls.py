"""A partition that stands still is told in time, and no other."""

from __future__ import annotations

from alerts.policy import load_policy
from processors.records import NS_PER_S
from streams.monitor.stalls import Stalls


class Watched:
    """One partition, second by second: samples come, and progress is said or not."""

    def __init__(self):
        self.stalls = Stalls(load_policy())
        self.now_s = 100.0

    def go_on(self, seconds, *, samples=True, progress=True, behind_ms=900):
        """Let time pass; give the alarms that changed with when it was."""
        found = []
        for _ in range(round(2 * seconds)):
            self.now_s += 0.5
            now_ns, at_ms = round(self.now_s * NS_PER_S), round(1000 * self.now_s)
            if samples:
                self.stalls.note_samples(3, at_ms, now_ns)
            if progress:
                self.stalls.note_progress(3, at_ms - behind_ms, now_ns)
            found += [(self.now_s, alarm) for alarm in self.stalls.look(now_ns)]
        return found


def test_it_is_an_alarm_thirteen_seconds_after_the_last_progress():
    one = Watched()
    assert one.go_on(30) == []
    stopped_s = one.now_s
    ((at_s, alarm),) = one.go_on(40, progress=False)
    assert (alarm.code, alarm.state, alarm.sounds_as) == ("pipeline_stalled", "active", "high")
    assert at_s - stopped_s <= 13.5
    assert list(one.stalls.holds()) == [3]
    assert [person.id for person in one.stalls.people()] == ["partition 3"]


def test_progress_ends_it_and_somebody_lets_it_go():
    one = Watched()
    one.go_on(5)
    one.go_on(20, progress=False)
    ((_, latched),) = one.go_on(5)
    assert (latched.latched, latched.state) == (True, "active")
    assert one.stalls.holds() == {}
    (ended,) = one.stalls.acknowledge(latched.id, "kim", round(one.now_s * NS_PER_S))
    assert ended.state == "ended"
    assert one.stalls.people() == []


def test_a_worker_that_catches_up_has_not_stalled():
    one = Watched()
    assert one.go_on(60, behind_ms=3_600_000) == []
    assert one.stalls.lag_s() == {3: 3600.0}


def test_where_nothing_comes_nothing_stalls():
    one = Watched()
    one.go_on(5)
    one.go_on(3, samples=False)  # what came last is processed
    assert one.go_on(100, samples=False, progress=False) == []


def test_samples_that_no_worker_ever_takes_are_a_stall():
    one = Watched()
    ((at_s, _),) = one.go_on(30, progress=False)
    assert at_s == 113.5
    assert one.stalls.lag_s() == {3: float("inf")}


def test_what_is_said_again_after_a_death_is_no_progress():
    one = Watched()
    one.go_on(30)
    assert one.go_on(12, behind_ms=40_000) == []
    assert [alarm.code for _, alarm in one.go_on(4, behind_ms=60_000)] == ["pipeline_stalled"]
