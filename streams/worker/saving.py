"""Snapshots of partitions beside the work: a turn waits for a copy in memory, not for the disk.

::

    between two turns   the state of one partition is copied
    beside the turns    outputs are kept by Kafka ─▶ snapshot is written ─▶ records are acknowledged

One partition at a time, each `CHECKPOINT_S` after its last: four at once, packed and written while
the records of their next turns wait, were the slowest hundredth of all findings.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from streams.bus import Bus, Place
from streams.stores import StoreError
from streams.worker.checkpoints import Checkpoints
from streams.worker.partition import Image, Partition

_log = logging.getLogger(__name__)

CHECKPOINT_S: Final = 4.0  # DESIGN 5: at most 5 s apart; what writing takes may lie between

_Given = TypeVar("_Given")


class Saving:
    """Keeps the partitions of a worker.

    Parameters
    ----------
    commit
        Acknowledges the records before these offsets.
    now_s
        A clock that goes on.
    """

    def __init__(
        self,
        bus: Bus,
        checkpoints: Checkpoints,
        commit: Callable[[Mapping[Place, int]], Awaitable[None]],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._checkpoints = checkpoints
        self._commit = commit
        self._now_s = now_s
        self._due_s: dict[int, float] = {}
        self._one_at_a_time = asyncio.Lock()
        self._failing = False

    def begin(self, numbers: Iterable[int]) -> None:
        """Keep these from now on, and no others; not all at the same moment."""
        numbers = list(numbers)
        now_s, apart_s = self._now_s(), CHECKPOINT_S / max(len(numbers), 1)
        self._due_s = {number: now_s + (k + 1) * apart_s for k, number in enumerate(numbers)}

    def wait_s(self) -> float:
        """Give how long it is until one is due."""
        return max(min(self._due_s.values(), default=self._now_s() + 1.0) - self._now_s(), 0.0)

    def due(self) -> int | None:
        """Give the one that has been due for the longest time."""
        now_s = self._now_s()
        number = min(self._due_s, key=self._due_s.__getitem__, default=None)
        return number if number is not None and self._due_s[number] <= now_s else None

    async def keep_one(self, partition: Partition, image: Image) -> None:
        """Keep an image that was taken just now; a store that does not take it is asked again.

        Work goes on meanwhile: what is not acknowledged would be done again, and is not lost.
        """
        self._due_s[partition.number] = self._now_s() + CHECKPOINT_S
        try:
            async with self._one_at_a_time:
                await self._keep([(partition, image)])
        except StoreError as error:
            if not self._failing:
                _log.error("checkpoints=failing problem=%r", str(error))
            self._failing = True
        else:
            if self._failing:
                _log.warning("checkpoints=working again")
            self._failing = False

    async def keep_all(self, partitions: Iterable[Partition]) -> None:
        """Keep all as they are now, before they are given away; nobody may work on them.

        Raises
        ------
        StoreError, BusError
            They could not be kept.
        """
        async with self._one_at_a_time:
            await self._keep([(one, one.image()) for one in partitions])

    async def _keep(self, some: list[tuple[Partition, Image]]) -> None:
        await self._bus.flush()
        done: dict[Place, int] = {}
        for partition, image in some:
            if image.n_taken:
                await beside(partial(self._write, partition, image))
                offsets = image.offsets.items()
                done |= {Place(topic, partition.number): n for topic, n in offsets if n}
        # Partitions that were given away meanwhile are for others to acknowledge.
        done = {place: n for place, n in done.items() if place.partition in self._due_s}
        if done:
            await self._commit(done)

    def _write(self, partition: Partition, image: Image) -> None:
        one = partition.checkpoint(image)
        self._checkpoints.write(partition.number, one.n_taken, one.data, one.stands_on)
        partition.note_kept(one)


async def beside(work: Callable[[], _Given]) -> _Given:
    """Do it on a thread of its own, for which nobody waits at the end: a store may hang."""
    loop = asyncio.get_running_loop()
    given: asyncio.Future[_Given] = loop.create_future()

    def tell(set_: Callable[[Any], None], value: Any) -> None:
        if not given.done():  # else nobody waits any more
            set_(value)

    def run() -> None:
        try:
            told: tuple[Callable[[Any], None], Any] = (given.set_result, work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            told = (given.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(tell, *told)

    threading.Thread(target=run, name="checkpoint", daemon=True).start()
    return await given
