"""The live core, turned by hand: what it tells, keeps and acknowledges."""

from __future__ import annotations

import numpy as np
import pytest

from alerts.alarm import AlarmChange, AlarmState
from alerts.audit import Audit
from alerts.policy import load_policy
from processors.detectors.oxygen_limits import OxygenLimits
from processors.errors import SettingError
from processors.features.oxygen import Oxygen
from processors.records import NS_PER_S, Block, Chunk, pack
from registry.participants import Participant
from streams.live import LiveCore, Told
from streams.thinning import Thinner
from tests.scenes import even_bounds, scene, steps


def play(core: LiveCore, length_s: float) -> list[Told]:
    return [
        core.step(until_ns, rows) for until_ns, rows in steps(scene(), even_bounds(200, length_s))
    ]


def scalar(signal: str, value: float, t_s: float, variant: str = "") -> Block:
    t_ns = np.array([round(t_s * NS_PER_S)], np.int64)
    samples = np.array([[value]], np.float32)
    return pack([Chunk("kim", "d", signal, int(t_ns[0]), samples, seq=int(t_s), variant=variant,
                       t_ns=t_ns)])  # fmt: skip


def test_features_are_told_each_time_and_kept_every_five_seconds() -> None:
    told = play(LiveCore(load_policy(), thinner=Thinner()), 30)
    rates = [r for t in told for r in t.features if r.name == "heart_rate"]
    kept = [r for t in told for r in t.kept if r.name == "heart_rate" and r.kind == "features"]
    of = "calm"
    n_told = sum(list(r.participants).count(of) for r in rates)
    n_kept = sum(list(r.participants).count(of) for r in kept)
    assert n_told > 20
    assert n_told / 7 < n_kept <= n_told / 4
    # The device's own heart rate has the same name and is kept beside it.
    scalars = [r for t in told for r in t.kept if r.name == "heart_rate" and r.kind == "scalars"]
    assert sum(list(r.participants).count(of) for r in scalars) >= 5


def test_a_spot_value_is_kept_each_time() -> None:
    core = LiveCore(load_policy(), thinner=Thinner())
    rows = [core.step((k + 1) * NS_PER_S, [scalar("spo2", 97, k, "spot")]) for k in range(3)]
    assert [r.name for t in rows for r in t.kept] == ["spo2.spot"] * 3


def test_rows_that_cannot_be_used_stop_nothing() -> None:
    core = LiveCore(load_policy(), thinner=Thinner())
    bad = scalar("no_such_signal", 1, 0)
    told = core.step(NS_PER_S, [bad, scalar("spo2", 97, 0), scalar("spo2", 97, 0, "sideways")])
    assert told.kept == ()  # it waits for the next
    assert [r.name for r in core.end().kept] == ["spo2"]
    assert core.end().kept == ()


def test_an_acknowledgement_lets_no_deadline_pass_that_data_to_come_may_lift() -> None:
    """The person's clock may be a minute ahead of an engine that is behind."""
    core = LiveCore(load_policy())
    alarms = [change.alarm for told in play(core, 40) for change in told.alarms]
    open_alarm = next(core.alarms.alarm(a.id) for a in alarms if core.alarms.alarm(a.id))
    assert open_alarm is not None
    changes = core.acknowledge(open_alarm.id, "kim")
    assert changes[0].alarm.state == "acknowledged"
    assert {change.alarm.id for change in changes} == {open_alarm.id}
    assert changes[0].t_ns <= 40 * NS_PER_S


def test_an_alarm_that_is_over_cannot_be_acknowledged() -> None:
    assert LiveCore(load_policy()).acknowledge("nothing", "kim") == []


def test_alarms_left_open_are_taken_over() -> None:
    first = LiveCore(load_policy())
    play(first, 40)
    left = first.alarms.alarms()
    assert left
    second = LiveCore(load_policy())
    second.adopt(left, 40 * NS_PER_S)
    assert {a.id for a in second.alarms.alarms()} <= {a.id for a in left}


def oxygen(core: LiveCore, *percent: float, first_s: int = 1) -> list[AlarmChange]:
    """One value a second of somebody; gives what alarms did."""
    return [
        change
        for second, value in enumerate(percent, first_s)
        for change in core.step(second * NS_PER_S, [scalar("spo2", value, second)]).alarms
    ]


def quiet_core(*people: Participant) -> LiveCore:
    core = LiveCore(load_policy(), [Oxygen(), OxygenLimits()])
    core.enrol(people, 0)
    return core


