"""From findings to alarms: a pure state machine, with time passed in.

What is known of one participant is an `alerts.watch.Watch`; the transitions are those of
`alerts.strand.Strand`. Here is what stands around them: duplicates, lateness, what persons do; and
in `alerts.book` who there is, and state that survives a restart.

Time. Strands (`Rule.strand`) are the codes that compete for being heard; each goes through time by
itself. `apply` first lets the deadlines of its strand pass that lie strictly before its time;
`tick` and `tick_known` let those at or before a time pass, and say that all findings of these
strands known up to then have been applied. How often they are called changes nothing. A change is
stamped with its deadline; the changes of one strand of one participant are in the order of time.

Decisions that CLINICAL 4 leaves open:

* A point finding that does not latch stays for `Rule.hold_ns`, or until it is acknowledged.
* A finding of a code whose alarm is open belongs to that alarm at once (``repeated``).
* The refractory time runs from the end of the condition, not from the acknowledgement: nobody who
  has just acknowledged a latched alarm is deaf to the next one. A finding in it is counted on the
  ended alarm (``suppressed``) and raises an alarm at its end if it still stands, or, of high
  priority, even if it does not. One that is worse than the ended alarm is not held back.
* Acknowledged and inactivated alarms do not silence others: only what is heard competes in a chain.
* vf and asystole do not silence each other.
* What lead_off or device_silent hold back raises an alarm when they end, if it still stands; so
  does what ``alarm_paused`` and ``alarm_off`` hold back.
* An acknowledged alarm that sounds again (`Escalation.realarm_s`) is active again, same id, and
  escalates from the start.
* An alarm that is outranked escalates all the same: whoever is reached may be the one who knows.
* Inactivation of a place covers those who are there at that moment, not who comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from alerts.alarm import AlarmChange
from alerts.audit import Audit
from alerts.book import AlarmBook
from alerts.inactivation import Inactivation, inactivation_id
from alerts.policy import Policy
from alerts.track import NEVER_NS
from processors.errors import SettingError
from processors.records import Finding


class AlarmCore(AlarmBook):
    """The alarms of all participants: findings, time and persons are what moves them."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self._audits: list[Audit] = []

    def apply(self, finding: Finding) -> list[AlarmChange]:
        """Take one finding; deadlines of its strand that lie before it pass first.

        A finding told before (same id, state and revision, or an earlier one of these) changes
        nothing. Codes that are not in the catalogue are counted and make no alarm.
        """
        rule = self.policy.rules.get(finding.code)
        if rule is None:
            self.counts.unknown[finding.code] = self.counts.unknown.get(finding.code, 0) + 1
            return []
        if rule.silent:
            self.counts.off += 1
            return []
        watch = self._watch(finding.participant)
        before = watch.seen.get(finding.id)
        told = stage(finding)
        if before is not None and told <= before[0]:
            self.counts.duplicate += 1
            return []
        # What may come late is remembered for good: a replay of it must not sound again.
        watch.seen[finding.id] = (told, NEVER_NS if rule.sounds_late else finding.t_ns)
        watch.changed = True
        if len(watch.seen) > watch.prune_at:
            watch.prune(self._horizon(watch))
        # An amendment of what has been forgotten is as late as what it amends.
        known_ns = finding.onset_ns if finding.revision else finding.t_ns
        late = known_ns < self._horizon(watch) - self.policy.late_after_ns
        if late and before is None and not rule.sounds_late:
            self.counts.late += 1
            return []
        return self._book(watch.take(rule, finding, first=before is None))

    def tick(self, now_ns: int, participant: str | None = None) -> list[AlarmChange]:
        """Let deadlines at or before `now_ns` pass, for one participant or for all.

        It says that all findings known up to `now_ns` have been applied.
        """
        changes: list[AlarmChange] = []
        if participant is None:
            self._horizon_ns = max(self._horizon_ns, now_ns)
            for watch in self._watches.values():
                if watch.next_ns <= now_ns:
                    changes += watch.advance(now_ns)
        else:
            one = self._watch(participant)
            one.horizon_ns = max(one.horizon_ns, now_ns)
            if one.next_ns <= now_ns:
                changes = one.advance(now_ns)
        return self._book(changes)

    def tick_known(
        self, participant: str, now_ns: int, known_ns: Callable[[str], int]
    ) -> list[AlarmChange]:
        """Let deadlines pass, each strand as far as its findings are known.

        Parameters
        ----------
        now_ns
            The participant's clock: no strand is known further.
        known_ns
            Gives for a strand up to when all findings have been applied that can still change its
            alarms (`Policy.waits` says whose those are).
        """
        watch = self._watch(participant)
        watch.horizon_ns = max(watch.horizon_ns, now_ns)
        if watch.next_ns > now_ns:
            return []
        changes: list[AlarmChange] = []
        for name, strand in watch.strands.items():
            if strand.next_ns <= now_ns:
                changes += watch.advance(min(known_ns(name), now_ns), name)
        return self._book(changes)

    def tick_unseen(self, participant: str, now_ns: int) -> list[AlarmChange]:
        """Let deadlines pass of somebody of whom nothing has come since the start.

        It says nothing of what is known: their device may have a clock of its own.
        """
        watch = self._watch(participant)
        return self._book(watch.advance(now_ns)) if watch.next_ns <= now_ns else []

    def acknowledge(
        self,
        alarm_id: str,
        by: str,
        now_ns: int,
        *,
        documented: bool = False,
        useful: bool | None = None,
    ) -> list[AlarmChange]:
        """Note that a person has seen an alarm; one whose condition is over ends.

        Parameters
        ----------
        documented
            The person has also documented contact, which lets go what only that lets go
            (``self_harm_risk``).
        useful
            What they say of it; None for nothing.

        Returns
        -------
        list of AlarmChange
            Nothing for an alarm that is not known or not open any more.
        """
        if alarm_id not in self._where:
            return []
        participant, code = self._where[alarm_id]
        watch = self._watches[participant]
        changes = self._book(watch.advance(now_ns - 1, self.policy.rules[code].strand))
        if alarm_id in self._where:
            details = {"alarm": alarm_id, "documented": _word(documented), "useful": _word(useful)}
            self._audit(now_ns, by, "acknowledged", participant, code, "", **details)
            changes += self._book(
                watch.acknowledge(code, by, now_ns, documented=documented, useful=useful)
            )
        return changes

    def inactivate(
        self,
        kind: str,
        *,
        participant: str = "",
        code: str = "",
        alarm_id: str = "",
        place: str = "",
        seconds: float,
        reason: str,
        by: str,
        now_ns: int,
    ) -> list[AlarmChange]:
        """Make alarms quiet for a while: one alarm, a participant, or one code of a participant.

        Parameters
        ----------
        kind
            One of `alerts.inactivation.INACTIVATIONS`.
        place
            Whom it was meant for, where that is a group or place; each of its people is told alone,
            for each has a clock of their own (`members`).

        Raises
        ------
        SettingError
            No reason or person, an unknown kind or code, or longer than the policy allows.
        LookupError
            No such alarm is open.
        """
        until_ns = now_ns + self.policy.inactivation_ns(kind, seconds)
        if not (reason.strip() and by.strip()):
            raise SettingError(kind, "expected a reason and a person")
        if code:
            self.policy.rule(code)
        if alarm_id:
            if alarm_id not in self._where:
                raise LookupError(f"alarm {alarm_id} is not open")
            participant, code = self._where[alarm_id]
        if not participant:
            raise SettingError(kind, "expected a participant or an open alarm")
        key = inactivation_id(kind, participant, code, alarm_id, place, now_ns)
        inactivation = Inactivation(
            key, kind, participant, code, alarm_id, place, reason, by, now_ns, until_ns
        )
        details = {"id": key, "alarm": alarm_id, "place": place, "until_ns": str(until_ns)}
        self._audit(now_ns, by, kind, participant, code, reason, **details)
        return self._book(self._watch(participant).inactivate(inactivation))

    def reactivate(self, key: str, by: str, now_ns: int, reason: str = "") -> list[AlarmChange]:
        """End an inactivation before its time; what still stands is then looked at again."""
        for participant, watch in self._watches.items():
            one = watch.holds.inactivations.get(key)
            if one is not None and now_ns < one.until_ns:
                details = {"id": key, "kind": one.kind}
                self._audit(now_ns, by, "reactivated", participant, one.code, reason, **details)
                return self._book(watch.reactivate(key, now_ns))
        return []

    def check_limits(self, participant: str, changes: Mapping[str, float | None]) -> None:
        """Raise what `set_limits` would raise of these changes; nothing is changed."""
        self.policy.limits.changed(self._watch(participant).who, changes)

    def set_limits(
        self, participant: str, changes: Mapping[str, float | None], by: str, reason: str,
        now_ns: int,
    ) -> dict[str, float]:  # fmt: skip
        """Change limits of one participant, None: back to those of the policy; give all of them.

        Detectors have to be told; open alarms keep the limits they were raised by.

        Raises
        ------
        SettingError
            No reason or person, an unknown name, or limits that contradict each other.
        """
        if not (reason.strip() and by.strip()):
            raise SettingError("limits", "expected a reason and a person")
        watch = self._watch(participant)
        before = self.policy.limits.of(watch.who)
        own = self.policy.limits.changed(watch.who, changes)
        watch.who.limits, watch.changed = own, True
        after = self.policy.limits.of(watch.who)
        details = {name: f"{before[name]:g} -> {after[name]:g}" for name in changes}
        self._audit(now_ns, by, "limits", participant, "", reason, **details)
        return after

    def take_audits(self) -> list[Audit]:
        """Give what persons have done since this was last asked."""
        audits, self._audits = self._audits, []
        return audits

    def _audit(
        self, t_ns: int, by: str, action: str, participant: str, code: str, reason: str,
        **details: str,
    ) -> None:  # fmt: skip
        known = {name: value for name, value in details.items() if value}
        self._audits.append(Audit(t_ns, by, action, participant, code, reason, known))


def stage(finding: Finding) -> int:
    """Give how far a finding has been told: any offset or point after any onset, then revisions."""
    return ((finding.state != "onset") << 32) + finding.revision


def _word(answer: bool | None) -> str:
    return {None: "", True: "yes", False: "no"}[answer]
