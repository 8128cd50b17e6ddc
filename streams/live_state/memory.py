"""Live state in memory: of one process, and for tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from alerts.alarm import ENDED, Alarm
from alerts.holds import Held
from streams.live_state import Snapshot

MOST_UNHEARD: Final = 1_000  # told to one listener; the oldest goes


class MemoryState:
    """Maps by partition.

    Parameters
    ----------
    monotonic
        Seconds on a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._offsets: dict[int, int] = {}
        self._alarms: dict[int, dict[str, Alarm]] = {}
        self._held: dict[int, dict[str, Held]] = {}
        self._there: dict[str, tuple[str, float]] = {}
        self._listeners: list[MemoryListener] = []

    async def advance(self, partition: int, first: int, now: Snapshot) -> bool:
        at = self._offsets.get(partition)
        if at is None or at < first:
            return False
        if at < now.offset:
            self._put(partition, now)
        return True

    async def replace(self, partition: int, whole: Snapshot) -> None:
        if self._offsets.get(partition, -1) < whole.offset:
            await self.forget(partition)
            self._put(partition, whole)

    async def snapshots(self) -> dict[int, Snapshot]:
        return {
            partition: Snapshot(
                offset,
                list(self._alarms.get(partition, {}).values()),
                list(self._held.get(partition, {}).values()),
            )
            for partition, offset in self._offsets.items()
        }

    async def forget(self, partition: int) -> None:
        for table in (self._offsets, self._alarms, self._held):
            table.pop(partition, None)

    async def appear(self, name: str, about: str, for_s: float) -> None:
        self._there[name] = (about, self._monotonic() + for_s)

    async def leave(self, name: str) -> None:
        self._there.pop(name, None)

    async def present(self) -> dict[str, str]:
        now_s = self._monotonic()
        return {name: about for name, (about, until_s) in self._there.items() if now_s < until_s}

    async def tell(self, text: str) -> None:
        for listener in self._listeners:
            listener.put(text)

    async def listen(self) -> MemoryListener:
        listener = MemoryListener(self._listeners)
        self._listeners.append(listener)
        return listener

    async def close(self) -> None:
        """Let everything be."""

    def _put(self, partition: int, now: Snapshot) -> None:
        self._offsets[partition] = now.offset
        alarms = self._alarms.setdefault(partition, {})
        held = self._held.setdefault(partition, {})
        for alarm in now.alarms:
            if alarm.state == ENDED:
                alarms.pop(alarm.id, None)
            else:
                alarms[alarm.id] = alarm
        for one in now.held:
            if one.any:
                held[one.participant] = one
            else:
                held.pop(one.participant, None)


class MemoryListener:
    """Hears what a `MemoryState` is told."""

    def __init__(self, listeners: list[MemoryListener]) -> None:
        self._listeners = listeners
        self._told: asyncio.Queue[str] = asyncio.Queue(MOST_UNHEARD)

    def put(self, text: str) -> None:
        if self._told.full():
            self._told.get_nowait()
        self._told.put_nowait(text)

    async def heard(self, timeout_s: float) -> list[str]:
        if self._told.empty():
            try:
                return [await asyncio.wait_for(self._told.get(), timeout_s)]
            except TimeoutError:
                return []
        return [self._told.get_nowait() for _ in range(self._told.qsize())]

    async def close(self) -> None:
        self._listeners.remove(self)
