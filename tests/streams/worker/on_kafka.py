"""Workers on a real Kafka to which a scene is published, and what they have said of it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from processors.records import NS_PER_MS, NS_PER_S
from streams.acting import publish_act
from streams.alarm_messages import decode_alarms
from streams.bridging import announce, publish_step
from streams.bus import Place
from streams.bus.admin import create_topics
from streams.bus.topics import ALARMS, EVENTS, FEATURES, inputs, topics
from streams.messages import Enrolment, decode_findings, decode_series
from streams.worker.partition import Said
from tests.end_to_end.program import COMMAND, environment
from tests.scenes import LENGTH_S, even_bounds, scene, steps
from tests.servers.kafka import Broker, broker
from tests.streams.worker.test_partition import (
    STEP_MS,
    add_changes,
    collect,
    one_process,
    people,
    same_until,
    story_until,
)

N_PARTITIONS = 4
GROUP = "vitals"
SPEED = 2
AT_MOST_S = 60.0
STARTED_S = 180.0  # kernels may have to be compiled first


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
        what = f"{name} to have partitions"
        await until(lambda: b"Partitions [" in self.log(name), what, STARTED_S)

    def log(self, name):
        return (self._folder / f"{name}.log").read_bytes()

    def send(self, name, number):
        """Send it a signal: SIGSTOP, and it does nothing until SIGCONT."""
        self._running[name].send_signal(number)

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


@contextlib.contextmanager
def workers_on_kafka(folder: Path) -> Iterator[tuple[Broker, Workers]]:
    """Run a broker with all topics, and whatever workers are started on it."""
    (folder / "kafka").mkdir()
    with broker(folder / "kafka") as one:
        create_topics(one.address, topics(), N_PARTITIONS, replicas=1)
        with contextlib.closing(Workers(one.address, folder)) as workers:
            yield one, workers


async def until(what, words, at_most_s=AT_MOST_S):
    end_s = time.monotonic() + at_most_s
    while not (done := what()):
        assert time.monotonic() < end_s, f"waited {at_most_s:.0f} s for {words}"
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


def known(findings, until_s):
    return {repr(one) for one in findings if one.t_ns <= until_s * NS_PER_S}


async def assert_it_says_what_one_process_says(bus, length_s=LENGTH_S):
    """Compare all but the end, where time goes on for a worker and the scene does not.

    What came twice, after a death, is the same twice. An alarm that is due near the end may be
    known only when time has gone on.
    """
    expected = one_process()
    until_s = length_s - 2
    found = [one for r in await everything(bus, EVENTS) for one in decode_findings(r.value)]
    said, wanted = known(found, until_s), known(expected.findings, until_s)
    assert said == wanted, sorted(said ^ wanted)
    values = {}
    for record in await everything(bus, FEATURES):
        collect(values, Said(features=decode_series(record.value)))
    assert same_until(values, expected.values, until_s)
    news = [decode_alarms(record.value) for record in await everything(bus, ALARMS)]
    story, until_s = {}, length_s - 6
    for one in news:
        add_changes(story, [c for c in one.changes if c.t_ns <= until_s * NS_PER_S])
    wanted = story_until(expected, until_s)
    differing = [key for key in wanted.keys() | story.keys() if wanted.get(key) != story.get(key)]
    assert not differing, [(key, wanted.get(key), story.get(key)) for key in differing]
    if length_s == LENGTH_S:
        assert {repr(audit) for one in news for audit in one.audits} == set(expected.audits)
