"""The lane of strips: the ECG around each finding, beside the finding in the store of records.

Cut by the desk that cuts them for a page (`dashboards.monitor.strips`), so a strip is the same
whichever program kept it. ECG waits until the worker has passed it, for a finding is told some
seconds after what it is about; and as much of it is read again after a restart as a strip may need.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from dashboards.monitor.history import Strip
from dashboards.monitor.rings import TraceRings
from dashboards.monitor.strips import StripDesk
from processors.errors import WireError
from processors.records import NS_PER_MS, Finding
from streams import wire
from streams.bus import Place, Record
from streams.bus.topics import EVENTS, PROGRESS, raw
from streams.messages import DeadLetter, decode_findings, decode_progress
from streams.sink.consents import Sift, keep_all
from streams.stores import Record as Kept
from streams.stores import StoredStrip, UnfitError
from streams.stores.strips import stored_strip

_log = logging.getLogger(__name__)

SIGNAL: Final = "ecg"
KEEP_S: Final = 60.0  # of ECG in memory behind what the worker has passed
AHEAD_MS: Final = 5_000  # of ECG beyond it: a strip goes on behind its finding
LOOK_MS: Final = 1_000  # of ECG between two looks for what is complete
SILENT_S: Final = 10.0  # without ECG; then findings do not wait for more of it
MOST_BYTES: Final = 128 * 1024 * 1024  # of ECG that waits for workers: two minutes of 2,000 people


class Keeps(Protocol):
    """A store that takes strips and gives them."""

    def write(self, records: Iterable[Kept], *, durable: bool = False) -> int: ...

    def strips(self, finding_ids: Iterable[str]) -> dict[str, StoredStrip]: ...


@dataclass(slots=True)
class _Part:
    """What is known of one partition; each is as far as its own records."""

    rings: TraceRings
    desk: StripDesk
    heard_s: float
    people: dict[str, int] = field(default_factory=dict)
    waiting: deque[Record] = field(default_factory=deque)  # ECG that the worker has not passed
    needed: deque[tuple[int, int]] = field(default_factory=deque)  # time and offset of ECG
    asked: dict[str, int] = field(default_factory=dict)  # finding, offset: without a strip yet
    passed_ms: int = 0
    newest_ms: int = 0
    looked_ms: int = 0

    def number(self, participant: str) -> int:
        return self.people.setdefault(participant, len(self.people))


class StripsWork:
    """Cuts a strip for each finding and writes it once.

    Parameters
    ----------
    sift
        Which rows of a block of a time are kept.
    """

    name = "strips"
    topics = (raw(SIGNAL), EVENTS, PROGRESS)

    def __init__(
        self,
        store: Keeps,
        sift: Sift = keep_all,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._sift = sift
        self._monotonic = monotonic
        self._parts: dict[int, _Part] = {}
        self._bytes = 0
        self._due: list[StoredStrip] = []

    def take(self, record: Record) -> None:
        part = self._part(record.place.partition)
        part.newest_ms = max(part.newest_ms, record.at_ms)
        try:
            if record.place.topic == EVENTS:
                for finding in decode_findings(record.value):
                    part.asked.setdefault(finding.id, record.offset)
                    part.desk.order(part.number(finding.participant), finding)
            elif record.place.topic == PROGRESS:
                _, until_ms = decode_progress(record.value)
                part.passed_ms = max(part.passed_ms, until_ms)
            else:
                part.heard_s = self._monotonic()
                part.waiting.append(record)
                part.needed.append((record.at_ms, record.offset))
                self._bytes += len(record.value)
        except WireError as error:  # the lanes that keep it say so
            _log.debug("not used place=%s problem=%r", record.place, str(error))

    def keep(self) -> list[DeadLetter]:
        for part in self._parts.values():
            self._go_on(part)
        # A worker that took over tells findings again, when their ECG may be gone from here.
        known = self._store.strips(one.finding_id for one in self._due) if self._due else {}
        self._due = [one for one in self._due if one.finding_id not in known]
        if self._due:
            self._write(self._due)
            self._due = []
        return []

    def safe(self, place: Place, offset: int) -> int:
        part = self._part(place.partition)
        if place.topic == EVENTS:
            return min(part.asked.values(), default=offset)
        if place.topic == raw(SIGNAL) and part.needed:
            return min(part.needed[0][1], offset)
        return offset

    def close(self) -> None:
        """Do nothing: the store is closed by who opened it."""

    def _part(self, number: int) -> _Part:
        part = self._parts.get(number)
        if part is None:
            rings = TraceRings(SIGNAL, KEEP_S)
            part = _Part(rings, StripDesk(rings, self._cut), self._monotonic())
            self._parts[number] = part
        return part

    def _go_on(self, part: _Part) -> None:
        """Take the ECG that the worker has passed, and cut what is complete by then."""
        while part.waiting:
            at_ms = part.waiting[0].at_ms
            if at_ms > part.passed_ms + AHEAD_MS and self._bytes <= MOST_BYTES:
                break
            if at_ms - part.looked_ms >= LOOK_MS:
                self._look(part, at_ms)
            record = part.waiting.popleft()
            self._bytes -= len(record.value)
            try:
                block = wire.decode(record.value)
            except WireError:
                continue
            kept = self._sift(block, at_ms)
            if kept is not None:
                numbers = [part.number(name) for name in kept.participants]
                part.rings.add(np.array(numbers, np.int64), kept)
        ended = not part.waiting and self._monotonic() - part.heard_s >= SILENT_S
        self._look(part, part.newest_ms if ended else part.looked_ms)

    @staticmethod
    def _look(part: _Part, at_ms: int) -> None:
        part.looked_ms = max(part.looked_ms, at_ms)
        part.desk.cut_due(at_ms * NS_PER_MS)
        waiting = part.desk.waiting()
        part.asked = {key: offset for key, offset in part.asked.items() if key in waiting}
        while part.needed and part.needed[0][0] < part.looked_ms - KEEP_S * 1000:
            part.needed.popleft()

    def _cut(self, finding: Finding, strip: Strip) -> None:
        self._due.append(stored_strip(finding, strip))

    def _write(self, strips: Sequence[StoredStrip]) -> None:
        try:
            self._store.write(strips, durable=True)
        except UnfitError as error:
            if len(strips) == 1:
                _log.error("strip refused finding=%s problem=%r", strips[0].finding_id, str(error))
                return
            for one in strips:
                self._write([one])
