"""The live core: engine and alarms together, one step of samples in, all that follows from it out.

No thread, no clock, no I/O; `streams.embedded` puts those around it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from alerts.act import ACKNOWLEDGE, ACTS, INACTIVATE, LIMITS, REACTIVATE, Act
from alerts.alarm import Alarm, AlarmChange, AlarmState
from alerts.audit import Audit
from alerts.explain import Explanation, explain
from alerts.holds import Held
from alerts.lifecycle import AlarmCore
from alerts.policy import Policy
from processors.errors import SettingError
from processors.records import (
    Block,
    Control,
    FeatureBlock,
    Finding,
    Processor,
)
from registry.participants import (
    Participant,
    participant_from_plain,
    participant_to_plain,
    profile,
)
from streams.alarm_clock import AlarmClock
from streams.consents import CODE
from streams.engine import Engine
from streams.merge import NEVER
from streams.rejection import Rejected
from streams.snapshot import SnapshotError
from streams.stores import FEATURES, Record, SeriesRows
from streams.thinning import Thinner

_log = logging.getLogger(__name__)

MAX_REASONS: Final = 1000  # different reasons that are logged; a flood of them is not


@dataclass(frozen=True, slots=True)
class Told:
    """What one step gave.

    Attributes
    ----------
    features
        All of them.
    kept
        What a store keeps of features and scalar signals (`Thinner`).
    alarms
        Every change, in order.
    rejected
        Rows that the engine gave back.
    """

    until_ns: int
    features: tuple[SeriesRows, ...]
    kept: tuple[SeriesRows, ...]
    findings: tuple[Finding, ...]
    alarms: tuple[AlarmChange, ...]
    rejected: tuple[Rejected, ...] = ()

    @property
    def records(self) -> list[Record]:
        """All that a store keeps of it."""
        return [*self.kept, *self.findings, *self.alarms]


class LiveCore:
    """Engine and alarm core of one process, or of one partition.

    Parameters
    ----------
    thinner
        Decides what a store keeps; None: `Told.kept` is empty.
    """

    def __init__(
        self,
        policy: Policy,
        processors: Iterable[Processor] | None = None,
        *,
        thinner: Thinner | None = None,
    ) -> None:
        self.engine = Engine(processors)
        self.alarms = AlarmCore(policy)
        self._alarm_clock = AlarmClock(self.engine, self.alarms)
        self._until_ns = 0
        self._orders: list[Control] = []  # limits that detectors have still to be told
        self._columns = self.engine.feature_columns
        self._reasons: set[str] = set()
        self._thinner = thinner
        self._ended: list[AlarmChange] = []  # by another policy, since the snapshot
        self._held: dict[str, Held] = {}  # as last told, of those who have any

    def step(self, until_ns: int, rows: Sequence[Block | Control]) -> Told:
        """Take all samples before `until_ns` and give what follows from them."""
        orders, self._orders, self._until_ns = self._orders, [], until_ns
        outputs = (self.engine.feed([*orders, *rows]), self.engine.tick(until_ns))
        features = tuple(self._resolve(b) for output in outputs for b in output.features)
        findings = tuple(finding for output in outputs for finding in output.findings)
        rejected = tuple(bad for output in outputs for bad in output.rejected)
        for bad in rejected:
            self._log_once(bad.reason)
        kept: tuple[SeriesRows, ...] = ()
        if self._thinner is not None:
            blocks = [row for row in rows if isinstance(row, Block)]
            kept = self._thinner.keep(until_ns, features, blocks)
        changes = tuple(self._apply(findings))
        return Told(until_ns, features, kept, findings, changes, rejected)

    def _log_once(self, reason: str) -> None:
        """Log a reason for giving rows back when it is new, not each time."""
        if reason not in self._reasons and len(self._reasons) < MAX_REASONS:
            self._reasons.add(reason)
            _log.warning("rows rejected reason=%s", reason)

    def enrol(self, people: Iterable[Participant], t_ns: int) -> None:
        """Note who people are; the limits that are theirs hold from the next step on."""
        for person in people:
            self.alarms.enrol(person)
            self._tell_limits(person.id, t_ns)

    def acknowledge(self, alarm_id: str, by: str, useful: bool | None = None) -> list[AlarmChange]:
        """Note that a person has seen an alarm; nothing for one that is over.

        It is stamped with the time up to which findings are known, not with the wall clock:
        what is still to be processed must not be taken as known.
        """
        alarm = self.alarms.alarm(alarm_id)
        if alarm is None:
            return []
        strand = self.alarms.policy.rules[alarm.code].strand
        now_ns = max(self._alarm_clock.now_ns(alarm.participant, strand), alarm.t_ns)
        return self.alarms.acknowledge(alarm_id, by, now_ns, useful=useful)

    def inactivate(
        self,
        kind: str,
        *,
        seconds: float,
        reason: str,
        by: str,
        participant: str = "",
        code: str = "",
        alarm_id: str = "",
        place: str = "",
    ) -> list[AlarmChange]:
        """Make alarms quiet for a while: one alarm, a participant or one code of theirs, a place.

        Raises
        ------
        SettingError
            No reason or person, an unknown kind or code, too long, or nobody is at the place.
        LookupError
            No such alarm is open.
        """
        how: dict[str, Any] = {"seconds": seconds, "reason": reason, "by": by, "code": code}
        alarm = self.alarms.alarm(alarm_id) if alarm_id else None
        who = [alarm.participant if alarm else participant]
        if place:
            who = self.alarms.members(place)
            if not who:
                raise SettingError(f"{kind} {place}", "nobody is enrolled in this group or place")
        return [
            change
            for one in who
            for change in self.alarms.inactivate(
                kind, participant=one, alarm_id=alarm_id, place=place,
                now_ns=self._come_ns(one), **how,
            )
        ]  # fmt: skip

    def reactivate(self, key: str, by: str, reason: str = "") -> list[AlarmChange]:
        """End an inactivation before its time; nothing for one that is over."""
        for participant in self.alarms.participants():
            now_ns = self._come_ns(participant)
            if any(one.id == key for one in self.alarms.inactivations(participant, now_ns)):
                return self.alarms.reactivate(key, by, now_ns, reason)
        return []

    def set_limits(
        self,
        changes: Mapping[str, float | None],
        *,
        by: str,
        reason: str,
        participant: str = "",
        place: str = "",
    ) -> None:
        """Change limits of a participant, or of all who are in a group or place now.

        Detectors go by them from the next step on. None takes a change back.

        Raises
        ------
        SettingError
            As `AlarmCore.set_limits`; nobody is changed then.
        """
        who = self.alarms.members(place) if place else [participant]
        for one in who:
            self.alarms.check_limits(one, changes)
        for one in who:
            now_ns = self._come_ns(one)
            self.alarms.set_limits(one, changes, by, reason, now_ns)
            self._tell_limits(one, now_ns)

    def carry_out(self, act: Act) -> list[AlarmChange]:
        """Do what a person asks for; nothing where nobody here is at the place it names.

        Raises
        ------
        SettingError, LookupError
            As the method for its kind.
        """
        if act.place and not self.alarms.members(act.place):
            return []
        if act.kind == ACKNOWLEDGE:
            return self.acknowledge(act.target, act.by, act.useful)
        if act.kind == REACTIVATE:
            return self.reactivate(act.target, act.by, act.reason)
        if act.kind == INACTIVATE:
            return self.inactivate(
                act.how, seconds=act.seconds, reason=act.reason, by=act.by,
                participant=act.participant, code=act.code, alarm_id=act.target, place=act.place,
            )  # fmt: skip
        if act.kind == LIMITS:
            if not (act.participant or act.place):
                raise SettingError("limits", "expected a participant, a group or a place")
            self.set_limits(
                act.limits, by=act.by, reason=act.reason, participant=act.participant,
                place=act.place,
            )  # fmt: skip
            return []
        raise SettingError("act", f"expected one of {', '.join(ACTS)}, found {act.kind!r}")

    def explain(self, alarm_id: str) -> Explanation | None:
        """Say why an open alarm is there; None for one that is over."""
        alarm = self.alarms.alarm(alarm_id)
        return None if alarm is None else explain(alarm, self.alarms.policy)

    def end(self) -> Told:
        """Give what a store still keeps of features and scalar signals when nothing more comes."""
        kept = self._thinner.rest() if self._thinner is not None else ()
        return Told(self._until_ns, (), kept, (), ())

    def take_records(self) -> list[AlarmState | Audit]:
        """Give what a store keeps beside `Told.records`: changed states, and what persons did."""
        return [*self.alarms.changed_states(), *self.alarms.take_audits()]

    def take_changed(self) -> tuple[list[Held], list[Audit]]:
        """Give what keeps alarms back or quiet where that has changed, and what persons did.

        For who keeps snapshots of the whole, instead of `take_records` and `take_held`.
        """
        return self.take_held(self.alarms.take_changed()), self.alarms.take_audits()

    def take_held(self, changed: Iterable[str]) -> list[Held]:
        """Give what keeps alarms back or quiet, of those for whom it is not what it was.

        Parameters
        ----------
        changed
            Whose state has changed. What persons keep quiet also ends by time alone.
        """
        told = []
        come_ns = self._all_come_ns()
        timed = (name for name, held in self._held.items() if held.inactivations)
        for participant in {*changed, *timed}:
            now = self._held_now(participant, come_ns)
            if now == self._held.get(participant, Held(participant)):
                continue
            if now.any:
                self._held[participant] = now
            else:
                del self._held[participant]
            told.append(now)
        return sorted(told, key=lambda held: held.participant)

    def snapshot(self) -> dict[str, Any]:
        """Give all that it knows, as plain values; what was said must have been taken."""
        return {
            "engine": self.engine.snapshot(),
            "alarms": self.alarms.snapshot(),
            "people": [participant_to_plain(one) for one in self.alarms.people()],
            "orders": [[o.participant, o.t_ns, o.kind, dict(o.values)] for o in self._orders],
            "until_ns": self._until_ns,
            "limits": self._policy_limits(),
        }

    def restore(self, state: Mapping[str, Any]) -> tuple[str, ...]:
        """Go on from a snapshot; name the processors that begin anew.

        With another policy than that of the snapshot its limits hold from the next step on, and
        alarms that it does not have any more end in it.

        Raises
        ------
        SnapshotError
            It is of a version with which this one cannot go on.
        """
        anew = self.engine.restore(state["engine"])
        try:
            self._ended = self.alarms.restore(state["alarms"])
        except ValueError as error:
            raise SnapshotError("snapshot", str(error)) from error
        for plain in state["people"]:
            self.alarms.enrol(participant_from_plain(plain))
        self._orders = [Control(*order) for order in state["orders"]]
        self._until_ns = state["until_ns"]
        if state["limits"] != self._policy_limits():
            for person in self.alarms.people():
                self._tell_limits(person.id, self._until_ns)
        come_ns = self._all_come_ns()
        held = [self._held_now(who, come_ns) for who in self.alarms.participants()]
        self._held = {one.participant: one for one in held if one.any}
        return anew

    def restore_states(self, states: Iterable[AlarmState], now_ns: int) -> list[AlarmChange]:
        """Go on from what was known when the process ended; own limits hold from now on."""
        states = list(states)
        changes = self.alarms.restore_states(states, now_ns)
        for state in states:
            self._tell_limits(state.participant, now_ns)
        return changes

    def adopt(self, alarms: Iterable[Alarm], now_ns: int) -> list[AlarmChange]:
        """Take over the alarms that were open when the process ended."""
        return self.alarms.adopt(alarms, now_ns)

    def _apply(self, findings: Sequence[Finding]) -> list[AlarmChange]:
        changes, self._ended = self._ended, []
        for finding in findings:
            if finding.code == CODE:
                changes += self._follow_consent(finding)
            changes += self.alarms.apply(finding)
        return changes + self._alarm_clock.tick(self._until_ns)

    def _follow_consent(self, finding: Finding) -> list[AlarmChange]:
        """Let go of who has withdrawn; tell detectors anew whom they see again."""
        who = finding.participant
        if finding.state == "onset":
            return self.alarms.let_go(who)
        person = next((one for one in self.alarms.people() if one.id == who), Participant(who))
        self._orders.append(profile(person, finding.t_ns))
        self._tell_limits(who, finding.t_ns)
        return []

    def _held_now(self, participant: str, come_ns: Callable[[str], int]) -> Held:
        return Held(
            participant,
            tuple(self.alarms.suspensions(participant)),
            tuple(self.alarms.inactivations(participant, come_ns(participant))),
        )

    def _policy_limits(self) -> str:
        """Give a mark of the limits of the policy, another one when any is different."""
        return hashlib.blake2b(repr(self.alarms.policy.limits).encode(), digest_size=8).hexdigest()

    def _come_ns(self, participant: str) -> int:
        """Give when a person acts, on the clock of a participant; of nobody seen, of all."""
        return self._all_come_ns()(participant)

    def _all_come_ns(self) -> Callable[[str], int]:
        """Give the same for everybody; worked out once."""
        known_ns = self.engine.known_ns().tolist()

        def come_ns(participant: str) -> int:
            slot = self.engine.roster.slot(participant)
            if slot is None or slot >= len(known_ns) or known_ns[slot] == NEVER:
                return self._until_ns
            return int(known_ns[slot])

        return come_ns

    def _tell_limits(self, participant: str, t_ns: int) -> None:
        limits = self.alarms.limits(participant)
        self._orders.append(Control(participant, t_ns, "limits", limits))

    def _resolve(self, block: FeatureBlock) -> SeriesRows:
        names = self.engine.roster.names(block.slots)
        return SeriesRows(
            FEATURES, block.name, self._columns[block.name], names, block.t_ns, block.values
        )
