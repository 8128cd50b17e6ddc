"""One partition: its records in order, a live core, what follows from them, and its snapshot.

Pure: no clock, no bus. What an engine says does not depend on how its input is cut, but where
signals stop it depends on when time passes. Time therefore passes here at the times of the records
and at every whole second between them, whether the worker waits for the next record or reads all of
it a day later. What came late, and how long was waited, is in the journal (`worker.journal`): who
goes on from a snapshot makes the same turns, and says what was said. What a person does is done
when all that has its time has been processed.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

from alerts.act import Act
from alerts.alarm import AlarmChange
from alerts.audit import Audit
from alerts.holds import Held
from alerts.policy import Policy
from processors.errors import InputError, SettingError
from processors.records import Block, Control, Finding, Processor
from streams import wire
from streams.alarm_messages import decode_acts, encode_acts
from streams.bus import Place, Record
from streams.bus.topics import ACTS, CONTROL, inputs, raw
from streams.delta import changed_bytes, difference, patched, state_bytes
from streams.frame import Buffer
from streams.live import LiveCore, Told
from streams.messages import (
    PEOPLE,
    DeadLetter,
    Enrolment,
    decode_controls,
    decode_people,
    encode_controls,
)
from streams.snapshot import SnapshotError, pack_snapshot, unpack_snapshot
from streams.stores import SeriesRows
from streams.worker.journal import Turn, one_history
from streams.worker.order import NEVER_MS, InputOrder, Timed

NS_PER_MS: Final = 1_000_000
SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
WHOLE_AFTER: Final = 8  # checkpoints after one that has changed more: comparing costs twice as much
MOST_CHANGED: Final = 0.4  # of the state: a change of more is kept whole (measured: performance.md)
MOST_AT_ONCE: Final = 500  # records in one turn: what a turn takes is bounded


@dataclass(slots=True)
class Said:
    """What followed from some records."""

    features: list[SeriesRows] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    alarms: list[AlarmChange] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)


@dataclass(slots=True)
class _Read:
    """What records of one time hold."""

    people: list[Enrolment] = field(default_factory=list)
    rows: list[Block | Control] = field(default_factory=list)
    acts: list[tuple[Record, Act]] = field(default_factory=list)


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


@dataclass(frozen=True, slots=True)
class Image:
    """What a partition knew between two turns: a copy, which stays while the partition goes on.

    Attributes
    ----------
    offsets
        By topic, up to where its records were taken.
    """

    offsets: Mapping[str, int]
    state: Mapping[str, Any]
    about: Mapping[str, Any]

    @property
    def n_taken(self) -> int:
        """How many records it stands for."""
        return sum(self.offsets.values())


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is to be kept of a partition.

    Attributes
    ----------
    n_taken
        Records that it stands for.
    stands_on
        `n_taken` of the one of which this is a change; None: it is whole.
    """

    n_taken: int
    data: bytes
    stands_on: int | None = None


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

    def __init__(
        self, number: int, policy: Policy, processors: Iterable[Processor] | None = None
    ) -> None:
        self.number = number
        self.order = InputOrder(inputs())
        self.now_ms: int | None = None
        self.anew: tuple[str, ...] = ()
        self.newest_ms = 0
        self.journal = 0
        self._term, self._n_turns = 0, 0
        self._again: deque[Turn] = deque()  # turns to be made that were made before
        self._whole_in = 0  # checkpoints that are whole without asking what has changed
        self._whole: tuple[bytes, int] | None = None  # on which changes stand, and what it took
        self._core = LiveCore(policy, processors)

    @property
    def people(self) -> int:
        """How many participants it knows."""
        return len(self._core.engine.roster)

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
        elif not self.order.empty or not self.ticks_until(until_ms):
            return None
        return Work(Turn(self._term, self._n_turns, offsets, until_ms), taken, is_new=True)

    def ticks_until(self, until_ms: int) -> bool:
        """Tell whether a whole second lies between the time of the partition and this one."""
        return self.now_ms is not None and self._next_tick_ms() <= until_ms

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
        rows: list[Block | Control] = []
        rows_ms: int | None = None
        for at_ms, records in groupby(taken, key=lambda one: one[0]):
            read = self._read((record for _, record in records), said)
            # Cut where it matters; else a second at a time, which is quicker to catch up.
            if rows_ms is not None and (read.people or at_ms // SECOND_MS > rows_ms // SECOND_MS):
                self._step(rows_ms, rows, said)
                rows, rows_ms = [], None
            if rows_ms is None:
                self._pass(at_ms - 1, said)
            for one in read.people:
                self._core.enrol(one.people, one.t_ns)
            rows += read.rows
            rows_ms, self.newest_ms = at_ms, max(at_ms, self.newest_ms)
            if read.acts:
                self._step(at_ms, rows, said)
                rows, rows_ms = [], None
                for record, act in read.acts:
                    self._carry_out(record, act, said)
                self._step(at_ms, (), said)  # what detectors have to be told, they are told now
        if rows_ms is not None:
            self._step(rows_ms, rows, said)
        self._note_changed(said)
        return said

    def wait_until(self, now_ms: int) -> Said:
        """Let time pass without records: silent devices are noticed."""
        said = Said()
        if self.now_ms is not None:
            self._pass(now_ms, said)
            self._note_changed(said)
        return said

    def image(self) -> Image:
        """Give a copy of all that it knows: quick, between two turns (4 ms for 250 people)."""
        return Image(self.order.offsets, self._state(), self._about())

    def checkpoint(self, image: Image) -> Checkpoint:
        """Give what is to be kept of an image: all of it, or what has changed since all was.

        Where most people are silent, a change is small; where most are not, it would save nothing.
        It takes ten times as long as the image and may go on beside the work, one at a time.
        """
        self._whole_in -= 1
        if self._whole is not None and self._whole_in < 0:
            stands_on, n_before = self._whole
            change = difference(unpack_snapshot(stands_on)[0], image.state)
            if changed_bytes(change) <= MOST_CHANGED * state_bytes(image.state):
                about = {**image.about, "on": zlib.crc32(stands_on)}
                return Checkpoint(image.n_taken, pack_snapshot({"change": change}, about), n_before)
            self._whole_in = WHOLE_AFTER
        return Checkpoint(image.n_taken, pack_snapshot(image.state, image.about))

    def note_kept(self, one: Checkpoint) -> None:
        """Note that a checkpoint is there: changes may stand on it from now on."""
        if one.stands_on is None:
            self._whole = (one.data, one.n_taken)

    def snapshot(self) -> bytes:
        """Give all that it knows, with the offsets that it stands for."""
        return pack_snapshot(self._state(), self._about())

    def _state(self) -> dict[str, Any]:
        return {
            "core": self._core.snapshot(),
            "order": self.order.snapshot(),
            "now_ms": self.now_ms,
            "newest_ms": self.newest_ms,
            "journal": self.journal,
            "turns": [self._term, self._n_turns],
        }

    def _about(self) -> dict[str, Any]:
        return {"partition": self.number, "offsets": self.order.offsets, "now_ms": self.now_ms}

    def restore(self, data: Buffer, stands_on: Buffer | None = None) -> None:
        """Go on from a snapshot, which may be the change since another.

        Raises
        ------
        SnapshotError, WireError
            It is damaged, of another version, or of another partition.
        """
        state, about = unpack_snapshot(data)
        if about["partition"] != self.number:
            raise InputError("snapshot", f"is of partition {about['partition']}")
        if "on" in about:
            if stands_on is None or zlib.crc32(stands_on) != about["on"]:
                raise InputError("snapshot", "stands on another one, which is not there")
            state = patched(unpack_snapshot(stands_on)[0], state["change"])
        if "core" not in state:
            raise SnapshotError("snapshot", "is of a version without alarms")
        self._whole = None
        self.anew = self._core.restore(state["core"])
        self.order.restore(state["order"])
        self.now_ms, self.newest_ms = state["now_ms"], state["newest_ms"]
        self.journal = state.get("journal", 0)
        self._term, self._n_turns = state.get("turns", (0, 0))

    def _pass(self, until_ms: int, said: Said) -> None:
        while self.now_ms is not None and (next_ms := self._next_tick_ms()) <= until_ms:
            self._step(next_ms, (), said)

    def _next_tick_ms(self) -> int:
        """Give the next whole second, or minute after a minute without records."""
        now_ms = self.now_ms or 0
        step_ms = MINUTE_MS if now_ms - self.newest_ms >= MINUTE_MS else SECOND_MS
        return (now_ms // step_ms + 1) * step_ms

    def _step(self, at_ms: int, rows: Sequence[Block | Control], said: Said) -> None:
        self.now_ms = at_ms if self.now_ms is None else max(at_ms, self.now_ms)
        self._keep(self._core.step(self.now_ms * NS_PER_MS, rows), said)

    def _carry_out(self, record: Record, act: Act, said: Said) -> None:
        """Do what a person asks for; what cannot be done is a dead letter with the reason."""
        try:
            said.alarms += self._core.carry_out(act)
        except (SettingError, LookupError) as error:
            letter = DeadLetter(*record.place, record.offset, str(error), encode_acts([act]))
            said.dead.append(letter)

    def _read(self, records: Iterable[Record], said: Said) -> _Read:
        """Give what records hold; one that cannot be read is a dead letter."""
        read = _Read()
        for record in records:
            value, place = record.value, record.place
            try:
                if place.topic == ACTS:
                    read.acts += [(record, act) for act in decode_acts(value)]
                elif place.topic != CONTROL:
                    read.rows.append(self._block(record))
                elif value[: len(PEOPLE.magic)] == PEOPLE.magic:
                    read.people.append(decode_people(value))
                else:
                    read.rows += decode_controls(value)
            except InputError as error:
                said.dead.append(DeadLetter(*place, record.offset, str(error), value))
        return read

    @staticmethod
    def _block(record: Record) -> Block:
        block = wire.decode(record.value)
        if raw(block.signal) != record.place.topic:
            raise InputError("block", f"is of {block.signal}, on {record.place.topic}")
        return block

    def _keep(self, told: Told, said: Said) -> None:
        said.features += told.features
        said.findings += told.findings
        said.alarms += told.alarms
        for bad in told.rejected:
            place, value = self._letter(bad.row)
            said.dead.append(DeadLetter(*place, -1, bad.reason, value))

    def _note_changed(self, said: Said) -> None:
        held, audits = self._core.take_changed()
        said.held += held
        said.audits += audits

    def _letter(self, row: Block | Control) -> tuple[Place, bytes]:
        """Give a row that the engine gave back in its wire form; it may be part of a record."""
        if isinstance(row, Control):
            return Place(CONTROL, self.number), encode_controls([row])
        return Place(raw(row.signal), self.number), wire.encode(row)