def test_limits_that_a_person_changes_hold_from_the_next_step_on() -> None:
    core = quiet_core(Participant("kim", spo2_low=92.0))
    low = [c.alarm for c in oxygen(core, *[91.0] * 30) if c.kind == "raised"]
    assert [(a.code, a.limits["spo2_low"], a.evidence["limit"]) for a in low] == [
        ("spo2_low", 92.0, 92.0)
    ]
    core.set_limits({"spo2_low": 88.0}, by="lee", reason="COPD", participant="kim")
    changes = oxygen(core, *[91.0] * 60, first_s=31)
    assert [change.kind for change in changes] == ["ended"]
    state, audit = core.take_records()
    assert isinstance(state, AlarmState)
    assert isinstance(audit, Audit)
    assert state.plain["limits"] == {"spo2_low": 88.0}
    assert (audit.person, audit.action, audit.details) == (
        "lee", "limits", {"spo2_low": "92 -> 88"},
    )  # fmt: skip


def test_limits_that_contradict_each_other_change_nobody() -> None:
    core = quiet_core(Participant("kim", group="hike"), Participant("lee", group="hike"))
    with pytest.raises(SettingError, match="expected at most"):
        core.set_limits({"spo2_low": 80.0}, by="lee", reason="test", place="hike")
    assert core.alarms.limits("kim")["spo2_low"] == 90.0
    core.set_limits({"spo2_low": 88.0}, by="lee", reason="altitude", place="hike")
    assert [core.alarms.limits(who)["spo2_low"] for who in ("kim", "lee")] == [88.0, 88.0]


def test_an_alarm_of_a_place_is_quiet_until_somebody_ends_it_and_can_be_explained() -> None:
    core = quiet_core(Participant("kim", place="hill"), Participant("lee", place="hill"))
    (raised,) = oxygen(core, *[86.0] * 30)
    how = {"seconds": 600.0, "reason": "washing", "by": "lee"}
    (change,) = core.inactivate("audio_off", place="hill", **how)
    assert (change.kind, change.alarm.sounding) == ("inactivated", False)
    explanation = core.explain(raised.alarm.id)
    assert explanation is not None
    assert any("audio off" in line for line in explanation.english())
    act = change.alarm.inactivation
    assert act is not None
    assert act.place == "hill"
    assert [c.kind for c in core.reactivate(act.id, "kim")] == ["reactivated"]
    assert core.reactivate(act.id, "kim") == []
    assert core.explain("nothing") is None
    with pytest.raises(SettingError, match="nobody is enrolled"):
        core.inactivate("audio_off", place="valley", **how)


def test_an_acknowledgement_may_say_whether_the_alarm_was_useful() -> None:
    core = quiet_core(Participant("kim"))
    (raised,) = oxygen(core, *[86.0] * 30)
    changes = core.acknowledge(raised.alarm.id, "lee", useful=False)
    assert [(c.kind, c.alarm.useful) for c in changes] == [("acknowledged", False)]


def test_states_go_on_in_another_core_with_the_own_limits() -> None:
    first = quiet_core(Participant("kim"))
    first.set_limits({"spo2_low": 95.0}, by="lee", reason="test", participant="kim")
    left = [c.alarm.id for c in oxygen(first, *[94.0] * 30)]
    second = LiveCore(load_policy(), [Oxygen(), OxygenLimits()])
    second.enrol([Participant("kim")], 0)
    changes = second.restore_states(first.alarms.changed_states(), 31 * NS_PER_S)
    assert [(c.kind, c.alarm.id) for c in changes] == [("restored", left[0])]
    again = oxygen(second, *[94.0] * 90, first_s=31)
    assert [c.kind for c in again] == ["repeated"]


def test_alarms_of_a_device_that_does_not_come_back_go_on_by_the_time_of_the_others() -> None:
    first = quiet_core(Participant("kim"))
    oxygen(first, *[86.0] * 30)
    second = quiet_core(Participant("kim"))
    second.restore_states(first.alarms.changed_states(), 31 * NS_PER_S)
    kinds = [c.kind for s in range(32, 600, 10) for c in second.step(s * NS_PER_S, []).alarms]
    assert kinds == ["ended"]
    # Its clock may be hours behind: what it finds is not late for that.
    late = [c.kind for c in oxygen(second, *[83.0] * 30, first_s=100)]
    assert "raised" in late
