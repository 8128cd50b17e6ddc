"""Workers on a real Kafka say what one process says, while they come, go and are killed."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Iterator

import numpy as np
import pytest

from streams.bus import Place
from streams.bus.kafka import KafkaBus
from streams.bus.topics import DEAD_LETTER, raw
from streams.messages import decode_dead_letter
from streams.wire import decode
from tests.end_to_end.program import COMMAND, environment
from tests.scenes import LENGTH_S
from tests.streams.worker.on_kafka import (
    AT_MOST_S,
    N_PARTITIONS,
    Workers,
    all_done,
    assert_it_says_what_one_process_says,
    everything,
    publish,
    workers_on_kafka,
)

pytestmark = pytest.mark.bench  # Java, and workers that wait for a dead one: a minute


@pytest.fixture
def on_kafka(tmp_path) -> Iterator[tuple[str, Workers]]:
    with workers_on_kafka(tmp_path) as (one, workers):
        yield one.address, workers


def test_workers_that_come_go_and_die_say_what_one_process_says(on_kafka):
    address, workers = on_kafka

    async def body():
        bus = KafkaBus(address)
        workers.start("a")
        await workers.started("a")
        acts = {
            10: lambda: workers.start("b"),
            45: lambda: workers.kill("a"),
            46: lambda: workers.start("c"),
            75: lambda: workers.end("b"),
        }
        await publish(bus, LENGTH_S, np.random.default_rng(3), acts)
        for name in "abc":  # on a busy machine the last one starts when all has been published
            await workers.started(name)
        await all_done(bus)
        assert workers.end("c") == 0
        await assert_it_says_what_one_process_says(bus)
        assert await everything(bus, DEAD_LETTER) == []
        await bus.close()

    asyncio.run(body())


def test_what_cannot_be_read_is_a_dead_letter_and_stops_nobody(on_kafka):
    address, workers = on_kafka

    async def body():
        bus = KafkaBus(address)
        await bus.publish(Place(raw("ecg"), 2), b"poison", time.time_ns() // 1_000_000)
        workers.start("a")
        await publish(bus, 3, np.random.default_rng(1), {})
        await all_done(bus)
        assert workers.end("a") == 0
        letters = [
            decode_dead_letter(record.value) for record in await everything(bus, DEAD_LETTER)
        ]
        await bus.close()
        return letters

    (letter,) = asyncio.run(body())
    assert (letter.topic, letter.partition, letter.offset) == (raw("ecg"), 2, 0)
    assert letter.value == b"poison"
    assert "6 bytes" in letter.reason


def test_a_bridge_publishes_every_sample_of_a_recording(on_kafka, tmp_path):
    address, _ = on_kafka
    (tmp_path / "p1.csv").write_text("t_s,spo2\n" + "".join(f"{k},9{k % 9}\n" for k in range(40)))
    command = [*COMMAND, "bridge", "--kafka", address, "--partitions", str(N_PARTITIONS)]
    said = subprocess.run(
        [*command, "--replay", tmp_path / "p1.csv", "--speed", "max"],
        env=environment(), check=True, capture_output=True, timeout=AT_MOST_S,
    )  # fmt: skip
    assert b"All has been published" in said.stdout
    refused = subprocess.run(
        [*command[:-1], "5"], check=False, env=environment(), capture_output=True
    )
    assert refused.returncode == 2
    assert b"has 4 partitions, expected 5" in refused.stderr

    async def body():
        bus = KafkaBus(address)
        records = await everything(bus, raw("spo2"))
        await bus.close()
        return [decode(record.value) for record in records]

    blocks = asyncio.run(body())
    values = [
        value for block in blocks for value in (block.samples[:, 0] * block.scale[0]).tolist()
    ]
    assert values == [90 + k % 9 for k in range(40)]
