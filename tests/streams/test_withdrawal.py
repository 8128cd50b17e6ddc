"""Consent that is withdrawn on the bus: it takes its place at the newest samples there."""

from __future__ import annotations

import asyncio

import pytest

from processors.records import NS_PER_S
from registry.participants import Participant
from streams.bridging import announce, publish_step
from streams.bus import BusError, Place
from streams.bus.memory import MemoryBus
from streams.bus.partitions import partition_of
from streams.bus.topics import CONTROL
from streams.messages import Enrolment, decode_controls
from streams.sink.consents import ConsentLog
from streams.withdrawal import announced, tell_consent
from tests.streams.test_consents import step

N = 2
WHO = "ann"
PLACE = Place(CONTROL, partition_of(WHO, N))
OTHER = next(who for who in "abcdefgh" if partition_of(who, N) != PLACE.partition)


def on_bus(body):
    async def run():
        bus = MemoryBus(N)
        people = [Participant(WHO), Participant(OTHER)]
        await announce(bus, N, Enrolment(people, 0), 1)
        return await body(bus)

    return asyncio.run(run())


def test_who_was_announced_is_known():
    async def body(bus):
        await bus.publish(Place(CONTROL, 0), b"not a message", 1)
        return await announced(bus, N)

    assert on_bus(body) == {WHO, OTHER}


def test_it_holds_from_the_newest_samples_of_the_partition_on_whatever_our_clock_says():
    async def body(bus):
        for second in range(3):
            until_ns, blocks = step(second, WHO)
            await publish_step(bus, N, until_ns, blocks)
        later_ns, blocks = step(60, OTHER)  # of another partition: it does not count
        await publish_step(bus, N, later_ns, blocks)
        at_ms = await tell_consent(bus, N, WHO, given=False, now_ms=10**12)
        reader = await bus.reader({PLACE: 0})
        told = (await reader.read(0.0))[-1]
        consents = ConsentLog(bus, N)
        await consents.catch_up()
        (block,) = step(2, WHO)[1]
        kept = [consents.sift(block, ms) is not None for ms in (at_ms - 1, at_ms, at_ms + 1)]
        return at_ms, told, kept

    at_ms, told, kept = on_bus(body)
    assert at_ms == told.at_ms == 3_000
    (control,) = decode_controls(told.value)
    assert (control.participant, control.t_ns) == (WHO, 3 * NS_PER_S)
    assert (control.kind, dict(control.values)) == ("consent", {"given": 0.0})
    assert kept == [True, False, False]


def test_without_samples_it_holds_from_now_on():
    async def body(bus):
        return await tell_consent(bus, N, WHO, given=True, now_ms=77), await bus.ends([PLACE])

    at_ms, ends = on_bus(body)
    assert at_ms == 77
    assert ends == {PLACE: 2}


def test_a_bus_that_does_not_keep_it_is_an_error(monkeypatch):
    monkeypatch.setattr("streams.withdrawal.KEPT_S", 0.0)

    class Away(MemoryBus):
        async def keep(self, place, value, at_ms):
            await asyncio.Event().wait()

    with pytest.raises(BusError, match="it was not kept"):
        asyncio.run(tell_consent(Away(N), N, WHO, given=False, now_ms=77))


def test_a_bus_that_does_not_give_what_it_has_is_an_error():
    class Silent:
        async def read(self, timeout_s):
            return ()

        async def close(self):
            pass

    class Stuck(MemoryBus):
        async def reader(self, offsets):
            return Silent()

    async def run():
        bus = Stuck(N)
        await announce(bus, N, Enrolment([Participant(WHO)], 0), 1)
        await announced(bus, N)

    with pytest.raises(BusError, match="gives nothing of"):
        asyncio.run(run())
