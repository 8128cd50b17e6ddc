"""Escalation: whom an alarm reaches, and when the next one (CLINICAL 4, "Escalation")."""

from __future__ import annotations

import math
from dataclasses import replace

from alerts.alarm import ACTIVE
from alerts.inactivation import WITHHOLDING
from alerts.policy import Policy
from alerts.rule import Rule
from alerts.track import NEVER_NS, Track
from alerts.who import Who
from processors.records import NS_PER_S


class Ladder:
    """The steps of escalation of one participant.

    Step 0 is reached when the alarm is raised. An active alarm goes on to the next step that has
    somebody, the first time after `Escalation.first_s`, then every `Escalation.every_s`, and stops
    at the last: there is nobody left to reach.
    """

    def __init__(self, policy: Policy, who: Who) -> None:
        self._policy = policy
        self._who = who

    def reach(
        self, rule: Rule, priority: str, step: int, now_ns: int
    ) -> tuple[int, tuple[str, ...]]:
        """Give the first step from `step` on with somebody, and whom; -1 and nobody: none."""
        steps = self._policy.recipients(rule, priority, self._who.person, now_ns)
        for at in range(step, len(steps)):
            if steps[at]:
                return at, steps[at]
        return -1, ()

    def climb(self, track: Track, now_ns: int) -> bool:
        """Reach the next recipient of an open alarm; False when there is none."""
        alarm = track.opened
        track.escalate_ns = NEVER_NS
        step, names = self.reach(track.rule, alarm.priority, alarm.step + 1, now_ns)
        if step < 0:
            return False
        more = tuple(name for name in names if name not in alarm.reached)
        track.alarm = replace(alarm, step=step, reached=alarm.reached + more)
        self.wait(track, now_ns, first=False)
        return True

    def wait(self, track: Track, now_ns: int, *, first: bool) -> None:
        """Set the time of the next step, where there is one and the alarm is not kept back."""
        alarm = track.opened
        track.escalate_ns = NEVER_NS
        times = self._policy.escalations.get(alarm.priority)
        if times is None or alarm.state != ACTIVE:
            return
        if alarm.inactivation is not None and alarm.inactivation.kind in WITHHOLDING:
            return
        wait_s = times.first_s if first else times.every_s
        if not math.isfinite(wait_s):
            return
        steps = self._policy.recipients(track.rule, alarm.priority, self._who.person, now_ns)
        if alarm.step + 1 < len(steps):
            track.escalate_ns = now_ns + round(wait_s * NS_PER_S)

    def remind(self, track: Track, now_ns: int) -> None:
        """Set the time at which an acknowledged alarm that is not over is active again."""
        times = self._policy.escalations.get(track.opened.priority)
        if times is not None and math.isfinite(times.realarm_s):
            track.realarm_ns = now_ns + round(times.realarm_s * NS_PER_S)
