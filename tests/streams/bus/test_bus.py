"""What every bus does: the same suite over memory and a real Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import uuid

import pytest

from streams.bus import BusError, Place
from streams.bus.admin import create_topics
from streams.bus.kafka import KafkaBus
from streams.bus.memory import MemoryBus
from streams.bus.topics import Topic

BACK_ENDS = ("memory", "kafka")
N_PARTITIONS = 3
NAMES = (f"test.bus.{uuid.uuid4().hex}" for _ in itertools.count())  # a named Kafka keeps topics


@pytest.fixture(params=BACK_ENDS)
def make_bus(request):
    """Give a function that opens a bus on which the topic of the test is."""
    if request.param == "memory":
        one = MemoryBus(N_PARTITIONS)
        return lambda topic: one
    address = request.getfixturevalue("kafka_address")

    def on_kafka(topic):
        create_topics(address, [Topic(topic, 60_000_000)], N_PARTITIONS, replicas=1)
        return KafkaBus(address)

    return on_kafka


@pytest.fixture
def run(make_bus):
    """Run a test body with a bus and the name of a topic of its own."""

    def run_(body):
        topic = next(NAMES)

        async def whole():
            bus = make_bus(topic)
            try:
                await asyncio.wait_for(body(bus, topic), 60)
            finally:
                await bus.close()

        asyncio.run(whole())

    return run_


async def read(reader, n):
    """Read until so many records have come."""
    found = []
    while len(found) < n:
        found += await reader.read(1.0)
    return found


def test_each_place_keeps_its_order_and_its_records_to_the_byte(run):
    async def body(bus, topic):
        sent = {p: [bytes([p, k, 0, 255]) for k in range(50)] for p in range(N_PARTITIONS)}
        for k in range(50):
            for p in range(N_PARTITIONS):
                await bus.publish(Place(topic, p), sent[p][k], 1_000 + k)
        await bus.flush()
        reader = await bus.reader({Place(topic, p): 0 for p in range(N_PARTITIONS)})
        found = await read(reader, 150)
        await reader.close()
        for p in range(N_PARTITIONS):
            mine = [record for record in found if record.place == Place(topic, p)]
            assert [record.value for record in mine] == sent[p]
            assert [record.at_ms for record in mine] == [1_000 + k for k in range(50)]
            assert [record.offset for record in mine] == list(range(50))

    run(body)


def test_a_reader_begins_at_its_offsets_and_sees_only_its_places(run):
    async def body(bus, topic):
        for k in range(9):
            await bus.publish(Place(topic, k % 2), bytes([k]), 5)
        await bus.flush()
        reader = await bus.reader({Place(topic, 0): 3})
        assert [record.value for record in await read(reader, 2)] == [b"\x06", b"\x08"]
        assert list(await reader.read(0.2)) == []
        await reader.close()

    run(body)


def test_a_reader_that_waits_gets_what_comes_later(run):
    async def body(bus, topic):
        reader = await bus.reader({Place(topic, 1): 0})
        waiting = asyncio.create_task(read(reader, 1))
        await bus.publish(Place(topic, 1), b"late", 7)
        await bus.flush()
        assert [record.value for record in await waiting] == [b"late"]
        await reader.close()

    run(body)


def test_the_ends_are_where_the_next_records_will_lie(run):
    async def body(bus, topic):
        places = [Place(topic, p) for p in range(N_PARTITIONS)]
        assert await bus.ends(places) == dict.fromkeys(places, 0)
        await bus.publish(places[2], b"x", 1)
        await bus.flush()
        assert await bus.ends(places) == {**dict.fromkeys(places, 0), places[2]: 1}

    run(body)


def test_all_that_was_published_is_kept(run):
    async def body(bus, topic):
        places = [Place(topic, p) for p in range(N_PARTITIONS)]
        await bus.publish(places[1], b"one", 1)
        await bus.flush()
        assert await bus.starts(places) == dict.fromkeys(places, 0)

    run(body)


def test_where_kafka_has_deleted_records_a_place_starts_behind_them(kafka_address):
    from kafka import KafkaAdminClient, TopicPartition

    topic = next(NAMES)
    create_topics(kafka_address, [Topic(topic, 60_000_000)], 1, replicas=1)

    async def body():
        bus, place = KafkaBus(kafka_address), Place(topic, 0)
        for k in range(3):
            await bus.publish(place, b"some", k)
        await bus.flush()
        with contextlib.closing(KafkaAdminClient(bootstrap_servers=kafka_address)) as admin:
            admin.delete_records({TopicPartition(topic, 0): 2})
        found = await bus.starts([place])
        await bus.close()
        assert found == {place: 2}

    asyncio.run(body())


def test_notes_of_a_group_are_its_own_and_go_forward_and_back(run):
    async def body(bus, topic):
        places = [Place(topic, p) for p in range(2)]
        mine, others = f"{topic}.mine", f"{topic}.others"
        assert await bus.committed(mine, places) == {}
        await bus.commit(mine, {places[0]: 5})
        await bus.commit(mine, {places[0]: 4, places[1]: 1})
        assert await bus.committed(mine, places) == {places[0]: 4, places[1]: 1}
        assert await bus.committed(others, places) == {}

    run(body)


def test_what_was_kept_is_there_for_everybody_without_a_flush(run):
    async def body(bus, topic):
        assert await bus.keep(Place(topic, 1), b"kept", 7) == 0
        assert await bus.ends([Place(topic, 1)]) == {Place(topic, 1): 1}
        reader = await bus.reader({Place(topic, 1): 0})
        (record,) = await read(reader, 1)
        assert (record.value, record.at_ms) == (b"kept", 7)
        await reader.close()

    run(body)


def test_two_that_flush_at_once_both_wait_until_it_is_kept(run):
    async def body(bus, topic):
        await bus.publish(Place(topic, 0), b"one", 1)
        other = asyncio.create_task(bus.flush())
        await asyncio.sleep(0)
        await bus.flush()
        await asyncio.sleep(0)
        assert other.done()
        assert await bus.ends([Place(topic, 0)]) == {Place(topic, 0): 1}

    run(body)


def test_a_record_of_10_megabytes_passes(run):
    async def body(bus, topic):
        value = bytes(range(256)) * 40_000
        await bus.publish(Place(topic, 0), value, 1)
        await bus.flush()
        reader = await bus.reader({Place(topic, 0): 0})
        assert (await read(reader, 1))[0].value == value
        await reader.close()

    run(body)


def test_a_partition_that_is_not_there_is_refused(run):
    async def body(bus, topic):
        with pytest.raises(BusError):  # noqa: PT012 - either of the two may say it
            await bus.publish(Place(topic, N_PARTITIONS), b"x", 1)
            await bus.flush()

    run(body)


def test_a_kafka_that_is_not_there_is_said_with_its_address():
    async def body():
        bus = KafkaBus("127.0.0.1:9")
        try:
            with pytest.raises(BusError, match=r"127\.0\.0\.1:9"):
                await bus.ends([Place("t", 0)])
        finally:
            await bus.close()

    asyncio.run(body())
