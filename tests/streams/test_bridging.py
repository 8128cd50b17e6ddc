"""A bridge on the bus, at the pace of a clock that the test turns."""

import asyncio

import numpy as np

from processors.records import NS_PER_MS, NS_PER_S, Chunk, pack
from streams.bridging import play
from streams.bus import Place
from streams.bus.memory import MemoryBus
from streams.bus.topics import raw
from streams.messages import Enrolment
from tests.clock import Clock

STEP_NS = 200 * NS_PER_MS
BEGAN_NS = 1_800_000_000 * NS_PER_S


class Noting(MemoryBus):
    """Notes how far the clock is past the time of each record of samples when it comes."""

    def __init__(self, clock):
        super().__init__(1)
        self.clock, self.behind_ms = clock, []

    async def publish(self, place, value, at_ms):
        if place == Place(raw("ecg"), 0):
            self.behind_ms.append(self.clock.now // NS_PER_MS - at_ms)
        await super().publish(place, value, at_ms)


class FiftySteps:
    base_ns = BEGAN_NS

    def steps(self, step_ns):
        for k in range(50):
            t0_ns, n = BEGAN_NS + k * step_ns, 50
            chunk = Chunk("p", "d", "ecg", t0_ns, np.zeros((n, 1), np.int16), 250.0, n * k)
            yield t0_ns + step_ns, [pack([chunk])]


def test_a_start_that_took_long_is_made_up_for():
    clock = Clock(BEGAN_NS + 5 * NS_PER_S)  # the kernels had to be compiled
    bus = Noting(clock)
    people = Enrolment((), BEGAN_NS, simulated=True)
    asyncio.run(
        play(FiftySteps(), people, lambda *_: (), bus, 1, clock, speed=1.0, step_ns=STEP_NS)
    )
    assert bus.behind_ms[0] == 4800
    assert bus.behind_ms[24:] == [0] * 26
