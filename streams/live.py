"""The live core: engine and alarms together, one step of samples in, all that follows from it out.

No thread, no clock, no I/O; `streams.embedded` puts those around it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.alarm import Alarm, AlarmChange
from alerts.lifecycle import AlarmCore
from alerts.policy import Policy
from processors.records import (
    NS_PER_S,
    Block,
    Control,
    FeatureBlock,
    Finding,
    Processor,
    pack,
)
from processors.signals import SIGNALS
from streams.engine import Engine, record_times
from streams.merge import NEVER
from streams.stores import FEATURES, SCALARS, Record, SeriesRows

_log = logging.getLogger(__name__)

MAX_REASONS: Final = 1000  # different reasons that are logged; a flood of them is not
STORE_EVERY_NS: Final = 5 * NS_PER_S  # DESIGN 6: features are stored every 5 s by default


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


class LiveCore:
    """Engine and alarm core of one process."""

    def __init__(self, policy: Policy, processors: Iterable[Processor] | None = None) -> None:
        self.engine = Engine(processors)
        self.alarms = AlarmCore(policy)
        self._columns = self.engine.feature_columns
        self._reasons: set[str] = set()
        self._stored_ns: dict[tuple[str, str], NDArray[np.int64]] = {}

    def step(self, until_ns: int, rows: Sequence[Block | Control]) -> Told:
        """Take all samples before `until_ns` and give what follows from them."""
        outputs = (self.engine.feed(rows), self.engine.tick(until_ns))
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

    def acknowledge(self, alarm_id: str, by: str) -> list[AlarmChange]:
        """Note that a person has seen an alarm; nothing for one that is over.

        It is stamped with the time up to which the engine has come, not with the wall clock:
        what is still to be processed must not be taken as known.
        """
        alarm = self.alarms.alarm(alarm_id)
        if alarm is None:
            return []
        slot, known_ns = self.engine.roster.slot(alarm.participant), self.engine.known_ns()
        come_ns = int(known_ns[slot]) if slot is not None and slot < len(known_ns) else NEVER
        return self.alarms.acknowledge(alarm_id, by, max(come_ns, alarm.t_ns))

    def adopt(self, alarms: Iterable[Alarm], now_ns: int) -> list[AlarmChange]:
        """Take over the alarms that were open when the process ended."""
        return self.alarms.adopt(alarms, now_ns)

    def _apply(self, findings: Sequence[Finding]) -> list[AlarmChange]:
        changes: list[AlarmChange] = []
        for finding in findings:
            changes += self.alarms.apply(finding)
        known_ns = self.engine.known_ns().tolist()
        for participant, slot in self.engine.roster.items():
            if slot < len(known_ns) and known_ns[slot] != NEVER:
                changes += self.alarms.tick(known_ns[slot], participant)
        return changes

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
