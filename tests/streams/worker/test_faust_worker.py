"""Workers on a real Kafka say what one process says, while they come, go and are killed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator

import numpy as np
import pytest

from processors.records import NS_PER_MS, NS_PER_S
from streams.acting import publish_act
from streams.alarm_messages import decode_alarms
from streams.bridging import announce, publish_step
from streams.bus import Place
from streams.bus.admin import create_topics
from streams.bus.kafka import KafkaBus
from streams.bus.topics import ALARMS, DEAD_LETTER, EVENTS, FEATURES, inputs, raw, topics
from streams.messages import Enrolment, decode_dead_letter, decode_findings, decode_series
from streams.wire import decode
from streams.worker.partition import Said
from tests.end_to_end.program import COMMAND, environment
from tests.scenes import LENGTH_S, even_bounds, scene, steps
from tests.servers.kafka import broker
from tests.streams.worker.test_partition import (
    STEP_MS,
    add_changes,
    collect,
    one_process,
    people,
    same_until,
    story_until,
)

pytestmark = pytest.mark.bench  # Java, and workers that wait for a dead one: a minute

N_PARTITIONS = 4
GROUP = "vitals"
SPEED = 2
AT_MOST_S = 60.0
# What is due later may be known only when time has gone on, which it does not in the scene.
ALARMS_UNTIL_S = LENGTH_S - 6


class Workers:
    """Worker processes of one group, by name."""

    def __init__(self, address, folder):
        self._address, self._folder = address, folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name):
        command = [*COMMAND, "worker", "--kafka", self._address, "--name", name]
        log = (self._folder / f"{name}.log").open("ab")
        self._running[name] = subprocess.Popen(
            [*command, "--checkpoints", self._folder / "checkpoints"],
            stdout=log, stderr=log, env=environment(),
        )  # fmt: skip

    async def started(self, name):
        """Wait until a worker has partitions."""
        await until(lambda: b"Partitions [" in self.log(name), f"{name} to have partitions")

    def log(self, name):
        return (self._folder / f"{name}.log").read_bytes()

    def kill(self, name):
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def end(self, name):
        """End a worker as its supervisor would, and give its exit status."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(30)

    def close(self):
        for name in list(self._running):
            self.kill(name)


async def until(what, words):
    end_s = time.monotonic() + AT_MOST_S
    while not (done := what()):
        assert time.monotonic() < end_s, f"waited {AT_MOST_S:.0f} s for {words}"
        await asyncio.sleep(0.2)
    return done


async def all_done(bus):
    """Wait until everything that lies on the input topics is acknowledged."""
    places = [Place(topic, p) for topic in inputs() for p in range(N_PARTITIONS)]
    ends = {place: end for place, end in (await bus.ends(places)).items() if end}
    end_s = time.monotonic() + AT_MOST_S
    while (done := await bus.committed(GROUP, ends)) != ends:
        assert time.monotonic() < end_s, {p: done.get(p) for p in ends if done.get(p) != ends[p]}
        await asyncio.sleep(0.5)


async def everything(bus, topic):
    """Give all records of a topic."""
    ends = await bus.ends([Place(topic, p) for p in range(N_PARTITIONS)])
    reader = await bus.reader(dict.fromkeys(ends, 0))
    found, reached = [], dict.fromkeys(ends, 0)
    end_s = time.monotonic() + AT_MOST_S
    while reached != ends:
        assert time.monotonic() < end_s, (reached, ends)
        some = await reader.read(1.0)
        found += some
        reached |= {record.place: record.offset + 1 for record in some}
    await reader.close()
    return found


async def publish(bus, length_s, random, acts):
    """Play the scene faster than real, the blocks of each step in random order.

    `acts` are done when their second of the scene has come; a pause would be silent devices.
    What persons ask of the one process they ask of the workers.
    """
    due = sorted(acts.items(), reverse=True)
    # Devices count from 0; what arrives does so now, or Kafka would delete it as being of 1970.
    base_ns = time.time_ns() // NS_PER_S * NS_PER_S
    asked = one_process().acts
    await announce(bus, N_PARTITIONS, Enrolment(people(), 0), base_ns // NS_PER_MS)
    for until_ns, rows in steps(scene(), even_bounds(STEP_MS, length_s)):
        for act in asked.get(until_ns // NS_PER_MS, ()):
            at_ms = (base_ns + until_ns) // NS_PER_MS
            await publish_act(bus, N_PARTITIONS, act, lambda _, at_ms=at_ms: at_ms)
        shuffled = [rows[k] for k in random.permutation(len(rows))]
        await publish_step(bus, N_PARTITIONS, base_ns + until_ns, shuffled)
        while due and until_ns >= due[-1][0] * NS_PER_S:
            await asyncio.to_thread(due.pop()[1])
        await asyncio.sleep(STEP_MS / 1000 / SPEED)
    await bus.flush()


@pytest.fixture
def on_kafka(tmp_path) -> Iterator[tuple[str, Workers]]:
    (tmp_path / "kafka").mkdir()
    with broker(tmp_path / "kafka") as one:
        create_topics(one.address, topics(), N_PARTITIONS, replicas=1)
        workers = Workers(one.address, tmp_path)
        with contextlib.closing(workers):
            yield one.address, workers


def before_the_end(findings):
    """Give findings but for the end, where time goes on for a worker and the scene does not."""
    return {repr(one) for one in findings if one.t_ns <= (LENGTH_S - 2) * NS_PER_S}


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
        events = await everything(bus, EVENTS)
        features = await everything(bus, FEATURES)
        alarms = await everything(bus, ALARMS)
        dead = await everything(bus, DEAD_LETTER)
        await bus.close()
        return events, features, alarms, dead

    events, features, alarms, dead = asyncio.run(body())
    expected = one_process()
    found = [one for record in events for one in decode_findings(record.value)]
    assert before_the_end(found) == before_the_end(expected.findings)
    values = {}
    for record in features:
        collect(values, Said(features=decode_series(record.value)))
    assert same_until(values, expected.values, LENGTH_S - 2)
    assert dead == []
    news = [decode_alarms(record.value) for record in alarms]
    story = {}
    for one in news:
        until_ns = ALARMS_UNTIL_S * NS_PER_S
        add_changes(story, [change for change in one.changes if change.t_ns <= until_ns])
    assert story == story_until(expected, ALARMS_UNTIL_S)
    assert {repr(audit) for one in news for audit in one.audits} == set(expected.audits)


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
