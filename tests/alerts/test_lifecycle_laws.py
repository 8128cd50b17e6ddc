"""What must hold for every story: nothing urgent is silent, ticks and duplicates do not matter."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from alerts.alarm import STATE_KINDS, AlarmState
from alerts.inactivation import INACTIVATIONS
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
                and not (alarm.sounding or alarm.inactivation or outranked or silenced)
            ):  # fmt: skip
                missed.append(alarm.code)
    return missed


class Stories(RuleBasedStateMachine):
    """One core is ticked often, one never, one saved and restored, one restarts with all else."""

    @initialize()
    def begin(self):
        self.t_ns = 1_000 * NS_PER_S
        self.ticked = AlarmCore(POLICY)
        self.quiet = AlarmCore(POLICY)
        self.saved = AlarmCore(POLICY)
        self.restarted = AlarmCore(POLICY)
        self.kept: dict[str, AlarmState] = {}
        self.changes = {"ticked": [], "quiet": [], "saved": [], "restarted": []}
        self.quieted = False  # what a person holds back is told only if it still stands
        self.standing: dict[tuple[str, str], list[Finding]] = {}
        self.told: list[Finding] = []

    def later(self, wait_s: float) -> int:
        self.t_ns += round(wait_s * NS_PER_S)
        return self.t_ns

    def each(self, call):
        for name in self.changes:
            self.changes[name] += call(getattr(self, name))
        self.keep()

    def keep(self):
        """Store what a restart needs, at every step."""
        for state in self.restarted.changed_states():
            self.kept[state.participant] = json.loads(json.dumps(state.plain))

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
            key = pick.choice(sorted(alarm.id for alarm in alarms))
            # Nobody can acknowledge what has not been told yet, so time has passed for all.
            self.each(lambda core: core.tick(now_ns - 1))
            self.each(lambda core: core.acknowledge(key, "kim", now_ns, documented=documented))

    @rule(
        pick=st.randoms(use_true_random=False), wait=WAITS, who=st.sampled_from(PEOPLE),
        kind=st.sampled_from(INACTIVATIONS), share=st.sampled_from([0.01, 0.3, 1.0]),
        code=st.sampled_from(["", "", *LASTING]), one=st.booleans(),
    )  # fmt: skip
    def somebody_makes_alarms_quiet(self, pick, wait, who, kind, share, code, one):
        now_ns = self.later(wait)
        self.quieted = True
        how = {"seconds": POLICY.longest_s[kind] * share, "reason": "care", "by": "kim"}
        self.each(lambda core: core.tick(now_ns - 1))
        alarms = sorted(alarm.id for alarm in self.ticked.alarms())
        if one and alarms:
            key = pick.choice(alarms)
            self.each(
                lambda core: (
                    core.inactivate(kind, alarm_id=key, now_ns=now_ns, **how)
                    if core.alarm(key)
                    else []
                )
            )
            return
        self.each(
            lambda core: core.inactivate(kind, participant=who, code=code, now_ns=now_ns, **how)
        )

    @rule(pick=st.randoms(use_true_random=False), wait=WAITS, who=st.sampled_from(PEOPLE))
    def somebody_ends_that_early(self, pick, wait, who):
        now_ns = self.later(wait)
        acts = self.ticked.inactivations(who, now_ns)
        if acts:
            key = pick.choice(acts).id
            self.each(lambda core: core.tick(now_ns - 1))
            self.each(lambda core: core.reactivate(key, "kim", now_ns))

    @rule(wait=WAITS, who=st.sampled_from([None, *PEOPLE]), steps=st.integers(1, 4))
    def time_passes(self, wait, who, steps):
        for _ in range(steps):
            self.changes["ticked"] += self.ticked.tick(self.later(wait / steps), who)

    @rule(wait=WAITS, who=st.sampled_from(PEOPLE), behind=st.sampled_from([0.5, 3.0, 40.0]))
    def some_strands_are_behind(self, wait, who, behind):
        now_ns = self.later(wait)
        late_ns = now_ns - round(behind * NS_PER_S)
        self.changes["ticked"] += self.ticked.tick_known(
            who, now_ns, lambda strand: late_ns if strand == "all of ecg" else now_ns
        )

    @rule()
    def the_process_restarts(self):
        plain = json.loads(json.dumps(self.saved.snapshot()))
        self.saved = AlarmCore(POLICY)
        self.saved.restore(plain)

    @rule(wait=WAITS)
    def everything_restarts(self, wait):
        """Detectors too: what stood is found anew, under another identity."""
        now_ns = self.later(wait)
        before = {alarm.id: alarm for alarm in self.restarted.alarms()}
        self.restarted = AlarmCore(POLICY)
        states = [AlarmState(who, 0, plain) for who, plain in self.kept.items()]
        changes = self.restarted.restore_states(states, now_ns)
        self.changes["restarted"] += changes
        self.keep()
        told = {change.alarm.id: change.kind for change in changes}
        assert all(told.get(key) in {"restored", "ended"} for key in before)
        assert all(self.restarted.alarm(key) for key, alarm in before.items() if alarm.latched)

    @invariant()
    def no_urgent_alarm_is_silent_without_a_reason(self):
        for name in self.changes:
            assert not silent_without_reason(getattr(self, name))

    @invariant()
    def what_is_quiet_says_who_and_until_when(self):
        for name in self.changes:
            for alarm in getattr(self, name).alarms():
                act = alarm.inactivation
                assert not (act and alarm.sounding)
                assert not act or (act.by and act.reason and act.from_ns < act.until_ns)

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
            for strand in POLICY.waits:
                story = {
                    name: [
                        (change.kind, change.t_ns, repr(change.alarm))
                        for change in changes
                        if change.alarm.participant == who
                        and POLICY.rule(change.alarm.code).strand == strand
                    ]
                    for name, changes in self.changes.items()
                }
                assert story["ticked"] == story["quiet"] == story["saved"]
                times = [t_ns for _, t_ns, _ in story["ticked"]]
                assert times == sorted(times)
        for name in self.changes:
            self.states_follow_each_other(name)
        self.latched_alarms_end_by_a_person_only()
        if not self.quieted:
            self.no_high_finding_is_lost()

    def latched_alarms_end_by_a_person_only(self):
        for name, changes in self.changes.items():
            latched: set[str] = set()
            for change in changes:
                if change.kind == "ended":
                    assert change.alarm.id not in latched or change.alarm.acknowledged_by, name
                if change.alarm.latched:
                    latched.add(change.alarm.id)
                else:
                    latched.discard(change.alarm.id)

    def states_follow_each_other(self, name):
        before = {
            "raised": {None},
            "realarmed": {"acknowledged"},
            "acknowledged": {"active"},
            "ended": {"active", "acknowledged"},
        }
        states: dict[str, str] = {}
        for change in self.changes[name]:
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
    max_examples=80,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
test_every_story = Stories.TestCase
