"""What must hold for every story: nothing urgent is silent, ticks and duplicates do not matter."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from alerts.alarm import STATE_KINDS
from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy
from processors.records import NS_PER_S, Finding, finding_id

POLICY = load_policy()
PEOPLE = ("p1", "p2")
LASTING = (
    "vf", "asystole", "vt", "extreme_bradycardia", "bradycardia", "extreme_tachycardia",
    "tachycardia", "af", "spo2_very_low", "spo2_low", "fever", "lead_off", "device_silent",
    "battery_low",
)  # fmt: skip
POINTS = ("pause", "pvc_couplet", "vt_nonsustained", "blood_pressure_crisis", "self_harm_risk",
          "blood_pressure_exercise_stop", "not_in_the_catalogue")  # fmt: skip
HIGH_AND_NEVER_SUSPENDED = (
    "spo2_very_low", "blood_pressure_crisis", "self_harm_risk", "blood_pressure_exercise_stop",
)  # fmt: skip
WAITS = st.sampled_from([0.001, 0.5, 4.0, 11.0, 31.0, 61.0, 130.0, 301.0, 1000.0])


def silent_without_reason(core: AlarmCore) -> list[str]:
    """Name active high alarms that nobody hears and that nothing louder covers."""
    missed = []
    for who in PEOPLE:
        alarms = core.alarms(who)
        heard = [POLICY.rule(alarm.code) for alarm in alarms if alarm.sounding]
        for alarm in alarms:
            rule_ = POLICY.rule(alarm.code)
            outranked = any(h.chain == rule_.chain and h.rank < rule_.rank for h in heard)
            silenced = any(h.overrides and h.signal == rule_.signal for h in heard)
            if (
                alarm.priority == "high" and alarm.state == "active"
                and not (alarm.sounding or outranked or silenced)
            ):  # fmt: skip
                missed.append(alarm.code)
    return missed


class Stories(RuleBasedStateMachine):
    """One core is ticked often, one never, one is saved and restored now and then."""

    @initialize()
    def begin(self):
        self.t_ns = 1_000 * NS_PER_S
        self.ticked = AlarmCore(POLICY)
        self.quiet = AlarmCore(POLICY)
        self.saved = AlarmCore(POLICY)
        self.changes = {"ticked": [], "quiet": [], "saved": []}
        self.standing: dict[tuple[str, str], list[Finding]] = {}
        self.told: list[Finding] = []

    def later(self, wait_s: float) -> int:
        self.t_ns += round(wait_s * NS_PER_S)
        return self.t_ns

    def each(self, call):
        for name in self.changes:
            self.changes[name] += call(getattr(self, name))

    def tell(self, finding: Finding):
        self.told.append(finding)
        self.each(lambda core: core.apply(finding))

    def made(self, who, code, state, onset_ns, *, at_ns, value) -> Finding:
        return Finding(finding_id(who, code, onset_ns), 0, who, code, state, onset_ns,
                       at_ns, self.t_ns, value, {"signal": 0.0})  # fmt: skip

    values = st.sampled_from([3.0, 14.0, 38.5, 39.9, float("nan")])

    @rule(who=st.sampled_from(PEOPLE), code=st.sampled_from(LASTING), wait=WAITS, value=values,
          back=st.sampled_from([0.0, 3.0, 20.0, 40.0]))  # fmt: skip
    def something_begins(self, who, code, wait, value, back):
        t_ns = self.later(wait)
        at_ns = t_ns - round(back * NS_PER_S)
        found = self.made(who, code, "onset", t_ns, at_ns=at_ns, value=value)
        self.standing.setdefault((who, code), []).append(found)
        self.tell(found)

    @rule(pick=st.randoms(use_true_random=False), wait=WAITS)
    def something_ends(self, pick, wait):
        where = [key for key, found in self.standing.items() if found]
        if where:
            who, code = pick.choice(where)
            began = self.standing[who, code].pop(0)
            t_ns = self.later(wait)
            self.tell(self.made(who, code, "offset", began.onset_ns, at_ns=t_ns, value=1.0))

    @rule(pick=st.randoms(use_true_random=False), wait=WAITS, value=values)
    def something_is_amended(self, pick, wait, value):
        standing = [found for several in self.standing.values() for found in several]
        if standing:
            began = pick.choice(standing)
            self.later(wait)
            amended = replace(began, t_ns=self.t_ns, value=value, revision=len(self.told))
            self.tell(amended)

    @rule(who=st.sampled_from(PEOPLE), code=st.sampled_from(POINTS), wait=WAITS, value=values)
    def something_happens(self, who, code, wait, value):
        t_ns = self.later(wait)
        self.tell(self.made(who, code, "point", t_ns, at_ns=t_ns, value=value))

    @rule(pick=st.randoms(use_true_random=False))
    def something_is_told_again(self, pick):
        if self.told:
            again = pick.choice(self.told)
            before = {name: repr(getattr(self, name).alarms()) for name in self.changes}
            self.each(lambda core: core.apply(again))
            assert before == {name: repr(getattr(self, name).alarms()) for name in self.changes}

    @rule(pick=st.randoms(use_true_random=False), wait=WAITS, documented=st.booleans())
    def somebody_acknowledges(self, pick, wait, documented):
        now_ns = self.later(wait)
        alarms = self.ticked.alarms()
        if alarms:
            key = pick.choice(alarms).id
            # Nobody can acknowledge what has not been told yet, so time has passed for all.
            self.each(lambda core: core.tick(now_ns - 1))
            self.each(lambda core: core.acknowledge(key, "kim", now_ns, documented=documented))

    @rule(wait=WAITS, who=st.sampled_from([None, *PEOPLE]), steps=st.integers(1, 4))
    def time_passes(self, wait, who, steps):
        for _ in range(steps):
            self.changes["ticked"] += self.ticked.tick(self.later(wait / steps), who)

    @rule()
    def the_process_restarts(self):
        plain = json.loads(json.dumps(self.saved.snapshot()))
        self.saved = AlarmCore(POLICY)
        self.saved.restore(plain)

    @invariant()
    def no_urgent_alarm_is_silent_without_a_reason(self):
        for core in (self.ticked, self.quiet, self.saved):
            assert not silent_without_reason(core)

    @invariant()
    def only_active_alarms_sound(self):
        for alarm in self.ticked.alarms():
            assert not alarm.sounding or alarm.state == "active"
            assert alarm.state != "ended"

    def teardown(self):
        if not hasattr(self, "changes"):
            return
        end_ns = self.later(10_000.0)
        for name in self.changes:
            self.changes[name] += getattr(self, name).tick(end_ns)
        for who in PEOPLE:
            story = {
                name: [repr(c) for c in changes if c.alarm.participant == who]
                for name, changes in self.changes.items()
            }
            assert story["ticked"] == story["quiet"] == story["saved"]
        self.states_follow_each_other()
        self.no_high_finding_is_lost()

    def states_follow_each_other(self):
        before = {
            "raised": {None},
            "realarmed": {"acknowledged"},
            "acknowledged": {"active"},
            "ended": {"active", "acknowledged"},
        }
        states: dict[str, str] = {}
        for change in self.changes["ticked"]:
            if change.kind in STATE_KINDS:
                assert states.get(change.alarm.id) in before[change.kind]
                states[change.alarm.id] = change.alarm.state

    def no_high_finding_is_lost(self):
        """Whoever was in danger belongs to an alarm, be it raised late or told as a repetition."""
        latest = {change.alarm.id: change.alarm for change in self.changes["ticked"]}
        ends = {found.id: found.t_ns for found in self.told if found.state == "offset"}
        for who in PEOPLE:
            for code in HIGH_AND_NEVER_SUSPENDED:
                delay_ns = POLICY.rule(code).delay_ns
                due = {
                    found.id
                    for found in self.told
                    if (found.participant, found.code) == (who, code)
                    and found.state != "offset"
                    and (
                        found.state == "point"
                        or ends.get(found.id, self.t_ns) > found.onset_ns + delay_ns
                    )
                }
                alarms = [a for a in latest.values() if (a.participant, a.code) == (who, code)]
                assert sum(alarm.count for alarm in alarms) >= len(due)


Stories.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
test_every_story = Stories.TestCase
