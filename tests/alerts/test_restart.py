"""What is known after a restart of everything; times are seconds."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace

import pytest

from alerts.alarm import AlarmState
from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy, parse_policy, read_policy
from tests.alerts.stories import every, offset, only, onset, point, seconds, tick, told

POLICY = load_policy()


@pytest.fixture
def core() -> AlarmCore:
    return AlarmCore(POLICY)


def restarted(core, t):
    """Give a new core that goes on from what the old one would have stored."""
    later = AlarmCore(POLICY)
    states = [
        AlarmState(state.participant, state.t_ns, json.loads(json.dumps(state.plain)))
        for state in core.changed_states()
    ]
    return later, later.restore_states(states, seconds(t))


def test_only_who_changed_has_a_state_to_store(core):
    core.apply(onset("vt", 0, who="p1"))
    core.apply(onset("vt", 0, who="p2"))
    assert [state.participant for state in core.changed_states()] == ["p1", "p2"]
    assert core.changed_states() == []
    core.tick(seconds(59))
    assert core.changed_states() == []
    core.tick(seconds(60), "p2")  # escalates
    assert [state.participant for state in core.changed_states()] == ["p2"]


def test_a_latched_alarm_and_its_acknowledgement_survive(core):
    core.apply(onset("vt", 0))
    core.apply(offset("vt", 0, 5))
    core.apply(point("self_harm_risk", 6, value=1.0))
    risk = next(a for a in core.alarms() if a.code == "self_harm_risk")
    core.acknowledge(risk.id, "kim", seconds(10))
    before = core.alarms()
    later, changes = restarted(core, 30)
    assert told(changes) == [("vt", "restored", 30), ("self_harm_risk", "restored", 30)]
    assert later.alarms() == [replace(one, revision=one.revision + 1) for one in before]


def test_what_stood_is_held_until_its_detector_reports_again(core):
    core.apply(onset("bradycardia", 0))
    later, _ = restarted(core, 100)
    assert told(later.apply(onset("bradycardia", 130))) == [("bradycardia", "repeated", 130)]
    assert told(tick(later, 1000)) == []
    assert only(later).count == 2


def test_what_stood_and_is_not_reported_again_ends_or_latches(core):
    core.apply(onset("bradycardia", 0))
    core.apply(onset("apnoea", 0))
    later, _ = restarted(core, 100)
    assert told(tick(later, 1000)) == [("bradycardia", "ended", 160), ("apnoea", "latched", 160)]


def test_deadlines_that_passed_meanwhile_pass_now(core):
    core.apply(onset("vt", 0))
    core.apply(onset("fever", 0, value=38.5))
    _, changes = restarted(core, 700)
    assert ("vt", "escalated", 60) in every(changes)
    assert ("fever", "raised", 700) in every(changes)


def test_a_delay_that_still_runs_goes_on(core):
    core.apply(onset("spo2_very_low", 0))
    later, changes = restarted(core, 4)
    assert changes == []
    assert told(tick(later, 20)) == [("spo2_very_low", "raised", 10)]


def test_nothing_is_raised_twice(core):
    core.apply(onset("vt", 0))
    core.apply(offset("vt", 0, 5))
    core.acknowledge(only(core).id, "kim", seconds(8))
    later, _ = restarted(core, 100)
    assert later.apply(onset("vt", 0)) == []
    assert later.apply(offset("vt", 0, 5)) == []
    assert later.alarms() == []


def test_the_refractory_time_survives(core):
    core.apply(point("pause", 0))
    tick(core, 60)
    later, _ = restarted(core, 100)
    assert told(later.apply(point("pause", 110))) == [("pause", "suppressed", 110)]


def test_what_a_person_made_quiet_stays_so_until_its_end(core):
    core.inactivate("alarm_paused", participant="p1", seconds=600, reason="washing", by="kim",
                    now_ns=0)  # fmt: skip
    core.apply(onset("vt", 10))
    later, _ = restarted(core, 100)
    assert [one.by for one in later.inactivations("p1", seconds(100))] == ["kim"]
    assert later.apply(onset("vt", 130)) == []
    assert told(tick(later, 700)) == [("vt", "raised", 600)]


def test_what_a_person_made_quiet_is_over_when_its_end_has_passed(core):
    core.apply(onset("vt", 0))
    core.inactivate("audio_paused", participant="p1", seconds=120, reason="washing", by="kim",
                    now_ns=seconds(1))  # fmt: skip
    later, changes = restarted(core, 500)
    assert ("vt", "reactivated", 121) in every(changes)
    assert only(later).sounding


def test_a_lost_electrode_holds_nothing_back_until_it_is_found_again(core):
    core.apply(onset("lead_off", 0))
    tick(core, 6)
    later, _ = restarted(core, 100)
    assert later.suspensions("p1") == []
    assert told(later.apply(onset("vt", 110))) == [("vt", "raised", 110)]


def test_own_limits_survive(core):
    core.set_limits("p1", {"spo2_low": 88.0}, "kim", "COPD", 0)
    later, _ = restarted(core, 100)
    assert later.limits("p1")["spo2_low"] == 88.0


def test_a_state_of_another_version_is_refused(core):
    with pytest.raises(ValueError, match="version"):
        core.restore_states([AlarmState("p1", 0, {"version": 1})], 0)


def test_a_state_stays_small_however_much_happens(core):
    for t in range(0, 20_000, 4):
        core.apply(point(("pvc_couplet", "pause", "missed_beat")[t % 3], t))
        tick(core, t, "p1")
    (state,) = core.changed_states()
    assert len(json.dumps(state.plain)) < 50_000
    assert len(state.plain["seen"]) <= 500


def test_codes_at_rest_are_forgotten(core):
    core.apply(point("pause", 0))
    tick(core, 5000)
    (state,) = core.changed_states()
    assert state.plain["tracks"] == {}


@pytest.mark.parametrize("how", ["gone", "off"])
def test_an_alarm_of_a_code_that_makes_none_any_more_ends_and_lets_others_sound(how):
    tree = read_policy()
    first = AlarmCore(parse_policy(tree))
    first.apply(onset("bradycardia", 0))
    first.apply(onset("extreme_bradycardia", 1))
    first.tick(seconds(100))
    assert {a.code: a.sounding for a in first.alarms()} == {
        "bradycardia": False, "extreme_bradycardia": True,
    }  # fmt: skip
    changed = deepcopy(tree)
    if how == "gone":
        del changed["alarm"]["extreme_bradycardia"]
    else:
        changed["alarm"]["extreme_bradycardia"]["enabled"] = False
    second = AlarmCore(parse_policy(changed))
    changes = second.restore(first.snapshot())
    gone = next(c.alarm for c in changes if c.alarm.code == "extreme_bradycardia")
    assert (gone.state, gone.sounding) == ("ended", False)
    assert second.alarm(gone.id) is None
    assert [a.sounding for a in second.alarms()] == [True]
