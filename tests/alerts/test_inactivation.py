"""One story per decision about alarms that a person makes quiet; times are seconds."""

from __future__ import annotations

import pytest

from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy
from processors.errors import SettingError
from processors.signals import SIGNALS
from registry.participants import Participant
from tests.alerts.stories import every, offset, only, onset, point, seconds, tick, told

POLICY = load_policy()


@pytest.fixture
def core() -> AlarmCore:
    return AlarmCore(POLICY)


def quiet(core, kind, t, length, **scope):
    scope = scope or {"participant": "p1"}
    return core.inactivate(
        kind, seconds=length, reason="washing", by="kim", now_ns=seconds(t), **scope
    )


def test_a_pause_of_the_sound_keeps_the_alarm_on_show_with_its_end_and_ends_by_itself(core):
    core.apply(onset("vt", 0))
    (change,) = quiet(core, "audio_paused", 10, 120)
    alarm = change.alarm
    assert (change.kind, alarm.state, alarm.sounding) == ("inactivated", "active", False)
    act = alarm.inactivation
    assert (act.kind, act.by, act.reason) == ("audio_paused", "kim", "washing")
    assert (act.from_ns, act.until_ns) == (seconds(10), seconds(130))
    changes = told(tick(core, 200))
    assert changes == [("vt", "reactivated", 130)]
    assert (only(core).sounding, only(core).inactivation) == (True, None)


def test_a_pause_of_the_sound_lasts_two_minutes_at_most(core):
    with pytest.raises(SettingError, match="up to 120 s, found 121 s"):
        quiet(core, "audio_paused", 0, 121)


@pytest.mark.parametrize("kind", ["audio_off", "alarm_paused", "alarm_off"])
def test_every_inactivation_ends(core, kind):
    with pytest.raises(SettingError, match="expected up to"):
        quiet(core, kind, 0, 10 * 86_400)


def test_nobody_makes_alarms_quiet_without_a_name_and_a_reason(core):
    for missing in ({"reason": " ", "by": "kim"}, {"reason": "care", "by": ""}):
        with pytest.raises(SettingError, match="a reason and a person"):
            core.inactivate("audio_off", participant="p1", seconds=60, now_ns=0, **missing)


def test_an_unknown_code_is_refused_and_the_nearest_named(core):
    with pytest.raises(SettingError, match="tachycardia"):
        quiet(core, "alarm_off", 0, 60, participant="p1", code="tachicardia")


def test_what_rises_in_a_pause_of_the_sound_is_shown_and_escalates(core):
    quiet(core, "audio_paused", 0, 120)
    (raised,) = core.apply(onset("vt", 10))
    assert (raised.kind, raised.alarm.sounding) == ("raised", False)
    assert raised.alarm.inactivation.until_ns == seconds(120)
    assert every(tick(core, 125)) == [("vt", "escalated", 70), ("vt", "reactivated", 120)]


def test_what_still_stands_at_the_end_of_an_alarm_pause_is_raised_then(core):
    quiet(core, "alarm_paused", 0, 600)
    assert core.apply(onset("vt", 10)) == []
    assert core.apply(onset("apnoea", 20)) == []
    core.apply(offset("apnoea", 20, 30))
    assert told(tick(core, 700)) == [("vt", "raised", 600)]
    assert core.counts.withheld == 2


def test_an_alarm_pause_touches_no_open_alarm_but_its_sound(core):
    core.apply(onset("vt", 0))
    quiet(core, "alarm_paused", 10, 600)
    assert told(core.apply(offset("vt", 0, 20))) == [("vt", "latched", 20)]
    assert (only(core).sounding, only(core).inactivation.kind) == (False, "alarm_paused")
    assert told(tick(core, 700)) == [("vt", "reactivated", 610)]
    assert only(core).latched


def test_escalation_rests_in_an_alarm_pause_and_begins_anew_after_it(core):
    core.apply(onset("vt", 0))
    quiet(core, "alarm_paused", 10, 600)
    assert every(tick(core, 700)) == [("vt", "reactivated", 610), ("vt", "escalated", 670)]


def test_a_code_that_is_off_leaves_the_others_alone(core):
    quiet(core, "alarm_off", 0, 3600, participant="p1", code="tachycardia")
    assert core.apply(onset("tachycardia", 10)) == []
    assert told(core.apply(onset("pause", 20))) == [("pause", "raised", 20)]
    assert told(core.apply(onset("tachycardia", 20, who="p2"))) == [("tachycardia", "raised", 20)]


