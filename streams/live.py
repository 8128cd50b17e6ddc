"""The live core: engine and alarms together, one step of samples in, all that follows from it out.

No thread, no clock, no I/O; `streams.embedded` puts those around it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.alarm import Alarm, AlarmChange, AlarmState
from alerts.audit import Audit
from alerts.explain import Explanation, explain
from alerts.holds import Suspension
from alerts.inactivation import Inactivation
from alerts.lifecycle import AlarmCore
from alerts.policy import Policy
from processors.errors import SettingError
from processors.records import (
    Block,
    Control,
    FeatureBlock,
    Finding,
    Processor,
    pack,
)
from processors.signals import SIGNALS
from registry.participants import Participant
from streams.alarm_clock import AlarmClock
from streams.engine import Engine, record_times
from streams.merge import NEVER
from streams.stores import FEATURES, SCALARS, STORE_EVERY_NS, Record, SeriesRows

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
        What a store keeps of features and scalar signals: of what is continuous at most one row
        per participant and `STORE_EVERY_NS`, of spot values every one.
    alarms
        Every change, in order.
    """

    until_ns: int
    features: tuple[SeriesRows, ...]
    kept: tuple[SeriesRows, ...]
    findings: tuple[Finding, ...]
    alarms: tuple[AlarmChange, ...]

    @property
    def records(self) -> list[Record]:
        """All that a store keeps of it."""
        return [*self.kept, *self.findings, *self.alarms]


@dataclass(frozen=True, slots=True)
class Held:
    """What keeps alarms of one participant back or quiet: technical findings, and persons."""

    participant: str
    suspensions: tuple[Suspension, ...] = ()
    inactivations: tuple[Inactivation, ...] = ()


class LiveCore:
    """Engine and alarm core of one process."""

    def __init__(self, policy: Policy, processors: Iterable[Processor] | None = None) -> None:
        self.engine = Engine(processors)
        self.alarms = AlarmCore(policy)
        self._alarm_clock = AlarmClock(self.engine, self.alarms)
        self._until_ns = 0
        self._orders: list[Control] = []  # limits that detectors have still to be told
        self._columns = self.engine.feature_columns
        self._reasons: set[str] = set()
        self._stored_ns: dict[tuple[str, str], NDArray[np.int64]] = {}
        self._held: dict[str, Held] = {}  # as last told, of those who have any

    def step(self, until_ns: int, rows: Sequence[Block | Control]) -> Told:
        """Take all samples before `until_ns` and give what follows from them."""
        orders, self._orders, self._until_ns = self._orders, [], until_ns
        outputs = (self.engine.feed([*orders, *rows]), self.engine.tick(until_ns))
        features = tuple(self._resolve(b) for output in outputs for b in output.features)
        findings = tuple(finding for output in outputs for finding in output.findings)
        late = [pack([chunk]) for output in outputs for chunk in output.late]
        for output in outputs:
            for rejected in output.rejected:
                self._log_once(rejected.reason)
        kept = [self._thin(rows) for rows in features] + [
            self._thin(scalar) if is_continuous else scalar
            for block in (*rows, *late)
            if isinstance(block, Block)
            for scalar, is_continuous in _scalars(block)
        ]
        return Told(
            until_ns,
            features,
            tuple(rows for rows in kept if len(rows.participants)),
            findings,
            tuple(self._apply(findings)),
        )

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

    def explain(self, alarm_id: str) -> Explanation | None:
        """Say why an open alarm is there; None for one that is over."""
        alarm = self.alarms.alarm(alarm_id)
        return None if alarm is None else explain(alarm, self.alarms.policy)

    def take_records(self) -> list[AlarmState | Audit]:
        """Give what a store keeps beside `Told.records`: changed states, and what persons did."""
        return [*self.alarms.changed_states(), *self.alarms.take_audits()]

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
            now_ns = come_ns(participant)
            now = Held(
                participant,
                tuple(self.alarms.suspensions(participant)),
                tuple(self.alarms.inactivations(participant, now_ns)),
            )
            if now == self._held.get(participant, Held(participant)):
                continue
            if now.suspensions or now.inactivations:
                self._held[participant] = now
            else:
                del self._held[participant]
            told.append(now)
        return sorted(told, key=lambda held: held.participant)

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
        changes: list[AlarmChange] = []
        for finding in findings:
            changes += self.alarms.apply(finding)
        return changes + self._alarm_clock.tick(self._until_ns)

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

    def _thin(self, rows: SeriesRows) -> SeriesRows:
        """Keep the rows that are due for the store."""
        slots = self.engine.roster.enrol_all(rows.participants)
        key = rows.kind, rows.name  # a feature and a signal may have one name
        stored_ns = self._stored_ns.get(key, np.zeros(0, np.int64))
        if len(stored_ns) < self.engine.roster.n_slots:
            more = self.engine.roster.n_slots + 64 - len(stored_ns)
            stored_ns = np.concatenate([stored_ns, np.full(more, NEVER // 2, np.int64)])
        due = rows.t_ns - stored_ns[slots] >= STORE_EVERY_NS
        stored_ns[slots[due]] = rows.t_ns[due]
        self._stored_ns[key] = stored_ns
        participants = [rows.participants[k] for k in np.flatnonzero(due).tolist()]
        return replace(
            rows, participants=participants, t_ns=rows.t_ns[due], values=rows.values[due]
        )


def _scalars(block: Block) -> Iterator[tuple[SeriesRows, bool]]:
    """Give the scalar measurements of a block, and whether they are of a continuous variant.

    Of a continuous signal the last of each row is enough, for the store thins it anyway.
    """
    spec = SIGNALS.get(block.signal)
    if spec is None or spec.waveform or not block.n_samples:
        return
    variant = next((v for v in spec.variants if v.name == (block.variant or v.name)), None)
    if variant is None or block.samples.shape[1] > len(spec.channels):
        return  # the engine has given it back with the reason
    continuous = variant.name == "continuous"
    lengths = np.diff(block.offsets)
    row_of = np.repeat(np.arange(block.n_rows), lengths)
    chosen = block.offsets[1:][lengths > 0] - 1 if continuous else np.arange(block.n_samples)
    r = row_of[chosen]
    values = block.samples[chosen] * block.scale[r, None] + block.offset[r, None]
    if block.missing is not None:
        values[block.missing[chosen]] = np.nan
    columns = tuple(channel.name for channel in spec.channels)[: values.shape[1]]
    people = [block.participants[k] for k in r.tolist()]
    times = record_times(block, lengths) if block.t_ns is None else block.t_ns
    yield (
        SeriesRows(SCALARS, spec.stream(variant), columns, people, times[chosen], values),
        continuous,
    )
