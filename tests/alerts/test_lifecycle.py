"""One story per decision of the alarm life cycle; times are seconds."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy
from processors.signals import SIGNALS
from tests.alerts.stories import finding, offset, only, onset, point, seconds, tick, told

POLICY = load_policy()


@pytest.fixture
def core() -> AlarmCore:
    return AlarmCore(POLICY)


def test_an_onset_raises_a_sounding_alarm_with_its_reason_in_two_languages(core):
    (change,) = core.apply(onset("asystole", 10, at=6))
    alarm = change.alarm
    assert (change.kind, alarm.state, alarm.sounding, alarm.latched) == (
        "raised", "active", True, False,
    )  # fmt: skip
    assert (alarm.priority, alarm.sounds_as, alarm.count) == ("high", "high", 1)
    assert (alarm.onset_ns, alarm.t_ns) == (seconds(6), seconds(10))
    assert alarm.reason.en == "Asystole: no QRS for 4.0 s"
    assert alarm.reason.ko == "심정지: QRS 없음 4.0초"


def test_a_latching_alarm_stays_after_its_condition_until_acknowledged(core):
    core.apply(onset("asystole", 10))
    assert told(core.apply(offset("asystole", 10, 15))) == [("asystole", "latched", 15)]
    assert only(core).latched
    assert only(core).sounding
    changes = core.acknowledge(only(core).id, "kim", seconds(100))
    assert told(changes) == [("asystole", "acknowledged", 100), ("asystole", "ended", 100)]
    assert changes[-1].alarm.acknowledged_by == "kim"
    assert core.alarms() == []


def test_an_alarm_acknowledged_while_it_lasts_ends_with_its_condition(core):
    core.apply(onset("vt", 10))
    core.acknowledge(only(core).id, "kim", seconds(12))
    assert (only(core).state, only(core).sounding) == ("acknowledged", False)
    assert told(core.apply(offset("vt", 10, 15))) == [("vt", "ended", 15)]


def test_an_alarm_that_does_not_latch_may_end_unacknowledged(core):
    core.apply(onset("bradycardia", 10))
    assert told(core.apply(offset("bradycardia", 10, 15))) == [("bradycardia", "ended", 15)]


def test_a_condition_shorter_than_its_delay_makes_no_alarm(core):
    assert core.apply(onset("spo2_low", 0)) == []
    assert core.apply(offset("spo2_low", 0, 15)) == []
    assert tick(core, 100) == []
    assert core.counts.brief == 1


def test_a_delay_fires_at_its_deadline_and_not_at_the_tick(core):
    core.apply(onset("spo2_low", 0))
    assert tick(core, 14.9) == []
    assert told(tick(core, 60)) == [("spo2_low", "raised", 15)]


def test_the_delay_of_af_counts_from_the_onset_that_is_claimed(core):
    core.apply(onset("af", 20, at=0))
    assert told(tick(core, 40)) == [("af", "raised", 30)]


def test_af_that_becomes_known_after_30_s_is_raised_at_once(core):
    assert told(core.apply(onset("af", 50, at=0))) == [("af", "raised", 50)]


def test_an_amended_onset_of_af_moves_its_deadline(core):
    core.apply(onset("af", 20, at=0))
    core.apply(finding("af", "onset", 25, onset=20, at=10, revision=1))
    assert told(tick(core, 60)) == [("af", "raised", 40)]


def test_af_ends_after_two_minutes_without_it(core):
    core.apply(onset("af", 20, at=0))
    assert told(core.apply(offset("af", 20, 100, at=90))) == [("af", "raised", 30)]
    assert told(tick(core, 300)) == [("af", "ended", 210)]


def test_af_that_returns_within_two_minutes_is_the_same_alarm(core):
    core.apply(onset("af", 20, at=0))
    core.apply(offset("af", 20, 100, at=90))
    assert told(core.apply(onset("af", 150, at=140))) == [("af", "repeated", 150)]
    assert told(tick(core, 1000)) == []
    assert only(core).count == 2


def test_a_point_alarm_ends_after_its_hold(core):
    assert told(core.apply(point("pause", 10, value=3.4))) == [("pause", "raised", 10)]
    assert told(tick(core, 100)) == [("pause", "ended", 70)]


def test_a_point_alarm_ends_at_once_when_acknowledged(core):
    core.apply(point("pause", 10))
    changes = core.acknowledge(only(core).id, "kim", seconds(20))
    assert [kind for _, kind, _ in told(changes)] == ["acknowledged", "ended"]


def test_a_second_point_within_the_hold_extends_it(core):
    core.apply(point("pause", 10))
    core.apply(point("pause", 50))
    assert only(core).count == 2
    assert told(tick(core, 200)) == [("pause", "ended", 110)]


def test_a_latching_point_is_latched_from_the_start(core):
    (change,) = core.apply(point("blood_pressure_crisis", 10, value=190))
    assert change.alarm.latched
    assert change.alarm.sounding


def test_a_finding_in_the_refractory_time_is_counted_on_the_ended_alarm(core):
    core.apply(point("pause", 10))
    tick(core, 70)
    (change,) = core.apply(point("pause", 200))
    assert (change.kind, change.alarm.suppressed, change.alarm.state) == ("suppressed", 1, "ended")
    assert tick(core, 2000) == []
    assert core.counts.suppressed == 1


def test_a_condition_that_outlasts_the_refractory_time_raises_an_alarm_then(core):
    core.apply(onset("bradycardia", 0))
    core.apply(offset("bradycardia", 0, 100))
    assert told(core.apply(onset("bradycardia", 200))) == [("bradycardia", "suppressed", 200)]
    assert told(tick(core, 5000)) == [("bradycardia", "raised", 1000)]


def test_a_high_finding_that_ends_in_the_refractory_time_is_told_at_its_end(core):
    core.apply(onset("asystole", 0))
    core.apply(offset("asystole", 0, 10))
    core.acknowledge(only(core).id, "kim", seconds(12))
    core.apply(onset("asystole", 20))
    core.apply(offset("asystole", 20, 25))
    (change,) = tick(core, 60)
    assert (change.kind, change.t_ns, change.alarm.latched) == ("raised", seconds(40), True)


def test_the_refractory_time_runs_from_the_end_of_the_condition_not_the_acknowledgement(core):
    core.apply(onset("asystole", 0))
    core.apply(offset("asystole", 0, 10))
    core.acknowledge(only(core).id, "kim", seconds(100))
    assert told(core.apply(onset("asystole", 105))) == [("asystole", "raised", 105)]


def test_a_worse_finding_breaks_the_refractory_time(core):
    core.apply(onset("fever", 0, value=38.2))
    tick(core, 600)
    core.apply(offset("fever", 0, 700, value=37.5))
    assert told(tick(core, 1400)) == [("fever", "ended", 1300)]
    core.apply(onset("fever", 1400, value=39.8))
    assert told(tick(core, 2000)) == [("fever", "raised", 2000)]
    assert only(core).priority == "medium"


def test_a_finding_that_gets_worse_wakes_an_acknowledged_alarm(core):
    core.apply(onset("fever", 0, value=38.2))
    tick(core, 600)
    assert only(core).priority == "low"
    core.acknowledge(only(core).id, "kim", seconds(700))
    changes = core.apply(finding("fever", "onset", 900, onset=0, value=39.6, revision=1))
    assert told(changes) == [("fever", "realarmed", 900)]
    assert (only(core).priority, only(core).sounding) == ("medium", True)


def test_an_empty_battery_is_said_once_more(core):
    core.apply(onset("battery_low", 0, value=14))
    core.acknowledge(only(core).id, "kim", seconds(10))
    changes = core.apply(finding("battery_low", "onset", 900, onset=0, value=5, revision=1))
    assert told(changes) == [("battery_low", "realarmed", 900)]
    assert only(core).reason.en == "Battery low: 5 %"


def test_a_finding_told_twice_changes_nothing(core):
    story = [onset("asystole", 10), offset("asystole", 10, 15)]
    for one in story:
        assert core.apply(one)
        assert core.apply(one) == []
    assert core.apply(story[0]) == []
    assert only(core).count == 1
    assert core.counts.duplicate == 3


def test_an_amendment_changes_what_the_alarm_says_and_not_its_identity(core):
    core.apply(onset("asystole", 10, at=6))
    first = only(core)
    core.apply(finding("asystole", "onset", 11, onset=10, at=5.5, value=5.5, revision=1))
    assert only(core) == replace(
        first, onset_ns=seconds(5.5), value=5.5, reason=only(core).reason, revision=2
    )
    assert only(core).reason.en == "Asystole: no QRS for 5.5 s"


def test_of_one_chain_only_the_worst_sounds(core):
    core.apply(onset("bradycardia", 0))
    changes = core.apply(onset("extreme_bradycardia", 5))
    assert told(changes) == [("extreme_bradycardia", "raised", 5), ("bradycardia", "sound", 5)]
    assert {a.code: a.sounding for a in core.alarms()} == {
        "extreme_bradycardia": True, "bradycardia": False,
    }  # fmt: skip


def test_the_next_of_a_chain_sounds_when_the_worst_is_acknowledged(core):
    core.apply(onset("bradycardia", 0))
    core.apply(onset("extreme_bradycardia", 5))
    worst = next(a for a in core.alarms() if a.code == "extreme_bradycardia")
    changes = core.acknowledge(worst.id, "kim", seconds(9))
    assert told(changes) == [
        ("extreme_bradycardia", "acknowledged", 9),
        ("bradycardia", "sound", 9),
    ]


def test_vf_silences_the_other_ecg_chains_but_neither_asystole_nor_oxygen(core):
    for code in ("extreme_tachycardia", "spo2_very_low", "asystole", "vf"):
        core.apply(onset(code, 0))
    tick(core, 20)
    assert {a.code for a in core.alarms() if a.sounding} == {"vf", "asystole", "spo2_very_low"}


def test_alarms_of_two_participants_do_not_meet(core):
    core.apply(onset("vf", 0, who="p1"))
    core.apply(onset("tachycardia", 0, who="p2"))
    assert all(alarm.sounding for alarm in core.alarms())


def test_lead_off_holds_new_ecg_alarms_back_until_it_ends(core):
    core.apply(onset("lead_off", 0))
    tick(core, 5)
    assert core.apply(onset("tachycardia", 10)) == []
    assert told(core.apply(offset("lead_off", 0, 30))) == [("lead_off", "ended", 30)]
    assert told(tick(core, 31)) == [("tachycardia", "raised", 30)]
    assert core.counts.suspended == 1


def test_what_ends_while_lead_off_lasts_makes_no_alarm(core):
    core.apply(onset("lead_off", 0))
    tick(core, 5)
    core.apply(onset("vf", 10))
    core.apply(offset("vf", 10, 20))
    core.apply(point("pause", 25))
    assert told(core.apply(offset("lead_off", 0, 30))) == [("lead_off", "ended", 30)]
    assert tick(core, 40) == []


def test_lead_off_neither_clears_a_latched_alarm_nor_touches_other_signals(core):
    core.apply(onset("vf", 0))
    core.apply(onset("lead_off", 1))
    tick(core, 6)
    core.apply(offset("vf", 0, 10))
    core.apply(onset("apnoea", 12))
    assert {a.code for a in core.alarms()} == {"vf", "lead_off", "apnoea"}


def test_lead_off_within_its_delay_or_acknowledged(core):
    core.apply(onset("lead_off", 0))
    assert told(core.apply(onset("tachycardia", 4))) == [("tachycardia", "raised", 4)]
    tick(core, 5)
    core.acknowledge(next(a.id for a in core.alarms() if a.code == "lead_off"), "kim", seconds(8))
    assert core.apply(onset("bradycardia", 9)) == []


def test_lead_off_in_its_refractory_time_still_holds_back(core):
    core.apply(onset("lead_off", 0))
    tick(core, 5)
    core.apply(offset("lead_off", 0, 10))
    core.apply(onset("lead_off", 20))
    tick(core, 25)
    assert core.apply(onset("vf", 30)) == []


ECG = float(list(SIGNALS).index("ecg"))
GLUCOSE = float(list(SIGNALS).index("glucose"))


def test_a_silent_ecg_holds_back_what_began_before_the_silence(core):
    core.apply(onset("device_silent", 10, signal=ECG))
    assert core.apply(onset("asystole", 11, at=8)) == []


def test_a_silence_that_outlasts_the_return_of_the_ecg_holds_nothing_back(core):
    core.apply(onset("device_silent", 10, signal=ECG))
    assert told(core.apply(onset("vf", 40, at=36))) == [("vf", "raised", 40)]


def test_a_silent_glucose_sensor_does_not_touch_the_ecg(core):
    core.apply(onset("device_silent", 10, signal=GLUCOSE))
    assert told(core.apply(onset("asystole", 11, at=8))) == [("asystole", "raised", 11)]


def test_an_acknowledged_alarm_that_persists_is_active_again(core):
    core.apply(onset("vt", 0))
    core.acknowledge(only(core).id, "kim", seconds(10))
    change = tick(core, 1000)[0]
    assert (change.kind, change.t_ns) == ("realarmed", seconds(310))
    assert (change.alarm.state, change.alarm.sounding) == ("active", True)
    assert change.alarm.acknowledged_by == ""
    core.apply(offset("vt", 0, 1100))
    assert only(core).latched


def test_risk_of_self_harm_stays_until_contact_is_documented(core):
    core.apply(point("self_harm_risk", 0, value=1))
    key = only(core).id
    core.acknowledge(key, "kim", seconds(10))
    assert (only(core).state, only(core).latched) == ("acknowledged", True)
    assert told(tick(core, 400)) == [("self_harm_risk", "realarmed", 310)]
    changes = core.acknowledge(key, "lee", seconds(500), documented=True)
    assert [kind for _, kind, _ in told(changes)] == ["acknowledged", "ended"]


def test_acknowledging_twice_or_what_is_not_there_changes_nothing(core):
    core.apply(point("pause", 0))
    key = only(core).id
    core.acknowledge(key, "kim", seconds(1))
    assert core.acknowledge(key, "lee", seconds(2)) == []
    assert core.acknowledge("nothing", "lee", seconds(2)) == []


def test_codes_outside_the_catalogue_are_counted_and_make_no_alarm(core):
    assert core.apply(point("heart_rate_recovery", 0)) == []
    assert core.apply(point("gap", 0)) == []
    assert core.apply(onset("irregular_rhythm", 0)) == []
    assert core.counts.unknown == {"heart_rate_recovery": 1}
    assert core.counts.off == 2


def test_what_comes_late_makes_findings_only_but_an_answer_given_offline_still_sounds(core):
    tick(core, 10_000)
    assert core.apply(onset("vf", 1000)) == []
    assert core.counts.late == 1
    assert core.apply(point("self_harm_risk", 1000, value=1))


def test_a_late_end_still_ends_its_alarm(core):
    core.apply(onset("bradycardia", 0))
    tick(core, 10_000)
    assert told(core.apply(offset("bradycardia", 0, 60))) == [("bradycardia", "ended", 60)]


def test_the_memory_of_told_findings_stays_bounded_and_replays_stay_silent(core):
    for t in range(0, 50_000, 10):
        core.apply(point("pvc_couplet", t))
        tick(core, t)
    state = core.snapshot()
    assert len(state["participants"]["p1"]["seen"]) < 500
    assert core.apply(point("pvc_couplet", 10)) == []
    assert core.apply(point("pvc_couplet", 49_000)) == []


def test_a_snapshot_in_the_middle_changes_nothing(core):
    story = [
        onset("af", 20, at=0), onset("vt", 25), offset("vt", 25, 30), point("pause", 40),
        onset("lead_off", 41), onset("tachycardia", 50, value=float("nan")),
        offset("lead_off", 41, 60), offset("af", 20, 100), onset("vt", 101), onset("vt", 102),
    ]  # fmt: skip
    whole = AlarmCore(POLICY)
    expected = [change for one in story for change in whole.apply(one)] + tick(whole, 9999)
    for cut in range(len(story)):
        first, second = AlarmCore(POLICY), AlarmCore(POLICY)
        changes = [change for one in story[:cut] for change in first.apply(one)]
        second.restore(json.loads(json.dumps(first.snapshot())))
        assert second.alarms() == first.alarms() or cut > 5  # NaN is not equal to itself
        changes += [change for one in story[cut:] for change in second.apply(one)]
        assert repr(changes + tick(second, 9999)) == repr(expected)


def test_a_snapshot_of_another_version_is_refused(core):
    with pytest.raises(ValueError, match="version"):
        core.restore({"version": 99})


def test_open_alarms_of_a_store_are_taken_over(core):
    core.apply(onset("vt", 0))
    core.apply(offset("vt", 0, 5))
    core.apply(onset("bradycardia", 6))
    later = AlarmCore(POLICY)
    changes = later.adopt(core.alarms(), seconds(100))
    assert {c.kind for c in changes} == {"restored"}
    assert [a.code for a in later.alarms() if a.latched] == ["vt"]
    assert told(tick(later, 1000)) == [("bradycardia", "ended", 160)]
    assert later.acknowledge(later.alarms()[0].id, "kim", seconds(1001))[-1].kind == "ended"


def test_an_adopted_alarm_goes_on_when_its_detector_reports_again(core):
    core.apply(onset("bradycardia", 6))
    later = AlarmCore(POLICY)
    later.adopt(core.alarms(), seconds(100))
    later.apply(onset("bradycardia", 130))
    assert tick(later, 1000) == []
    assert only(later).count == 2


def test_a_forgotten_participant_has_no_alarms_and_no_history(core):
    core.apply(onset("vt", 0))
    (change,) = core.forget("p1")
    assert (change.kind, change.alarm.state) == ("ended", "ended")
    assert core.alarms() == []
    assert core.forget("p1") == []
    assert told(core.apply(onset("vt", 0))) == [("vt", "raised", 0)]
