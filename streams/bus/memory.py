"""The bus in memory, for one process and for tests: nothing is lost, nothing is kept."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from streams.bus import BusError, Place, Record

MOST_AT_ONCE = 500


class MemoryBus:
    """Lists of records by place.

    Parameters
    ----------
    n_partitions
        Of every topic; a record for another partition is refused, as Kafka does.
    """

    def __init__(self, n_partitions: int) -> None:
        self.n_partitions = n_partitions
        self._kept: defaultdict[Place, list[Record]] = defaultdict(list)
        self._committed: defaultdict[str, dict[Place, int]] = defaultdict(dict)
        self._grown = asyncio.Condition()

    async def publish(self, place: Place, value: bytes, at_ms: int) -> None:
        if not 0 <= place.partition < self.n_partitions:
            raise BusError("memory", f"{place.topic} has no partition {place.partition}")
        kept = self._kept[place]
        kept.append(Record(place, len(kept), at_ms, value))
        async with self._grown:
            self._grown.notify_all()

    async def keep(self, place: Place, value: bytes, at_ms: int) -> int:
        await self.publish(place, value, at_ms)
        return len(self._kept[place]) - 1

    async def flush(self) -> None:
        """Return at once: what was published is there."""

    async def reader(self, offsets: Mapping[Place, int]) -> MemoryReader:
        return MemoryReader(self, offsets)

    async def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        return {place: len(self._kept[place]) for place in places}

    async def starts(self, places: Iterable[Place]) -> dict[Place, int]:
        return dict.fromkeys(places, 0)

    async def commit(self, group: str, offsets: Mapping[Place, int]) -> None:
        self._committed[group].update(offsets)

    async def committed(self, group: str, places: Iterable[Place]) -> dict[Place, int]:
        noted = self._committed[group]
        return {place: noted[place] for place in places if place in noted}

    async def close(self) -> None:
        """Let everything be; the next reader of this object finds it."""

    def since(self, offsets: Mapping[Place, int], most: int) -> list[Record]:
        """Give what lies at or after these offsets, at most so many of each place."""
        return [
            record
            for place, offset in offsets.items()
            for record in self._kept[place][offset : offset + most]
        ]

    async def wait(self, timeout_s: float) -> None:
        """Wait until something is published."""
        async with self._grown:
            try:
                await asyncio.wait_for(self._grown.wait(), timeout_s)
            except TimeoutError:
                return


class MemoryReader:
    """Reads a `MemoryBus`."""

    def __init__(self, bus: MemoryBus, offsets: Mapping[Place, int]) -> None:
        self._bus = bus
        self._next = dict(offsets)

    async def read(self, timeout_s: float) -> Sequence[Record]:
        found = self._bus.since(self._next, MOST_AT_ONCE)
        if not found and timeout_s:
            await self._bus.wait(timeout_s)
            found = self._bus.since(self._next, MOST_AT_ONCE)
        for record in found:
            self._next[record.place] = record.offset + 1
        return found

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
