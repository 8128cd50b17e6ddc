"""The live core: engine and alarms together, one step of samples in, all that follows from it out.

No thread, no clock, no I/O; `streams.embedded` puts those around it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
    FeatureSpec,
    Finding,
    Processor,
)
from processors.signals import SIGNALS
from streams.engine import Engine
from streams.merge import NEVER, PATIENCE_NS

STORE_EVERY_NS: Final = 5 * NS_PER_S  # DESIGN 6: features are stored every 5 s by default


@dataclass(frozen=True, slots=True)
class Values:
    """Values of one feature or scalar signal, names resolved.

    Attributes
    ----------
    participants
        ``k`` names.
    t_ns, values
        int64 ``[k]``, float64 ``[k, c]``.
    """

    name: str
    columns: tuple[str, ...]
    participants: Sequence[str]
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Told:
    """What one step gave.

    Attributes
    ----------
    features
        All of them.
    kept_features, kept_scalars
        Those that a store keeps: at most one per participant and `STORE_EVERY_NS`.
    alarms
        Every change, in order.
    """

    until_ns: int
    features: tuple[Values, ...]
    kept_features: tuple[Values, ...]
    kept_scalars: tuple[Values, ...]
    findings: tuple[Finding, ...]
    alarms: tuple[AlarmChange, ...]


class LiveCore:
    """Engine and alarm core of one process."""

    def __init__(self, policy: Policy, processors: Iterable[Processor] | None = None) -> None:
        self.engine = Engine(processors)
        self.alarms = AlarmCore(policy)
        # Acknowledgements come from people, beside the steps.
        self._lock = threading.Lock()
        self._columns = {
            spec.name: tuple(column.name for column in spec.columns)
            for processor in self.engine.processors
            for spec in processor.produces
            if isinstance(spec, FeatureSpec)
        }
        self._thinned: dict[str, NDArray[np.int64]] = {}

    def step(self, until_ns: int, rows: Sequence[Block | Control]) -> Told:
        """Take all samples before `until_ns` and give what follows from them."""
        outputs = (self.engine.tick(until_ns), self.engine.feed(rows))
        features = tuple(self._resolve(b) for output in outputs for b in output.features)
        findings = tuple(finding for output in outputs for finding in output.findings)
        return Told(
            until_ns,
            features,
            tuple(kept for values in features if (kept := self._thin(values))),
            tuple(self._scalars(rows)),
            findings,
            tuple(self._apply(findings)),
        )

    def acknowledge(self, alarm_id: str, by: str, now_ns: int) -> list[AlarmChange]:
        """Note that a person has seen an alarm.

        Raises
        ------
        LookupError
            The alarm is not open.
        """
        with self._lock:
            changes = self.alarms.acknowledge(alarm_id, by, now_ns)
        if not changes:
            raise LookupError("this alarm is over")
        return changes

    def adopt(self, alarms: Iterable[Alarm], now_ns: int) -> list[AlarmChange]:
        """Take over the alarms that were open when the process ended."""
        with self._lock:
            return self.alarms.adopt(alarms, now_ns)

    def _apply(self, findings: Sequence[Finding]) -> list[AlarmChange]:
        changes: list[AlarmChange] = []
        clocks_ns = self.engine.clock_ns()
        with self._lock:
            for finding in findings:
                changes += self.alarms.apply(finding)
            for participant, slot in self.engine.roster.items():
                clock_ns = int(clocks_ns[slot])
                if clock_ns != NEVER:
                    # Findings may become known a second after the newest sample: see Merger.
                    changes += self.alarms.tick(clock_ns - PATIENCE_NS, participant)
        return changes

    def _resolve(self, block: FeatureBlock) -> Values:
        participants = self.engine.roster.names(block.slots)
        return Values(block.name, self._columns[block.name], participants, block.t_ns, block.values)

    def _scalars(self, rows: Sequence[Block | Control]) -> Iterable[Values]:
        """Give the scalar measurements among the input: the last of each row of a block."""
        for block in rows:
            if isinstance(block, Control) or SIGNALS[block.signal].waveform:
                continue
            last = block.offsets[1:] - 1
            there = np.flatnonzero(last >= block.offsets[:-1])
            if block.t_ns is None or not len(there):
                continue
            physical = block.samples[last[there]] * block.scale[there, None]
            values = Values(
                block.signal,
                tuple(channel.name for channel in SIGNALS[block.signal].channels),
                [block.participants[r] for r in there],
                block.t_ns[last[there]],
                physical + block.offset[there, None],
            )
            if kept := self._thin(values):
                yield kept

    def _thin(self, values: Values) -> Values | None:
        """Keep what is due for the store."""
        slots = self.engine.roster.enrol_all(values.participants)
        known = self._thinned.get(values.name, np.zeros(0, np.int64))
        if len(known) < self.engine.roster.n_slots:
            more = np.full(self.engine.roster.n_slots + 64 - len(known), NEVER // 2, np.int64)
            known = np.concatenate([known, more])
        due = values.t_ns - known[slots] >= STORE_EVERY_NS
        known[slots[due]] = values.t_ns[due]
        self._thinned[values.name] = known
        if not due.any():
            return None
        participants = [values.participants[k] for k in np.flatnonzero(due)]
        return Values(
            values.name, values.columns, participants, values.t_ns[due], values.values[due]
        )
