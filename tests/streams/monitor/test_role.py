"""Monitors and a worker's partitions on one bus in memory: what persons do comes back to all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from websockets.asyncio.client import connect

from alerts.policy import load_policy
from dashboards.monitor import wire as pages
from processors.detectors.oxygen_limits import OxygenLimits
from processors.features.oxygen import Oxygen
from processors.records import NS_PER_MS, NS_PER_S, Chunk, pack
from registry.participants import Participant
from streams.alarm_messages import AlarmNews, encode_alarms
from streams.bridging import announce, publish_step
from streams.bus import BusError, Place
from streams.bus.memory import MemoryBus
from streams.bus.topics import ALARMS, CONTROL, PROGRESS, inputs
from streams.commands.run import bind
from streams.live_state import Snapshot
from streams.live_state.memory import MemoryState
from streams.messages import Enrolment, encode_progress
from streams.monitor.role import Monitor, Role
from streams.worker.partition import Partition
from tests.streams.test_messages import AN_ALARM

N_PARTITIONS = 2
POLICY = load_policy()
AT_MOST_S = 120.0  # of a busy machine that compiles; else a test that hangs


class Bus(MemoryBus):
    """A bus that can be away, and whose old records can be gone."""

    fails = False
    gone = 0

    async def starts(self, places):
        return dict.fromkeys(places, self.gone)

    def since(self, offsets, most):
        return [one for one in super().since(offsets, most) if one.offset >= self.gone]

    async def ends(self, places):
        if self.fails:
            raise BusError("memory", "is away")
        return await super().ends(places)


class Worker:
    """All partitions, worked at whenever asked."""

    def __init__(self, bus):
        self._bus = bus
        self._partitions = [
            Partition(number, POLICY, [Oxygen(), OxygenLimits()]) for number in range(N_PARTITIONS)
        ]

    async def work(self):
        for partition in self._partitions:
            number = partition.number
            places = {Place(t, number): partition.order.expected(t) for t in inputs()}
            for record in self._bus.since(places, 1000):
                partition.order.put(record)
            while taken := partition.take({}):
                said = partition.process(taken)
                assert not said.dead
                news = AlarmNews(partition.now_ms * NS_PER_MS, said.alarms, said.held, said.audits)
                await self._bus.publish(
                    Place(ALARMS, number), encode_alarms(news), partition.now_ms
                )
                value = encode_progress("a", partition.now_ms)
                await self._bus.publish(Place(PROGRESS, number), value, partition.now_ms)


class Page:
    """What a page was told of alarms."""

    def __init__(self, socket):
        self._socket = socket
        self.alarms = {}
        self.asked = []
        self.phase = ""

    async def until(self, what):
        async with asyncio.timeout(AT_MOST_S):
            while not (found := what(self)):
                for frame in pages.decode(await self._socket.recv()):
                    if frame.kind == pages.JSON:
                        self._take(pages.decode_json(frame))
        return found

    async def send(self, **message):
        await self._socket.send(json.dumps(message))

    def _take(self, said):
        if said["type"] == "asked":
            self.asked.append(said["alarm"])
        if said["type"] == "status":
            self.phase = said["phase"]
        for alarm in said.get("alarms", ()):
            self.alarms[alarm["id"]] = alarm


def in_state(state):
    return lambda page: next((a for a in page.alarms.values() if a["state"] == state), None)


@pytest.fixture
def signals():
    """Put back the signal handlers that the program sets."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@contextlib.asynccontextmanager
async def monitor(name, bus, state):
    """Give the address of a monitor that serves."""
    with bind("127.0.0.1", 0) as address:
        said, ready = [], asyncio.Event()

        def say(line):
            said.append(line)
            ready.set()

        one = Monitor(Role(name, N_PARTITIONS), POLICY, bus, state, lambda: None, address, say)
        serving = asyncio.create_task(one.serve())
        async with asyncio.timeout(AT_MOST_S):
            await ready.wait()
        yield f"ws://127.0.0.1:{address.getsockname()[1]}/ws"
        one.stop()
        async with asyncio.timeout(AT_MOST_S):
            await serving
        assert said[-1] == "Stopped."


async def play(bus, worker, percent, first_s, until_s, base_ns):
    """Publish one value a second of somebody, and have it worked at."""
    for second in range(first_s, until_s):
        t_ns = np.array([base_ns + second * NS_PER_S])
        sample = np.array([[percent]], np.float32)
        chunk = Chunk("kim", "finger", "spo2", int(t_ns[0]), sample, seq=second, t_ns=t_ns)
        await publish_step(bus, N_PARTITIONS, int(t_ns[0]) + NS_PER_S, [pack([chunk])])
        await worker.work()


@pytest.mark.usefixtures("signals")
def test_what_is_acknowledged_on_one_monitor_is_shown_by_all_and_by_one_that_starts_later():
    async def body():
        bus, state = Bus(N_PARTITIONS), MemoryState()
        worker = Worker(bus)
        base_ns = time.time_ns() - 60 * NS_PER_S
        people = Enrolment([Participant("kim", "Kim")], base_ns)
        await announce(bus, N_PARTITIONS, people, base_ns // NS_PER_MS)
        async with contextlib.AsyncExitStack() as stack:
            addresses = [
                await stack.enter_async_context(monitor(name, bus, state))
                for name in ("east", "west")
            ]
            east, west = [
                Page(await stack.enter_async_context(connect(address))) for address in addresses
            ]
            await play(bus, worker, 80.0, 0, 20, base_ns)
            raised = await west.until(in_state("active"))
            await east.until(in_state("active"))
            await east.send(type="acknowledge", alarm=raised["id"], useful=True)
            await west.until(lambda page: page.asked)  # it says so before it is done
            assert west.asked == [raised["id"]]
            await worker.work()
            seen = await west.until(in_state("acknowledged"))
            assert (seen["id"], seen["acknowledged_by"]) == (raised["id"], "local operator")
            await east.until(in_state("acknowledged"))
            bus.fails = True  # and a monitor that starts while the bus is away, goes on later
            late = await stack.enter_async_context(monitor("north", bus, state))
            north = Page(await stack.enter_async_context(connect(late)))
            bus.fails = False
            await north.until(in_state("acknowledged"))
            async with asyncio.timeout(AT_MOST_S):
                while set(await state.present()) != {"east", "west", "north"}:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        assert await state.present() == {}

    asyncio.run(body())


@pytest.mark.usefixtures("signals")
def test_a_log_whose_records_are_all_gone_is_read_to_its_end():
    """Seven days after the last alarm."""

    async def body():
        bus, state = Bus(N_PARTITIONS), MemoryState()
        for number in range(N_PARTITIONS):
            for topic in (ALARMS, CONTROL):
                await bus.publish(Place(topic, number), b"of long ago", 1)
        bus.gone = 1
        await state.replace(0, Snapshot(0, [AN_ALARM]))  # as old
        async with monitor("east", bus, state) as address, connect(address) as socket:
            page = Page(socket)
            await page.until(lambda page: page.phase == "live")
            assert page.alarms == {}
            url = address.replace("ws://", "http://").replace("/ws", "/api/burden?days=7")
            with pytest.raises(HTTPError, match="503"):  # there is no store
                await asyncio.to_thread(urlopen, url)
            assert 0 not in await state.snapshots() or not (await state.snapshots())[0].alarms

    asyncio.run(body())
