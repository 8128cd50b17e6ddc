"""What sinks know of consents: all that was published when they asked, for as few questions."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from processors.records import NS_PER_S, Chunk, pack
from registry.participants import consent
from streams.bus import BusError, Place
from streams.bus.memory import MemoryBus
from streams.bus.topics import CONTROL
from streams.messages import encode_controls
from streams.sink.consents import ConsentLog
from tests.streams.stores.stories import T0_NS

AT_MS = T0_NS // 10**6


class SlowBus(MemoryBus):
    """Counts how often the ends are asked for; each answer waits until it is let go."""

    def __init__(self):
        super().__init__(1)
        self.questions = 0
        self.answers = asyncio.Semaphore(0)
        self.fails = False

    async def ends(self, places):
        self.questions += 1
        ends = await super().ends(places)
        await self.answers.acquire()
        if self.fails:
            raise BusError("memory", "away")
        return ends


async def turn():
    """Let everybody who can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


def a_block():
    rate = np.full((1, 1), 70.0, np.float32)
    return pack([Chunk("p1", "watch", "heart_rate", NS_PER_S, rate, 1.0)])


def is_kept(log):
    return log.sift(a_block(), AT_MS) is not None


async def withdraw(bus):
    value = encode_controls([consent("p1", T0_NS, given=False)])
    await bus.publish(Place(CONTROL, 0), value, AT_MS)


def test_lanes_that_ask_at_once_have_one_answer_and_it_is_of_after_their_question():
    async def run():
        bus = SlowBus()
        log = ConsentLog(bus, 1)
        first = asyncio.create_task(log.catch_up())
        await turn()
        await withdraw(bus)  # after the question of the first
        others = [asyncio.create_task(log.catch_up()) for _ in range(3)]
        await turn()
        bus.answers.release()
        await first
        assert is_kept(log)
        for _ in others:  # one is enough
            bus.answers.release()
        await asyncio.gather(*others)
        assert not is_kept(log)
        return bus.questions

    assert asyncio.run(run()) == 2


def test_who_withdrew_before_what_the_bus_still_has_is_known_from_elsewhere():
    async def run():
        bus = MemoryBus(1)
        log = ConsentLog(bus, 1, {"p1": T0_NS - NS_PER_S})
        await log.catch_up()
        before = [log.sift(a_block(), ms) is not None for ms in (AT_MS - 1001, AT_MS - 1000, AT_MS)]
        value = encode_controls([consent("p1", T0_NS, given=True)])
        await bus.publish(Place(CONTROL, 0), value, AT_MS)
        await log.catch_up()
        return before, [log.sift(a_block(), ms) is not None for ms in (AT_MS - 1, AT_MS)]

    assert asyncio.run(run()) == ([True, False, False], [False, True])


def test_a_question_that_fails_answers_nobody():
    async def run():
        bus = SlowBus()
        log = ConsentLog(bus, 1)
        bus.fails = True
        both = [asyncio.create_task(log.catch_up()) for _ in range(2)]
        await turn()
        bus.answers.release()
        with pytest.raises(BusError):
            await both[0]
        bus.fails = False
        await withdraw(bus)
        bus.answers.release()
        await both[1]
        return bus.questions

    assert asyncio.run(run()) == 2
