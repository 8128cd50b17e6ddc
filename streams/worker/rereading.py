"""What a worker reads of Kafka past Faust: ends, gaps, and what was written down of its turns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Final, TypeVar

from processors.errors import InputError
from streams.bus import Bus, BusError, Place, Record
from streams.bus.topics import TURNS, inputs
from streams.worker.journal import Turn, decode_turn
from streams.worker.partition import Partition

_log = logging.getLogger(__name__)

ANSWER_S: Final = 1.0  # for a question to Kafka that may go without an answer
RETRY_S: Final = 1.0
GONE_S: Final = 5.0  # a record that is not read again in that time is not there any more

_Got = TypeVar("_Got")


class Rereading:
    """Reads places again from where a partition has them.

    Parameters
    ----------
    put
        Puts a record where it waits.
    """

    def __init__(self, bus: Bus, put: Callable[[Partition, Record], None]) -> None:
        self._bus = bus
        self._put = put
        self._filling = asyncio.Lock()

    async def fill(self, partition: Partition, place: Place, end: int) -> None:
        """Read what is missing of a place up to an offset.

        Faust lets fall what it has fetched when partitions move meanwhile, and acknowledges it; and
        a snapshot that was lost leaves a gap before what was acknowledged. What Kafka does not keep
        any more is gone, and said; while Kafka is away it is waited for.
        """
        order = partition.order
        async with self._filling:
            first = order.expected(place.topic)
            await until_there(partial(self._fill, partition, place, end))
        _log.info("read again place=%s from=%d to=%d", place, first, order.expected(place.topic))
        if order.expected(place.topic) < end:
            _log.warning("records are gone place=%s until=%d", place, end)
            order.give_up(place.topic, end)

    async def _fill(self, partition: Partition, place: Place, end: int) -> None:
        order = partition.order
        reader = await self._bus.reader({place: order.expected(place.topic)})
        try:
            while order.expected(place.topic) < end and (some := await reader.read(GONE_S)):
                for record in some:
                    self._put(partition, record)
        finally:
            await reader.close()
        if order.expected(place.topic) < end:
            await self._ends([place])  # else it is Kafka that is gone

    async def answers(self, numbers: Iterable[int]) -> bool:
        """Ask Kafka for the ends of partitions (none: of any), and tell whether it answers."""
        places = [Place(topic, n) for n in numbers for topic in (*inputs(), TURNS)]
        try:
            await self._ends(places or [Place(TURNS, 0)])
        except BusError:
            return False
        return True

    async def _ends(self, places: Iterable[Place]) -> dict[Place, int]:
        """Give the ends of places; a BusError where Kafka does not answer soon."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._bus.ends(places)
        except TimeoutError as error:
            raise BusError("Kafka", f"does not answer within {ANSWER_S:g} s") from error

    async def is_read(self, partition: Partition) -> bool | None:
        """Ask Kafka whether there is nothing more of a partition; None: it does not answer."""
        places = {Place(topic, partition.number): topic for topic in inputs()}
        try:
            ends = await self._ends(places)
        except BusError:
            return None
        return all(end <= partition.order.expected(places[at]) for at, end in ends.items())

    async def written(self, partitions: Iterable[Partition]) -> dict[int, list[Turn]]:
        """Give what the journal has of each partition since its snapshot.

        Raises
        ------
        BusError
            Kafka does not answer.
        """
        first = {Place(TURNS, one.number): one.journal for one in partitions}
        ends = await self._bus.ends(first)
        found: dict[int, list[Turn]] = {place.partition: [] for place in first}
        left = {place: end for place, end in ends.items() if first[place] < end}
        if not left:
            return found
        reader = await self._bus.reader({place: first[place] for place in left})
        try:
            while left and (some := await reader.read(GONE_S)):
                for record in some:
                    try:
                        found[record.place.partition].append(decode_turn(record.value))
                    except InputError as error:  # what follows is not made again then
                        _log.warning("turn not used place=%s reason=%s", record.place, error)
                    if record.offset + 1 >= left.get(record.place, 0):
                        left.pop(record.place, None)
        finally:
            await reader.close()
        if left:
            await self._ends(left)  # else it is Kafka that is gone, not what was written down
        return found


async def until_there(what: Callable[[], Awaitable[_Got]]) -> _Got:
    """Do something with the bus, again until it is there (`worker.absence` looks whether it is)."""
    said = ""
    while True:
        try:
            return await what()
        except BusError as error:
            if str(error) != said:
                said = str(error)
                _log.warning("tried again problem=%r", said)
        await asyncio.sleep(RETRY_S)
