"""The bus on Kafka, through aiokafka."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streams.bus import BusError, Place, Record

_log = logging.getLogger(__name__)

MOST_UNDER_WAY: Final = 2_000  # records handed to the producer and not kept yet
MOST_BYTES: Final = 16 * 1024 * 1024  # of one record
MOST_AT_ONCE: Final = 500
LINGER_MS: Final = 5  # blocks of one step travel together
START_S: Final = 20.0
AWAY_S: Final = 120.0  # for an answer; then its connection is made anew. So long a place waits
# for what was published before it, where that is more than one batch; longer, and publishing fails
CLOSE_S: Final = 5.0  # for a client to end; one whose broker is away never does by itself


class KafkaBus:
    """A Kafka cluster.

    Parameters
    ----------
    address
        ``host:port``, several with commas.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._producer: AIOKafkaProducer | None = None
        self._under_way: deque[asyncio.Future[Any]] = deque()
        self._clients: dict[str, AIOKafkaConsumer] = {}
        self._starting = asyncio.Lock()  # two that ask at once get one client

    async def publish(self, place: Place, value: bytes, at_ms: int) -> None:
        while len(self._under_way) >= MOST_UNDER_WAY:
            await self._settle(list(islice(self._under_way, MOST_UNDER_WAY // 2)))
        self._under_way.append(await self._send(place, value, at_ms))

    async def keep(self, place: Place, value: bytes, at_ms: int) -> int:
        sent = await self._send(place, value, at_ms)
        with self._faults():
            kept = await sent
        return int(kept.offset)

    async def flush(self) -> None:
        await self._settle(list(self._under_way))

    async def reader(self, offsets: Mapping[Place, int]) -> KafkaReader:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._address, enable_auto_commit=False,
            max_poll_records=MOST_AT_ONCE, max_partition_fetch_bytes=MOST_BYTES,
            auto_offset_reset="earliest",  # of an offset that is not kept any more
        )  # fmt: skip
        places = {_pair(place): offset for place, offset in offsets.items()}
        with self._faults():
            await _start(consumer)
        # In one go: a fetch that begins in between would look for an offset of its own.
        consumer.assign(list(places))
        for pair, offset in places.items():
            consumer.seek(pair, offset)
        return KafkaReader(consumer, self._address)

    async def ends(self, places: Iterable[Place]) -> dict[Place, int]:
        client = await self._client("")
        with self._faults():
            ends = await client.end_offsets([_pair(place) for place in places])
        return {Place(pair.topic, pair.partition): offset for pair, offset in ends.items()}

    async def starts(self, places: Iterable[Place]) -> dict[Place, int]:
        client = await self._client("")
        with self._faults():
            starts = await client.beginning_offsets([_pair(place) for place in places])
        return {Place(pair.topic, pair.partition): offset for pair, offset in starts.items()}

    async def commit(self, group: str, offsets: Mapping[Place, int]) -> None:
        client = await self._client(group)
        client.assign([_pair(place) for place in offsets])
        with self._faults():
            await client.commit({_pair(place): offset for place, offset in offsets.items()})

    async def committed(self, group: str, places: Iterable[Place]) -> dict[Place, int]:
        client = await self._client(group)
        found = {}
        with self._faults():
            for place in places:
                offset = await client.committed(_pair(place))
                if offset is not None:
                    found[place] = offset
        return found

    async def close(self) -> None:
        for client in self._clients.values():
            await _stop(client)
        self._clients.clear()
        if self._producer is not None:
            await _stop(self._producer)
            self._producer = None

    async def _send(self, place: Place, value: bytes, at_ms: int) -> asyncio.Future[Any]:
        """Hand a record to the producer; what it gives is done when the record is kept."""
        producer = await self._producing()
        with self._faults():
            if place.partition not in await producer.partitions_for(place.topic):
                raise BusError(self._address, f"{place.topic} has no partition {place.partition}")
            sent: asyncio.Future[Any] = await producer.send(
                place.topic, value, partition=place.partition, timestamp_ms=at_ms
            )
        return sent

    async def _producing(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                # Idempotent: a retry after a lost answer neither doubles a record nor changes
                # places.
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._address, acks="all", enable_idempotence=True,
                    linger_ms=LINGER_MS, max_request_size=MOST_BYTES,
                    request_timeout_ms=round(1_000 * AWAY_S),
                )  # fmt: skip
                # Else a batch is given up that has waited longer, if its place has no leader just
                # then, as when a broker starts: the next ones are out of sequence, and fail too.
                producer._message_accumulator._batch_ttl = math.inf
                with self._faults():
                    await _start(producer)
                self._producer = producer
            return self._producer

    async def _client(self, group: str) -> AIOKafkaConsumer:
        """Give a client that reads nothing; for a group, one that keeps its notes."""
        async with self._starting:
            if group not in self._clients:
                client = AIOKafkaConsumer(
                    bootstrap_servers=self._address, group_id=group or None,
                    enable_auto_commit=False,
                )  # fmt: skip
                with self._faults():
                    await _start(client)
                self._clients[group] = client
            return self._clients[group]

    async def _settle(self, sent: Sequence[asyncio.Future[Any]]) -> None:
        """Wait for the oldest that are under way; several may wait for the same ones."""
        if not sent:
            return
        await asyncio.wait(sent)
        for one in sent:
            if self._under_way and self._under_way[0] is one:
                self._under_way.popleft()
        with self._faults():
            for one in sent:
                one.result()

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (KafkaError, TimeoutError) as error:
            raise BusError(self._address, str(error) or type(error).__name__) from error


class KafkaReader:
    """Reads assigned places."""

    def __init__(self, consumer: AIOKafkaConsumer, address: str) -> None:
        self._consumer = consumer
        self._address = address

    async def read(self, timeout_s: float) -> Sequence[Record]:
        try:
            found = await self._consumer.getmany(timeout_ms=round(1000 * timeout_s))
        except KafkaError as error:
            raise BusError(self._address, str(error)) from error
        return [
            Record(Place(one.topic, one.partition), one.offset, one.timestamp, one.value)
            for records in found.values()
            for one in records
        ]

    async def close(self) -> None:
        await _stop(self._consumer)


async def _start(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    try:
        await asyncio.wait_for(client.start(), START_S)
    except BaseException:
        await _stop(client)
        raise


async def _stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """End a client; what it could not send by then is lost, as when it is killed."""
    try:
        await asyncio.wait_for(client.stop(), CLOSE_S)
    except TimeoutError:
        _log.warning("a Kafka client did not end within %g s", CLOSE_S)


def _pair(place: Place) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)
