"""One partition: its records in order, an engine, what follows from them, and its snapshot.

Pure: no clock, no bus. What an engine says does not depend on how its input is cut, but where
signals stop it depends on when time passes. Time therefore passes here at the times of the records
and at every whole second between them, whether the worker waits for the next record or reads all of
it a day later. What came late, and how long was waited, is in the journal (`worker.journal`): who
goes on from a snapshot makes the same turns, and says what was said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from processors.errors import InputError
from processors.records import Block, Control, Finding, Processor
from streams import wire
from streams.bus import Place, Record
from streams.bus.topics import CONTROL, inputs, raw
from streams.engine import Engine, EngineOutput
from streams.frame import Buffer
from streams.messages import DeadLetter, decode_controls, encode_controls
from streams.snapshot import pack_snapshot, unpack_snapshot
from streams.stores import FEATURES, SeriesRows
from streams.worker.journal import Turn, one_history
from streams.worker.order import NEVER_MS, InputOrder, Timed

NS_PER_MS: Final = 1_000_000
SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
MOST_AT_ONCE: Final = 500  # records in one turn: what a turn takes is bounded


@dataclass(slots=True)
class Said:
    """What followed from some records."""

    features: list[SeriesRows] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done in a turn.

    Attributes
    ----------
    taken
        Records; none: time passes.
    is_new
        It has to be written down before what follows from it is said.
    """

    turn: Turn
    taken: list[Timed]
    is_new: bool


