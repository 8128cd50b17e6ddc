"""Who has which alarms, and how that survives a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from alerts.alarm import ENDED, Alarm, AlarmChange, AlarmState
from alerts.counts import Counts
from alerts.holds import Suspension
from alerts.inactivation import Inactivation
from alerts.policy import Policy
from alerts.track import NEVER_NS
from alerts.watch import VERSION, Watch, ended
from registry.participants import Participant

EVERYBODY: Final = "*"  # as a place: all who are enrolled


class AlarmBook:
    """What is known of all participants, and what can be asked of it.

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

    def enrol(self, person: Participant) -> None:
        """Note who somebody is: group and place decide about limits and recipients."""
        self._watch(person.id).who.person = person

    def participants(self) -> list[str]:
        """Name everybody of whom something is known."""
        return list(self._watches)

    def members(self, place: str) -> list[str]:
        """Name those enrolled whose group or place it is; `EVERYBODY` for all."""
        return [
            person.id
            for person in self.people()
            if place and place in {person.group, person.place, EVERYBODY}
        ]

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

    def inactivations(self, participant: str, now_ns: int) -> list[Inactivation]:
        """Give what persons keep quiet of a participant, the one that ends first at the front."""
        watch = self._watches.get(participant)
        return [] if watch is None else watch.holds.in_force(now_ns)

    def suspensions(self, participant: str) -> list[Suspension]:
        """Give which signals of a participant raise no new alarms, and by which technical one."""
        watch = self._watches.get(participant)
        return [] if watch is None else watch.holds.standing()

    def limits(self, participant: str) -> dict[str, float]:
        """Give the limits in force for a participant, by name."""
        return self.policy.limits.of(self._watch(participant).who)

    def forget(self, participant: str) -> list[AlarmChange]:
        """Drop all that is known of a participant; open alarms end, at the time of their state."""
        watch = self._watches.pop(participant, None)
        return [] if watch is None else self._book(watch.ended())

    def let_go(self, participant: str) -> list[AlarmChange]:
        """End the open alarms of a participant and drop what led to them; who they are stays."""
        who = self._watch(participant).who
        changes = self.forget(participant)
        watch = self._watch(participant)
        watch.who, watch.changed = who, True
        return changes

    def snapshot(self) -> dict[str, Any]:
        """Give the state as strings, numbers, lists and maps; `counts` is not part of it."""
        return {
            "version": VERSION,
            "horizon_ns": self._horizon_ns,
            "participants": {key: watch.to_plain() for key, watch in self._watches.items()},
        }

    def restore(self, state: Mapping[str, Any]) -> list[AlarmChange]:
        """Replace the state by a snapshot; alarms of codes that make none by this policy end.

        Raises
        ------
        ValueError
            A snapshot of another version.
        """
        if state.get("version") != VERSION:
            raise ValueError(
                f"alarm snapshot: expected version {VERSION}, found {state.get('version')}"
            )
        self._watches, self._where = {}, {}
        self._horizon_ns = state["horizon_ns"]
        return [
            change
            for participant, plain in state["participants"].items()
            for change in self._load(participant, plain)
        ]

    def changed_states(self) -> list[AlarmState]:
        """Give the states of the participants that have changed since this was last asked."""
        return [
            watch.state(self._horizon(watch)) for watch in self._watches.values() if watch.changed
        ]

    def take_changed(self) -> list[str]:
        """Name those who have changed since this or `changed_states` was last asked."""
        changed = []
        for participant, watch in self._watches.items():
            if watch.changed:
                watch.changed = False
                changed.append(participant)
        return changed

    def people(self) -> list[Participant]:
        """Give who has been enrolled, and by their id alone who has not."""
        return [watch.who.person for watch in self._watches.values()]

    def restore_states(self, states: Iterable[AlarmState], now_ns: int) -> list[AlarmChange]:
        """Go on after a restart of everything, detectors included.

        Deadlines that passed meanwhile pass now. The findings are known, but nobody will tell
        their end any more: what stood follows the rules of `adopt`; what waited for its delay is
        told when that is over, at the earliest now.

        Raises
        ------
        ValueError
            A state of another version.
        """
        changes: list[AlarmChange] = []
        for state in states:
            changes += self._load(state.participant, state.plain)
            changes += self._book(self._watches[state.participant].resume(now_ns))
        return changes

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
                gone = replace(ended(alarm), t_ns=now_ns)
                changes.append(AlarmChange("ended", now_ns, gone))
                continue
            watch = watches.setdefault(alarm.participant, self._watch(alarm.participant))
            watch.adopt(alarm, rule, now_ns)
        for watch in watches.values():
            changes += watch.settle(now_ns)
        return self._book(changes)

    def _load(self, participant: str, plain: Mapping[str, Any]) -> list[AlarmChange]:
        watch = self._watch(participant)
        changes = watch.take_plain(plain)
        self._where.update({a.id: (participant, a.code) for a in watch.alarms()})
        return changes

    def _watch(self, participant: str) -> Watch:
        watch = self._watches.get(participant)
        if watch is None:
            watch = self._watches[participant] = Watch(self.policy, self.counts, participant)
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
