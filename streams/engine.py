"""The engine: samples in, findings out; the same code in one process, in a worker and in a test.

`Engine.feed` and `Engine.tick` are the only two ways in. As a library::

    engine = Engine()
    out = engine.feed([pack([Chunk("p1", "strap", "ecg", 0, samples, fs_hz=250.0)])])
    for finding in out.findings: ...
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from processors.records import (
    PRESENCE,
    STATE_WORDS,
    Batch,
    Block,
    Chunk,
    Control,
    DerivedBlock,
    EventBlock,
    FeatureBlock,
    FeatureSpec,
    Finding,
    Outputs,
    Processor,
    finding_id,
)
from processors.registry import discover, order
from processors.signals import CONTROLS, SIGNALS, SignalSpec, signal_spec
from streams.channels import Channels
from streams.consents import CONSENT, Consents
from streams.intake import Admitted, Intake
from streams.merge import NEVER, PATIENCE_NS
from streams.physical import to_physical
from streams.rejection import Rejected, judge_control, sift
from streams.roster import Roster
from streams.wiring import PRESENCE_WIDTH, Node, StreamTable

_SIGNAL_INDEX: Final = {name: i for i, name in enumerate(SIGNALS)}
_NOT_YET: Final = -1


@dataclass(frozen=True, slots=True)
class EngineOutput:
    """What one call of `feed` or `tick` gave.

    Attributes
    ----------
    features
        Blocks by slot; `Engine.roster` gives the names.
    findings
        In the order of the time they became known.
    derived
        Records of the streams that the engine was asked to `tap`.
    late
        Chunks that came after their place had been given up: to be stored.
    rejected
        Rows of this feed that could not be used, each with the reason.
    """

    features: tuple[FeatureBlock, ...] = ()
    findings: tuple[Finding, ...] = ()
    derived: tuple[DerivedBlock, ...] = ()
    late: tuple[Chunk, ...] = ()
    rejected: tuple[Rejected, ...] = ()


class Engine:
    """Runs processors over the signals of all participants.

    Parameters
    ----------
    processors
        Default: one of each that discovery finds.
    tap
        Names of derived streams to give out as well (``beats``...).
    """

    def __init__(
        self, processors: Iterable[Processor] | None = None, *, tap: Sequence[str] = ()
    ) -> None:
        self.roster = Roster()
        self.channels = Channels(self.roster)
        self._intake = Intake(self.channels)
        self.consents = Consents()
        ordered = order([make() for make in discover()] if processors is None else processors)
        self._streams = StreamTable(ordered)
        self._nodes = [self._streams.node(processor) for processor in ordered]
        self._consumers: dict[str, list[tuple[Node, int]]] = {}
        for node in self._nodes:
            for j, name in enumerate(node.processor.consumes):
                self._consumers.setdefault(name, []).append((node, j))
        self._tap = frozenset(tap)
        # By slot: [n_streams, n_slots] watermarks, first and newest signal time, its arrival.
        self._watermarks = np.full((len(self._streams.names), 0), NEVER, np.int64)
        self._first_ns = np.zeros(0, np.int64)
        self._newest_ns = np.zeros(0, np.int64)
        self._arrived_ns = np.zeros(0, np.int64)
        self._clock_floor_ns = np.zeros(0, np.int64)
        self._now_ns: int | None = None
        self._rejected_rows = 0

    @property
    def processors(self) -> tuple[Processor, ...]:
        """The processors in the order in which they run."""
        return tuple(node.processor for node in self._nodes)

    @property
    def feature_columns(self) -> dict[str, tuple[str, ...]]:
        """Names of the columns of every feature, by the name of the feature."""
        return {
            spec.name: tuple(column.name for column in spec.columns)
            for processor in self.processors
            for spec in processor.produces
            if isinstance(spec, FeatureSpec)
        }

    @property
    def late_records(self) -> int:
        """Derived records left out because their slot's horizon had passed."""
        return sum(node.merger.late for node in self._nodes if node.merger)

    @property
    def rejected_rows(self) -> int:
        """Rows and controls given back since the start because they could not be used."""
        return self._rejected_rows

    def feed(self, rows: Iterable[Block | Control]) -> EngineOutput:
        """Take samples and controls, and give what follows from them.

        Rows that cannot be used are counted and given back with the reason; the rest goes on.
        Rows of who has withdrawn consent are let fall (`streams.consents`).
        """
        rejected: list[Rejected] = []
        before: list[EngineOutput] = []
        for row in rows:
            if isinstance(row, Control):
                reason = judge_control(row)
                if reason:
                    rejected.append(Rejected(reason, row))
                elif row.kind == CONSENT:
                    before += self._take_consent(row)
                elif row.participant not in self.consents:
                    self._put_control(row)
                continue
            allowed = self.consents.sift(row)
            if allowed is None:
                continue
            block, bad = sift(allowed)
            rejected += bad
            if block is not None:
                for admitted in self._intake.admit(block, self._now_ns or 0):
                    self._put_samples(signal_spec(block.signal), admitted)
        self._rejected_rows += sum(_n_rows(bad.row) for bad in rejected)
        output = self._run()
        if before:
            output = _joined([*before, output])
        return replace(output, rejected=tuple(rejected)) if rejected else output

    def tick(self, now_ns: int) -> EngineOutput:
        """Let time pass: silent devices are noticed, chunks held too long are released.

        `now_ns` may be any clock that goes on; each participant's own clock is kept as the newest
        device time plus what has passed since its arrival, so a device clock may be off by hours.
        What was fed since the last tick counts as arrived at this one: feed first, then tick.
        """
        self._now_ns = max(now_ns, self._now_ns or now_ns)
        self._arrived_ns[self._arrived_ns == _NOT_YET] = self._now_ns
        for admitted in self._intake.expire(self._now_ns):
            self._put_samples(signal_spec(admitted.block.signal), admitted)
        return self._run()

    def clock_ns(self) -> NDArray[np.int64]:
        """Give each slot's own clock, int64 ``[n_slots]``; `NEVER` where not seen."""
        seen = self._newest_ns != NEVER
        waited = np.where(self._arrived_ns == _NOT_YET, 0, (self._now_ns or 0) - self._arrived_ns)
        clock = np.where(seen, self._newest_ns + np.where(seen, waited, 0), NEVER)
        np.maximum(self._clock_floor_ns, clock, out=self._clock_floor_ns)
        return self._clock_floor_ns

    def known_ns(self, codes: Collection[str] | None = None) -> NDArray[np.int64]:
        """Give the time by slot up to which all findings of some codes are known.

        A finding is known once its processor has seen everything up to it. Where a signal stops,
        it is waited for as long as the processor waits, and a second for it to arrive.

        Parameters
        ----------
        codes
            Default: those of all processors.

        Returns
        -------
        int64 ``[n_slots]``
            `NEVER` where not seen; nowhere after `clock_ns`.
        """
        clock_ns = self.clock_ns()
        known = clock_ns.copy()
        for node in self._nodes:
            if not node.evidence or (codes is not None and node.evidence.keys().isdisjoint(codes)):
                continue
            reached = np.full(len(known), NEVER, np.int64)
            seen = self._watermarks[node.streams[0]]
            if node.merger is not None:
                seen = node.merger.horizon_ns
            reached[: len(seen)] = seen
            given_up = clock_ns - (node.wait_ns + PATIENCE_NS)
            known = np.minimum(known, np.maximum(reached, given_up))
        return np.where(clock_ns == NEVER, NEVER, known)

    def release(self, participant: str) -> None:
        """Forget a participant entirely; the slot goes to somebody else."""
        slot = self.roster.release(participant)
        if slot is not None:
            self._forget(participant, slot)

    def _forget(self, participant: str, slot: int) -> None:
        slots = np.array([slot], np.int32)
        self._intake.release(self.channels.release(participant, slot))
        for node in self._nodes:
            node.processor.forget(slots)
            if node.merger:
                node.merger.forget(slots)
        if slot < len(self._newest_ns):
            self._watermarks[:, slot] = NEVER
            self._first_ns[slot] = self._newest_ns[slot] = self._clock_floor_ns[slot] = NEVER

    def snapshot(self) -> dict[str, Any]:
        """Give all that the engine knows, as plain values (`streams.snapshot` makes bytes of it).

        Between two calls of `feed` or `tick`; an engine that is restored from it goes on to the bit
        as this one.
        """
        n = self.roster.n_slots  # what lies beyond is room, not state
        slots = np.arange(n, dtype=np.int32)
        return {
            "roster": self.roster.snapshot(),
            "channels": self.channels.snapshot(),
            "intake": self._intake.snapshot(),
            "consents": self.consents.snapshot(),
            "processors": {
                node.processor.name: {
                    "consumes": list(node.processor.consumes),
                    "state": node.processor.snapshot(slots),
                    "merger": node.merger.snapshot(n) if node.merger else None,
                    "moved": node.moved,
                }
                for node in self._nodes
            },
            "watermarks": {
                name: self._watermarks[stream, :n].copy()
                for name, stream in self._streams.index.items()
            },
            "first_ns": self._first_ns[:n].copy(),
            "newest_ns": self._newest_ns[:n].copy(),
            "arrived_ns": self._arrived_ns[:n].copy(),
            "clock_floor_ns": self._clock_floor_ns[:n].copy(),
            "now_ns": self._now_ns,
            "rejected_rows": self._rejected_rows,
        }

    def restore(self, state: Mapping[str, Any]) -> tuple[str, ...]:
        """Go on where a snapshot was taken; what this engine knew before is forgotten.

        Returns
        -------
        tuple of str
            Processors that begin anew, because the snapshot does not have them or their state has
            had another layout: after a change of version.

        Raises
        ------
        SnapshotError
            It was taken by a version whose channels have another layout.
        """
        self.roster.restore(state["roster"])
        self.channels.restore(state["channels"])
        self._intake.restore(state["intake"])
        self.consents.restore(state.get("consents", {}))
        self._first_ns, self._newest_ns = state["first_ns"].copy(), state["newest_ns"].copy()
        self._arrived_ns = state["arrived_ns"].copy()
        self._clock_floor_ns = state["clock_floor_ns"].copy()
        self._now_ns, self._rejected_rows = state["now_ns"], state["rejected_rows"]
        never = np.full(len(self._first_ns), NEVER, np.int64)
        marks = [state["watermarks"].get(name, never) for name in self._streams.names]
        self._watermarks = np.stack(marks) if marks else np.zeros((0, len(never)), np.int64)
        slots = np.arange(self.roster.n_slots, dtype=np.int32)
        return tuple(
            node.processor.name
            for node in self._nodes
            if not node.restore(state["processors"].get(node.processor.name), slots)
        )

    def _take_consent(self, control: Control) -> list[EngineOutput]:
        """Process what came before a change of consent, then forget what is known of the person.

        Their clock goes on from the control, so that its alarm has a time to be told at.
        """
        who = control.participant
        finding = self.consents.take(control)
        if finding is None:
            return []
        before = self._run()
        slot = self.roster.enrol(who)
        self._cover()
        self._forget(who, slot)
        if who in self.consents:
            self._newest_ns[slot], self._arrived_ns[slot] = control.t_ns, _NOT_YET
        return [before, EngineOutput(findings=(finding,))]

    def _put_control(self, control: Control) -> None:
        columns = CONTROLS[control.kind]
        slot = self.roster.enrol(control.participant)
        self._cover()
        values = np.array([[control.values.get(c.name, np.nan) for c in columns]], np.float64)
        self._publish(
            DerivedBlock(
                control.kind,
                np.array([slot], np.int32),
                np.array([control.t_ns], np.int64),
                values,
            )
        )

    def _put_samples(self, spec: SignalSpec, admitted: Admitted) -> None:
        """Give admitted rows to the processors that consume them, and move the watermarks."""
        block, slots = admitted.block, admitted.slots
        if not block.n_samples:
            return
        self._cover()
        values = to_physical(spec, admitted, self.channels.table)
        lengths = np.diff(block.offsets)
        if block.t_ns is None:
            steps_ns = (1e9 / block.fs_hz) * (lengths - 1)
            newest = block.t0_ns + np.rint(steps_ns).astype(np.int64)
        else:
            newest = block.t_ns[block.offsets[1:] - 1]
        first_seen = self._first_ns[slots] == NEVER
        if first_seen.any():
            # In reverse, so that the first row of a slot is the one that stays.
            self._first_ns[slots[first_seen][::-1]] = block.t0_ns[first_seen][::-1]
        np.maximum.at(self._newest_ns, slots, newest)
        self._arrived_ns[slots] = _NOT_YET
        variant = spec.variant(block.variant)
        name = spec.stream(variant)
        if variant.name == "continuous":
            self._put_presence(spec, variant.stale_after_s, admitted, newest)
        stream = self._streams.index.get(name)
        if stream is None:
            return
        np.maximum.at(self._watermarks[stream], slots, newest)
        if spec.waveform:
            batch = Batch(
                block.signal,
                slots,
                newest,
                block.offsets,
                values,
                block.fs_hz,
                block.t0_ns,
                block.seq,
                _NO_TIMES,
                _NO_SOURCES,
            )
            for node, _ in self._consumers[name]:
                node.batches.append(batch)
        else:
            self._note_moved(stream)
            self._publish(
                DerivedBlock(
                    name,
                    np.repeat(slots, lengths),
                    record_times(block, lengths) if block.t_ns is None else block.t_ns,
                    values.astype(np.float64),
                )
            )

    def _put_presence(
        self, spec: SignalSpec, stale_after_s: float, admitted: Admitted, newest: NDArray[np.int64]
    ) -> None:
        if PRESENCE not in self._consumers:
            return
        block = admitted.block
        if block.t_ns is None:
            slots, t_ns = admitted.slots, newest
        else:  # irregular: silence may lie between two records of one row
            slots, t_ns = np.repeat(admitted.slots, np.diff(block.offsets)), block.t_ns
        values = np.zeros((len(slots), PRESENCE_WIDTH))
        values[:, 0] = _SIGNAL_INDEX[spec.name]
        values[:, 1] = stale_after_s
        if block.t_ns is None:
            values[:, 2] = newest - block.t0_ns
            values[:, 3] = admitted.lost_ns / 1e9
        else:
            values[block.offsets[:-1], 3] = admitted.lost_ns / 1e9
        self._publish(DerivedBlock(PRESENCE, slots, t_ns, values))

    def _publish(self, block: DerivedBlock) -> None:
        for node, j in self._consumers.get(block.name, ()):
            if node.merger:
                node.merger.put(j, block)

    def _note_moved(self, stream: int) -> None:
        for node, _ in self._consumers.get(self._streams.names[stream], ()):
            node.moved = True

    def _run(self) -> EngineOutput:
        """Run every processor whose input has moved, in order."""
        features: list[FeatureBlock] = []
        events: list[tuple[Node, EventBlock]] = []
        tapped: list[DerivedBlock] = []
        clock_ns = self.clock_ns()
        for node in self._nodes:
            for outputs in self._run_node(node, clock_ns):
                features += outputs.features
                events += [(node, block) for block in outputs.events]
                for block in outputs.derived:
                    self._publish(block)
                    if block.name in self._tap:
                        tapped.append(block)
        late, self._intake.late = tuple(self._intake.late), []
        return EngineOutput(tuple(features), self._findings(events), tuple(tapped), late)

    def _run_node(self, node: Node, clock_ns: NDArray[np.int64]) -> list[Outputs]:
        if node.merger is None:
            batches, node.batches = node.batches, []
            for batch in batches:
                for stream in node.outputs:
                    np.maximum.at(self._watermarks[stream], batch.slots, batch.until_ns)
                    self._note_moved(stream)
            return [node.processor.process(batch) for batch in batches]
        if not (node.moved or node.by_clock or node.merger.holds_spots):
            return []
        node.moved = False
        merged = node.merger.advance(self._watermarks, self._first_ns, clock_ns)
        if merged is None:
            return []
        for stream in node.outputs:
            self._watermarks[stream, merged.slots] = merged.until_ns
            self._note_moved(stream)
        return [node.processor.process(merged)]

    def _findings(self, events: list[tuple[Node, EventBlock]]) -> tuple[Finding, ...]:
        found = []
        for node, block in events:
            names = node.evidence[block.code]
            for k in range(len(block.slots)):
                participant = self.roster.name(int(block.slots[k]))
                onset_ns = int(block.onset_ns[k])
                evidence = {
                    name: float(value)
                    for name, value in zip(names, block.evidence[k], strict=True)
                    if not np.isnan(value)
                }
                found.append(
                    Finding(
                        id=finding_id(participant, block.code, onset_ns),
                        revision=int(block.revision[k]),
                        participant=participant,
                        code=block.code,
                        state=STATE_WORDS[block.state[k]],
                        onset_ns=onset_ns,
                        at_ns=int(block.at_ns[k]),
                        t_ns=int(block.t_ns[k]),
                        value=float(block.value[k]),
                        evidence=evidence,
                    )
                )
        found.sort(key=lambda finding: finding.t_ns)
        return tuple(found)

    def _cover(self) -> None:
        """Make room for all slots of the roster."""
        missing = self.roster.n_slots - len(self._newest_ns)
        if missing <= 0:
            return
        grown = max(missing, len(self._newest_ns), 16)

        def more(table: NDArray[np.int64]) -> NDArray[np.int64]:
            return np.concatenate([table, np.full(grown, NEVER, np.int64)])

        self._first_ns = more(self._first_ns)
        self._newest_ns = more(self._newest_ns)
        self._clock_floor_ns = more(self._clock_floor_ns)
        self._arrived_ns = np.concatenate([self._arrived_ns, np.full(grown, _NOT_YET, np.int64)])
        room = np.full((len(self._streams.names), grown), NEVER, np.int64)
        self._watermarks = np.concatenate([self._watermarks, room], axis=1)


_OUTPUTS: Final = ("features", "findings", "derived", "late", "rejected")
_NO_TIMES: Final = np.zeros(0, np.int64)
_NO_SOURCES: Final = np.zeros(0, np.int8)


def _joined(outputs: Sequence[EngineOutput]) -> EngineOutput:
    return EngineOutput(
        *(tuple(chain.from_iterable(getattr(one, name) for one in outputs)) for name in _OUTPUTS)
    )


def _n_rows(row: Block | Control) -> int:
    return row.n_rows if isinstance(row, Block) else 1


def record_times(block: Block, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the time of every sample of a regular block: int64 ``[n]``."""
    within = np.arange(block.n_samples) - np.repeat(block.offsets[:-1], lengths)
    step_ns = np.repeat(1e9 / block.fs_hz, lengths)
    return np.repeat(block.t0_ns, lengths) + np.rint(within * step_ns).astype(np.int64)