class Partition:
    """What a worker knows of one partition.

    Attributes
    ----------
    order
        Records that wait, and up to where they were taken.
    now_ms
        Time of the partition: that of its newest record, or later where time has passed since.
    newest_ms
        Time of the newest record.
    journal
        Offset from which on turns are written that a snapshot does not have.
    anew
        Processors that had to begin anew when it was restored.
    """

    def __init__(self, number: int, processors: Iterable[Processor] | None = None) -> None:
        self.number = number
        self.order = InputOrder(inputs())
        self.now_ms: int | None = None
        self.anew: tuple[str, ...] = ()
        self.newest_ms = 0
        self.journal = 0
        self._term, self._n_turns = 0, 0
        self._again: deque[Turn] = deque()  # turns to be made that were made before
        self._engine = Engine(processors)
        self._columns = self._engine.feature_columns

    @property
    def people(self) -> int:
        """How many participants it knows."""
        return len(self._engine.roster)

    def take_over(self, written: Iterable[Turn]) -> None:
        """Begin a term of one's own, in which what was done since the snapshot is done again."""
        turns = list(written)
        self._again = deque(one_history(turns, self._n_turns, self._term))
        self._term = 1 + max([self._term, *(turn.term for turn in turns)])

    def behind(self, ends: Mapping[str, int]) -> dict[str, int]:
        """Give by topic up to where records are waited for, which hold everything back."""
        if self._again:
            offsets = self._again[0].offsets
            return {topic: offsets[topic] for topic in self.order.missing(offsets)}
        return {topic: ends[topic] for topic in self.order.behind(ends)}

    def next(self, ends: Mapping[str, int], settled_ms: int, until_ms: int) -> Work | None:
        """Give what to do now; quick, and no other thread may `put` then.

        Parameters
        ----------
        ends, settled_ms
            As in `InputOrder.take`.
        until_ms
            Up to when time has passed, if no records wait.
        """
        if self._again:
            turn = self._again[0]
            if self.order.missing(turn.offsets):
                return None
            return Work(self._again.popleft(), self.order.take_to(turn.offsets), is_new=False)
        offsets: dict[str, int] = {}
        taken = [] if self.order.empty else self.take(ends, settled_ms)
        if taken:
            offsets = {record.place.topic: record.offset + 1 for _, record in taken}
            until_ms = 0
        elif not self.order.empty or self.now_ms is None or self._next_tick_ms() > until_ms:
            return None
        return Work(Turn(self._term, self._n_turns, offsets, until_ms), taken, is_new=True)

    def do(self, work: Work) -> Said:
        """Do it, and give what follows."""
        self._n_turns += 1
        return self.process(work.taken) if work.taken else self.wait_until(work.turn.until_ms)

    def take(self, ends: Mapping[str, int], settled_ms: int = -NEVER_MS) -> list[Timed]:
        """Give the records that may be processed now; quick, and no other thread may `put` then.

        Parameters
        ----------
        ends, settled_ms
            As in `InputOrder.take`.
        """
        return self.order.take(ends, MOST_AT_ONCE, settled_ms)

    def process(self, taken: Iterable[Timed]) -> Said:
        """Process what was taken, and give what follows from it."""
        said = Said()
        for _, group in groupby(taken, key=lambda one: one[0] // SECOND_MS):
            records = list(group)
            first_ms, last_ms = records[0][0], records[-1][0]
            self._pass(first_ms - 1, said)
            rows = list(self._rows((record for _, record in records), said))
            self._keep(self._engine.feed(rows), said)
            self.newest_ms = last_ms
            self._tick(last_ms, said)
        return said

    def wait_until(self, now_ms: int) -> Said:
        """Let time pass without records: silent devices are noticed."""
        said = Said()
        if self.now_ms is not None:
            self._pass(now_ms, said)
        return said

    def snapshot(self) -> bytes:
        """Give all that it knows, with the offsets that it stands for."""
        state = {
            "engine": self._engine.snapshot(),
            "order": self.order.snapshot(),
            "now_ms": self.now_ms,
            "newest_ms": self.newest_ms,
            "journal": self.journal,
            "turns": [self._term, self._n_turns],
        }
        about = {"partition": self.number, "offsets": self.order.offsets, "now_ms": self.now_ms}
        return pack_snapshot(state, about)

    def restore(self, data: Buffer) -> None:
        """Go on from a snapshot.

        Raises
        ------
        SnapshotError, WireError
            It is damaged, of another version, or of another partition.
        """
        state, about = unpack_snapshot(data)
        if about["partition"] != self.number:
            raise InputError("snapshot", f"is of partition {about['partition']}")
        self.anew = self._engine.restore(state["engine"])
        self.order.restore(state["order"])
        self.now_ms, self.newest_ms = state["now_ms"], state["newest_ms"]
        self.journal = state.get("journal", 0)
        self._term, self._n_turns = state.get("turns", (0, 0))

    def _pass(self, until_ms: int, said: Said) -> None:
        while self.now_ms is not None and (next_ms := self._next_tick_ms()) <= until_ms:
            self._tick(next_ms, said)

    def _next_tick_ms(self) -> int:
        """Give the next whole second, or minute after a minute without records."""
        now_ms = self.now_ms or 0
        step_ms = MINUTE_MS if now_ms - self.newest_ms >= MINUTE_MS else SECOND_MS
        return (now_ms // step_ms + 1) * step_ms

    def _tick(self, at_ms: int, said: Said) -> None:
        self.now_ms = at_ms if self.now_ms is None else max(at_ms, self.now_ms)
        self._keep(self._engine.tick(self.now_ms * NS_PER_MS), said)

    def _rows(self, records: Iterable[Record], said: Said) -> Iterator[Block | Control]:
        """Give what records hold; one that cannot be read is a dead letter."""
        for record in records:
            place = record.place
            try:
                if place.topic == CONTROL:
                    yield from decode_controls(record.value)
                else:
                    yield self._block(record)
            except InputError as error:
                said.dead.append(DeadLetter(*place, record.offset, str(error), record.value))

    @staticmethod
    def _block(record: Record) -> Block:
        block = wire.decode(record.value)
        if raw(block.signal) != record.place.topic:
            raise InputError("block", f"is of {block.signal}, on {record.place.topic}")
        return block

    def _keep(self, output: EngineOutput, said: Said) -> None:
        names = self._engine.roster.names
        said.findings += output.findings
        said.features += [
            SeriesRows(FEATURES, b.name, self._columns[b.name], names(b.slots), b.t_ns, b.values)
            for b in output.features
        ]
        for bad in output.rejected:
            place, value = self._letter(bad.row)
            said.dead.append(DeadLetter(*place, -1, bad.reason, value))

    def _letter(self, row: Block | Control) -> tuple[Place, bytes]:
        """Give a row that the engine gave back in its wire form; it may be part of a record."""
        if isinstance(row, Control):
            return Place(CONTROL, self.number), encode_controls([row])
        return Place(raw(row.signal), self.number), wire.encode(row)
