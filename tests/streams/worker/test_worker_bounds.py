"""What a worker promises on a real Kafka: bounded memory, bounded time, and its partitions back.

The workers run here, on one event loop, with processors of a line or two.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from signal import SIGCONT, SIGSTOP

import numpy as np
import pytest

from alerts.policy import load_policy
from processors.records import NOTHING, NS_PER_MS, Chunk, Processor, pack
from processors.state import KeepsState, SlotState
from streams import wire
from streams.bus import Place, Record
from streams.bus.admin import create_topics
from streams.bus.kafka import CLOSE_S, MOST_UNDER_WAY, KafkaBus
from streams.bus.topics import PROGRESS, inputs, raw, topics
from streams.worker.faust_app import Role
from streams.worker.faust_worker import Worker
from streams.worker.partition import Partition
from streams.worker.watchdog import Watchdog
from tests.servers.kafka import Broker, broker
from tests.streams.worker.hanging import ANSWERS
from tests.streams.worker.on_kafka import until

pytestmark = pytest.mark.bench  # Java

N_PARTITIONS = 2
EVERYTHING = {Place(topic, p) for topic in inputs() for p in range(N_PARTITIONS)}


class Slow(KeepsState):
    """Processes nothing before it is let go on."""

    name = "slow"
    consumes = ("ecg",)
    produces = ()

    def __init__(self, go_on: threading.Event) -> None:
        self._go_on = go_on
        self._state = SlotState([("n", np.int8)])

    def process(self, batch):
        self._go_on.wait()
        return NOTHING


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> Iterator[Broker]:
    with broker(tmp_path_factory.mktemp("kafka")) as found:
        create_topics(found.address, topics(), N_PARTITIONS, replicas=1)
        yield found


@contextlib.asynccontextmanager
async def working(
    one: Broker,
    group: str,
    name: str,
    store: object,
    *processors: Processor,
    watchdog: Watchdog | None = None,
) -> AsyncIterator[tuple[Worker, list[str]]]:
    """Give a worker that has partitions, and what it says; it ends as by SIGTERM."""
    said: list[str] = []
    role = Role(one.address, group, name, str(store))
    watchdog = watchdog or Watchdog(600.0)  # it would end the tests, not only the worker
    worker = Worker(role, load_policy(), said.append, lambda: processors, watchdog)
    running = asyncio.create_task(worker.run())
    try:
        await until(lambda: said or running.done(), f"{name} to have partitions")
        yield worker, said
    finally:
        worker.stop()
        await running


def ecg(k: int, n: int) -> bytes:
    samples = np.random.default_rng(k).integers(-500, 500, (n, 1)).astype(np.int16)
    return wire.encode(pack([Chunk("p1", "d", "ecg", k * 10**9, samples, 250.0, n * k)]))


async def publish_ecg(bus: KafkaBus, n_records: int, n: int) -> None:
    now_ms = time.time_ns() // NS_PER_MS
    for k in range(n_records):
        await bus.publish(Place(raw("ecg"), 0), ecg(k, n), now_ms + k)
    await bus.flush()


def test_a_worker_that_is_slow_reads_no_more_than_it_may_hold(one, tmp_path, monkeypatch):
    async def body():
        most, n_samples = 400_000, 20_000  # 40 kB a record
        monkeypatch.setattr("streams.worker.faust_worker.MOST_WAITING", most)
        go_on, held = threading.Event(), [0]
        async with working(one, "slow", "a", tmp_path, Slow(go_on)) as (worker, _):
            put = worker._put

            def put_and_weigh(partition: Partition, record: Record) -> None:
                put(partition, record)
                held.append(sum(p.order.n_bytes for p in worker._partitions.values()))

            monkeypatch.setattr(worker, "_put", put_and_weigh)
            bus = KafkaBus(one.address)
            first = (await bus.ends(EVERYTHING))[Place(raw("ecg"), 0)]
            try:
                await publish_ecg(bus, 100, n_samples)
                await until(lambda: max(held) > most, "as much to wait as may")
            finally:
                go_on.set()
            order = worker._partitions[0].order
            await until(lambda: order.offsets[raw("ecg")] - first == 100, "all to be processed")
            await bus.close()
        assert most < max(held) <= most + len(ecg(0, n_samples))

    asyncio.run(body())


def test_partitions_are_given_away_in_time_though_their_store_hangs(one, tmp_path, monkeypatch):
    async def body():
        monkeypatch.setattr("streams.worker.faust_worker.REVOKE_S", 0.3)
        async with working(one, "hangs", "a", f"hanging://{tmp_path}") as (worker, said):
            bus = KafkaBus(one.address)
            await publish_ecg(bus, 1, 250)
            await until(
                lambda: any(worker._partitions[0].order.offsets.values()), "it to be processed"
            )
            ANSWERS.clear()
            try:
                async with asyncio.timeout(5):
                    await worker._give_away(EVERYTHING)
                assert worker._partitions == {}
            finally:
                ANSWERS.set()
            await worker._take_over(EVERYTHING)  # what was not kept is done again
            assert said[1].startswith("Partitions [0, 1]")
            await bus.close()

    asyncio.run(body())


def test_one_that_comes_back_under_its_name_finds_its_partitions_and_disturbs_nobody(
    one, tmp_path, monkeypatch
):
    async def body():
        monkeypatch.setattr("streams.worker.faust_app.SESSION_S", 20.0)  # on a busy machine
        role = (one, "static")
        async with working(*role, "b", tmp_path) as (_, said):
            async with working(*role, "a", tmp_path) as (_, first):
                await until(lambda: len(said) == 2, "b to have given one away")
            async with working(*role, "a", tmp_path) as (_, second):
                assert second[0] == first[0]
            assert [line.split(",")[0] for line in said[:1]] == ["Partitions [0"]
            assert len(said) == 2
            assert {said[1][:14], second[0][:14]} == {"Partitions [0]", "Partitions [1]"}

    asyncio.run(body())


class Counting(Slow):
    """Counts the batches that it has been given, of what no other test here publishes."""

    consumes = ("acceleration",)
    n = 0

    def process(self, batch):
        self.n += batch.n_samples > 0
        return super().process(batch)


def moved(k: int) -> bytes:
    samples = np.full((50, 3), k, np.int16)
    return wire.encode(pack([Chunk("p1", "d", "acceleration", k * 10**9, samples, 50.0, 50 * k)]))


def test_a_worker_waits_for_a_broker_that_is_away_however_long(one, tmp_path):
    async def body():
        go_on, place = threading.Event(), Place(raw("acceleration"), 0)
        counting, now_s, ended = Counting(go_on), [0.0], []
        watchdog = Watchdog(60.0, end=ended.append, now_s=lambda: now_s[0])
        role = (one, "away", "a", tmp_path, counting)
        async with working(*role, watchdog=watchdog) as (worker, _):
            bus, now_ms = KafkaBus(one.address), time.time_ns() // NS_PER_MS
            try:
                go_on.set()
                reader = await bus.reader(await bus.ends([Place(PROGRESS, 0)]))
                await bus.keep(place, moved(0), now_ms)
                while not await reader.read(1.0):  # what is said last of a turn
                    pass
                await reader.close()
                # A turn goes on, and the record of the next one is there.
                go_on.clear()
                await bus.keep(place, moved(1), now_ms + 1_000)
                await until(lambda: counting.n == 2, "a turn to begin")
                await bus.keep(place, moved(2), now_ms + 2_000)
                order = worker._partitions[0].order
                await until(lambda: order.n_bytes, "the next record to come")
                one.send(SIGSTOP)
                go_on.set()
                await until(lambda: counting.n == 3, "a turn that Kafka does not keep")
                for _ in range(4):
                    now_s[0] += 30.0
                    assert not watchdog.look()
                    await until(lambda: not watchdog.stalled_s, "Kafka to be asked")
            finally:
                go_on.set()
                one.send(SIGCONT)
            await bus.keep(place, moved(3), now_ms + 3_000)
            await until(lambda: counting.n == 4, "it to go on")
            await bus.close()
        assert ended == []

    asyncio.run(body())


def test_a_publisher_waits_for_a_broker_that_does_not_answer(one):
    async def body():
        bus, place = KafkaBus(one.address), Place(raw("ppg"), 0)
        before = (await bus.ends([place]))[place]
        await bus.keep(place, b"first", 1)
        given = 0

        async def give() -> None:
            nonlocal given
            for _ in range(2 * MOST_UNDER_WAY):
                await bus.publish(place, b"more", 1)
                given += 1
            await bus.flush()

        one.send(SIGSTOP)
        giving = asyncio.create_task(give())
        try:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.shield(giving), 1.0)
            assert 0 < given <= MOST_UNDER_WAY
        finally:
            one.send(SIGCONT)
        await giving
        assert (await bus.ends([place]))[place] == before + 1 + 2 * MOST_UNDER_WAY
        await bus.close()

    asyncio.run(body())


def test_a_publisher_ends_though_its_broker_does_not_answer(one):
    async def body():
        bus = KafkaBus(one.address)
        await bus.keep(Place(raw("ppg"), 0), b"first", 1)
        one.send(SIGSTOP)
        try:
            await bus.publish(Place(raw("ppg"), 0), b"more", 1)
            await asyncio.wait_for(bus.close(), 2 * CLOSE_S)
        finally:
            one.send(SIGCONT)

    asyncio.run(body())
