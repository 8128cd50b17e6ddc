"""The loop of a lane: reads its topics, has them kept, and only then notes its offsets.

::

    Reader ── records ──▶ Work.take ── ... ──▶ Work.keep, at most a second later
                              │                    │ all of it is in the store, or on the disk
                              ▼                    ▼
                         dead letters         offsets are committed, as far as Work.safe

What a restart reads again is written again, under the same identities. While the store is away
`keep` is tried again and again with a back-off, and nothing is read: the bus keeps it meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from processors.errors import InputError
from streams.bus import Bus, BusError, Place, Reader, Record
from streams.bus.topics import DEAD_LETTER
from streams.messages import DeadLetter, encode_dead_letter
from streams.sink.consents import ConsentLog
from streams.stores import StoreError

_log = logging.getLogger(__name__)

READ_S: Final = 0.5  # wait for records
KEEP_S: Final = 1.0  # what was taken is kept so much later at most, while the store takes it
KEEP_BYTES: Final = 32 * 1024 * 1024  # of records; then it is kept at once
FIRST_WAIT_S: Final = 0.5
MOST_WAIT_S: Final = 15.0


class Work(Protocol):
    """What one lane does; one thread at a time calls it."""

    @property
    def name(self) -> str: ...

    @property
    def topics(self) -> Sequence[str]: ...

    def take(self, record: Record) -> None:
        """Take a record into memory.

        Raises
        ------
        InputError
            It cannot be read, and never will be.
        """
        ...

    def keep(self) -> list[DeadLetter]:
        """Have all that was taken kept; gives what the store will never take.

        Raises
        ------
        StoreError
            Not now; the same call may work later, and nothing is lost meanwhile.
        """
        ...

    def safe(self, place: Place, offset: int) -> int:
        """Give from where on a place must be read again after a restart, at most ``offset``."""
        ...

    def close(self) -> None:
        """Let go of what is open; what is not kept is read again."""
        ...


class Lane:
    """Runs one `Work` over all partitions.

    Parameters
    ----------
    group
        Whose offsets; the name of the work is added.
    consents
        Is read on before records are taken, for works that keep samples.

    Attributes
    ----------
    taken
        By place, the offset after the last record that was taken.
    kept
        Records that have been kept.
    """

    def __init__(
        self,
        work: Work,
        bus: Bus,
        group: str,
        n_partitions: int,
        consents: ConsentLog | None = None,
    ) -> None:
        self.taken: dict[Place, int] = {}
        self.kept = 0
        self._work = work
        self._bus = bus
        self._consents = consents
        self._group = f"{group}-sink-{work.name}"
        self._places = [Place(t, p) for t in work.topics for p in range(n_partitions)]
        self._committed: dict[Place, int] = {}
        self._dead: list[DeadLetter] = []
        self._waiting = self._bytes = 0
        self._keep_s = time.monotonic()

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until told to stop; then what was taken is kept once more, if it can be."""
        self.taken = dict.fromkeys(self._places, 0)
        self.taken |= await self._bus.committed(self._group, self._places)
        self._committed = dict(self.taken)
        reader = await self._bus.reader(self.taken)
        try:
            while not stopping.is_set():
                records = await self._read(reader)
                if records and await self._know_consents(stopping):
                    await asyncio.to_thread(self._take, records)
                due = time.monotonic() - self._keep_s >= KEEP_S
                if due or self._bytes >= KEEP_BYTES:
                    await self._keep(stopping)
            if self._waiting:
                await self._keep_once()
        finally:
            await reader.close()
            await asyncio.to_thread(self._work.close)

    async def _read(self, reader: Reader) -> Sequence[Record]:
        try:
            return await reader.read(READ_S)
        except BusError as error:  # its client connects again by itself
            _log.warning("lane=%s bus=failing problem=%r", self._work.name, str(error))
            await asyncio.sleep(KEEP_S)
            return ()

    async def _know_consents(self, stopping: asyncio.Event) -> bool:
        """Read whose consent is withdrawn, however long it takes; until told to stop."""
        while self._consents is not None and not stopping.is_set():
            try:
                await self._consents.catch_up()
            except BusError as error:
                _log.warning("lane=%s bus=failing problem=%r", self._work.name, str(error))
                await asyncio.sleep(KEEP_S)
            else:
                return True
        return self._consents is None

    def _take(self, records: Sequence[Record]) -> None:
        for record in records:
            expected = self.taken[record.place]
            if record.offset < expected:  # delivered twice
                continue
            if record.offset > expected > 0:
                _log.warning(
                    "records are gone place=%s from=%d to=%d", record.place, expected, record.offset
                )
            try:
                self._work.take(record)
            except InputError as error:
                letter = DeadLetter(*record.place, record.offset, str(error), record.value)
                self._dead.append(letter)
            self.taken[record.place] = record.offset + 1
            self._waiting += 1
            self._bytes += len(record.value)

    async def _keep(self, stopping: asyncio.Event) -> None:
        """Have what was taken kept, however long it takes; until told to stop."""
        wait_s, failing = FIRST_WAIT_S, False
        while True:
            try:
                await self._keep_once()
            except (StoreError, BusError) as error:
                if not failing:
                    _log.error("lane=%s store=failing problem=%r", self._work.name, str(error))
                failing = True
            else:
                if failing:
                    _log.warning("lane=%s store=working again", self._work.name)
                return
            try:
                await asyncio.wait_for(stopping.wait(), wait_s)
            except TimeoutError:
                wait_s = min(2 * wait_s, MOST_WAIT_S)
            else:
                return

    async def _keep_once(self) -> None:
        self._dead += await asyncio.to_thread(self._work.keep)
        while self._dead:
            letter = self._dead[0]
            place = Place(DEAD_LETTER, letter.partition)
            await self._bus.publish(place, encode_dead_letter(letter), time.time_ns() // 1_000_000)
            self._dead.pop(0)
        await self._bus.flush()
        await self._commit({p: self._work.safe(p, offset) for p, offset in self.taken.items()})
        self.kept += self._waiting
        self._waiting = self._bytes = 0
        self._keep_s = time.monotonic()

    async def _commit(self, offsets: Mapping[Place, int]) -> None:
        news = {place: n for place, n in offsets.items() if n != self._committed[place]}
        if news:
            await self._bus.commit(self._group, news)
            self._committed |= news
