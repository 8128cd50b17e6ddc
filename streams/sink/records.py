"""The lane of records: who takes part, what was found, alarms, and what persons did."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from streams.alarm_messages import decode_alarms
from streams.bus import Place, Record
from streams.bus.topics import ALARMS, CONTROL, EVENTS
from streams.messages import PEOPLE, DeadLetter, decode_findings, decode_people
from streams.stores import Record as Kept
from streams.stores import UnfitError

BATCH: Final = 2_000  # records in a transaction

_log = logging.getLogger(__name__)


class Writes(Protocol):
    """A store that takes records."""

    def write(self, records: Iterable[Kept], *, durable: bool = False) -> int: ...


class RecordsWork:
    """Writes records in the order of their places, in transactions."""

    name = "records"
    topics = (CONTROL, EVENTS, ALARMS)

    def __init__(self, store: Writes) -> None:
        self._store = store
        self._due: list[tuple[Record, Sequence[Kept]]] = []

    def take(self, record: Record) -> None:
        found = _read(record)
        if found:
            self._due.append((record, found))

    def keep(self) -> list[DeadLetter]:
        dead: list[DeadLetter] = []
        while self._due:
            n = rows = 0
            while n < len(self._due) and (n == 0 or rows + len(self._due[n][1]) <= BATCH):
                rows += len(self._due[n][1])
                n += 1
            batch = self._due[:n]
            try:
                self._store.write([one for _, found in batch for one in found], durable=True)
            except UnfitError:
                for record, found in batch:
                    dead += self._alone(record, found)
            del self._due[:n]
        return dead

    def safe(self, place: Place, offset: int) -> int:
        return offset

    def close(self) -> None:
        """Do nothing: the store is closed by who opened it."""

    def _alone(self, record: Record, found: Sequence[Kept]) -> list[DeadLetter]:
        """Write the records of one message by themselves; gives it where one is never taken."""
        refused = ""
        for one in found:
            try:
                self._store.write([one], durable=True)
            except UnfitError as error:
                refused = str(error)
                _log.error("record refused place=%s problem=%r", record.place, refused)
        return [DeadLetter(*record.place, record.offset, refused, record.value)] if refused else []


def _read(record: Record) -> Sequence[Kept]:
    """Give what is kept of a message; of controls, only who takes part."""
    if record.place.topic == EVENTS:
        return decode_findings(record.value)
    if record.place.topic == ALARMS:
        news = decode_alarms(record.value)
        return [*news.changes, *news.audits]
    if record.value.startswith(PEOPLE.magic):
        return decode_people(record.value).people
    return []
