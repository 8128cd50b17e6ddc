"""What a worker reads of Kafka past Faust: ends, gaps, and what was written down of its turns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from processors.errors import InputError
from streams.bus import Bus, BusError, Place, Record
from streams.bus.topics import TURNS, inputs
from streams.worker.journal import Turn, decode_turn
from streams.worker.partition import Partition

_log = logging.getLogger(__name__)

ANSWER_S: Final = 1.0  # for a question to Kafka that may go without an answer
GONE_S: Final = 5.0  # a record that is not read again in that time is not there any more


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
        any more is gone, and said.
        """
        order = partition.order
        async with self._filling:
            first = order.expected(place.topic)
            reader = await self._bus.reader({place: first})
            try:
                while order.expected(place.topic) < end and (some := await reader.read(GONE_S)):
                    for record in some:
                        self._put(partition, record)
            finally:
                await reader.close()
        _log.info("read again place=%s from=%d to=%d", place, first, order.expected(place.topic))
        if order.expected(place.topic) < end:
            _log.warning("records are gone place=%s until=%d", place, end)
            order.give_up(place.topic, end)

    async def is_read(self, partition: Partition) -> bool | None:
        """Ask Kafka whether there is nothing more of a partition; None: it does not answer."""
        places = {Place(topic, partition.number): topic for topic in inputs()}
        try:
            async with asyncio.timeout(ANSWER_S):
                ends = await self._bus.ends(places)
        except (BusError, TimeoutError):
            return None
        return all(end <= partition.order.expected(places[at]) for at, end in ends.items())

    async def written(self, partitions: Iterable[Partition]) -> dict[int, list[Turn]]:
        """Give what the journal has of each partition since its snapshot."""
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
        return found
