"""What is read again past Faust: records are gone only if Kafka is there and has none."""

from __future__ import annotations

import asyncio

import pytest

from alerts.policy import load_policy
from streams.bus import BusError, Place
from streams.bus.memory import MemoryBus
from streams.bus.topics import TURNS, raw
from streams.worker.journal import Turn, encode_turn
from streams.worker.partition import Partition
from streams.worker.rereading import Rereading

ECG, JOURNAL = Place(raw("ecg"), 0), Place(TURNS, 0)


class Gives:
    """A reader that gives nothing while its bus is away, or where it has lost all."""

    def __init__(self, bus, reader):
        self._bus, self._reader = bus, reader

    async def read(self, timeout_s):
        return () if self._bus.is_away or self._bus.has_lost_all else await self._reader.read(0.0)

    async def close(self):
        pass


class Leaving(MemoryBus):
    def __init__(self, *, is_away=False, has_lost_all=False):
        super().__init__(1)
        self.is_away, self.has_lost_all, self.questions = is_away, has_lost_all, 0

    async def reader(self, offsets):
        return Gives(self, await super().reader(offsets))

    async def ends(self, places):
        self.questions += 1
        if self.is_away and self.questions > 1:
            raise BusError("memory", "away")
        return await super().ends(places)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr("streams.worker.rereading.RETRY_S", 0.0)


async def filled(bus):
    """Give the records that were read again, and up to where the place is expected now."""
    partition, found = Partition(0, load_policy(), ()), []

    def put(_, record):
        found.append(record.value)
        partition.order.put(record)

    for k in range(3):
        await bus.publish(ECG, b"%d" % k, k)
    bus.questions = 1
    await Rereading(bus, put).fill(partition, ECG, 3)
    return found, partition.order.expected(ECG.topic)


def test_what_is_missing_is_read_again():
    assert asyncio.run(filled(Leaving())) == ([b"0", b"1", b"2"], 3)


def test_while_kafka_is_away_nothing_is_taken_for_gone():
    bus = Leaving(is_away=True)

    async def body():
        filling = asyncio.create_task(filled(bus))
        while bus.questions < 4:  # noqa: ASYNC110 - attempts have no event
            await asyncio.sleep(0)
        assert not filling.done()
        bus.is_away = False
        return await filling

    assert asyncio.run(body()) == ([b"0", b"1", b"2"], 3)


def test_what_kafka_does_not_have_any_more_is_given_up():
    assert asyncio.run(filled(Leaving(has_lost_all=True))) == ([], 3)


def test_a_journal_is_not_taken_for_short_while_kafka_is_away():
    bus = Leaving(is_away=True)

    async def body():
        partition = Partition(0, load_policy(), ())
        await bus.publish(JOURNAL, encode_turn(Turn(1, 0)), 0)
        with pytest.raises(BusError):
            await Rereading(bus, lambda *_: None).written([partition])
        bus.is_away = False
        return await Rereading(bus, lambda *_: None).written([partition])

    assert asyncio.run(body()) == {0: [Turn(1, 0)]}
