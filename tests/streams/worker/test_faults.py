"""Faults on real servers: nothing is lost, and no effect is doubled.

A fault is a row of `FAULTS`: what it does and when, and how records are published. Whatever
happens, what is found, reckoned and alarmed equals what one process says undisturbed.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGCONT, SIGSTOP

import numpy as np
import pytest

from streams.bus import Bus, Place
from streams.bus.kafka import KafkaBus
from streams.bus.topics import CONTROL, DEAD_LETTER, raw
from streams.frame import Form
from streams.messages import CONTROLS, decode_dead_letter
from streams.worker.faust_app import SESSION_S
from tests.servers.kafka import Broker
from tests.streams.worker.on_kafka import (
    N_PARTITIONS,
    Workers,
    all_done,
    assert_it_says_what_one_process_says,
    everything,
    publish,
    workers_on_kafka,
)

pytestmark = pytest.mark.bench  # Java, and workers that wait for a dead one

LENGTH_S = 60
POISON = {
    raw("ecg"): b"poison",
    raw("rr"): b"VTLB" + bytes(40),  # a frame, damaged
    CONTROL: Form("controls", CONTROLS.magic, 0).seal({}, b""),  # of a version nobody reads
}


@dataclass
class Rig:
    """What a fault can do something to."""

    broker: Broker
    workers: Workers
    random: np.random.Generator

    def in_background(self, act: Callable[[], None]) -> None:
        """Do what takes long while the bridge goes on."""
        threading.Thread(target=act).start()


Acts = dict[float, Callable[[], None]]  # by the second of the scene


@dataclass(frozen=True)
class Fault:
    name: str
    acts: Callable[[Rig], Acts]
    twice: bool = False  # every record is published twice
    poison: bool = False


def five_kills(rig: Rig) -> Acts:
    """``kill -9`` at five random moments; whoever was killed is started again at once."""

    def kill(name: str) -> None:
        rig.workers.kill(name)
        rig.workers.start(name)

    moments = np.sort(rig.random.uniform(3, LENGTH_S - 3, 5)).tolist()
    return {at_s: lambda name="ab"[k % 2]: kill(name) for k, at_s in enumerate(moments)}


def broker_restart(rig: Rig) -> Acts:
    """``kill -9`` of the broker, which comes back with its folder as it was.

    No person asks for anything meanwhile: what is asked late has another effect.
    """

    def restart() -> None:
        rig.broker.kill()
        time.sleep(1.0)
        rig.broker.start()

    return {28.0: lambda: rig.in_background(restart)}


def worker_stops(rig: Rig) -> Acts:
    """A worker does nothing for longer than its session, as when its machine is suspended.

    Its partitions go to the other; when it comes to itself it must not go on with them.
    """

    def stop() -> None:
        rig.workers.send("a", SIGSTOP)
        time.sleep(SESSION_S + 4)
        rig.workers.send("a", SIGCONT)

    return {15.0: lambda: rig.in_background(stop)}


FAULTS = (
    Fault("workers are killed, records come twice and some are poison", five_kills, True, True),
    Fault("the broker is killed and comes back", broker_restart),
    Fault("a worker stops and comes to itself when another has its partitions", worker_stops),
)


class Twice:
    """A bus to which a publisher gives everything twice, as one whose answers were lost."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def publish(self, place: Place, value: bytes, at_ms: int) -> None:
        for _ in range(2):
            await self._bus.publish(place, value, at_ms)

    async def keep(self, place: Place, value: bytes, at_ms: int) -> int:
        for _ in range(2):
            offset = await self._bus.keep(place, value, at_ms)
        return offset

    async def flush(self) -> None:
        await self._bus.flush()


async def poison(bus: Bus) -> list[tuple[str, int, int]]:
    """Publish what nobody can read and give where it lies."""
    found = []
    for topic, value in POISON.items():
        for partition in range(N_PARTITIONS):
            place = Place(topic, partition)
            await bus.flush()
            offset = (await bus.ends([place]))[place]
            await bus.keep(place, value, time.time_ns() // 1_000_000)
            found.append((topic, partition, offset))
    return found


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_is_lost_and_nothing_doubled_when(fault, tmp_path):
    with workers_on_kafka(tmp_path) as (one, workers):
        rig = Rig(one, workers, np.random.default_rng(5))

        async def body() -> None:
            bus = KafkaBus(one.address)
            placed = await poison(bus) if fault.poison else []
            for name in "ab":
                workers.start(name)
                await workers.started(name)
            to = Twice(bus) if fault.twice else bus
            await publish(to, LENGTH_S, rig.random, fault.acts(rig))
            await all_done(bus)
            for name in "ab":
                assert workers.end(name) == 0, workers.log(name)
            await assert_it_says_what_one_process_says(bus, LENGTH_S)
            letters = [decode_dead_letter(r.value) for r in await everything(bus, DEAD_LETTER)]
            assert {(one.topic, one.partition, one.offset) for one in letters} == set(placed)
            assert all(one.value == POISON[one.topic] for one in letters)
            await bus.close()

        asyncio.run(body())
