"""Programs that read the same ECG from Kafka and work off one small QRS step.

``python -m tests.bench.kafka_readers READER ADDRESS SAMPLES WARM`` prints what a sample costs as
JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable
from typing import Any

import numpy as np

from processors.records import NS_PER_MS
from streams.bus.topics import raw
from streams.engine import Engine
from streams.wire import decode
from tests.bench.qrs_step import STATE, Pace, QrsStep, qrs_step

BLOCKS = raw("ecg")
ROWS = "bench.rows"  # one row of one participant a record: its samples, the participant as key
SCALE = np.float32(0.005)
EVERYBODY = 10_000


class RowWork:
    """The step on one row at a time."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._state = np.zeros(EVERYBODY, STATE)
        self._slots: dict[bytes, Any] = {}

    def take(self, key: bytes, value: bytes) -> None:
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = np.array([len(self._slots)], np.int32)
        values = np.frombuffer(value, np.int16) * SCALE
        qrs_step(values, np.array([0, len(values)], np.int64), slot, self._state)
        self._pace.count(len(values))


def worker(address: str, pace: Pace) -> None:
    """`vitals worker`, with this step only."""
    from alerts.policy import load_policy
    from streams.worker.faust_app import Role
    from streams.worker.faust_worker import Worker

    with tempfile.TemporaryDirectory() as folder:
        role = Role(address, f"bench.{uuid.uuid4().hex}", "bench", folder)
        processors = lambda: [QrsStep(pace)]  # noqa: E731
        asyncio.run(Worker(role, load_policy(), lambda line: None, processors).run())


def feed(address: str, pace: Pace) -> None:
    """`Engine.feed` alone: all blocks are read and decoded before the first is fed."""
    blocks = []

    def keep(value: bytes) -> bool:
        blocks.append(decode(value))
        return sum(block.n_samples for block in blocks) < pace.n

    asyncio.run(_each_value(address, BLOCKS, keep))
    engine = Engine([QrsStep(pace)])
    for block in blocks:
        engine.feed([block])
        engine.tick(int(block.t0_ns[0]) + 256 * NS_PER_MS)


def aiokafka_blocks(address: str, pace: Pace) -> None:
    """A bare aiokafka loop over the blocks."""
    state = np.zeros(EVERYBODY, STATE)
    slots: dict[tuple[str, ...], Any] = {}
    left = pace.n

    def work(value: bytes) -> bool:
        nonlocal left
        block = decode(value)
        if block.participants not in slots:
            slots[block.participants] = np.arange(block.n_rows, dtype=np.int32)
        values = block.samples[:, 0] * np.float32(block.scale[0])
        qrs_step(values, block.offsets, slots[block.participants], state)
        left -= len(values)
        pace.count(len(values))
        return left > 0

    asyncio.run(_each_value(address, BLOCKS, work))


async def _each_value(address: str, topic: str, take: Callable[[bytes], bool]) -> None:
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False,
        max_partition_fetch_bytes=16 * 1024 * 1024,
    )  # fmt: skip
    await consumer.start()
    try:
        while True:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                for record in records:
                    if not take(record.value):
                        return
    finally:
        await consumer.stop()


def aiokafka_rows(address: str, pace: Pace) -> None:
    from aiokafka import AIOKafkaConsumer

    work = RowWork(pace)

    async def read() -> None:
        consumer = AIOKafkaConsumer(
            ROWS, bootstrap_servers=address, auto_offset_reset="earliest", enable_auto_commit=False,
            max_partition_fetch_bytes=16 * 1024 * 1024,
        )  # fmt: skip
        await consumer.start()
        try:
            while not pace.done:
                for records in (await consumer.getmany(timeout_ms=1_000)).values():
                    for record in records:
                        work.take(record.key, record.value)
        finally:
            await consumer.stop()

    asyncio.run(read())


def confluent_rows(address: str, pace: Pace) -> None:
    from confluent_kafka import Consumer

    work = RowWork(pace)
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": f"bench.{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([ROWS])
    while not pace.done:
        for message in consumer.consume(1_000, timeout=1.0):
            work.take(message.key(), message.value())
    consumer.close()


def quix_rows(address: str, pace: Pace) -> None:
    from quixstreams import Application

    work = RowWork(pace)
    application = Application(
        broker_address=address, consumer_group=f"bench.{uuid.uuid4().hex}", loglevel=None,
        auto_offset_reset="earliest", auto_create_topics=False, state_dir=tempfile.mkdtemp(),
    )  # fmt: skip
    topic = application.topic(ROWS, key_deserializer="bytes", value_deserializer="bytes")
    frame = application.dataframe(topic)

    def take(value: bytes, key: bytes, timestamp: int, headers: Any) -> bytes:
        work.take(key, value)
        if pace.done:
            application.stop()
        return value

    frame.apply(take, metadata=True)
    application.run()


READERS = {
    one.__name__: one
    for one in (worker, feed, aiokafka_blocks, aiokafka_rows, confluent_rows, quix_rows)
}


def main() -> None:
    name, address, n, n_warm = sys.argv[1:]

    def done(figures: dict[str, float]) -> None:
        print(json.dumps(figures), flush=True)
        if name == "worker":
            os.kill(os.getpid(), signal.SIGTERM)  # as its supervisor would

    pace = Pace(int(n), int(n_warm), done)
    READERS[name](address, pace)


if __name__ == "__main__":
    main()
