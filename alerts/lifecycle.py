"""From findings to alarms: a pure state machine, with time passed in.

The engine of this file is `alerts.watch.Watch`, one for each participant; here is what stands
around it: who, duplicates, lateness, and state that survives a restart.

Time. `apply` and `acknowledge` first let all deadlines pass that lie strictly before their time;
`tick` lets those at or before its time pass, and says that all findings known up to then have been
applied. How often it is called changes nothing. A change is stamped with its deadline.

Decisions that CLINICAL 4 leaves open:

* A point finding that does not latch stays for `Rule.hold_ns`, or until it is acknowledged.
* A finding of a code whose alarm is open belongs to that alarm at once (``repeated``).
* The refractory time runs from the end of the condition, not from the acknowledgement: nobody who
  has just acknowledged a latched alarm is deaf to the next one. A finding in it is counted on the
  ended alarm (``suppressed``) and raises an alarm at its end if it still stands, or, of high
  priority, even if it does not. One that is worse than the ended alarm is not held back.
* Acknowledged alarms do not silence others: only active ones compete in a chain.
* vf and asystole do not silence each other.
* What lead_off or device_silent hold back raises an alarm when they end, if it still stands.
* An acknowledged alarm that sounds again (`Escalation.realarm_s`) is active again, same id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from alerts.alarm import ENDED, Alarm, AlarmChange
from alerts.counts import Counts
from alerts.policy import Policy
from alerts.track import NEVER_NS, track_from_plain
from alerts.watch import Watch
from processors.records import Finding

_VERSION = 1


class AlarmCore:
    """The alarms of all participants.

    Attributes
    ----------
    counts
        Findings that made no alarm, by the reason.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.counts = Counts()
        self._watches: dict[str, Watch] = {}
        self._where: dict[str, tuple[str, str]] = {}  # open alarm -> participant, code
        self._horizon_ns = -NEVER_NS

    def apply(self, finding: Finding) -> list[AlarmChange]:
        """Take one finding; deadlines of its participant that lie before it pass first.

        A finding told before (same id, state and revision, or an earlier one of these) changes
        nothing. Codes that are not in the catalogue are counted and make no alarm.
        """
        rule = self.policy.rules.get(finding.code)
        if rule is None:
            self.counts.unknown[finding.code] = self.counts.unknown.get(finding.code, 0) + 1
            return []
        if rule.log_only or not rule.enabled:
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
        if len(watch.seen) > watch.prune_at:
            self._prune(watch)
        late = finding.t_ns < self._horizon(watch) - self.policy.late_after_ns
        if late and before is None and not rule.sounds_late:
            self.counts.late += 1
            return []
        changes = watch.advance(finding.t_ns - 1) if watch.next_ns < finding.t_ns else []
        changes += watch.take(rule, finding, first=before is None)
        return self._book(changes)

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

    def acknowledge(
        self, alarm_id: str, by: str, now_ns: int, *, documented: bool = False
    ) -> list[AlarmChange]:
        """Note that a person has seen an alarm; one whose condition is over ends.

        Parameters
        ----------
        documented
            The person has also documented contact, which lets go what only that lets go
            (``self_harm_risk``).

        Returns
        -------
        list of AlarmChange
            Nothing for an alarm that is not known or not open any more.
        """
        if alarm_id not in self._where:
            return []
        participant, code = self._where[alarm_id]
        watch = self._watches[participant]
        changes = self._book(watch.advance(now_ns - 1))
        if alarm_id in self._where:
            changes += self._book(watch.acknowledge(code, by, now_ns, documented=documented))
        return changes

    def alarm(self, alarm_id: str) -> Alarm | None:
        """Give an open alarm by its id; None when there is none."""
        if alarm_id not in self._where:
            return None
        participant, _ = self._where[alarm_id]
        return next(a for a in self._watches[participant].alarms() if a.id == alarm_id)

    def alarms(self, participant: str | None = None) -> list[Alarm]:
        """Give the open alarms of one participant, or of all."""
        if participant is None:
            return [alarm for watch in self._watches.values() for alarm in watch.alarms()]
        watch = self._watches.get(participant)
        return [] if watch is None else watch.alarms()

    def forget(self, participant: str) -> list[AlarmChange]:
        """Drop all that is known of a participant; open alarms end, at the time of their state."""
        watch = self._watches.pop(participant, None)
        if watch is None:
            return []
        gone = [
            replace(alarm, state=ENDED, latched=False, sounding=False) for alarm in watch.alarms()
        ]
        return self._book([AlarmChange("ended", alarm.t_ns, alarm) for alarm in gone])

    def snapshot(self) -> dict[str, Any]:
        """Give the state as strings, numbers, lists and dicts; `counts` is not part of it."""
        return {
            "version": _VERSION,
            "horizon_ns": self._horizon_ns,
            "participants": {
                participant: {
                    "horizon_ns": watch.horizon_ns,
                    "seen": {key: list(told) for key, told in watch.seen.items()},
                    "tracks": {code: track.to_plain() for code, track in watch.tracks.items()},
                }
                for participant, watch in self._watches.items()
            },
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Replace the state by a snapshot; codes that the policy has no longer are dropped.

        Raises
        ------
        ValueError
            A snapshot of another version.
        """
        if state.get("version") != _VERSION:
            raise ValueError(
                f"alarm snapshot: expected version {_VERSION}, found {state.get('version')}"
            )
        self._watches, self._where = {}, {}
        self._horizon_ns = state["horizon_ns"]
        for participant, plain in state["participants"].items():
            watch = self._watch(participant)
            watch.horizon_ns = plain["horizon_ns"]
            watch.seen = {key: (told, t_ns) for key, (told, t_ns) in plain["seen"].items()}
            watch.tracks = {
                code: track_from_plain(self.policy.rules[code], track)
                for code, track in plain["tracks"].items()
                if code in self.policy.rules
            }
            watch.settle(watch.horizon_ns)
            self._where.update({a.id: (participant, a.code) for a in watch.alarms()})

    def adopt(self, alarms: Iterable[Alarm], now_ns: int) -> list[AlarmChange]:
        """Take over open alarms from a store after a restart without a snapshot.

        Their findings are not known any more: what does not latch ends after `Rule.hold_ns` unless
        its detector reports again. Alarms of codes that the policy has no longer end.
        """
        changes: list[AlarmChange] = []
        watches: dict[str, Watch] = {}
        for alarm in alarms:
            rule = self.policy.rules.get(alarm.code)
            if rule is None:
                gone = replace(alarm, state=ENDED, latched=False, sounding=False, t_ns=now_ns)
                changes.append(AlarmChange("ended", now_ns, gone))
                continue
            watch = watches.setdefault(alarm.participant, self._watch(alarm.participant))
            watch.adopt(alarm, rule, now_ns)
        for watch in watches.values():
            changes += watch.settle(now_ns)
        return self._book(changes)

    def _watch(self, participant: str) -> Watch:
        watch = self._watches.get(participant)
        if watch is None:
            watch = self._watches[participant] = Watch(self.policy, self.counts)
        return watch

    def _horizon(self, watch: Watch) -> int:
        return max(self._horizon_ns, watch.horizon_ns)

    def _book(self, changes: list[AlarmChange]) -> list[AlarmChange]:
        """Keep the index of open alarms."""
        for change in changes:
            alarm = change.alarm
            if alarm.state == ENDED:
                self._where.pop(alarm.id, None)
            else:
                self._where[alarm.id] = (alarm.participant, alarm.code)
        return changes

    def _prune(self, watch: Watch) -> None:
        """Forget ended findings that are so old that telling them again would be late."""
        oldest_ns = self._horizon(watch) - self.policy.late_after_ns
        standing = {key for track in watch.tracks.values() for key in track.entries}
        watch.seen = {
            key: told for key, told in watch.seen.items() if told[1] >= oldest_ns or key in standing
        }
        watch.prune_at = 64 + 2 * len(watch.seen)


def stage(finding: Finding) -> int:
    """Give how far a finding has been told: any offset or point after any onset, then revisions."""
    return ((finding.state != "onset") << 32) + finding.revision
