"""Who is looked at first."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from alerts.alarm import Alarm, Text
from alerts.rule import PRIORITIES
from alerts.urgency import CALM, urgency


def alarm(priority, state="active", onset=0):
    return Alarm(
        id="a", participant="p", code="c", priority=priority, sounds_as="low", state=state,
        latched=False, sounding=False, onset_ns=onset, t_ns=onset, acknowledged_by="",
        finding_id="f", count=1, suppressed=0, value=0.0, reason=Text("", ""),
    )  # fmt: skip


def test_active_goes_before_acknowledged_before_technical_before_none():
    in_order = [
        [alarm("high")], [alarm("medium")], [alarm("low")],
        [alarm("high", "acknowledged")], [alarm("low", "acknowledged")],
        [alarm("technical")], [alarm("technical", "acknowledged")], [],
    ]  # fmt: skip
    keys = [urgency(alarms) for alarms in in_order]
    assert all(a < b for a, b in pairwise(keys))


def test_the_older_goes_first_within_a_level():
    assert urgency([alarm("high", onset=1)]) < urgency([alarm("high", onset=2)])
    assert urgency([alarm("high", onset=9)]) < urgency([alarm("medium", onset=1)])


def test_ended_alarms_do_not_count():
    assert urgency([alarm("high", "ended")]) == (CALM, 0)


alarms = st.lists(
    st.builds(
        alarm,
        st.sampled_from(PRIORITIES),
        st.sampled_from(["active", "acknowledged", "ended"]),
        st.integers(0, 9),
    )
)


@given(alarms, alarms)
def test_the_worst_alarm_decides(some, more):
    assert (
        urgency(some + more) == min(urgency(some), urgency(more))
        if any(a.state != "ended" for a in some + more)
        else (CALM, 0)
    )