def test_one_alarm_alone_is_made_quiet_and_its_successor_is_not(core):
    core.apply(onset("bradycardia", 0))
    quiet(core, "alarm_off", 5, 86_400, alarm_id=only(core).id)
    assert not only(core).sounding
    core.apply(offset("bradycardia", 0, 10))
    core.apply(onset("bradycardia", 2000))
    assert only(core).sounding


def test_an_alarm_that_is_over_cannot_be_made_quiet(core):
    with pytest.raises(LookupError):
        quiet(core, "audio_off", 5, 60, alarm_id="nothing")


def test_a_quiet_alarm_outranks_nobody(core):
    core.apply(onset("bradycardia", 0))
    core.apply(onset("extreme_bradycardia", 5))
    worst = next(a.id for a in core.alarms() if a.code == "extreme_bradycardia")
    changes = told(quiet(core, "audio_off", 9, 60, alarm_id=worst))
    assert changes == [("extreme_bradycardia", "inactivated", 9), ("bradycardia", "sound", 9)]


def test_the_one_of_the_widest_reach_is_shown(core):
    core.apply(onset("vt", 0))
    quiet(core, "alarm_paused", 10, 60)
    quiet(core, "audio_off", 20, 600)
    assert only(core).inactivation.kind == "alarm_paused"
    tick(core, 80)
    assert only(core).inactivation.kind == "audio_off"


def test_a_person_ends_it_early_and_what_stands_is_raised_then(core):
    quiet(core, "alarm_paused", 0, 600)
    core.apply(onset("vt", 10))
    (act,) = core.inactivations("p1", seconds(10))
    assert told(core.reactivate(act.id, "lee", seconds(50))) == []
    assert told(tick(core, 51)) == [("vt", "raised", 50)]
    assert core.inactivations("p1", seconds(51)) == []
    assert core.reactivate(act.id, "lee", seconds(52)) == []


def test_a_place_has_its_members(core):
    for name, group, place in (("p1", "hike", "hill"), ("p2", "hike", ""), ("p3", "", "hill")):
        core.enrol(Participant(name, group=group, place=place))
    assert core.members("hike") == ["p1", "p2"]
    assert core.members("hill") == ["p1", "p3"]
    assert core.members("") == []


def test_everything_a_person_does_is_kept_for_the_record(core):
    core.apply(point("pause", 0))
    quiet(core, "audio_off", 1, 60, participant="p1", place="ward 3")
    core.reactivate(core.inactivations("p1", seconds(1))[0].id, "lee", seconds(5), "back")
    core.acknowledge(only(core).id, "kim", seconds(9), useful=False)
    core.set_limits("p1", {"spo2_low": 88.0}, "kim", "COPD", seconds(10))
    acts = [(a.person, a.action, a.participant, a.reason) for a in core.take_audits()]
    assert acts == [
        ("kim", "audio_off", "p1", "washing"), ("lee", "reactivated", "p1", "back"),
        ("kim", "acknowledged", "p1", ""), ("kim", "limits", "p1", "COPD"),
    ]  # fmt: skip
    assert core.take_audits() == []


def test_the_record_says_what_was_changed(core):
    core.set_limits("p1", {"spo2_low": 88.0}, "kim", "COPD", 0)
    assert core.take_audits()[0].details == {"spo2_low": "90 -> 88"}


def test_a_suspended_signal_says_by_what(core):
    core.apply(onset("lead_off", 0))
    tick(core, 5)
    (ecg,) = core.suspensions("p1")
    assert (ecg.signal, ecg.code, ecg.since_ns) == ("ecg", "lead_off", seconds(5))
    core.apply(onset("device_silent", 10, signal=float(list(SIGNALS).index("glucose"))))
    assert [one.signal for one in core.suspensions("p1")] == ["ecg", "glucose"]
    core.apply(offset("lead_off", 0, 20))
    assert [one.signal for one in core.suspensions("p1")] == ["glucose"]
    assert core.suspensions("nobody") == []


def test_what_was_due_before_the_electrode_came_off_is_raised_though_it_becomes_known_later(core):
    """The technical finding is known sooner than that of a detector that waits."""
    core.apply(onset("lead_off", 0))
    tick(core, 20)
    assert told(core.apply(onset("vt", 4))) == [("vt", "raised", 4)]
    assert core.apply(onset("asystole", 6)) == []
